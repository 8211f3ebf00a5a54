"""Evidence from Kafka, read with nothing but the auditor's rights.

Workers may be deciding meanwhile, so one view of many topics has to be taken in an order that cannot contradict itself:

    1. note the workers' marks and the stable ends of the departments' topics ("settled");
    2. wait until every transaction that had then written to the segments topic has ended, and note its stable end:
       all that belongs to (1) is below it;
    3. wait likewise for the departments' topics: all that those segments delivered is below their new ends.

So below `settled` every record must have its leaf, and every leaf read must have its record.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from agreements.append_time import Logged
from agreements.fold import fold_batch
from agreements.snapshot import Snapshot
from broker import clock
from broker.audit.codes import EVIDENCE_UNSETTLED
from broker.audit.evidence import Exposed, Mark, SegmentRecord, ShareRecord, SourcePartition, SourceRecord
from broker.audit.leaf import delivered_digest, key_digest
from broker.cluster.admin import Admin
from broker.cluster.client import Connection, Message
from broker.cluster.reader import Reader
from broker.delivery.identity import GROUP
from broker.delivery.mark import read_mark
from broker.register.follow import logged
from contracts import topics
from contracts.faults import Unavailable
from contracts.wire import AvroSchema, WireError, unframe

_SETTLE_SECONDS = 30.0
_ASK_AGAIN_SECONDS = 0.02

Place = tuple[str, int]


class KafkaEvidence:
    """One consistent view of the topics, taken when it is made; see `broker.audit.evidence.Evidence`.

    `principal`'s rights needed: read the register, the segments, source and share topics; describe the workers' group.
    Raises `Unavailable` when Kafka cannot be reached, refuses, or an open transaction does not end.
    """

    def __init__(self, connection: Connection) -> None:
        self._committed = Reader(connection)
        self._everything = Reader(connection, committed=False)
        self._partitions: dict[str, int] = {}
        self._seen: dict[Place, list[tuple[int, int]]] = {}
        self._schemas: dict[int, AvroSchema] = {}
        before = self._fold()
        self._marks = _marks(connection)
        shares = [place for topic in share_topics(before) for place in self._places(topic)]
        self._settled = self._ends(shares)
        self._segment_ends = self._settle(self._places(topics.AUDIT_SEGMENTS))
        self._snapshot = self._fold()
        self._share_ends = self._settle(
            [place for topic in share_topics(self._snapshot) for place in self._places(topic)],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Release the connections."""
        self._committed.close()
        self._everything.close()

    # ---- the view

    def _fold(self) -> Snapshot:
        self._register = tuple(map(logged, self._committed.read(topics.REGISTER, 0)))
        return fold_batch(Snapshot(), self._register).snapshot

    def _places(self, topic: str) -> list[Place]:
        return [(topic, partition) for partition in range(self.partitions(topic))]

    def _ends(self, places: Iterable[Place]) -> dict[Place, int]:
        return {place: self._committed.stable_end(*place) for place in places}

    def _settle(self, places: list[Place]) -> dict[Place, int]:
        """Stable ends, once every transaction that has now written to these partitions is over."""
        wanted = {place: self._everything.bounds(*place)[1] for place in places}
        limit = clock.monotonic_seconds() + _SETTLE_SECONDS
        while True:
            found = self._ends(places)
            open_places = [place for place in places if found[place] < wanted[place]]
            if not open_places:
                return found
            if clock.monotonic_seconds() > limit:
                topic, partition = open_places[0]
                raise Unavailable(EVIDENCE_UNSETTLED.fault(f"{topic}/{partition} at {found[topic, partition]}"))
            time.sleep(_ASK_AGAIN_SECONDS)

    # ---- Evidence

    def register(self) -> Iterable[Logged]:
        """See `Evidence`."""
        return self._register

    def segments(self) -> Iterator[SegmentRecord]:
        """See `Evidence`."""
        for (topic, partition), end in self._segment_ends.items():
            for message in self._committed.read(topic, partition, 0, end):
                yield SegmentRecord(f"{topic}/{partition}/{message.offset}", message.key, message.value)

    def marks(self) -> Mapping[SourcePartition, Mark]:
        """See `Evidence`."""
        return self._marks

    def partitions(self, topic: str) -> int:
        """See `Evidence`."""
        if topic not in self._partitions:
            self._partitions[topic] = self._committed.partitions(topic)
        return self._partitions[topic]

    def low(self, topic: str, partition: int) -> int:
        """See `Evidence`."""
        return self._committed.bounds(topic, partition)[0]

    def settled(self, topic: str, partition: int) -> int:
        """See `Evidence`."""
        return self._settled.get((topic, partition), 0)

    def source(self, topic: str, partition: int) -> Iterator[SourceRecord]:
        """See `Evidence`."""
        for message in self._committed.read(topic, partition):
            yield SourceRecord(message.offset, self._sequence(topic, message))

    def share(self, topic: str, partition: int) -> Iterator[ShareRecord]:
        """See `Evidence`."""
        seen: list[tuple[int, int]] = []
        self._seen[topic, partition] = seen
        for message in self._committed.read(topic, partition, 0, self._share_end(topic, partition)):
            _extend(seen, message.offset)
            digest = bytes.fromhex(delivered_digest(message.key, message.value))
            key = bytes.fromhex(key_digest(message.key))
            yield ShareRecord(message.offset, digest, key, message.value is None)

    def exposed(self, topic: str, partition: int) -> Iterator[Exposed]:
        """See `Evidence`; ranges are told apart by the committed records between them."""
        if (topic, partition) not in self._seen:
            for _ in self.share(topic, partition):
                pass
        committed = iter(self._seen[topic, partition])
        run, found = next(committed, None), None
        for message in self._everything.read(topic, partition, 0, self._share_end(topic, partition)):
            while run is not None and run[1] < message.offset:
                run = next(committed, None)
            if run is None or message.offset < run[0]:
                first, count = (message.offset, 0) if found is None else (found.first_offset, found.records)
                found = Exposed(first, message.offset, count + 1)
            elif found is not None:
                yield found
                found = None
        if found is not None:
            yield found

    def _share_end(self, topic: str, partition: int) -> int:
        end = self._share_ends.get((topic, partition))
        return self._committed.stable_end(topic, partition) if end is None else end

    def _sequence(self, topic: str, message: Message) -> int | None:
        """The sequence in a source record's envelope; None for a record that cannot be read."""
        try:
            identifier, body = unframe(message.value or b"")
            if identifier not in self._schemas:
                entry = self._snapshot.schemas.get(identifier)
                if entry is None or entry.subject != f"{topic}-value":
                    return None
                self._schemas[identifier] = AvroSchema(entry.text)
            value: Any = self._schemas[identifier].decode(body)
            sequence = value["source"]["sequence"]
        except (WireError, KeyError, TypeError):
            return None
        return sequence if isinstance(sequence, int) else None


def share_topics(snapshot: Snapshot) -> list[str]:
    """Every topic that an agreement has ever named, sorted."""
    return sorted(
        {
            topics.share(entry.agreement.reference, share.id)
            for versions in snapshot.agreements.values()
            for entry in versions
            for share in entry.shares
        },
    )


def _marks(connection: Connection) -> dict[SourcePartition, Mark]:
    """The marks in the workers' committed offsets; the question waits for open transactions to end."""
    found = {}
    for place in Admin(connection).group_offsets(GROUP):
        mark = read_mark(place.metadata)
        found[place.topic, place.partition] = Mark(place.offset, mark.header, mark.segments)
    return found


def _extend(runs: list[tuple[int, int]], offset: int) -> None:
    """Note an offset in runs of consecutive ones."""
    if runs and runs[-1][1] == offset - 1:
        runs[-1] = (runs[-1][0], offset)
    else:
        runs.append((offset, offset))
