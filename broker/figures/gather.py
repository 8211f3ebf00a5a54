"""The figures of a dataset from Kafka alone: its source topic, the audit's segments, and what was quarantined.

Everything is read once, from the oldest record kept (or the first of a time) to the end that is stable when the reading begins,
with an auditor's rights; nothing is stored, so the same topics give the same figures again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from agreements.snapshot import ContractEntry, Snapshot
from broker.audit.canonical import NotCanonical
from broker.audit.header import read_header
from broker.cluster.client import Connection
from broker.cluster.reader import Reader as TopicReader
from broker.delivery.identity import spread
from broker.delivery.quarantine import Quarantined, quarantined
from broker.figures.tally import Counted, ReasonCount, Tally, reasons_of
from broker.intake.encoding import MODE as INTAKE
from broker.policy.decision import Mode, Reason, SourceRecord
from broker.policy.read import Reader
from contracts import topics
from contracts.lineage import Lineage, lineage

Progress = Callable[[int, int], None]
"""Told now and then how many offsets of how many are read."""
_TELL_RECORDS = 1_000


class QuarantineFigures(msgspec.Struct, frozen=True):
    """What was quarantined: by the worker, and by the connector, whose rows never came to stand on the source topic.

    A change that its connector quarantined stands on the source topic as a placeholder, which the worker quarantines too: it is
    in both.  `discarded` were given up by their owner; `failed_again` is how often one was decided again in vain.
    """

    by_worker: int
    by_connector: int
    discarded: int
    failed_again: int
    reasons: tuple[ReasonCount, ...]


class Figures(msgspec.Struct, frozen=True):
    """What an owner sees of a dataset; `since_ms` is None for everything that is kept.  Times are Unix milliseconds."""

    dataset: str
    version: str
    kind: str
    since_ms: int | None
    counted: Counted
    quarantine: QuarantineFigures
    lineage: Lineage


def gather(
    connection: Connection,
    snapshot: Snapshot,
    entry: ContractEntry,
    since_ms: int | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Figures:
    """The figures of the dataset of `entry`, of records that came to Kafka at `since_ms` or later.

    Raises `Unavailable` when Kafka cannot be reached or refuses.
    """
    contract = entry.contract
    tally = Tally(contract)
    reads = Reader(entry, snapshot.schemas)
    topic = topics.source(contract.dataset)
    with TopicReader(connection) as source, TopicReader(connection) as segments:
        places = [
            (partition, *_bounds(source, topic, partition, since_ms)) for partition in range(source.partitions(topic))
        ]
        total, before = sum(end - start for _, start, end in places), 0
        for partition, start, end in places:
            decisions = _Decisions(_live_segments(segments, topic, partition))
            for count, message in enumerate(source.read(topic, partition, start, end)):
                if count % _TELL_RECORDS == 0:
                    progress(before + message.offset - start, total)
                if since_ms is not None and message.timestamp_ms < since_ms:
                    continue
                record = SourceRecord(message.offset, message.timestamp_ms, message.key, message.value)
                tally.add(reads.read(record), message.timestamp_ms, decisions.decided_ms(message.offset))
            before += end - start
        progress(total, total)
    return Figures(
        dataset=contract.dataset,
        version=".".join(map(str, contract.version)),
        kind=contract.kind,
        since_ms=since_ms,
        counted=tally.counted(),
        quarantine=_quarantine(quarantined(connection), contract.dataset, snapshot, since_ms),
        lineage=lineage(contract),
    )


class Decided(NamedTuple):
    """A live segment: the offsets that it covers (`end` exclusive), and when they were decided."""

    start: int
    end: int
    decided_ms: int


class _Decisions:
    """When each record of one partition was decided; asked in the order of its offsets, so one segment is held at a time."""

    def __init__(self, segments: Iterator[Decided]) -> None:
        self._segments = segments
        self._now: Decided | None = next(segments, None)

    def decided_ms(self, offset: int) -> int | None:
        while self._now is not None and self._now.end <= offset:
            self._now = next(self._segments, None)
        return self._now.decided_ms if self._now is not None and self._now.start <= offset else None


def _bounds(reader: TopicReader, topic: str, partition: int, since_ms: int | None) -> tuple[int, int]:
    start, end = reader.bounds(topic, partition)
    if since_ms is not None:
        start = max(start, reader.first_since(topic, partition, since_ms))
    return start, max(start, end)


def _live_segments(reader: TopicReader, topic: str, partition: int) -> Iterator[Decided]:
    """The headers of one source partition's live segments, in their order; one that cannot be read is `audit verify`'s to name."""
    count = reader.partitions(topics.AUDIT_SEGMENTS)
    if count == 0:
        return
    prefix = f"{topic}/{partition}/".encode()
    for message in reader.read(topics.AUDIT_SEGMENTS, spread(topic, partition, count)):
        key = message.key or b""
        if message.value is None or not key.startswith(prefix) or not key[len(prefix) :].isdigit():
            continue
        try:
            header = read_header(message.value).header
        except NotCanonical:
            continue
        if header.mode == "live":
            yield Decided(header.start, header.end, header.decided_ms)


def _quarantine(
    entries: Iterator[Quarantined], dataset: str, snapshot: Snapshot, since_ms: int | None
) -> QuarantineFigures:
    modes: Counter[str] = Counter()
    reasons: Counter[Reason] = Counter()
    discarded = 0
    for entry in entries:
        if entry.dataset != dataset or (since_ms is not None and entry.decided_ms < since_ms):
            continue
        modes[entry.mode] += 1
        if entry.mode == Mode.REPLAY:
            continue
        discarded += (entry.topic, entry.partition, entry.offset) in snapshot.discarded
        # What a connector says beside its code is its own words; a worker names the field.
        reasons.update(
            {Reason(one.code, "" if entry.mode == INTAKE else one.clause) for one in entry.reasons},
        )
    return QuarantineFigures(
        by_worker=sum(modes.values()) - modes[INTAKE] - modes[Mode.REPLAY],
        by_connector=modes[INTAKE],
        discarded=discarded,
        failed_again=modes[Mode.REPLAY],
        reasons=reasons_of(reasons),
    )
