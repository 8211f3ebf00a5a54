"""Draft contracts of what a database holds, for its owner to finish: no tag is guessed, so nothing of it can flow yet."""

from __future__ import annotations

import io
from typing import Any

import psycopg
from ruamel.yaml import YAML

from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.sessions import reported
from connectors.postgresql.tables import Table
from connectors.postgresql.types import ColumnType

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1, 2
"""
_LOGICAL = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "float4": "number",
    "float8": "number",
    "numeric": "number",
    "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
    "json": "object",
    "jsonb": "object",
}


def drafts(session: psycopg.Connection) -> list[str]:
    """One draft in ODCS 3.2 YAML for each table that the session's user can read."""
    with reported():
        names = session.execute(_TABLES).fetchall()
    catalogue = Catalogue(session)
    found = [catalogue.table(schema, name) for schema, name in names]
    return [_draft(table) for table, _ in (pair for pair in found if pair is not None)]


def _draft(table: Table) -> str:
    dataset = table.name.replace("_", "-")
    document = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": dataset,
        "name": dataset,
        "version": "0.1.0",
        "status": "draft",
        "schema": [
            {
                "name": table.name,
                "logicalType": "object",
                "properties": [_property(table, column.name) for column in table.columns],
            }
        ],
    }
    text = io.StringIO()
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(document, text)
    return text.getvalue()


def _property(table: Table, name: str) -> dict[str, Any]:
    column = table.column(name)
    assert column is not None
    found: dict[str, Any] = {"name": name, "logicalType": _logical(column.type), "physicalType": column.type.name}
    if name in table.primary:
        found["primaryKey"] = True
    if column.required:
        found["required"] = True
    return found


def _logical(column: ColumnType) -> str:
    return "array" if column.element is not None else _LOGICAL.get(column.name, "string")
