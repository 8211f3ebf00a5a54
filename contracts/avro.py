"""The Avro schemas of a dataset, derived from its contract: key, row and envelope.

The derivation is deterministic: one contract gives one text, byte for byte.  Field order, names and descriptions are the
contract's.  In an envelope's row every field may be null, required ones too: a value that the store did not give, or one
that breaks the contract, must be writable, so that the worker can say what is wrong with it.
`docs/formats/envelope.md` is the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from contracts.model import Contract, Field, FieldType, TypeName

AvroType = dict[str, Any] | list[Any] | str
"""One Avro type as JSON."""

NAMESPACE = "concordat"

_PRIMITIVE: dict[TypeName, AvroType] = {
    TypeName.STRING: "string",
    TypeName.UUID: {"type": "string", "logicalType": "uuid"},
    TypeName.INTEGER: "long",
    TypeName.DOUBLE: "double",
    TypeName.BOOLEAN: "boolean",
    TypeName.DATE: {"type": "int", "logicalType": "date"},
    TypeName.TIMESTAMP: {"type": "long", "logicalType": "timestamp-micros"},
    TypeName.BYTES: "bytes",
}


def key_schema(contract: Contract) -> str:
    """The schema of a source record's key: a record of the key fields in key order."""
    fields = [_named(contract, name) for name in contract.key]
    return schema_text(_record("Key", fields, namespace(contract)))


def value_schema(contract: Contract) -> str:
    """The schema of a source record's value: the change envelope around the contract's row."""
    return schema_text(_envelope(contract))


def row_schema(contract: Contract) -> AvroType:
    """The contract's row as an Avro record named `Row`."""
    return _record("Row", contract.fields, namespace(contract), lenient=True)


def namespace(contract: Contract) -> str:
    """The Avro namespace of a dataset: `concordat.<dataset>` with `_` for `-`."""
    return f"{NAMESPACE}.{contract.dataset.replace('-', '_')}"


def avro_type(type_: FieldType, name: str, *, lenient: bool = False) -> AvroType:
    """The Avro form of one field type; `name` names what Avro wants named (enums and records).

    `lenient` makes every field of a nested record nullable, required ones too.
    """
    match type_.name:
        case TypeName.ENUM:
            return {"type": "enum", "name": name, "symbols": list(type_.symbols)}
        case TypeName.DECIMAL:
            return {
                "type": "bytes",
                "logicalType": "decimal",
                "precision": type_.precision,
                "scale": type_.scale or 0,
            }
        case TypeName.ARRAY:
            return {"type": "array", "items": _element(type_, name, lenient)}
        case TypeName.MAP:
            return {"type": "map", "values": _element(type_, name, lenient)}
        case TypeName.RECORD:
            return _record(name, type_.fields, lenient=lenient)
        case _:
            return _PRIMITIVE[type_.name]


def type_names(contract: Contract) -> tuple[str, ...]:
    """The names of every record and enum in a contract's row; a schema in which one stands twice cannot be read."""
    return tuple(_names(row_schema(contract)))


def optional(avro: AvroType) -> AvroType:
    """A union of null and `avro`."""
    return ["null", avro]


def schema_text(schema: AvroType) -> str:
    """The one text of a schema: compact JSON, keys in the order in which they were written."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def _element(type_: FieldType, name: str, lenient: bool) -> AvroType:  # noqa: FBT001
    assert type_.items is not None
    avro = avro_type(type_.items, name + "_item", lenient=lenient)
    return avro if type_.items_required else optional(avro)


def _names(avro: AvroType) -> Iterator[str]:
    if isinstance(avro, list):
        for branch in avro:
            yield from _names(branch)
    elif isinstance(avro, dict):
        if avro["type"] in ("record", "enum"):
            yield avro["name"]
        for part in (*(field["type"] for field in avro.get("fields", ())), avro.get("items"), avro.get("values")):
            yield from _names(part)


def _record(
    name: str,
    fields: Sequence[Field],
    space: str | None = None,
    *,
    lenient: bool = False,
) -> dict[str, AvroType | str]:
    named: dict[str, Any] = {"type": "record", "name": name} | ({"namespace": space} if space else {})
    return named | {"fields": [_field(f"{name}_", field, lenient=lenient) for field in fields]}


def _field(prefix: str, field: Field, *, lenient: bool) -> dict[str, Any]:
    avro = avro_type(field.type, prefix + field.name, lenient=lenient)
    doc = {"doc": field.description} if field.description else {}
    if field.required and not lenient:
        return {"name": field.name, "type": avro} | doc
    return {"name": field.name, "type": optional(avro)} | doc | {"default": None}


def _named(contract: Contract, name: str) -> Field:
    return next(field for field in contract.fields if field.name == name)


def _envelope(contract: Contract) -> dict[str, Any]:
    source: dict[str, Any] = {
        "type": "record",
        "name": "Source",
        "fields": [
            {"name": "connector", "type": "string"},
            {"name": "dataset", "type": "string"},
            {"name": "position", "type": "string"},
            {"name": "sequence", "type": "long"},
            {"name": "transaction", "type": ["null", "string"], "default": None},
            {"name": "snapshot", "type": "boolean"},
        ],
    }
    return {
        "type": "record",
        "name": "Envelope",
        "namespace": namespace(contract),
        "fields": [
            {"name": "before", "type": ["null", row_schema(contract)], "default": None},
            {"name": "after", "type": ["null", "Row"], "default": None},
            {"name": "source", "type": source},
            {"name": "op", "type": "string"},
            {"name": "ts_ms", "type": "long"},
            {"name": "unavailable", "type": {"type": "array", "items": "string"}, "default": []},
        ],
    }
