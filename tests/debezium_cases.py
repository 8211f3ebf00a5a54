"""What the tests of the Debezium connector share: a contract, and events in the shapes that Debezium writes."""

from __future__ import annotations

import json
from typing import Any

from connectors.debezium import DebeziumConnector
from connectors.debezium.options import DebeziumOptions
from connectors.events import PassedOver
from contracts.model import Contract, Field, FieldType, Kind, TypeName

CONTRACT_TEXT = """\
apiVersion: v3.2.0
kind: DataContract
id: parcels
name: Parcels
version: 1.0.0
status: active
customProperties:
  - { property: concordat.kind, value: entity }
  - { property: concordat.classification, value: OFFICIAL }
  - { property: concordat.owner, value: post-office }
  - { property: concordat.store, value: post }
schema:
  - name: parcels
    logicalType: object
    properties:
      - { name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1, required: true, tags: [identifier] }
      - { name: label, logicalType: string, required: true, tags: [not-personal] }
      - { name: note, logicalType: string, tags: [not-personal] }
"""
PLACEHOLDER = "__debezium_unavailable_value"


def contract(*fields: Field, dataset: str = "parcels", kind: Kind = Kind.ENTITY) -> Contract:
    """A contract with an integer key `id` and these fields."""
    return Contract(
        dataset=dataset,
        version=(1, 0, 0),
        kind=kind,
        classification="OFFICIAL",
        owner="post-office",
        store="post",
        name="Parcels",
        key=("id",),
        fields=(Field("id", FieldType(TypeName.INTEGER), required=True), *fields),
    )


def field(name: str, type_: TypeName, **rules: Any) -> Field:
    required = rules.pop("required", False)
    return Field(name, FieldType(type_, **rules), required=required)


def connector(*fields: Field, options: dict[str, Any] | None = None, **of_contract: Any) -> DebeziumConnector:
    """A connector with that contract."""
    return DebeziumConnector("post", DebeziumOptions.model_validate(options or {}), [contract(*fields, **of_contract)])


def data(value: Any) -> bytes | None:
    return None if value is None else json.dumps(value).encode()


def event(op: str, before: Any, after: Any, source: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An envelope without schema."""
    block = {"connector": "postgresql", "name": "post", "ts_ms": 1_700_000_000_123, "snapshot": "false", "db": "post",
             "schema": "public", "table": "parcels", "txId": 77, "lsn": 900, **(source or {})}  # fmt: skip
    return {"before": before, "after": after, "source": block, "op": op, "ts_ms": 1_700_000_000_500, **more}


def with_schema(value: dict[str, Any], columns: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The JSON converter's pair, with these columns."""
    fields = [{"field": name, "optional": True, **schema} for name, schema in columns.items()]
    row = {"type": "struct", "optional": True, "name": "post.public.parcels.Value", "fields": fields}
    schema = {
        "type": "struct",
        "name": "post.public.parcels.Envelope",
        "fields": [{**row, "field": "before"}, {**row, "field": "after"}, {"type": "string", "field": "op"}],
    }
    return {"schema": schema, "payload": value}


def converted(made: DebeziumConnector, key: Any, value: Any) -> Any:
    """The changes of one record, or why it was passed over."""
    found = made.convert(data(key), data(value))
    return found.reason if isinstance(found, PassedOver) else list(found)
