"""Signals: tables read again while their changes stream, pause and resume, a lost slot; each done once."""

from __future__ import annotations

import random

import psycopg
import pytest

from broker.intake.positions import read_stored
from broker.intake.signals import Request, send
from connectors.codes import UNKNOWN_SIGNAL
from connectors.postgresql import codes
from connectors.postgresql.position import parse
from connectors.protocol import Signal
from contracts.change import Op
from contracts.faults import Refused, Unavailable
from tests.intake_cases import count, told
from tests.integration.test_intake import asked, running  # noqa: F401
from tests.postgresql_cases import TABLE, Writer, connector, present_lsn, read_on, rows_of
from tests.servers import until

pytestmark = pytest.mark.integration


@pytest.fixture
def items(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(TABLE)
        session.execute("ALTER TABLE items REPLICA IDENTITY FULL")
        session.execute("INSERT INTO items (id, name) SELECT n, 'name ' || n FROM generate_series(1, 40) n")
    return database


def retold(changes: list) -> dict[int, dict]:
    """The table as the changes tell it, where a row may be read again: only as it already stands."""
    table: dict[int, dict] = {}
    reread = 0
    for change in changes:
        key = change.key.get("id")
        if change.op is Op.READ and key in table:
            assert table[key] == change.after, "a row went back in time"
            reread += 1
        elif change.op in (Op.CREATE, Op.READ):
            assert key not in table or change.op is Op.READ
            table[key] = change.after
        elif change.op is Op.UPDATE:
            assert key in table
            table[key] = change.after
        else:
            assert table.pop(key, None) is not None, "deleted twice, or never there"
    assert reread > 0
    return table


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_table_read_again_under_writes_and_crashes_loses_and_repeats_no_change(items: str, seed: int) -> None:
    source, changes = connector(items), []
    source.open(None)
    position = read_on(source, present_lsn(items), changes)
    first = len(changes)
    writers = [Writer(items, seed), Writer(items, seed + 100)]
    for writer in writers:
        writer.start()
    chooser = random.Random(seed)
    for turn in range(10):  # each ends with a crash: only the last position that was kept is told
        if turn in (0, 5):
            source.signal(Signal("snapshot", (("table", "items"),)))
        for _ in range(chooser.randrange(5, 40)):
            batch = source.poll(0.02)
            if batch is not None:
                changes += batch.changes
                position = batch.position
        source.close()
        source.open(position)
    for writer in writers:
        writer.finish()
    read_on(source, present_lsn(items), changes)
    source.close()
    assert retold(changes) == rows_of(items)
    assert sum(change.op is Op.READ for change in changes[first:]) > 5
    assert not any(progress.again for progress in source._assembler.place.tables.values())


def test_changes_beyond_the_chunk_are_given_while_a_table_is_read_again(items: str) -> None:
    source, changes = connector(items, chunk_rows=5), []
    source.open(None)
    read_on(source, present_lsn(items), changes)
    changes.clear()
    with psycopg.connect(items, autocommit=True) as session:
        source.signal(Signal("snapshot"))
        session.execute("DELETE FROM items WHERE id = 40")
        session.execute("UPDATE items SET name = 'new' WHERE id = 39")
        for _ in range(200):
            batch = source.poll(0.05)
            changes += batch.changes if batch is not None else ()
            if {change.op for change in changes} >= {Op.DELETE, Op.READ}:
                break
        session.execute("TRUNCATE items")
        session.execute("INSERT INTO items (id) VALUES (38)")
    read_on(source, present_lsn(items), changes)
    source.close()
    assert [change.key["id"] for change in changes if change.op is Op.DELETE] == [40]
    assert (changes[-1].op, changes[-1].key) in ((Op.CREATE, {"id": 38}), (Op.READ, {"id": 38}))
    truncate = next(place for place, change in enumerate(changes) if change.op is Op.TRUNCATE)
    assert {change.key["id"] for change in changes[truncate + 1 :]} == {38}


def test_unknown_signals_and_tables_are_refused(items: str) -> None:
    source = connector(items)
    for signal in (Signal("dance"), Signal("snapshot", (("table", "nowhere"),))):
        with pytest.raises(Refused) as refused:
            source.signal(signal)
        assert refused.value.faults[0].code is UNKNOWN_SIGNAL


def test_a_lost_slot_is_explained_and_a_snapshot_on_command_goes_on(items: str) -> None:
    source, changes = connector(items), []
    source.open(None)
    position = read_on(source, present_lsn(items), changes)
    source.close()
    with psycopg.connect(items, autocommit=True) as session:
        session.execute("SELECT pg_drop_replication_slot('concordat_store')")
        session.execute("UPDATE items SET name = 'unseen' WHERE id = 1")
    with pytest.raises(Unavailable) as lost:
        source.open(position)
    assert lost.value.faults[0].code is codes.SLOT_MISSING
    assert "signal NAME snapshot" in lost.value.faults[0].code.remedy
    source.signal(Signal("snapshot"))
    source.open(position)
    again: list = []
    position = read_on(source, present_lsn(items), again)
    source.close()
    assert {change.op for change in again} == {Op.READ}
    assert {change.key["id"]: change.after for change in again} == rows_of(items)
    source.open(position)
    assert parse(position).tables["items"].done
    source.close()


def _ask(kafka, asked: dict, identifier: str, name: str, **arguments: str) -> None:  # noqa: F811
    send(kafka, asked["name"], Request(identifier, name, arguments, 0))


def test_the_runtime_reads_again_once_for_each_identifier_with_dense_numbers(kafka, asked: dict) -> None:  # noqa: F811
    dataset = asked["dataset"]
    with running(kafka, asked) as failures:
        until(lambda: count(kafka, dataset) == 20)
        _ask(kafka, asked, "one", "snapshot", table=dataset)
        until(lambda: count(kafka, dataset) == 40)
        _ask(kafka, asked, "one", "snapshot", table=dataset)
        _ask(kafka, asked, "two", "dance")
        until(lambda: "two" in read_stored(kafka, asked["name"]).signals_done)
    _ask(kafka, asked, "three", "snapshot")
    with running(kafka, asked) as more:
        until(lambda: count(kafka, dataset) == 60)
        until(lambda: "three" in read_stored(kafka, asked["name"]).signals_done)
    with running(kafka, asked) as last, psycopg.connect(asked["dsn"], autocommit=True) as session:
        session.execute("DELETE FROM items WHERE id = 1")
        until(lambda: count(kafka, dataset) == 61)
    assert failures == more == last == []
    for partition in told(kafka, dataset):
        assert [one.envelope.source.sequence for one in partition] == list(range(len(partition)))
        assert all(one.envelope.op in (Op.READ, Op.DELETE) for one in partition)


def test_a_paused_connector_writes_nothing_until_it_is_resumed_even_after_a_restart(kafka, asked: dict) -> None:  # noqa: F811
    dataset = asked["dataset"]
    with running(kafka, asked) as failures:
        until(lambda: count(kafka, dataset) == 20)
        _ask(kafka, asked, "p", "pause")
        until(lambda: read_stored(kafka, asked["name"]).paused)
        with psycopg.connect(asked["dsn"], autocommit=True) as session:
            session.execute("UPDATE items SET name = 'later'")
    with running(kafka, asked) as more:
        _ask(kafka, asked, "unknown", "dance")
        until(lambda: "unknown" in read_stored(kafka, asked["name"]).signals_done)
        assert count(kafka, dataset) == 20
        _ask(kafka, asked, "r", "resume")
        until(lambda: count(kafka, dataset) == 40)
    assert failures == more == []
    assert not read_stored(kafka, asked["name"]).paused
