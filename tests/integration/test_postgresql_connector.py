"""The PostgreSQL connector on a real server: hand-over, resumption, identity, faults with their remedies."""

from __future__ import annotations

import random
import re
import time
from dataclasses import replace

import psycopg
import pytest

from connectors.codes import STORE_UNREACHABLE
from connectors.postgresql import codes
from connectors.postgresql.position import parse
from connectors.protocol import Position
from contracts.change import Op
from contracts.faults import Unavailable
from contracts.model import Field, FieldType, Kind, TypeName
from tests.postgresql_cases import TABLE, Writer, connector, contract, present_lsn, read_on, replay, rows_of

pytestmark = pytest.mark.integration


@pytest.fixture
def items(database: str) -> str:
    """A database with a table of 40 rows, REPLICA IDENTITY FULL."""
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(TABLE)
        session.execute("ALTER TABLE items REPLICA IDENTITY FULL")
        session.execute(
            "INSERT INTO items SELECT n, 'name ' || n, n / 3.0, now(), repeat('y', 3000), ARRAY['t'], 'code', n"
            " FROM generate_series(1, 40) n"
        )
    return database


def run(session: psycopg.Connection, *statements: str) -> None:
    for statement in statements:
        session.execute(statement)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_snapshot_under_writes_and_the_stream_after_it_equal_the_table(items: str, seed: int) -> None:
    writers = [Writer(items, seed), Writer(items, seed + 100)]
    for writer in writers:
        writer.start()
    source, changes, position = connector(items), [], None
    chooser = random.Random(seed)
    for _ in range(12):  # each a crash: nothing is told but the last position that was kept
        source.open(position)
        for _ in range(chooser.randrange(1, 25)):
            batch = source.poll(0.02)
            if batch is not None and chooser.random() < 0.9:
                changes += batch.changes
                position = batch.position
                if chooser.random() < 0.5:
                    source.durable(position)
            elif batch is not None:
                break  # this batch was not kept: it must come again
        source.close()
    for writer in writers:
        writer.finish()
    source.open(position)
    read_on(source, present_lsn(items), changes)
    source.close()
    assert replay(changes) == rows_of(items)
    assert {change.op for change in changes} >= {Op.READ, Op.CREATE, Op.UPDATE, Op.DELETE}
    assert not any(change.unavailable or change.problem for change in changes)


def test_a_transaction_larger_than_a_batch_is_cut_and_resumed_inside(items: str) -> None:
    source, changes = connector(items, batch_changes_max=50, chunk_rows=1000), []
    source.open(None)
    position = read_on(source, present_lsn(items), changes)
    with psycopg.connect(items) as session:
        session.execute("INSERT INTO items SELECT n, 'big', 1 FROM generate_series(1001, 3000) n")
    batches = 0
    while batches < 3:
        batch = source.poll(0.1)
        if batch is not None:
            batches += 1
            changes += batch.changes
            position = batch.position
    source.close()
    assert '"partial"' in position.text
    source.open(position)
    read_on(source, present_lsn(items), changes)
    source.close()
    assert replay(changes) == rows_of(items)


def test_a_large_transaction_during_the_snapshot_is_read_to_its_end(items: str) -> None:
    source, changes = connector(items, batch_changes_max=500), []
    source.open(None)
    for _ in range(4):
        batch = source.poll(0.05)
        changes += batch.changes if batch is not None else ()
    with psycopg.connect(items) as session:
        session.execute("INSERT INTO items (id, large) SELECT n, repeat('z', 1500) FROM generate_series(-4000, -1) n")
    read_on(source, present_lsn(items), changes)
    source.close()
    assert replay(changes) == rows_of(items)


def test_every_kind_of_change(items: str) -> None:
    source, changes = connector(items), []
    source.open(None)
    read_on(source, present_lsn(items), changes)
    assert {change.op for change in changes} == {Op.READ}
    changes.clear()
    with psycopg.connect(items, autocommit=True) as session:
        run(
            session,
            "UPDATE items SET id = 100 WHERE id = 1",
            "UPDATE items SET name = 'new' WHERE id = 2",
            "DELETE FROM items WHERE id = 3",
            "INSERT INTO items (id, amount) VALUES (200, 'NaN')",
            "TRUNCATE items",
        )
    read_on(source, present_lsn(items), changes)
    source.close()
    assert [(change.op, change.key) for change in changes] == [
        (Op.DELETE, {"id": 1}),
        (Op.CREATE, {"id": 100}),
        (Op.UPDATE, {"id": 2}),
        (Op.DELETE, {"id": 3}),
        (Op.CREATE, {"id": 200}),
        (Op.TRUNCATE, {}),
    ]
    assert changes[1].after["large"] == "y" * 3000, "an unchanged large value is taken from the old row"
    assert changes[2].before["name"] == "name 2"
    assert changes[4].problem == "amount: a number that is not finite"
    assert changes[4].after["place"] is None
    assert len({change.transaction for change in changes}) == 5
    assert [change.position.text for change in changes] == sorted(change.position.text for change in changes)


