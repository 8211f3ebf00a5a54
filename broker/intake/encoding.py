"""From a connector's changes to the records of one transaction: keys, envelopes, partitions and sequence numbers.

DENSE-SEQUENCE: every change takes the next number of its source partition and is on the source topic under it.  One that
cannot be encoded, is too large or has no key stands there as a placeholder, an envelope without row, which the worker
quarantines like any record that breaks its contract; the row itself goes to `concordat.quarantine` in the same transaction.
Pure: everything is decided before the transaction begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter

import msgspec

from agreements.snapshot import ContractEntry
from broker.delivery.quarantine import Content, Quarantined, Reasoned, Sealer
from broker.intake.codes import NO_KEY, NOT_ENCODABLE, TOO_LARGE
from broker.intake.partitioner import KeyPartitions, partition_of
from broker.intake.positions import Sequences
from connectors.protocol import Change, Written
from connectors.written import read_back
from contracts import topics
from contracts.change import Envelope, Op, Origin
from contracts.faults import Code
from contracts.halves import milliseconds
from contracts.longs import long_bytes
from contracts.wire import EnvelopeCodec, WireError, frame

NO_KEY_BYTES = b""
"""The Kafka key of a placeholder whose row has no key (a compacted topic takes no null key); no Avro key is empty."""
TRUNCATE_BYTES = b"truncate"
"""The Kafka key of a truncate, which concerns every key and so stands in every partition; no Avro key begins like it."""
MODE = "intake"
RECORD_BYTES_MAX = 900_000
"""Below Kafka's usual limit of 1 MiB a record, framing included."""


_DATASET = attrgetter("dataset")


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record to produce."""

    topic: str
    partition: int
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Encoded:
    """The records of one transaction in order, the sequence numbers after it, and how many were quarantined, by reason."""

    records: tuple[Record, ...]
    sequences: Sequences
    quarantined: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a dataset's changes go."""

    entry: ContractEntry
    partitions: int
    codec: EnvelopeCodec
    topic: str = field(init=False)
    """`source.<dataset>`."""
    bytes_max: int = field(init=False)
    """How large a record may be."""
    _partition_of: Callable[[bytes], int] = field(init=False)

    def __post_init__(self) -> None:
        contract = self.entry.contract
        object.__setattr__(self, "topic", topics.source(contract.dataset))
        object.__setattr__(self, "bytes_max", min(contract.row_bytes_max, RECORD_BYTES_MAX))
        keys = KeyPartitions(frame(self.entry.key_schema, b""), self.partitions)
        object.__setattr__(self, "_partition_of", keys.of)

    def records(
        self, changes: Iterable[Change | Written], numbers: dict[int, int], records: list[Record]
    ) -> Iterator[Change]:
        """Add the records of changes that came as bytes; gives, each in its place, the changes that have to be encoded first.

        `numbers` are the topic's next sequence numbers by partition.  One that came as bytes and is too large takes no
        number and is given as the change that it stands for.
        """
        topic, bytes_max, partition_of_key = self.topic, self.bytes_max, self._partition_of
        for change in changes:
            if not isinstance(change, Written):
                yield change
                continue
            key = change.key
            partition = partition_of_key(key)
            sequence = numbers.get(partition, 0)
            value = change.head + long_bytes(sequence) + change.tail
            if len(value) > bytes_max:
                yield read_back(change, self.codec)
                continue
            numbers[partition] = sequence + 1
            records.append(Record(topic, partition, key, value))


