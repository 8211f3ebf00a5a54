"""What the tests of the PostgreSQL connector share: a contract, its table, a writing load, and a replay of changes."""

from __future__ import annotations

import random
import threading
from decimal import Decimal

import psycopg

from connectors.postgresql import PostgresqlConnector
from connectors.postgresql.options import PostgresqlOptions
from connectors.protocol import Change, Position
from contracts.change import Op
from contracts.model import Contract, Field, FieldType, Kind, TypeName

TABLE = """
CREATE TABLE items (
    id int PRIMARY KEY, name text, amount numeric(8, 2), seen timestamptz, large text, tags text[], place_code text, place_rank int
)
"""


def contract(dataset="items", kind=Kind.ENTITY, key=("id",), store="store") -> Contract:
    text = FieldType(TypeName.STRING)
    place = FieldType(
        TypeName.RECORD,
        fields=(Field("code", text), Field("rank", FieldType(TypeName.INTEGER))),
    )
    return Contract(
        dataset=dataset,
        version=(1, 0, 0),
        kind=kind,
        classification="OFFICIAL",
        owner="owner",
        store=store,
        name=dataset,
        key=key,
        fields=(
            Field("id", FieldType(TypeName.INTEGER), required=True),
            Field("name", text),
            Field("amount", FieldType(TypeName.DECIMAL, precision=8, scale=2)),
            Field("seen", FieldType(TypeName.TIMESTAMP)),
            Field("large", text),
            Field("tags", FieldType(TypeName.ARRAY, items=text, items_required=False)),
            Field("place", place),
        ),
    )


def connector(dsn: str, contracts=None, name="store", **options) -> PostgresqlConnector:
    wanted = PostgresqlOptions(dsn=dsn, **{"chunk_rows": 7, "slot_wait_seconds": 10, **options})
    return PostgresqlConnector(name, wanted, contracts or [contract()])


def rows_of(dsn: str, table: str = "items") -> dict[int, dict]:
    """The table as the contract sees it; read by another way than the connector's."""
    with psycopg.connect(dsn) as session:
        found = session.execute(f"SELECT id, name, amount, seen, large, tags, place_code, place_rank FROM {table}")
        return {row[0]: shaped(row) for row in found}


def shaped(row: tuple) -> dict:
    code, rank = row[6:]
    place = None if code is None and rank is None else {"code": code, "rank": rank}
    named = zip(("id", "name", "amount", "seen", "large", "tags"), row, strict=False)
    return {**dict(named), "place": place}


def replay(changes: list[Change]) -> dict[int, dict]:
    """The table as the changes tell it; every change must fit the state it meets (each change once)."""
    table: dict[int, dict] = {}
    for change in changes:
        key = change.key.get("id")
        if change.op in (Op.CREATE, Op.READ):
            assert key not in table, f"{change.op} of {key}, which is there already"
            table[key] = change.after
        elif change.op is Op.UPDATE:
            assert key in table, f"update of {key}, which is not there"
            table[key] = change.after
        elif change.op is Op.DELETE:
            assert key in table, f"delete of {key}, which is not there"
            del table[key]
        else:
            table.clear()
    return table


def read_on(source: PostgresqlConnector, until: int, changes: list[Change]) -> Position:
    """Poll until the stream has passed LSN `until` and the snapshot is done."""
    position = None
    for _ in range(5000):
        batch = source.poll(0.05)
        if batch is not None:
            changes += batch.changes
            position = batch.position
            source.durable(position)
        place = source._assembler.place
        if (
            not place.in_snapshot
            and not source._queue
            and source._assembler.settled
            and source._assembler._lsn >= until
        ):
            return position or place.position()
    raise AssertionError("the stream did not arrive")


def present_lsn(dsn: str) -> int:
    """Where the server is now, with a record after it, so that the stream passes it soon."""
    with psycopg.connect(dsn, autocommit=True) as session:
        row = session.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
        session.execute("SELECT pg_logical_emit_message(true, 'test', 'mark')")
        return int(row[0])


class Writer(threading.Thread):
    """Inserts, updates, key changes, deletes and large values until told to stop; survives the server's death."""

    def __init__(self, dsn: str, seed: int, keys=range(1, 60), pause_seconds=0.002) -> None:
        super().__init__(daemon=True)
        self._dsn, self._random, self._keys = dsn, random.Random(seed), keys
        self.stopping = threading.Event()
        self._pause_seconds = pause_seconds
        self.transactions = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                with psycopg.connect(self._dsn, connect_timeout=2) as session:
                    while not self.stopping.is_set():
                        with session.transaction():
                            for _ in range(self._random.choice((1, 1, 1, 3, 3, 40))):
                                self._write(session)
                        self.transactions += 1
                        self.stopping.wait(self._pause_seconds)
            except psycopg.Error:
                self.stopping.wait(0.05)

    def _write(self, session: psycopg.Connection) -> None:
        chance, key = self._random.random(), self._random.choice(self._keys)
        large = "x" * self._random.choice((0, 10, 9000)) + str(self._random.random())
        if chance < 0.45:
            session.execute(
                "INSERT INTO items VALUES (%s, %s, %s, now(), %s, ARRAY['a', NULL, 'b c'], %s, 3) ON CONFLICT (id) DO UPDATE"
                " SET name = excluded.name, amount = excluded.amount",
                [key, f"né {self._random.random()}", Decimal(self._random.randrange(10**6)) / 100, large, "c"],
            )
        elif chance < 0.65:
            session.execute("UPDATE items SET amount = amount + 1 WHERE id = %s", [key])
        elif chance < 0.75:
            other = self._random.choice(self._keys)
            session.execute(
                "UPDATE items SET id = %s WHERE id = %s AND NOT EXISTS (SELECT FROM items WHERE id = %s)",
                [other, key, other],
            )
        elif chance < 0.85:
            session.execute(
                "UPDATE items SET large = %s, place_code = NULL, place_rank = NULL WHERE id = %s", [large, key]
            )
        else:
            session.execute("DELETE FROM items WHERE id = %s", [key])

    def finish(self) -> None:
        self.stopping.set()
        self.join(20)
        assert not self.is_alive()
