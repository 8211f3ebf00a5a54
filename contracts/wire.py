"""Bytes on the wire: the Confluent framing around Avro, and the envelope's codec.

A framed value is one zero byte, the schema's id as four bytes big-endian, and the Avro body (no container, no length).
Reading is strict: every byte must be accounted for.  What cannot be read is a `WireError` with a stable reason and
never a word of the data.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID

import fastavro

from contracts.avro import key_schema, value_schema
from contracts.change import Envelope, Op, Origin, Row
from contracts.model import Contract

MAGIC = 0
_HEADER = struct.Struct(">BI")


class WireError(ValueError):
    """Bytes that cannot be read, or a value that cannot be written.

    `reason` is one of `empty`, `not-framed`, `schema-unknown`, `malformed`, `trailing-bytes`, `not-encodable`,
    `schema-unreadable`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AvroSchema:
    """One Avro schema, parsed once; encodes and decodes bodies without framing."""

    def __init__(self, text: str) -> None:
        """Raises `WireError` for a text that is no Avro schema."""
        self.text = text
        try:
            self._parsed = fastavro.parse_schema(json.loads(text))
        except Exception as error:  # the parser raises whatever the odd text makes its parts raise
            raise WireError("schema-unreadable") from error

    def encode(self, value: Any) -> bytes:
        """The Avro body of `value`; raises `WireError` for one that the schema has no room for."""
        out = io.BytesIO()
        try:
            fastavro.schemaless_writer(out, self._parsed, value, strict=True)
        except Exception as error:  # the writer raises whatever the odd value makes its parts raise
            raise WireError("not-encodable") from error
        return out.getvalue()

    def decode(self, body: bytes) -> Any:
        """The value of an Avro body; raises `WireError` for anything but exactly one value."""
        source = io.BytesIO(body)
        try:
            value = fastavro.schemaless_reader(source, self._parsed, None)
        except Exception as error:
            raise WireError("malformed") from error
        if source.tell() != len(body):
            raise WireError("trailing-bytes")
        return value


def frame(schema_id: int, body: bytes) -> bytes:
    """The framed form of an Avro body."""
    return _HEADER.pack(MAGIC, schema_id) + body


def unframe(data: bytes) -> tuple[int, bytes]:
    """The schema id and the Avro body; raises `WireError`."""
    if not data:
        raise WireError("empty")
    if len(data) < _HEADER.size or data[0] != MAGIC:
        raise WireError("not-framed")
    return _HEADER.unpack_from(data)[1], data[_HEADER.size :]


def envelope_of(value: Mapping[str, Any]) -> Envelope:
    """A decoded envelope record as the value it stands for; raises `WireError` for an `op` that does not exist."""
    try:
        op = Op(value["op"])
    except ValueError as error:
        raise WireError("malformed") from error
    origin = Origin(**value["source"])
    return Envelope(op, value["before"], value["after"], origin, value["ts_ms"], tuple(value["unavailable"]))


def record_of(envelope: Envelope) -> dict[str, Any]:
    """The Avro record that stands for an envelope; the inverse of `envelope_of`."""
    source = envelope.source
    return {
        "before": envelope.before,
        "after": envelope.after,
        "source": {
            "connector": source.connector,
            "dataset": source.dataset,
            "position": source.position,
            "sequence": source.sequence,
            "transaction": source.transaction,
            "snapshot": source.snapshot,
        },
        "op": envelope.op.value,
        "ts_ms": envelope.ts_ms,
        "unavailable": list(envelope.unavailable),
    }


class EnvelopeCodec:
    """Keys and envelopes of one contract under the schema ids of its published version."""

    def __init__(self, contract: Contract, key_schema_id: int, value_schema_id: int) -> None:
        self._key = AvroSchema(key_schema(contract))
        self._value = AvroSchema(value_schema(contract))
        self._names = contract.key
        self._key_id, self._value_id = key_schema_id, value_schema_id

    def encode_key(self, row: Row) -> bytes:
        """The framed key of a row (or of a mapping of the key fields); raises `WireError`."""
        return frame(self._key_id, self._key.encode({name: row.get(name) for name in self._names}))

    def encode(self, envelope: Envelope) -> bytes:
        """The framed value of an envelope; raises `WireError`."""
        return frame(self._value_id, self._value.encode(record_of(envelope)))

    def decode_key(self, data: bytes) -> Row:
        """The key fields of a framed key; raises `WireError`, `schema-unknown` for another schema's."""
        found: Row = self._key.decode(self._body(data, self._key_id))
        return found

    def decode(self, data: bytes) -> Envelope:
        """The envelope of a framed value; raises `WireError`, `schema-unknown` for another schema's."""
        return envelope_of(self._value.decode(self._body(data, self._value_id)))

    @staticmethod
    def _body(data: bytes, schema_id: int) -> bytes:
        found, body = unframe(data)
        if found != schema_id:
            raise WireError("schema-unknown")
        return body


def canonical_text(value: Any) -> str:
    """The one text of a value, for tokens, keys and pseudonyms: equal values of one type have equal texts.

    Text is itself; numbers are decimal digits without an exponent, a sign on zero, or zeros at the end of a fraction; a date is
    YYYY-MM-DD; a time is RFC 3339 in UTC with six decimals and `Z`; bytes are lower-case hexadecimal; null is empty; lists
    and records are JSON of their members' texts, keys sorted.  Raises `WireError` for anything else, among it numbers that
    are not finite and times without a zone.
    """
    spell = _SPELLINGS.get(type(value))
    if spell is None:
        raise WireError("not-encodable")
    return spell(value)


def _member(value: Any) -> str | None:
    return None if value is None else canonical_text(value)


def _list(value: list[Any]) -> str:
    return json.dumps([_member(item) for item in value], ensure_ascii=False, separators=(",", ":"))


def _mapping(value: Mapping[str, Any]) -> str:
    members = {name: _member(item) for name, item in value.items()}
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise WireError("not-encodable")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _time(value: datetime) -> str:
    if value.tzinfo is None:
        raise WireError("not-encodable")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


_SPELLINGS: dict[type, Callable[[Any], str]] = {
    str: str,
    bool: lambda value: "true" if value else "false",
    int: str,
    UUID: str,
    Decimal: _number,
    float: lambda value: _number(Decimal(repr(value))),
    datetime: _time,
    date: date.isoformat,
    bytes: bytes.hex,
    NoneType: lambda _: "",
    list: _list,
    dict: _mapping,
}
