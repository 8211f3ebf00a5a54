"""DDL while the connector runs, partitioned tables, and publications and slots that others made."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from connectors.postgresql import codes
from contracts.change import Op
from contracts.faults import Refused, Unavailable
from tests.postgresql_cases import TABLE, connector, contract, present_lsn, read_on, replay, rows_of

pytestmark = pytest.mark.integration


@pytest.fixture
def items(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(TABLE)
        session.execute("ALTER TABLE items REPLICA IDENTITY FULL")
        session.execute("INSERT INTO items (id, name) SELECT n, 'name ' || n FROM generate_series(1, 10) n")
    return database


CHANGES = {
    "dropped": ("ALTER TABLE items DROP COLUMN tags", "tags"),
    "renamed": ("ALTER TABLE items RENAME COLUMN name TO title", "name"),
    "type": ("ALTER TABLE items ALTER COLUMN place_rank TYPE text", "place_rank"),
    "table": ("ALTER TABLE items RENAME TO things", "things"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_by_default_a_change_that_does_not_fit_stops_the_connector(items: str, what: str) -> None:
    statement, named = CHANGES[what]
    source, changes = connector(items), []
    source.open(None)
    read_on(source, present_lsn(items), changes)
    with psycopg.connect(items, autocommit=True) as session:
        session.execute("UPDATE items SET name = 'before' WHERE id = 1")
        session.execute(statement)
        session.execute(f"DELETE FROM {'things' if what == 'table' else 'items'} WHERE id = 2")
    with pytest.raises(Refused) as refused:
        read_on(source, present_lsn(items), changes)
    source.close()
    assert refused.value.faults[0].code is codes.TABLE_MISFIT
    assert named in str(refused.value)


@pytest.mark.parametrize("what", CHANGES)
def test_by_choice_its_rows_are_quarantined_until_it_fits_again(items: str, what: str) -> None:
    statement, named = CHANGES[what]
    table = "things" if what == "table" else "items"
    source, changes = connector(items, on_schema_change="quarantine"), []
    source.open(None)
    position = read_on(source, present_lsn(items), changes)
    changes.clear()
    with psycopg.connect(items, autocommit=True) as session:
        session.execute(statement)
        session.execute(f"UPDATE {table} SET amount = 7 WHERE id = 1")
        session.execute(f"DELETE FROM {table} WHERE id = 2")
        position = read_on(source, present_lsn(items), changes)
        assert [(change.op, change.key) for change in changes] == [(Op.UPDATE, {"id": 1}), (Op.DELETE, {"id": 2})]
        assert named in changes[0].problem
        assert (changes[1].problem, changes[1].before) == (None, None), "that a row is gone is certain"
        if what != "table":  # a table that is not there cannot be opened
            source.close()
            source.open(position)
        back = {
            "dropped": "ALTER TABLE items ADD COLUMN tags text[]",
            "renamed": "ALTER TABLE items RENAME COLUMN title TO name",
            "type": "ALTER TABLE items ALTER COLUMN place_rank TYPE int USING 3",
            "table": "ALTER TABLE things RENAME TO items",
        }[what]
        session.execute(back)
        session.execute("UPDATE items SET amount = 8 WHERE id = 1")
        read_on(source, present_lsn(items), changes)
    source.close()
    assert changes[-1].problem is None
    assert changes[-1].after == rows_of(items)[1]


def test_a_key_that_is_gone_leaves_rows_without_key_and_a_first_start_refuses(items: str) -> None:
    source, changes = connector(items, on_schema_change="quarantine"), []
    source.open(None)
    read_on(source, present_lsn(items), changes)
    with psycopg.connect(items, autocommit=True) as session:
        session.execute("ALTER TABLE items RENAME COLUMN id TO number")
        session.execute("UPDATE items SET name = 'x' WHERE number = 1")
    read_on(source, present_lsn(items), changes)
    source.close()
    assert changes[-1].key == {"id": None}
    with pytest.raises(Unavailable):
        connector(items, name="new", on_schema_change="quarantine").open(None)


def test_new_columns_and_wider_types_are_carried_on(items: str) -> None:
    source, changes = connector(items), []
    source.open(None)
    read_on(source, present_lsn(items), changes)
    with psycopg.connect(items, autocommit=True) as session:
        session.execute("ALTER TABLE items ADD COLUMN extra text DEFAULT 'e', ALTER COLUMN place_rank TYPE bigint")
        session.execute("UPDATE items SET place_rank = 5 WHERE id = 1")
        session.execute("INSERT INTO items (id) VALUES (50)")
    read_on(source, present_lsn(items), changes)
    source.close()
    assert replay(changes) == rows_of(items)


def test_a_type_that_changes_during_the_snapshot_is_not_misread(items: str) -> None:
    source, changes = connector(items, chunk_rows=3), []
    source.open(None)
    while not changes:
        batch = source.poll(0.05)
        changes += batch.changes if batch is not None else ()
    position = batch.position
    with psycopg.connect(items, autocommit=True) as session:
        session.execute("UPDATE items SET place_rank = 4")
        session.execute("ALTER TABLE items ALTER COLUMN place_rank TYPE smallint")
    kept = []

    def go_on() -> None:
        for _ in range(100):
            batch = source.poll(0.05)
            if batch is not None:
                kept.append(batch)

    with pytest.raises(Unavailable) as away:
        go_on()
    changes += [change for batch in kept for change in batch.changes]
    position = kept[-1].position if kept else position
    assert away.value.faults[0].code is codes.TABLE_MISFIT
    source.open(position)
    read_on(source, present_lsn(items), changes)
    source.close()
    assert replay(changes) == rows_of(items)


PARTITIONED = """
CREATE TABLE items (id int PRIMARY KEY, name text, amount numeric(8, 2), seen timestamptz, large text, tags text[],
                    place_code text, place_rank int) PARTITION BY RANGE (id);
