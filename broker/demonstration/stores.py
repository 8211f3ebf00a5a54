"""The two stores of the demonstration: real PostgreSQL databases, filled from `examples/data` and changed while it runs."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from broker.codes import EXAMPLES_MISSING
from broker.local_postgresql import LocalPostgresql
from contracts.faults import Unavailable

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
DATABASES = {"carriers": ("ports", "movements"), "borders": ("travellers", "crossings")}
FIRST_MOVEMENTS = 3000
"""Movements that are there before anything is connected; the rest happens while everything runs."""
FIRST_TRAVELLERS = 1400
RESIDENCES = ("resident", "temporary", "visitor")
BAD_CROSSING = "CR-BAD001"
"""Its document number is not one: the contract says nine digits."""

Row = dict[str, Any]


class Stores:
    """The databases `carriers` and `borders` on one server.

    `changes` counts, per dataset, the rows written since the start: with the first load, that many records a faithful
    connector puts on its source topic.
    """

    def __init__(self, server: LocalPostgresql) -> None:
        self._server = server
        self.changes: Counter[str] = Counter()
        self._rows = {name: list(_read(name)) for names in DATABASES.values() for name in names}
        self._open: dict[str, psycopg.Connection[Row]] = {}
        self._first_movements = {row["movement_id"] for row in self._rows["movements"][:FIRST_MOVEMENTS]}
        self._first_travellers = {row["reference"] for row in self._rows["travellers"][:FIRST_TRAVELLERS]}

    def make(self) -> None:
        """Make the databases and load what is there before anything is connected."""
        with psycopg.connect(self._server.dsn, autocommit=True) as connection:
            for database in DATABASES:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        for database, tables in DATABASES.items():
            opened = psycopg.Connection[Row].connect(self._server.dsn_of(database), row_factory=dict_row)
            self._open[database] = opened
            opened.execute((EXAMPLES / "stores" / f"{database}.sql").read_bytes())
            for table in tables:
                self._copy(opened, table, self._first(table))
            opened.commit()

    @property
    def leaver(self) -> str:
        """The reference of the traveller whom the demonstration follows: a resident at first."""
        return str(self._rows["travellers"][0]["reference"])

    def close(self) -> None:
        """Close the connections; the databases stay."""
        for connection in self._open.values():
            connection.close()

    def table(self, name: str) -> list[Row]:
        """Every row of a table as it is now."""
        connection = self._connection(name)
        found = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))).fetchall()
        connection.commit()
        return found

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows in one transaction."""
        connection = self._connection(table)
        self._copy(connection, table, rows)
        connection.commit()

    def update(self, table: str, key: str, value: str, **columns: Any) -> None:
        """Set columns of the row whose key column `key` is `value`."""
        names = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns)
        statement = sql.SQL("UPDATE {} SET {} WHERE {} = %s").format(sql.Identifier(table), names, sql.Identifier(key))
        self._change(table, statement, [*columns.values(), value])

    def delete(self, table: str, key: str, value: str) -> None:
        """Delete the row whose key column `key` is `value`."""
        statement = sql.SQL("DELETE FROM {} WHERE {} = %s").format(sql.Identifier(table), sql.Identifier(key))
        self._change(table, statement, [value])

    def steps(self) -> Iterator[str]:
        """Everything that happens while it runs, a step at a time; each gives what it did, for people."""
        chance = random.Random(20130104)  # noqa: S311 - the same changes every time
        movements = self._rows["movements"][FIRST_MOVEMENTS:]
        self.insert("movements", movements[:300])
        yield "300 more departures"
        self.insert("travellers", self._rows["travellers"][FIRST_TRAVELLERS:])
        yield "100 new travellers"
        later = [row for row in self._rows["crossings"] if not self._is_first("crossings", row)]
        self.insert("crossings", later[:400])
        yield "400 more crossings"
        known = [row["reference"] for row in self._rows["travellers"][1:]]  # the first one is followed by itself
        for reference in chance.sample(known, 120):
            self.update("travellers", "reference", reference, residence=chance.choice(RESIDENCES))
        yield "120 travellers change their residence"
        for reference in chance.sample(known, 60):
            self.update("travellers", "reference", reference, watch_note="moved")
        yield "60 notes that no department may see"
        self.insert("movements", movements[300:])
        self.insert("crossings", later[400:])
        yield f"{len(movements) - 300} more departures, {len(later) - 400} more crossings"
        for reference in chance.sample(known, 25):
            self.delete("travellers", "reference", reference)
        self.update("ports", "code", "LHR", name="London Heathrow Airport")
        self.delete("ports", "code", "ADX")
        yield "25 travellers erased, an airport renamed, one closed"

    def _first(self, table: str) -> list[Row]:
        return [row for row in self._rows[table] if self._is_first(table, row)]

    def _is_first(self, table: str, row: Mapping[str, Any]) -> bool:
        match table:
            case "movements":
                return row["movement_id"] in self._first_movements
            case "travellers":
                return row["reference"] in self._first_travellers
            case "crossings":
                known = row["movement_id"] in self._first_movements
                return known and row["traveller_reference"] in self._first_travellers
            case _:
                return True

    def _connection(self, table: str) -> psycopg.Connection[Row]:
        return self._open[next(name for name, tables in DATABASES.items() if table in tables)]

    def _copy(self, connection: psycopg.Connection[Row], table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        names = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
        with connection.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(list(row.values()))
        self.changes[table] += len(rows)

    def _change(self, table: str, statement: sql.Composed, values: Sequence[Any]) -> None:
        connection = self._connection(table)
        self.changes[table] += connection.execute(statement, values).rowcount
        connection.commit()


def _read(name: str) -> Iterator[Row]:
    """The rows of one file of the extract; an empty cell is null."""
    try:
        with (EXAMPLES / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield {column: text or None for column, text in row.items()}
    except FileNotFoundError as missing:
        raise Unavailable(EXAMPLES_MISSING.fault(f"{missing.filename} is not there")) from missing
