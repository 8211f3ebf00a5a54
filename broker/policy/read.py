"""Reading: from the bytes of a source record to a change that keeps its contract, or to why it is quarantined.

Strict on purpose: exactly the bytes that the dataset's own writer makes are read.  What Avro admits beside them (a
length below zero, an index that counts from the end, a text cut short) would be two spellings of one value, or none.
Reasons are stable codes and field paths; they never hold a value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from agreements.snapshot import ContractEntry, SchemaEntry
from broker.policy.decision import Reason, SourceRecord
from contracts import topics
from contracts.change import Envelope, Op, Row
from contracts.check import Checker
from contracts.model import Kind
from contracts.wire import AvroSchema, WireError, canonical_text, envelope_of, unframe

ENVELOPE_BYTES = 65_536
"""Room for what surrounds the two rows of an envelope."""


@dataclass(frozen=True, slots=True)
class Read:
    """One record as read.  `key` is None when it cannot be trusted; `row` is None for a deletion.

    `faults` says why it is quarantined; then nothing but `key` may be used.
    """

    record: SourceRecord
    key: Row | None
    envelope: Envelope | None
    row: Row | None
    unavailable: tuple[str, ...]
    gone: bool
    faults: tuple[Reason, ...]


class Reader:
    """Reads the records of one dataset; made once per contract version and set of schemas."""

    def __init__(self, entry: ContractEntry, schemas: Mapping[int, SchemaEntry]) -> None:
        topic = topics.source(entry.contract.dataset)
        self.contract = entry.contract
        self._keys = _schemas(schemas, f"{topic}-key")
        self._values = _schemas(schemas, f"{topic}-value")
        self._checker = Checker(entry.contract)
        self._bytes_max = 2 * entry.contract.row_bytes_max + ENVELOPE_BYTES
        self._event = entry.contract.kind is Kind.EVENT

    def read(self, record: SourceRecord) -> Read:
        """Read one record; never raises for what it holds."""
        key, key_faults = self._key(record.key)
        if record.value is None:
            faults = (*key_faults, Reason("contract-operation")) if self._event else key_faults
            return Read(record, key, None, None, (), not faults, faults)
        envelope, value_faults = self._value(record.value)
        if envelope is None or key_faults or value_faults:
            return Read(record, key, envelope, None, (), False, key_faults + value_faults)
        envelope = _filled(envelope)
        faults = self._contract_faults(envelope, key or {})
        if faults:
            return Read(record, key, envelope, None, (), False, faults)
        gone = envelope.op is Op.DELETE
        return Read(record, key, envelope, None if gone else envelope.after, envelope.unavailable, gone, ())

    def _key(self, data: bytes | None) -> tuple[Row | None, tuple[Reason, ...]]:
        if data is None:
            return None, (Reason("key-null"),)
        try:
            row = _decode(data, self._keys)
        except WireError as error:
            return None, (Reason(f"key-{error.reason}"),)
        if not isinstance(row, dict) or any(row.get(name) is None for name in self.contract.key):
            return None, (Reason("key-incomplete"),)
        return row, ()

    def _value(self, data: bytes) -> tuple[Envelope | None, tuple[Reason, ...]]:
        if len(data) > self._bytes_max:
            return None, (Reason("oversize"),)
        try:
            return envelope_of(_decode(data, self._values)), ()
        except WireError as error:
            return None, (Reason(error.reason),)
        except (KeyError, TypeError, ValueError):
            return None, (Reason("malformed"),)

    def _contract_faults(self, envelope: Envelope, key: Row) -> tuple[Reason, ...]:
        """What breaks the contract.  A truncation names no key, so a batch cannot withdraw what it removed."""
        if envelope.op is Op.TRUNCATE:
            return (Reason("truncate"),)
        faults = tuple(Reason(f"contract-{found.code}", found.path) for found in self._checker.change(envelope))
        if faults or envelope.op is Op.DELETE or envelope.after is None:
            return faults
        after = envelope.after
        same = all(after.get(name) == key[name] for name in self.contract.key)
        return () if same else (Reason("key-mismatch"),)


def _schemas(schemas: Mapping[int, SchemaEntry], subject: str) -> dict[int, AvroSchema]:
    """Every version of the dataset's own schema: any of them may have written a record that is still there.

    The register does not read the schemas that its acts carry.  One that is none writes no record: what claims it is quarantined.
    """
    found = {}
    for number, entry in schemas.items():
        if entry.subject == subject:
            with suppress(WireError):
                found[number] = AvroSchema(entry.text)
    return found


def _decode(data: bytes, schemas: Mapping[int, AvroSchema]) -> Any:
    number, body = unframe(data)
    schema = schemas.get(number)
    if schema is None:
        raise WireError("schema-unknown")
    value = schema.decode(body)
    if schema.encode(value) != body:
        raise WireError("malformed")
    return value


def _filled(envelope: Envelope) -> Envelope:
    """Values that the store did not repeat in `after` because they did not change, taken from a full `before`."""
    if not envelope.unavailable or envelope.before is None or envelope.after is None:
        return envelope
    after, missing = envelope.after, []
    for path in envelope.unavailable:
        value = value_at(envelope.before, path)
        if value is None:
            missing.append(path)
        else:
            after = _with(after, path.split("."), value)
    return replace(envelope, after=after, unavailable=tuple(missing))


def value_at(row: Row | None, path: str) -> Any:
    """The value at a dotted path, None where there is none."""
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def touches(path: str, unavailable: Collection[str]) -> bool:
    """Whether a path is among those that the store gave no value for, holds one of them, or lies in one."""
    return any(path == u or path.startswith(u + ".") or u.startswith(path + ".") for u in unavailable)


def subject_text(read: Read, paths: tuple[str, ...]) -> str | None:
    """The canonical text of the person concerned: the first of the subject fields that has a value, anywhere."""
    rows = (read.row, None if read.envelope is None else read.envelope.before, read.key)
    found = (value_at(row, path) for path in paths for row in rows)
    value = next((value for value in found if value is not None), None)
    return None if value is None else canonical_text(value)


def _with(row: Row, names: list[str], value: Any) -> Row:
    first, *rest = names
    if not rest:
        return row | {first: value}
    inner = row.get(first)
    return row | {first: _with(inner, rest, value)} if isinstance(inner, dict) else row
