"""Draft contracts of what a database holds, for its owner to finish.

Types, keys and `required` are the catalogue's.  Classification, kind, owner and every tag are only *proposed*: a check
refuses the draft until its owner has confirmed them, so nothing of it can flow by a guess.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from ruamel.yaml import YAML

from connectors.postgresql.sessions import reported
from connectors.postgresql.types import unsupported
from connectors.proposals import PROPOSED, proposed_tags

_TABLES = """
SELECT c.oid, n.nspname, c.relname, obj_description(c.oid, 'pg_class')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 2, 3
"""
_COLUMNS = """
WITH RECURSIVE base AS (
    SELECT a.attnum, a.attname, a.attnotnull AS required, a.atttypid AS type, a.atttypmod AS modifier
    FROM pg_attribute a
    WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    UNION ALL
    SELECT b.attnum, b.attname, b.required OR t.typnotnull, t.typbasetype, t.typtypmod
    FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
)
SELECT b.attname, b.required, t.typname, t.typtype::text, format_type(b.type, b.modifier), e.typname, e.typtype::text,
       format_type(t.typelem, b.modifier),
       (SELECT array_agg(l.enumlabel::text ORDER BY l.enumsortorder) FROM pg_enum l
        WHERE l.enumtypid = coalesce(e.oid, t.oid)),
       (SELECT array_position(i.indkey::int2[], b.attnum) FROM pg_index i WHERE i.indrelid = %(oid)s AND i.indisprimary),
       col_description(%(oid)s, b.attnum)
FROM base b JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd'
LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
ORDER BY b.attnum
"""
_LOGICAL = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "float4": "number",
    "float8": "number",
    "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
}
_BOUNDED = re.compile(r"numeric\((\d+),(\d+)\)")
_CHARACTERS = re.compile(r"character(?: varying)?\((\d+)\)")
_PRECISION_MAX = 76


@dataclass(frozen=True, slots=True)
class _Type:
    """A column's type, domains resolved: its short name, its kind and how PostgreSQL declares it."""

    name: str
    kind: str
    declared: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    required: bool
    type: _Type
    element: _Type | None
    key_position: int | None
    comment: str | None


def drafts(session: psycopg.Connection, store: str) -> list[str]:
    """One draft in ODCS 3.2 YAML for each table that the session's user can read; `store` is the connector's name."""
    with reported():
        tables = session.execute(_TABLES).fetchall()
        return [
            _draft(session, store, schema, name, comment, _columns(session.execute(_COLUMNS, {"oid": oid}).fetchall()))
            for oid, schema, name, comment in tables
        ]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[_Column]:
    found = []
    for name, required, kind, letter, declared, of, of_letter, of_declared, symbols, position, comment in rows:
        labels = tuple(symbols or ())
        element = None if of is None else _Type(of, of_letter, of_declared, labels)
        place = None if position is None else position + 1  # an int2vector counts from 0
        found.append(_Column(name, required, _Type(kind, letter, declared, labels), element, place, comment))
    return found


def _draft(
    session: psycopg.Connection, store: str, schema: str, name: str, comment: str | None, columns: list[_Column]
) -> str:
    dataset = re.sub(r"[^a-z0-9]+", "-", (name if schema == "public" else f"{schema}-{name}").lower()).strip("-")
    if not dataset[:1].isalpha():
        dataset = f"table-{dataset}"
    key = [column.name for column in sorted(columns, key=lambda one: one.key_position or 0) if column.key_position]
    tags = proposed_tags({column.name: _logical(column.type)["logicalType"] for column in columns}, key)
    personal = any(tag == PROPOSED + "personal" for of_column in tags.values() for tag in of_column)
    document = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": dataset,
        "name": name,
        "version": "0.1.0",
        "status": "draft",
        "description": {"purpose": comment or "To be written by the owner."},
        "servers": [_server(session, store, schema)],
        "customProperties": _terms(store, personal=personal),
        "schema": [
            {
                "name": name,
                "physicalName": f"{schema}.{name}",
                "logicalType": "object",
                "properties": [_property(f"{schema}.{name}", column, tags[column.name]) for column in columns],
            }
        ],
    }
    text = io.StringIO()
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 10_000
    yaml.dump(document, text)
    return text.getvalue()


def _server(session: psycopg.Connection, store: str, schema: str) -> dict[str, Any]:
    """Lineage: where the table stands; no user, no password."""
    info = session.info
    server = {"host": info.host or "localhost", "port": info.port, "database": info.dbname, "schema": schema}
    return {"server": store, "type": "postgresql", **server}


def _terms(store: str, *, personal: bool) -> list[dict[str, Any]]:
    terms: dict[str, Any] = {
        "kind": PROPOSED + "entity",
        "classification": PROPOSED + "OFFICIAL",
        "owner": PROPOSED + store,
        "store": store,
    }
    if personal:
        terms["markings"] = [PROPOSED + "SENSITIVE"]
    return [{"property": f"concordat.{name}", "value": value} for name, value in terms.items()]


def _property(table: str, column: _Column, tags: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": column.name, "physicalName": column.name}
    if column.element is None:
        found |= _logical(column.type)
    else:
        found |= {"logicalType": "array", "physicalType": column.type.declared}
        found["items"] = {**_logical(column.element), "required": False}
    if column.key_position is not None:
        found |= {"primaryKey": True, "primaryKeyPosition": column.key_position}
    if column.required:
        found["required"] = True
    if column.comment:
        found["description"] = column.comment
    if unsupported(column.type.name) or (column.element is not None and unsupported(column.element.name)):
        found["description"] = f"The connector cannot carry {column.type.declared}: leave this field out."
    found["transformSourceObjects"] = [f"{table}.{column.name}"]
    found["tags"] = list(tags)
    return found


def _logical(column: _Type) -> dict[str, Any]:
    """The type that holds every value of the column; where none is exact, what PostgreSQL prints (string)."""
    found: dict[str, Any] = {"logicalType": _LOGICAL.get(column.name, "string"), "physicalType": column.declared}
    bounded = _BOUNDED.fullmatch(column.declared)
    characters = _CHARACTERS.fullmatch(column.declared)
    if bounded and int(bounded[2]) <= int(bounded[1]) <= _PRECISION_MAX:
        found["logicalType"] = "number"
    elif column.name == "uuid":
        found["logicalTypeOptions"] = {"format": "uuid"}
    elif characters:
        found["logicalTypeOptions"] = {"maxLength": int(characters[1])}
    elif column.kind == "e":
        found["enum"] = [{"value": symbol} for symbol in column.symbols]
    return found
