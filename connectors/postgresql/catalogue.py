"""What the server's catalogue says: settings, tables and their types, publication and slot.  Reads only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import psycopg

from connectors.postgresql.columns import Column
from connectors.postgresql.messages import Relation
from connectors.postgresql.position import lsn_number
from connectors.postgresql.sessions import reported
from connectors.postgresql.tables import Table
from connectors.postgresql.types import ColumnType

_TABLE = """
SELECT c.oid, c.relreplident, c.relkind,
       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
"""
_COLUMNS = """
SELECT a.attname, a.atttypid, a.attnotnull OR t.typnotnull, a.attstorage IN ('x', 'e', 'm') AND a.attlen < 0,
       CASE WHEN l.collprovider = 'd' THEN d.plain
            ELSE coalesce((l.collprovider = 'c' AND l.collcollate IN ('C', 'POSIX'))
                          OR (l.collprovider = 'b'), true) END,
       format_type(coalesce(nullif(t.typbasetype, 0), t.oid), greatest(a.atttypmod, t.typtypmod)),
       (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = a.atttypid),
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)),
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisreplident AND a.attnum = ANY (i.indkey))
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation l ON l.oid = a.attcollation
CROSS JOIN (SELECT datlocprovider = 'b' OR (datlocprovider = 'c' AND datcollate IN ('C', 'POSIX')) AS plain
            FROM pg_database WHERE datname = current_database()) d
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum
"""
_COLUMNS_14 = _COLUMNS.replace(
    "datlocprovider = 'b' OR (datlocprovider = 'c' AND datcollate IN ('C', 'POSIX'))", "datcollate IN ('C', 'POSIX')"
)
_SLOT = """
SELECT s.plugin, s.database, s.active_pid, s.confirmed_flush_lsn::text, s.wal_status,
       (SELECT application_name FROM pg_stat_replication r WHERE r.pid = s.active_pid),
       coalesce((to_jsonb(s) ->> 'synced')::boolean, false)
FROM pg_replication_slots s WHERE s.slot_name = %s
"""
_PUBLICATION = """
SELECT puballtables, pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubviaroot FROM pg_publication WHERE pubname = %s
"""
_PARTITIONS = """
SELECT n.nspname, c.relname, c.relreplident FROM pg_partition_tree(%s) t
JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.isleaf AND c.relkind = 'r'
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """A replication slot as the server shows it."""

    plugin: str | None
    database: str | None
    holder: int | None
    """The process of the server that reads from it for somebody."""
    confirmed: int | None
    lost: bool
    application: str | None
    """The application name of whoever reads from it."""
    synchronised: bool
    """Whether it is a standby's copy of its primary's."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication: every kind of change, and the tables it carries."""

    complete: bool
    tables: frozenset[tuple[str, str]]
    all_tables: bool
    by_root: bool
    """Whether changes of partitions come under the name of the table that they are parts of."""


