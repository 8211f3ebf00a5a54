"""Quarantined records: how they are written on `concordat.quarantine`, found again and listed.

A record's identifier is `<source topic>/<partition>/<offset>` and is its Kafka key.  Its value is a JSON object whose
metadata hold no personal data; what the source record held is in `content`, sealed for the dataset when its
contract says so.  The record is part of the transaction that carries its quarantine leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

from agreements.snapshot import JobKind, Snapshot
from broker import observe
from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.delivery.codes import NO_SUCH_QUARANTINE, QUARANTINE_SEALED, QUARANTINED_AT_INTAKE
from broker.keys import QUARANTINE, KeyProvider, decrypt_at_rest, encrypt_at_rest
from broker.policy.decision import Decision
from contracts import topics
from contracts.faults import Refused, Unusable

CONTENT_BYTES_MAX = 600_000
"""Encoded content that still fits a Kafka record of the usual limit once it is sealed and written in base64."""

_DIGITS_MAX = 19
"""Of an offset of Kafka's; a longer number cannot be one, and would take long to read."""


class Sealer(Protocol):
    """Encrypts quarantined content at rest, by dataset."""

    def seal(self, dataset: str, content: bytes) -> bytes:
        """`content` so that only who holds the dataset's quarantine key can read it."""
        ...

    def open(self, dataset: str, sealed: bytes) -> bytes:
        """What `seal` was given; raises a `Failure` when the key is not here."""
        ...


class KeySealer:
    """Seals with the key provider's quarantine key, bound to the dataset."""

    def __init__(self, keys: KeyProvider) -> None:
        self._keys = keys

    def seal(self, dataset: str, content: bytes) -> bytes:
        """See `Sealer`; raises `Unavailable` when the key cannot be read."""
        return encrypt_at_rest(self._keys, QUARANTINE, content, dataset.encode())

    def open(self, dataset: str, sealed: bytes) -> bytes:
        """See `Sealer`; raises `Refused` when the key was destroyed or is another installation's."""
        content = decrypt_at_rest(self._keys, QUARANTINE, sealed, dataset.encode())
        if content is None:
            raise Refused(QUARANTINE_SEALED.fault(f"a record of {dataset}"))
        return content


class Content(msgspec.Struct, frozen=True):
    """The source record itself."""

    key: bytes | None
    value: bytes | None


class Reasoned(msgspec.Struct, frozen=True):
    """Why: a stable code, and the clause or field path it concerns."""

    code: str
    clause: str


class Quarantined(msgspec.Struct, frozen=True):
    """One quarantined record as it stands on the topic.  Times are Unix milliseconds."""

    dataset: str
    topic: str
    partition: int
    offset: int
    sequence: int | None
    reasons: tuple[Reasoned, ...]
    mode: str
    decided_ms: int
    register_position: int
    worker: str
    sealed: bool
    content: bytes
    omitted: bool = False
    """The source record is too large to be kept here as well; it stands on its source as long as that keeps it."""

    @property
    def identifier(self) -> str:
        """`<source topic>/<partition>/<offset>`; `…/sequence/<n>` for a change that never came to stand on its source."""
        place = str(self.offset) if self.offset >= 0 else f"sequence/{self.sequence}"
        return f"{self.topic}/{self.partition}/{place}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch of decisions was made: what every quarantined record of it says."""

    dataset: str
    topic: str
    partition: int
    decided_ms: int
    register_position: int
    worker: str


def quarantine_key(topic: str, partition: int, offset: int) -> bytes:
    """The Kafka key of a quarantined record."""
    return f"{topic}/{partition}/{offset}".encode()


def read_identifier(text: str) -> tuple[str, int, int]:
    """Topic, partition and offset of an identifier; raises `Unusable` for any other text."""
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    numbers = (partition, offset)
    if topics.dataset_of(topic) is None or not all(n.isdecimal() and len(n) <= _DIGITS_MAX for n in numbers):
        raise Unusable(NO_SUCH_QUARANTINE.fault(f"{text!r} is not <source topic>/<partition>/<offset>"))
    return topic, int(partition), int(offset)


