"""A connector for SQLite: triggers note every change in a log table, and the connector reads the log.

A position is the log's sequence number as text.  `durable` deletes what it covers: the log stays small.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from connectors import Away, Batch, Change, CheckReport, Code, Contract, Op, Options, Position, Refused, Signal

LOG = "concordat_changes"
AWAY = Code(
    "SQL-001", "the database cannot be read", "SQLite says why", "nothing is read", "see that the file is there"
)
NO_LOG = Code("SQL-002", "the log is not set up", "a trigger is missing", "nothing is read", "run what `check` prints")
GAP = Code("SQL-003", "changes are missing", "the log was cut", "nothing is read", "begin again under another name")
NO_SIGNAL = Code("SQL-004", "no such signal", "it takes none", "nothing changed", "send none")


class SqliteOptions(Options):
    """Where the database is, and how much is read at once."""

    path: Path
    """The database file."""
    batch_changes: int = Field(default=1_000, ge=1)
    """How many changes of the log make one batch."""


class SqliteConnector:
    """Reads the tables of one SQLite database, one per contract, each named like its dataset (`-` as `_`)."""

    name: ClassVar[str] = "sqlite"
    description: ClassVar[str] = "SQLite, by triggers that keep a log"
    options_model: ClassVar[type[Options]] = SqliteOptions
    conformance_harness: ClassVar[str] = "sqlite_connector.harness:SqliteHarness"

    def __init__(self, _name: str, options: Options, contracts: Sequence[Contract]) -> None:
        assert isinstance(options, SqliteOptions)
        self._options = options
        self._contracts = {contract.dataset: contract for contract in contracts}
        self._database: sqlite3.Connection | None = None
        self._read = 0

    def check(self) -> CheckReport:
        """Whether the log and its triggers are there; the SQL that makes what is missing."""
        try:
            database = sqlite3.connect(f"file:{self._options.path}?mode=ro", uri=True)
            with contextlib.closing(database):
                there = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        except sqlite3.Error as error:
            return CheckReport((AWAY.fault(str(error)),))
        wanted = [(LOG, _LOG_TABLE), *(one for contract in self._contracts.values() for one in _triggers(contract))]
        missing = [(name, statement) for name, statement in wanted if name not in there]
        faults = tuple(NO_LOG.fault(name) for name, _ in missing)
        return CheckReport(faults, tuple(statement for _, statement in missing))

    def discover(self) -> Sequence[str]:
        """No drafts: SQLite's columns have no types to speak of."""
        return ()

    def open(self, position: Position | None) -> None:
        """Continue after `position`; raises `Refused` when the log does not have the change after it."""
        self.close()
        report = self.check()
        if not report.passed:
            raise Refused(*report.faults)
        self._read = 0 if position is None else int(position.text)
        self._database = sqlite3.connect(self._options.path, isolation_level=None)
        given = f"(SELECT coalesce(max(seq), 0) AS last FROM sqlite_sequence WHERE name = '{LOG}')"
        [(first, last)] = self._rows(f"SELECT coalesce(min(sequence), last + 1), last FROM {given} LEFT JOIN {LOG}")
        if not first - 1 <= self._read <= last:
            raise Refused(GAP.fault(f"read up to {self._read}, the log has {first} to {last}"))

    def poll(self, timeout_seconds: float) -> Batch | None:
        """The next rows of the log."""
        end = time.monotonic() + timeout_seconds
        statement = f"SELECT * FROM {LOG} WHERE sequence > ? ORDER BY sequence LIMIT ?"
        while not (rows := self._rows(statement, self._read, self._options.batch_changes)):
            if time.monotonic() >= end:
                return None
            time.sleep(min(0.02, max(0.0, end - time.monotonic())))
        self._read = rows[-1][0]
        changes = [change for row in rows for change in self._changes(*row)]
        return Batch(tuple(changes), Position(str(self._read)))

    def durable(self, position: Position) -> None:
        """Forget what is safe."""
        self._rows(f"DELETE FROM {LOG} WHERE sequence <= ?", int(position.text))

    def signal(self, signal: Signal) -> None:
        """Takes none."""
        raise Refused(NO_SIGNAL.fault(signal.name))

    def close(self) -> None:
        """Close the database."""
        if self._database is not None:
            self._database.close()
        self._database = None

    def _changes(self, sequence: int, dataset: str, at: float, before: str | None, after: str | None) -> list[Change]:
        """The changes of one row of the log: two where the key has changed."""
        old, new = (None if text is None else json.loads(text) for text in (before, after))
        names = self._contracts[dataset].key
        when, position = datetime.fromtimestamp(at, UTC), Position(str(sequence))

        def change(op: Op, row: dict[str, Any], was: Any, now: Any) -> Change:
            return Change(dataset, op, {name: row[name] for name in names}, was, now, position, when)

        if old and new and any(old[name] != new[name] for name in names):
            return [change(Op.DELETE, old, old, None), change(Op.CREATE, new, None, new)]
        if new:
            return [change(Op.UPDATE if old else Op.CREATE, new, old, new)]
        return [change(Op.DELETE, old, old, None)]

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        assert self._database is not None
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            raise Away(AWAY.fault(str(error))) from error


_LOG_TABLE = f"CREATE TABLE {LOG} (sequence INTEGER PRIMARY KEY AUTOINCREMENT, dataset, at REAL, before, after)"
_NOW = "(julianday('now') - 2440587.5) * 86400.0"


def _triggers(contract: Contract) -> list[tuple[str, str]]:
    """The triggers that note a table's changes, and the rows that are there already as the first of them."""
    table = contract.dataset.replace("-", "_")
    images = {row: ", ".join(f"'{f.name}', {row}.{f.name}" for f in contract.fields) for row in ("OLD", "NEW", table)}
    found = []
    for event, before, after in (("INSERT", None, "NEW"), ("UPDATE", "OLD", "NEW"), ("DELETE", "OLD", None)):
        name = f"concordat_{table}_{event.lower()}"
        values = [f"json_object({images[row]})" if row else "NULL" for row in (before, after)]
        note = f"INSERT INTO {LOG} (dataset, at, before, after) SELECT '{contract.dataset}', {_NOW},"
        statement = f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {note} {', '.join(values)}; END;"
        backfill = f" {note} NULL, json_object({images[table]}) FROM {table};" if event == "INSERT" else ""
        found.append((name, statement + backfill))
    return found
