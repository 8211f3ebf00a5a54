"""The schema that a record brings along, in one form: Kafka Connect's, as its JSON converter writes it or as Avro carries it.

Avro keeps Connect's names in `connect.name` and `connect.parameters`.  `plain_avro` takes the logical types out of an Avro
schema, so that values are decoded as Debezium encoded them and are given their meaning in one place (`semantics`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_AVRO_PRIMITIVE = {
    "boolean": "boolean",
    "int": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "bytes": "bytes",
    "fixed": "bytes",
    "string": "string",
    "enum": "string",
}
_AVRO_LOGICAL = {
    "decimal": "org.apache.kafka.connect.data.Decimal",
    "date": "org.apache.kafka.connect.data.Date",
    "time-millis": "org.apache.kafka.connect.data.Time",
    "time-micros": "io.debezium.time.MicroTime",
    "timestamp-millis": "org.apache.kafka.connect.data.Timestamp",
    "timestamp-micros": "io.debezium.time.MicroTimestamp",
    "local-timestamp-millis": "io.debezium.time.Timestamp",
    "local-timestamp-micros": "io.debezium.time.MicroTimestamp",
    "uuid": "io.debezium.data.Uuid",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One Connect schema.  `name` is the semantic type (`io.debezium.time.Date`), empty for a plain value."""

    type: str
    name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Shape | None] = field(default_factory=dict)
    items: Shape | None = None
    """ARRAY: the element; MAP: the value."""
    keys: Shape | None = None

    def member(self, name: str) -> Shape | None:
        """The schema of a struct's field, or None where nothing is known of it."""
        return self.fields.get(name)


def connect_shape(schema: Any) -> Shape | None:
    """The shape that the JSON converter's `schema` states; None where it states none that is known."""
    if not isinstance(schema, dict) or not isinstance(schema.get("type"), str):
        return None
    parameters = schema.get("parameters")
    return Shape(
        type=schema["type"].lower(),
        name=str(schema.get("name") or ""),
        parameters={str(k): str(v) for k, v in parameters.items()} if isinstance(parameters, dict) else {},
        fields=dict(_connect_fields(schema.get("fields"))),
        items=connect_shape(schema.get("items", schema.get("values"))),
        keys=connect_shape(schema.get("keys")),
    )


def _connect_fields(fields: Any) -> list[tuple[str, Shape | None]]:
    """The members of a struct; some write `{name, schema}` in place of `{field, type}`."""
    found: list[tuple[str, Shape | None]] = []
    for one in fields if isinstance(fields, list) else ():
        if isinstance(one, dict):
            nested = one.get("schema")
            name = one.get("field", one.get("name") if nested is not None else None)
            if isinstance(name, str):
                found.append((name, connect_shape(nested if nested is not None else one)))
    return found


def plain_avro(schema: Any) -> Any:
    """An Avro schema without its logical types and defaults, which change what a decoder gives."""
    if isinstance(schema, list):
        return [plain_avro(one) for one in schema]
    if isinstance(schema, dict):
        return {name: plain_avro(value) for name, value in schema.items() if name not in ("logicalType", "default")}
    return schema


def avro_shape(schema: Any) -> Shape | None:
    """The shape of an Avro schema; None for a union of several types, which says nothing that could be relied on."""
    return _Names().shape(schema, "")


class _Names:
    """Reads one Avro schema; named types may be used again by name after they were defined."""

    def __init__(self) -> None:
        self._known: dict[str, Shape | None] = {}

    def shape(self, schema: Any, namespace: str) -> Shape | None:
        if isinstance(schema, str):
            if schema in _AVRO_PRIMITIVE:
                return Shape(_AVRO_PRIMITIVE[schema])
            return self._known.get(_full(schema, namespace))
        if isinstance(schema, list):
            branches = [one for one in schema if one != "null"]
            return self.shape(branches[0], namespace) if len(branches) == 1 else None
        return self._complex(schema, namespace) if isinstance(schema, dict) else None

    def _complex(self, schema: dict[str, Any], namespace: str) -> Shape | None:
        kind = schema.get("type")
        if kind == "record":
            return self._record(schema, namespace)
        if kind == "array":
            return self._array(schema, namespace)
        if kind == "map":
            return Shape("map", *_meaning(schema), items=self.shape(schema.get("values"), namespace))
        if not isinstance(kind, str):
            return self.shape(kind, namespace)
        if kind not in _AVRO_PRIMITIVE:
            return self._known.get(_full(kind, namespace))
        found = Shape(_AVRO_PRIMITIVE[kind], *_meaning(schema))
        if kind in ("enum", "fixed"):
            self._known[_full(str(schema.get("name", "")), str(schema.get("namespace", namespace)))] = found
        return found

    def _record(self, schema: dict[str, Any], namespace: str) -> Shape:
        name = _full(str(schema.get("name", "")), str(schema.get("namespace", namespace)))
        inner = name.rpartition(".")[0]
        self._known[name] = None  # a record that holds itself says nothing of its inner self
        fields = {
            str(one["name"]): self.shape(one.get("type"), inner)
            for one in schema.get("fields", ())
            if isinstance(one, dict) and "name" in one
        }
        found = Shape("struct", *_meaning(schema), fields=fields)
        self._known[name] = found
        return found

    def _array(self, schema: dict[str, Any], namespace: str) -> Shape:
        items = self.shape(schema.get("items"), namespace)
        if items is not None and items.type == "struct" and set(items.fields) == {"key", "value"}:
            return Shape("map", *_meaning(schema), items=items.member("value"), keys=items.member("key"))
        return Shape("array", *_meaning(schema), items=items)


def _meaning(schema: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The semantic name and parameters of an Avro type."""
    given = schema.get("connect.parameters")
    parameters = {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
    if "scale" in schema or schema.get("logicalType") == "decimal":
        parameters.setdefault("scale", str(schema.get("scale", 0)))
    logical = str(schema.get("logicalType", ""))
    return str(schema.get("connect.name") or _AVRO_LOGICAL.get(logical, "")), parameters


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"