def test_without_full_identity_an_unchanged_large_value_is_unavailable_and_refused_for_entities(items: str) -> None:
    with psycopg.connect(items, autocommit=True) as session:
        run(
            session,
            "ALTER TABLE items REPLICA IDENTITY DEFAULT",
            "UPDATE items SET large = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) n)",
        )
        report = connector(items).check()
        assert [fault.code for fault in report.faults] == [codes.TOAST_UNAVAILABLE]
        assert "large" in report.faults[0].message
        assert report.remedies == ('ALTER TABLE "public"."items" REPLICA IDENTITY FULL;',)
        source, changes = connector(items, [contract(kind=Kind.EVENT)]), []
        source.open(None)
        read_on(source, present_lsn(items), changes)
        changes.clear()
        run(session, "UPDATE items SET name = 'x' WHERE id = 1", "DELETE FROM items WHERE id = 2")
        read_on(source, present_lsn(items), changes)
        source.close()
    assert changes[0].unavailable == ("large",)
    assert changes[0].after["large"] is None
    assert (changes[1].op, changes[1].key, changes[1].before) == (Op.DELETE, {"id": 2}, None)


@pytest.mark.parametrize("where", ["another table", "another database"])
def test_an_idle_table_does_not_pin_the_log(items: str, where: str) -> None:
    source = connector(items, heartbeat_seconds=0.2)
    source.open(None)
    read_on(source, present_lsn(items), [])
    elsewhere = items if where == "another table" else re.sub("dbname=[^ ]+", "dbname=postgres", items)
    with psycopg.connect(items, autocommit=True) as session, psycopg.connect(elsewhere, autocommit=True) as other:
        run(
            other, "CREATE TABLE other (n int)", "INSERT INTO other SELECT generate_series(1, 1000)", "DROP TABLE other"
        )
        target = session.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()[0]
        limit = time.monotonic() + 30
        while confirmed(session) < target:
            batch = source.poll(0.1)
            if batch is not None:
                assert batch.changes == ()
                source.durable(batch.position)
            assert time.monotonic() < limit
    source.close()


def confirmed(session: psycopg.Connection) -> int:
    slot = "SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE slot_name = 'concordat_store'"
    return int(session.execute(slot).fetchone()[0])


def test_what_is_not_durable_is_not_confirmed(items: str) -> None:
    source = connector(items)
    source.open(None)
    read_on(source, present_lsn(items), [])
    with psycopg.connect(items, autocommit=True) as session:
        run(session, "UPDATE items SET name = 'z'")
        batch = None
        while batch is None or not batch.changes:
            batch = source.poll(0.1)
        for _ in range(12):
            source.poll(0.1)  # more than a second: the regular status is sent meanwhile
        told = confirmed(session)
        source.close()
        assert told < parse(batch.position).lsn