class Encoder:
    """Encodes the changes of one connector.  `sealers` seals what is quarantined where the contract says so."""

    def __init__(
        self,
        name: str,
        targets: Mapping[str, Target],
        sealer: Sealer,
        quarantine_partitions: int,
        register_position: int,
    ) -> None:
        self._name = name
        self._targets = targets
        self._sealer = sealer
        self._quarantine_partitions = quarantine_partitions
        self._register_position = register_position

    def encode(self, changes: Sequence[Change | Written], sequences: Sequences, now_ms: int) -> Encoded:
        """The records of `changes`; `sequences` is left as it is."""
        numbers = {topic: dict(next_numbers) for topic, next_numbers in sequences.items()}
        records: list[Record] = []
        reasons: dict[str, int] = {}
        for dataset, run in groupby(changes, _DATASET):
            target = self._targets[dataset]
            for change in target.records(run, numbers.setdefault(target.topic, {}), records):
                self._encode(target, change, numbers, records, reasons, now_ms)
        return Encoded(tuple(records), numbers, reasons)

    def _encode(
        self,
        target: Target,
        change: Change,
        numbers: Sequences,
        records: list[Record],
        reasons: dict[str, int],
        now_ms: int,
    ) -> None:
        """Add the records of one change, and count it in `reasons` where it is quarantined."""
        if change.op is Op.TRUNCATE:
            records += self._truncates(target, change, numbers)
            return
        key = _key(target.codec, change)
        partition = partition_of(key, target.partitions) if key else 0
        envelope = self._envelope(change, _take(numbers, target.topic, partition))
        value, code = _value(target, change, key, envelope)
        records.append(Record(target.topic, partition, key, value))
        if code is not None:
            reasons[code.identifier] = reasons.get(code.identifier, 0) + 1
            records.append(self._quarantine(target, change, records[-1], envelope.source.sequence, code, now_ms))

    def _envelope(self, change: Change, sequence: int) -> Envelope:
        origin = Origin(
            connector=self._name,
            dataset=change.dataset,
            position=change.position.text,
            sequence=sequence,
            transaction=change.transaction,
            snapshot=change.snapshot,
        )
        return Envelope(
            change.op, change.before, change.after, origin, milliseconds(change.committed_at), change.unavailable
        )

    def _truncates(self, target: Target, change: Change, numbers: Sequences) -> Iterator[Record]:
        for partition in range(target.partitions):
            envelope = self._envelope(change, _take(numbers, target.topic, partition))
            yield Record(target.topic, partition, TRUNCATE_BYTES, target.codec.encode(envelope))

    def _quarantine(
        self, target: Target, change: Change, placeholder: Record, sequence: int, code: Code, now_ms: int
    ) -> Record:
        contract = target.entry.contract
        row = _kept({"before": change.before, "after": change.after, "key": change.key})
        content = msgspec.json.encode(Content(placeholder.key or None, row))
        if len(content) * 3 // 2 > RECORD_BYTES_MAX:  # its base64 would not fit; the row is in the store
            content = msgspec.json.encode(Content(placeholder.key or None, None))
        sealed = contract.quarantine_encrypted
        value = Quarantined(
            dataset=change.dataset,
            topic=placeholder.topic,
            partition=placeholder.partition,
            offset=-1,
            sequence=sequence,
            reasons=(Reasoned(code.identifier, change.problem or ""),),
            mode=MODE,
            decided_ms=now_ms,
            register_position=self._register_position,
            worker=f"connector.{self._name}",
            sealed=sealed,
            content=self._sealer.seal(change.dataset, content) if sealed else content,
        )
        key = f"{placeholder.topic}/{placeholder.partition}/sequence/{sequence}".encode()
        partition = placeholder.partition % self._quarantine_partitions
        return Record(topics.QUARANTINE, partition, key, msgspec.json.encode(value))


def _kept(rows: Mapping[str, object]) -> bytes:
    """The rows of a change as JSON; text that is none (half of a surrogate pair, which JSON can spell) is spelled out."""
    try:
        return msgspec.json.encode(rows, enc_hook=str)
    except UnicodeEncodeError:
        return msgspec.json.encode(_spelled(rows), enc_hook=str)


def _spelled(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_spelled(name): _spelled(one) for name, one in value.items()}
    return [_spelled(one) for one in value] if isinstance(value, list | tuple) else value


def _take(numbers: Sequences, topic: str, partition: int) -> int:
    of_topic = numbers.setdefault(topic, {})
    number = of_topic.get(partition, 0)
    of_topic[partition] = number + 1
    return number


def _key(codec: EnvelopeCodec, change: Change) -> bytes:
    """The record's key, or `NO_KEY_BYTES`."""
    if any(value is None for value in change.key.values()):
        return NO_KEY_BYTES
    try:
        return codec.encode_key(change.key)
    except WireError:
        return NO_KEY_BYTES


def _value(target: Target, change: Change, key: bytes, envelope: Envelope) -> tuple[bytes, Code | None]:
    """The record's value; for a change that cannot be carried the placeholder's, and why."""
    limit = target.bytes_max
    code: Code | None = NO_KEY if not key else NOT_ENCODABLE if change.problem else None
    if code is None:
        value = _encoded(target.codec, envelope)
        if envelope.before is not None and (value is None or len(value) > limit):
            value = _encoded(target.codec, replace(envelope, before=None))  # the change itself may still be carried
        if value is not None and len(value) <= limit:
            return value, None
        code = NOT_ENCODABLE if value is None else TOO_LARGE
    return target.codec.encode(replace(envelope, before=None, after=None, unavailable=())), code


def _encoded(codec: EnvelopeCodec, envelope: Envelope) -> bytes | None:
    try:
        return codec.encode(envelope)
    except WireError:
        return None