class Catalogue:
    """Asks one session; every method raises `Unavailable` when the server does not answer."""

    def __init__(self, session: psycopg.Connection) -> None:
        self._session = session

    def setting(self, name: str) -> str:
        """A setting of the server."""
        row = self._row("SELECT current_setting(%s)", name)
        return str(row[0]) if row else ""

    @property
    def version(self) -> int:
        """The server's version as a number: 180001 is 18.1."""
        return self._session.info.server_version

    @cached_property
    def user(self) -> str:
        """The session's user."""
        row = self._row("SELECT current_user")
        return str(row[0]) if row else ""

    @cached_property
    def database(self) -> str:
        """The session's database."""
        row = self._row("SELECT current_database()")
        return str(row[0]) if row else ""

    def in_recovery(self) -> bool:
        """Whether the server is a standby that was not promoted."""
        row = self._row("SELECT pg_is_in_recovery()")
        return bool(row and row[0])

    def may_replicate(self) -> bool:
        """Whether the user may stream."""
        row = self._row("SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(row and row[0])

    def may_create(self) -> bool:
        """Whether the user may create a publication in the database."""
        row = self._row("SELECT has_database_privilege(current_database(), 'CREATE')")
        return bool(row and row[0])

    def owns(self, schema: str, name: str) -> bool:
        """Whether the user may publish the table: its owner may."""
        row = self._row(
            "SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relname = %s",
            schema,
            name,
        )
        return bool(row and row[0])

    def free_slots(self) -> int:
        """How many replication slots can still be made."""
        row = self._row("SELECT current_setting('max_replication_slots')::int - count(*) FROM pg_replication_slots")
        return int(row[0]) if row else 0

    def table(self, schema: str, name: str) -> tuple[Table, bool] | None:
        """A table, and whether the user may read it; None when it is not there."""
        row = self._row(_TABLE, schema, name)
        if row is None:
            return None
        oid, identity, kind, readable = row
        identity = _letter(identity)
        partitions: tuple[tuple[str, str], ...] = ()
        if _letter(kind) == "p":
            identity, partitions = self._partitions(oid)
        query = _COLUMNS_14 if self.version < 150_000 else _COLUMNS
        with reported():
            rows = self._session.execute(query, [oid]).fetchall()
        columns = tuple(
            Column(column, self._type(type_oid), required, toastable, plain, declared, type_oid, tuple(labels or ()))
            for column, type_oid, required, toastable, plain, declared, labels, _, _ in rows
        )
        primary = frozenset(column for column, *_, in_primary, _ in rows if in_primary)
        chosen = frozenset(column for column, *_, in_identity in rows if in_identity)
        kept = {"d": primary, "i": chosen, "f": frozenset(row[0] for row in rows)}.get(identity, frozenset())
        table = Table(schema, name, columns, primary, kept, identity == "f", oid, partitions)
        return table, bool(readable)

    def _partitions(self, oid: int) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The weakest replica identity of a table's partitions, and their names."""
        with reported():
            rows = self._session.execute(_PARTITIONS, [oid]).fetchall()
        letters = {_letter(identity) for *_, identity in rows}
        weakest = next((letter for letter in "nid" if letter in letters), "f")
        return weakest, tuple((schema, name) for schema, name, _ in rows)

    def described(self, relation: Relation) -> Table:
        """The table in the form that the stream announced: its columns then, its keys now."""
        found = self.table(relation.schema, relation.name)
        known = found[0] if found is not None else Table(relation.schema, relation.name, ())
        columns = tuple(
            replace(known.column(name) or Column(name, ColumnType("unknown")), type=self._type(oid))
            for name, oid in zip(relation.columns, relation.types, strict=True)
        )
        return replace(known, columns=columns)

    def publication(self, name: str) -> Publication | None:
        """The publication of that name, or None."""
        row = self._row(_PUBLICATION, name)
        if row is None:
            return None
        with reported():
            rows = self._session.execute(
                "SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = %s", [name]
            ).fetchall()
        return Publication(
            bool(row[1]), frozenset((schema, table) for schema, table in rows), bool(row[0]), bool(row[2])
        )

    def slot(self, name: str) -> Slot | None:
        """The replication slot of that name, or None."""
        row = self._row(_SLOT, name)
        if row is None:
            return None
        plugin, database, holder, confirmed, status, application, synchronised = row
        return Slot(
            plugin,
            database,
            holder,
            None if confirmed is None else lsn_number(confirmed),
            status == "lost",
            application,
            synchronised,
        )

    def drop_slot(self, name: str) -> None:
        """Drop a slot that can no longer be read."""
        self._row("SELECT pg_drop_replication_slot(%s)", name)

    def _type(self, oid: int) -> ColumnType:
        known = self._types.get(oid) or self._reread_types().get(oid)
        if known is None:
            return ColumnType("unknown")
        name, kind, base, element = known
        if kind == "d":
            return self._type(base)
        return ColumnType(name, enum=kind == "e", element=self._type(element) if element else None)

    @cached_property
    def _types(self) -> dict[int, tuple[str, str, int, int]]:
        with reported():
            rows = self._session.execute(
                "SELECT oid, typname, typtype, typbasetype, CASE WHEN typcategory = 'A' THEN typelem ELSE 0 END FROM pg_type"
            ).fetchall()
        return {oid: (name, _letter(kind), base, element) for oid, name, kind, base, element in rows}

    def _reread_types(self) -> dict[int, tuple[str, str, int, int]]:
        self.__dict__.pop("_types", None)  # a type that was made since
        return self._types

    def _row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        with reported():
            return self._session.execute(query, values).fetchone()


def _letter(value: str | bytes) -> str:
    """A "char" column comes as bytes or as text, by version of the driver."""
    return value.decode() if isinstance(value, bytes) else value