def to_decide(connection: Connection, identifier: str) -> tuple[str, int, int]:
    """Topic, partition and offset of a quarantined record that can be decided again or given up.

    Raises `Unusable` for a text that is no identifier, `Refused` when there is no such record or when its row never came
    to stand on its source: what stands there in its place is quarantined too, under its own identifier.
    """
    if "/sequence/" not in identifier:
        read_identifier(identifier)
    entry = find_quarantined(connection, identifier)
    if entry.offset < 0:
        raise Refused(QUARANTINED_AT_INTAKE.fault(identifier))
    return entry.topic, entry.partition, entry.offset


def stands(snapshot: Snapshot, place: tuple[str, int, int], quarantined_at: int, before: int | None = None) -> bool:
    """Whether a record, quarantined last under register position `quarantined_at`, may be decided again (ONE-DECISION).

    It was not discarded, and no replay was asked for since, before register position `before`: the second replay of an event
    that the first one delivered would deliver it again.
    """
    asked = (
        job.position
        for job in snapshot.jobs
        if job.kind is JobKind.REPLAY
        and (before is None or job.position < before)
        and (topics.source(job.dataset), job.partition, job.offset) == place
    )
    return place not in snapshot.discarded and max(asked, default=-1) <= quarantined_at


def quarantine_value(decision: Decision, origin: Origin, sealer: Sealer | None) -> bytes:
    """The value of a quarantined record; `sealer` None leaves the content as it came."""
    content = msgspec.json.encode(Content(decision.record.key, decision.record.value))
    omitted = len(content) > CONTENT_BYTES_MAX
    if omitted:
        content = msgspec.json.encode(Content(None, None))
    return msgspec.json.encode(
        Quarantined(
            dataset=origin.dataset,
            topic=origin.topic,
            partition=origin.partition,
            offset=decision.record.offset,
            sequence=decision.sequence,
            reasons=tuple(Reasoned(reason.code, reason.clause) for reason in decision.reasons),
            mode=decision.mode.value,
            decided_ms=origin.decided_ms,
            register_position=origin.register_position,
            worker=origin.worker,
            sealed=sealer is not None,
            content=content if sealer is None else sealer.seal(origin.dataset, content),
            omitted=omitted,
        ),
    )


def read_entry(value: bytes) -> Quarantined | None:
    """What a record's value says; None for one that is no entry: whoever may write to the topic may write anything."""
    try:
        return msgspec.json.decode(value, type=Quarantined)
    except (ValueError, RecursionError):  # whatever the bytes are
        return None


def quarantined(connection: Connection) -> Iterator[Quarantined]:
    """Every entry on the quarantine topic, partition by partition, oldest first; a replay that failed comes again.

    Records that are no entries are left out, and counted in one line of the log.
    """
    unreadable = 0
    with Reader(connection) as reader:
        for partition in range(reader.partitions(topics.QUARANTINE)):
            for message in reader.read(topics.QUARANTINE, partition):
                if message.value is not None:
                    entry = read_entry(message.value)
                    if entry is None:
                        unreadable += 1
                    else:
                        yield entry
    if unreadable:
        observe.logger("concordat.quarantine").warning(
            "quarantine_unreadable", topic=topics.QUARANTINE, count=unreadable
        )


def find_quarantined(connection: Connection, identifier: str) -> Quarantined:
    """The newest entry of one record; raises `Refused` when there is none."""
    found = [entry for entry in quarantined(connection) if entry.identifier == identifier]
    if not found:
        raise Refused(NO_SUCH_QUARANTINE.fault(identifier))
    return found[-1]


def reveal(entry: Quarantined, sealer: Sealer) -> Content:
    """The source record, opened with the dataset's key where it is sealed."""
    content = sealer.open(entry.dataset, entry.content) if entry.sealed else entry.content
    return msgspec.json.decode(content, type=Content)
