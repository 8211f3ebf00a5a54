"""The store that the conformance kit uses to prove the SQLite connector."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.conformance import EVERYTHING, Capability, Harness, Write

from .connector import SqliteConnector


class SqliteHarness(Harness):
    """One database file.  It has no server to restart, and its triggers keep a contracted column from being dropped."""

    connector = SqliteConnector
    capabilities = EVERYTHING - {Capability.DROPPED_COLUMN, Capability.RESTART}
    patience_seconds = 1.0
    quiet_seconds = 0.03

    def start(self) -> None:
        """The table, and the log that `check` asks for."""
        self._execute("PRAGMA journal_mode = WAL")
        self._execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, large TEXT)")
        for statement in self.connect(self.options()).check().remedies:
            self._execute(statement)

    def options(self) -> Mapping[str, Any]:
        """Four changes of the log in a batch."""
        return {"path": str(self.directory / "items.db"), "batch_changes": 4}

    def write(self, writes: Sequence[Write]) -> None:
        """One transaction."""
        with contextlib.closing(self._database()) as database, database:
            for write in writes:
                _write(database, write)

    def add_column(self) -> None:
        """A column with a value in every row."""
        self._execute("ALTER TABLE items ADD COLUMN extra TEXT DEFAULT 'extra'")

    def fingerprint(self) -> object:
        """Everything in the database; its files change when it is only read."""
        with contextlib.closing(self._database()) as database:
            return list(database.iterdump())

    def _execute(self, statement: str) -> None:
        with contextlib.closing(self._database()) as database:
            database.executescript(statement)

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.directory / "items.db")


def _write(database: sqlite3.Connection, write: Write) -> None:
    if write.was is None:
        database.execute("INSERT INTO items (id, name, large) VALUES (:id, :name, :large)", write.row)
    elif write.row is None:
        database.execute("DELETE FROM items WHERE id = ?", [write.key])
    else:
        names = ", ".join(f"{name} = ?" for name in write.changed)
        database.execute(f"UPDATE items SET {names} WHERE id = ?", [*write.changed.values(), write.key])
