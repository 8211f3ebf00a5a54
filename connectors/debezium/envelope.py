"""One record as Debezium wrote it: its bytes read, its wrappings taken off, and what kind of record it is.

Wrappings: Confluent-framed Avro, the JSON converter's `{schema, payload}`, a CloudEvent.  Kinds: a change, a plain row (made by
ExtractNewRecordState), a tombstone, or a record that is no change (transaction metadata, logical messages, schema changes,
heartbeats, notifications).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from connectors.debezium.encodings import Unmappable, binary_of, shallow
from connectors.debezium.shape import Shape, avro_shape, connect_shape, plain_avro
from connectors.events import PassedOver
from contracts.wire import AvroSchema, WireError, unframe


class SchemaLookup(Protocol):
    """Where Avro schemas are found by their number."""

    def schema_text(self, schema_id: int) -> str | None:
        """The schema's text; None when there is none of that number.  Raises `Away` when it cannot be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Value:
    """Data with the schema that it brought along, if any."""

    data: Any
    shape: Shape | None = None

    def member(self, name: str) -> Value:
        """A field of a struct; null where it is not there."""
        data = self.data.get(name) if isinstance(self.data, Mapping) else None
        return Value(data, self.shape.member(name) if self.shape is not None else None)


@dataclass(frozen=True, slots=True)
class Event:
    """A change, still in Debezium's encoding."""

    op: str
    payload: Mapping[str, Any]
    source: Mapping[str, Any]
    before: Value
    after: Value
    plain: bool = False
    """It is a bare row: whether it was created or updated is not known, unless `op` says it."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A null value: what the key names is gone."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads keys and values.  `rows` says that the topic carries bare rows."""

    lookup: SchemaLookup
    rows: bool = False
    _avro: dict[int, tuple[AvroSchema, Shape | None]] = field(default_factory=dict)

    def key(self, data: bytes | None) -> Value:
        """The key, out of its wrapping; raises `Unmappable`."""
        return _unwrapped(self._read(data)) if data is not None else Value(None)

    def value(self, data: bytes | None) -> Event | Tombstone | PassedOver:
        """What kind of record it is; raises `Unmappable` for one that is none of Debezium's."""
        found = _unwrapped(self._read(data)) if data is not None else Value(None)
        if found.data is None:
            return Tombstone()
        if not isinstance(found.data, Mapping):
            raise Unmappable("not a Debezium event")
        if "specversion" in found.data:
            found = self._cloud_event(found)
        return self._kind(found)

    def _kind(self, found: Value) -> Event | PassedOver:
        data = found.data
        passed = _passed_over(data)
        if passed is not None:
            return PassedOver(passed)
        if "op" in data and ("source" in data or "after" in data or "before" in data):
            return _event(found)
        if self.rows or "__op" in data or "__deleted" in data:
            return _row(found)
        if data and "op" not in data and "payload" not in data:
            raise Unmappable("not a Debezium event: it has no envelope; bare rows need the option `form: row`")
        raise Unmappable("not a Debezium event")

    def _read(self, data: bytes) -> Value:
        return self._read_avro(data) if data[:1] == b"\0" else Value(_json(data))

    def _read_avro(self, data: bytes) -> Value:
        try:
            schema_id, body = unframe(data)
            schema, shape = self._schema(schema_id)
            return Value(shallow(schema.decode(body)), shape)
        except WireError as error:
            raise Unmappable(f"Avro that cannot be read ({error.reason})") from None

    def _schema(self, schema_id: int) -> tuple[AvroSchema, Shape | None]:
        found = self._avro.get(schema_id)
        if found is None:
            text = self.lookup.schema_text(schema_id)
            if text is None:
                raise Unmappable(f"no schema of number {schema_id}")
            found = self._avro[schema_id] = _parsed(text)
        return found

    def _cloud_event(self, found: Value) -> Value:
        """A CloudEvent as the event that it carries: what stands in its attributes completes what stands in its data."""
        attributes = found.data
        inner = found.member("data")
        if isinstance(inner.data, (str, bytes)) and "avro" in str(attributes.get("datacontenttype", "")):
            inner = self._read_avro(binary_of(inner.data))
        inner = _unwrapped(inner)
        if not isinstance(inner.data, Mapping):
            raise Unmappable("a CloudEvent without an event")
        named = {name[10:]: value for name, value in attributes.items() if name.startswith("iodebezium")}
        source: dict[str, Any] = {_CLOUD.get(name, name): value for name, value in named.items() if name != "op"}
        transaction = {"id": named["txid"]} if "txtotalorder" in named and "txid" in named else None
        data = {"source": source, "op": named.get("op"), "transaction": transaction, **inner.data}
        if "op" not in named and "op" not in inner.data:
            raise Unmappable("a CloudEvent without an operation")
        if "before" not in inner.data and "after" not in inner.data:
            data["after"] = inner.data
            return Value(data, Shape("struct", fields={"after": inner.shape}))
        return Value(data, inner.shape)