def test_faults_say_what_to_do(items: str) -> None:
    with psycopg.connect(items, autocommit=True) as session:
        run(session, "DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
        try:
            base = items.replace("user=concordat", "user=clerk").split(" passfile")[0]
            wrong = connector(base + " passfile=/nowhere").check()
            assert wrong.faults[0].code is codes.STORE_REFUSES
            nowhere = connector("host=127.0.0.1 port=1 user=x dbname=x").check()
            assert nowhere.faults[0].code is STORE_UNREACHABLE
        finally:
            run(session, "DROP ROLE clerk")
        run(session, "ALTER TABLE items DROP COLUMN tags", "ALTER TABLE items ALTER COLUMN place_rank TYPE text")
    report = connector(items).check()
    assert [fault.code for fault in report.faults] == [codes.TABLE_MISFIT, codes.TABLE_MISFIT]
    assert "tags" in report.faults[0].message
    missing = connector(items, tables={"items": "other.place"}).check()
    assert [fault.code for fault in missing.faults] == [codes.TABLE_MISSING]


def test_least_privilege_is_printed_as_statements_that_work(items: str, tmp_path) -> None:
    password = tmp_path / "password"
    password.write_text("clerk-password\n")
    with psycopg.connect(items, autocommit=True) as owner:
        run(owner, "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN PASSWORD 'clerk-password'")
        try:
            dsn = items.replace("user=concordat", "user=reader").split(" passfile")[0]
            source = connector(dsn, password_file=password)
            report = source.check()
            assert [fault.code for fault in report.faults] == [
                codes.PRIVILEGE_MISSING,
                codes.PRIVILEGE_MISSING,
                codes.PUBLICATION_WRONG,
            ]
            run(owner, *report.remedies)
            assert source.check().passed
            changes: list = []
            source.open(None)
            read_on(source, present_lsn(items), changes)
            source.close()
            assert replay(changes) == rows_of(items)
        finally:
            run(owner, "DROP OWNED BY reader", "DROP ROLE reader")


def test_positions_of_another_history_are_refused(items: str) -> None:
    source = connector(items)
    source.open(None)
    position = read_on(source, present_lsn(items), [])
    source.close()
    with psycopg.connect(items, autocommit=True) as session:
        elsewhere = Position(position.text.replace('"timeline":1', '"timeline":7'))
        with pytest.raises(Unavailable) as other:
            source.open(elsewhere)
        assert other.value.faults[0].code is codes.OTHER_SERVER
        run(session, "UPDATE items SET name = 'q'")
        present_lsn(items)
        session.execute("SELECT pg_replication_slot_advance('concordat_store', pg_current_wal_lsn())")
        with pytest.raises(Unavailable) as ahead:
            source.open(position)
        assert ahead.value.faults[0].code is codes.SLOT_AHEAD
        session.execute("SELECT pg_drop_replication_slot('concordat_store')")
        with pytest.raises(Unavailable) as gone:
            source.open(position)
        assert gone.value.faults[0].code is codes.SLOT_MISSING
    source.close()


def test_a_slot_held_by_another_is_refused_and_by_our_own_is_waited_for(items: str) -> None:
    holder = connector(items)
    holder.open(None)
    position = read_on(holder, present_lsn(items), [])
    own = connector(items, slot_wait_seconds=0.5)
    with pytest.raises(Unavailable) as waited:
        own.open(position)
    assert waited.value.faults[0].code is codes.SLOT_HELD
    assert "still" in str(waited.value)
    other = connector(items, name="other", slot="concordat_store", slot_wait_seconds=30)
    started = time.monotonic()
    with pytest.raises(Unavailable) as held:
        other.open(position)
    assert held.value.faults[0].code is codes.SLOT_HELD
    assert "concordat/store" in str(held.value)
    assert time.monotonic() - started < 5
    for source in (holder, own, other):
        source.close()


@pytest.mark.parametrize("form", ["binary", "text"])
def test_keys_of_infinite_and_ancient_days_are_read_once_each(database: str, form: str) -> None:
    days = ["-infinity", "4713-01-01 BC", "0001-12-31 BC", "0001-01-01", "1999-12-31", "2000-01-01", "294000-12-31"]
    days.append("infinity")
    types = (TypeName.STRING, TypeName.STRING) if form == "text" else (TypeName.DATE, TypeName.TIMESTAMP)
    fields = tuple(
        Field(name, FieldType(type_), required=True) for name, type_ in zip(("day", "moment"), types, strict=True)
    )
    made = replace(contract(kind=Kind.EVENT), key=("day", "moment"), fields=fields)
    with psycopg.connect(database, autocommit=True) as session:
        run(session, "CREATE TABLE items (day date, moment timestamptz, PRIMARY KEY (day, moment))")
        for day in days[::2]:
            session.execute("INSERT INTO items VALUES (%s, %s)", [day, day])
        source, changes = connector(database, [made], chunk_rows=1), []
        source.open(None)
        while not changes:
            batch = source.poll(0.1)
            changes += () if batch is None else batch.changes
        for day in days[1::2]:
            session.execute("INSERT INTO items VALUES (%s, %s)", [day, day])
        read_on(source, present_lsn(database), changes)
        source.close()
    assert len(changes) == len(days)
    if form == "text":
        assert sorted(change.key["day"] for change in changes) == sorted(days)
    assert sum(change.problem is not None for change in changes) == (0 if form == "text" else 5)
