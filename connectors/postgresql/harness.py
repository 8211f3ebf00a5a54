"""The stores that prove the PostgreSQL connector: a database of its own on a real server, with a table or an outbox.

`--set dsn=…` names the server: a connection string of a superuser, its password in a `passfile`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from connectors.conformance import EVERYTHING, Capability, Harness, Write
from connectors.postgresql.connector import PostgresqlConnector
from contracts.model import Contract, Kind


class PostgresqlHarness(Harness):
    """One database with one table.  A restart is played by ending every session: the server is not the kit's own."""

    connector = PostgresqlConnector
    capabilities = EVERYTHING
    patience_seconds = 5.0
    quiet_seconds = 0.1
    large_rows = 500
    made: ClassVar[Sequence[str]] = (
        "CREATE TABLE items (id int PRIMARY KEY, name text, large text)",
        "ALTER TABLE items REPLICA IDENTITY FULL",
    )
    """What makes the store in its database."""
    kept: ClassVar[Sequence[str]] = ("SELECT * FROM items ORDER BY id",)
    """What shows everything that is in the store."""

    def start(self) -> None:
        """A new database with the store."""
        self._name = f"conformance_{secrets.token_hex(6)}"
        self._dropped: set[str] = set()
        self._administrator = psycopg.connect(self.settings["dsn"], autocommit=True)
        self._administrator.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._name)))
        self._dsn = make_conninfo(self.settings["dsn"], dbname=self._name)
        self._session = psycopg.connect(self._dsn, autocommit=True, application_name="harness")
        for statement in self.made:
            self._session.execute(statement.encode())

    def options(self) -> Mapping[str, Any]:
        """Small chunks and batches."""
        return {
            "dsn": self._dsn,
            "slot": self._name,
            "chunk_rows": 4,
            "batch_changes_max": 4,
            "heartbeat_seconds": 1.0,
            "slot_wait_seconds": 20.0,
        }

    def write(self, writes: Sequence[Write]) -> None:
        """One transaction."""
        with self._session.transaction():
            for write in writes:
                self._write(write)

    def add_column(self) -> None:
        """A column with a value in every row."""
        self._session.execute("ALTER TABLE items ADD COLUMN extra text DEFAULT 'extra'")

    def drop_column(self) -> None:
        """The column is gone, and with it its values."""
        self._session.execute("ALTER TABLE items DROP COLUMN large")
        self._dropped = {"large"}

    def restart(self) -> None:
        """End the connector's sessions."""
        self._administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name <> 'harness'",
            [self._name],
        )

    def fingerprint(self) -> object:
        """Rows, publications and slots."""
        questions = (*self.kept, "SELECT pubname FROM pg_publication", _SLOTS)
        return [self._session.execute(question.encode()).fetchall() for question in questions]

    def stop(self) -> None:
        """Drop the slot and the database."""
        self._session.close()
        self._administrator.execute(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s", [self._name]
        )
        for _ in range(200):
            try:
                self._administrator.execute(
                    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s",
                    [self._name],
                )
                break
            except psycopg.errors.ObjectInUse:
                self._administrator.execute("SELECT pg_sleep(0.02)")
        self._administrator.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self._name)))
        self._administrator.close()

    def _write(self, write: Write) -> None:
        values = {name: value for name, value in write.changed.items() if name not in self._dropped}
        names = [sql.Identifier(name) for name in values]
        if write.row is None:
            self._session.execute("DELETE FROM items WHERE id = %s", [write.key])
        elif write.was is None:
            places = sql.SQL(", ").join(sql.Placeholder() * len(names))
            statement = sql.SQL("INSERT INTO items ({}) VALUES ({})").format(sql.SQL(", ").join(names), places)
            self._session.execute(statement, list(values.values()))
        else:
            pairs = sql.SQL(", ").join(sql.SQL("{} = %s").format(name) for name in names)
            statement = sql.SQL("UPDATE items SET {} WHERE id = %s").format(pairs)
            self._session.execute(statement, [*values.values(), write.key])


class OutboxHarness(PostgresqlHarness):
    """An outbox: a write of a row is an event that says the whole of it.

    An event is never taken back, so there are no deletes and no changes of key; nor is there a first and a later event of a row.
    Once there is a slot every second event is cleared away by the transaction that says it.
    """

    capabilities = EVERYTHING - {Capability.OPERATIONS, Capability.DELETES, Capability.KEY_CHANGES}
    made = (
        "CREATE TABLE outbox (number bigserial PRIMARY KEY, aggregatetype text, aggregateid int, payload jsonb, large text)",
    )
    kept = ("SELECT * FROM outbox ORDER BY number",)

    @classmethod
    def contract(cls) -> Contract:
        """The dataset of the kit, as events."""
        return replace(super().contract(), kind=Kind.EVENT)

    def options(self) -> Mapping[str, Any]:
        """One route; `large` has a column of its own, so that one can be dropped."""
        outbox = {"routes": {"item": "items"}, "fields": {"id": "aggregateid", "large": "large"}}
        return {**super().options(), "outbox": {**outbox, "order_column": "number"}}

    def add_column(self) -> None:
        """Another column, and another member in what it says."""
        self._session.execute("ALTER TABLE outbox ADD COLUMN extra text DEFAULT 'extra'")

    def drop_column(self) -> None:
        """The column is gone, and with it its values."""
        self._session.execute("ALTER TABLE outbox DROP COLUMN large")
        self._dropped = {"large"}

    def _write(self, write: Write) -> None:
        assert write.row is not None, "an event is never taken back"
        payload = {"name": write.row["name"], "extra": "left out"}
        values = {"aggregatetype": "item", "aggregateid": write.row["id"], "payload": json.dumps(payload)}
        if "large" not in self._dropped:
            values["large"] = write.row["large"]
        statement = sql.SQL("INSERT INTO outbox ({}) VALUES ({}) RETURNING number").format(
            sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(sql.Placeholder() * len(values))
        )
        number = self._session.execute(statement, list(values.values())).fetchone()
        self._session.execute(_CLEARED, [self._name, *(number or ())])


_CLEARED = """
DELETE FROM outbox
WHERE EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = %s) AND number = %s AND number %% 2 = 0
"""
_SLOTS = "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