CREATE TABLE items_low PARTITION OF items FOR VALUES FROM (0) TO (100);
CREATE TABLE items_high PARTITION OF items FOR VALUES FROM (100) TO (1000);
INSERT INTO items (id, name) SELECT n * 10, 'n' FROM generate_series(1, 20) n;
"""


@pytest.mark.parametrize("by_others", [False, True])
def test_a_partitioned_table_is_one_dataset(database: str, *, by_others: bool) -> None:
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(PARTITIONED)
        options = {}
        if by_others:
            session.execute("CREATE PUBLICATION theirs FOR TABLE items")
            session.execute("SELECT pg_create_logical_replication_slot('their_slot', 'pgoutput')")
            options = {"manage": False, "publication": "theirs", "slot": "their_slot"}
        source, changes = connector(database, **options), []
        report = source.check()
        expected = [codes.TOAST_UNAVAILABLE, *([codes.PUBLICATION_WRONG] if by_others else [])]
        assert [fault.code for fault in report.faults] == expected
        for statement in report.remedies:
            session.execute(statement)
        assert source.check().passed, "the statements mend it"
        source.open(None)
        read_on(source, present_lsn(database), changes)
        session.execute("UPDATE items SET id = id + 495 WHERE id = 10")
        session.execute("UPDATE items SET name = 'm' WHERE id = 200")
        session.execute("DELETE FROM items WHERE id = 20")
        session.execute("CREATE TABLE items_more PARTITION OF items FOR VALUES FROM (1000) TO (2000)")
        session.execute("INSERT INTO items (id) VALUES (1500)")
        read_on(source, present_lsn(database), changes)
        source.close()
    assert replay(changes) == rows_of(database)
    assert {change.dataset for change in changes} == {"items"}


def test_a_slot_of_another_plugin_and_a_publication_of_some_kinds_are_refused_with_what_mends_them(items: str) -> None:
    with psycopg.connect(items, autocommit=True) as session:
        session.execute("CREATE PUBLICATION theirs FOR TABLE items WITH (publish = 'insert')")
        session.execute("SELECT pg_create_logical_replication_slot('their_slot', 'test_decoding')")
        source = connector(items, manage=False, publication="theirs", slot="their_slot")
        report = source.check()
        assert [fault.code for fault in report.faults] == [codes.PUBLICATION_WRONG, codes.SLOT_WRONG]
        assert report.remedies == ("ALTER PUBLICATION \"theirs\" SET (publish = 'insert, update, delete, truncate');",)
        both = [contract(), replace(contract("others"), store="store")]
        other = connector(
            items, both, manage=False, publication="theirs", slot="none", tables={"others": "public.more"}
        )
        session.execute("CREATE TABLE more (LIKE items INCLUDING ALL)")
        session.execute("ALTER TABLE more REPLICA IDENTITY FULL")
        missing = other.check()
    assert missing.remedies == (
        'ALTER PUBLICATION "theirs" ADD TABLE "public"."more";',
        "SELECT pg_create_logical_replication_slot('none', 'pgoutput');",
    )