_CLOUD = {"tsms": "ts_ms", "tsus": "ts_us", "tsns": "ts_ns", "changelsn": "change_lsn", "commitlsn": "commit_lsn",
          "eventserialno": "event_serial_no", "serverid": "server_id", "commitscn": "commit_scn"}  # fmt: skip
"""CloudEvents' attribute names have no underscores."""


def _event(found: Value) -> Event:
    data = found.data
    source = data.get("source")
    op = data["op"]
    if not isinstance(op, str):
        raise Unmappable("an event without an operation")
    return Event(
        op=op,
        payload=data,
        source=source if isinstance(source, Mapping) else {},
        before=found.member("before"),
        after=found.member("after"),
    )


def _row(found: Value) -> Event:
    """A bare row; what ExtractNewRecordState adds to it begins with two underscores."""
    added = {name[2:]: value for name, value in found.data.items() if name.startswith("__")}
    row = {name: value for name, value in found.data.items() if not name.startswith("__")}
    source = {name.removeprefix("source_"): value for name, value in added.items()}
    gone = str(added.get("deleted", "false")).lower() == "true" or added.get("op") == "d"
    op = "d" if gone else str(added.get("op") or "")
    before, after = (row, None) if gone else (None, row)
    return Event(op, {}, source, Value(before, found.shape), Value(after, found.shape), plain=True)


def _passed_over(data: Mapping[str, Any]) -> str | None:
    """Why a record is no change of a row; None where it may be one."""
    if data.get("op") == "m":
        return "a logical message"
    if "op" in data:
        return None
    return next((reason for reason, holds in _NO_CHANGES if holds(data)), None)


_NO_CHANGES: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
    ("transaction metadata", lambda data: data.get("status") in ("BEGIN", "END") and "id" in data),
    ("a schema change", lambda data: "ddl" in data or "tableChanges" in data),
    ("a notification", lambda data: "aggregate_type" in data and "additional_data" in data),
    ("a heartbeat", lambda data: bool(data) and set(data) <= {"ts_ms", "ts_us", "ts_ns", "serverName"}),
)


def _unwrapped(found: Value) -> Value:
    """The payload of the JSON converter's pair, with its schema."""
    data = found.data
    if isinstance(data, Mapping) and "payload" in data and set(data) <= {"schema", "payload"}:
        return Value(data["payload"], connect_shape(data.get("schema")))
    return found


def _json(data: bytes) -> Any:
    try:
        found = json.loads(data, parse_float=_exact, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unmappable("neither JSON nor framed Avro") from None
    return shallow(found, data)


def _exact(text: str) -> Decimal:
    """A number with a point, exactly; one whose exponent is absurd is refused."""
    found = Decimal(text)
    if not found.is_finite() or abs(found.adjusted()) > 400:
        raise ValueError("number out of range")
    return found


def _refuse(_: str) -> Any:
    raise ValueError("not JSON")


@lru_cache(maxsize=256)
def _parsed(text: str) -> tuple[AvroSchema, Shape | None]:
    try:
        schema = json.loads(text)
        return AvroSchema(json.dumps(plain_avro(schema))), avro_shape(schema)
    except Exception:  # noqa: BLE001 - whatever an odd schema makes the library raise
        raise Unmappable("a schema that cannot be read") from None
