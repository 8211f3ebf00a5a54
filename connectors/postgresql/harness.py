"""The store that proves the PostgreSQL connector: a database of its own on a real server.

`--set dsn=…` names the server: a connection string of a superuser, its password in a `passfile`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from connectors.conformance import EVERYTHING, Harness, Write
from connectors.postgresql.connector import PostgresqlConnector


class PostgresqlHarness(Harness):
    """One database with one table.  A restart is played by ending every session: the server is not the kit's own."""

    connector = PostgresqlConnector
    capabilities = EVERYTHING
    patience_seconds = 5.0
    quiet_seconds = 0.1
    large_rows = 500

    def start(self) -> None:
        """A new database with the table."""
        self._name = f"conformance_{secrets.token_hex(6)}"
        self._dropped: set[str] = set()
        self._administrator = psycopg.connect(self.settings["dsn"], autocommit=True)
        self._administrator.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._name)))
        self._dsn = make_conninfo(self.settings["dsn"], dbname=self._name)
        self._session = psycopg.connect(self._dsn, autocommit=True, application_name="harness")
        self._session.execute("CREATE TABLE items (id int PRIMARY KEY, name text, large text)")
        self._session.execute("ALTER TABLE items REPLICA IDENTITY FULL")

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
        questions = ("SELECT * FROM items ORDER BY id", "SELECT pubname FROM pg_publication", _SLOTS)
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


_SLOTS = "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
