"""The intake on real servers: changes and position in one transaction, quarantine with dense sequences, one writer."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psycopg
import pytest

from broker.cluster.reader import Reader
from broker.delivery.quarantine import KeySealer, Quarantined, reveal
from broker.intake import codes
from broker.intake.configuration import Configuration
from broker.intake.positions import read_stored
from broker.intake.targets import entries
from broker.keys import FileKeys
from connectors.postgresql import PostgresqlConnector
from connectors.postgresql.options import PostgresqlOptions
from contracts import topics
from contracts.change import Op
from contracts.faults import Refused, Unavailable
from tests.intake_cases import PARTITIONS, count, make_topics, replayed, told
from tests.intake_child import intake, snapshot_of
from tests.postgresql_cases import TABLE, rows_of
from tests.servers import unique, until

pytestmark = pytest.mark.integration


@pytest.fixture
def asked(database: str, kafka, tmp_path) -> dict:
    name = unique("store")
    make_topics(kafka, name)
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(TABLE)
        session.execute("ALTER TABLE items REPLICA IDENTITY FULL")
        session.execute("INSERT INTO items (id, name) SELECT n, 'name ' || n FROM generate_series(1, 20) n")
    options = {"chunk_rows": 6, "slot_wait_seconds": 60, "heartbeat_seconds": 1}
    return {"dsn": database, "dataset": name, "name": name, "keys": str(tmp_path / "keys"), "options": options}


@contextmanager
def running(kafka, asked: dict):
    """The connector in a thread; its failure, if any, is in the list."""
    stopping, ready, failures = threading.Event(), threading.Event(), []

    def work() -> None:
        try:
            intake(kafka, asked).run(stopping, ready=ready.set)
        except Exception as failure:  # noqa: BLE001
            failures.append(failure)
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(90)
    try:
        yield failures
    except AssertionError as late:
        late.add_note(f"the connector said: {failures}")
        raise
    finally:
        stopping.set()
        thread.join(90)
        assert not thread.is_alive()


def test_snapshot_changes_and_restart(kafka, asked: dict) -> None:
    dataset, dsn = asked["dataset"], asked["dsn"]
    with running(kafka, asked) as failures:
        until(lambda: count(kafka, dataset) == 20)
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("UPDATE items SET id = 50 WHERE id = 1")
        session.execute("DELETE FROM items WHERE id = 2")
        session.execute("UPDATE items SET name = 'new' WHERE id = 3")
    with running(kafka, asked) as more:
        until(lambda: count(kafka, dataset) == 24)
    partitions = told(kafka, dataset)
    assert replayed(partitions) == rows_of(dsn)
    one = next(one for one in (t for p in partitions for t in p) if one.envelope.op is Op.UPDATE)
    assert one.envelope.source.connector == asked["name"]
    assert not one.envelope.source.snapshot
    stored = read_stored(kafka, asked["name"])
    assert sum(stored.sequences[topics.source(dataset)].values()) == 24
    assert failures == more == []


def test_what_cannot_be_carried_is_quarantined_and_keeps_its_number(kafka, asked: dict) -> None:
    dataset, dsn = asked["dataset"], asked["dsn"]
    with running(kafka, asked) as failures:
        until(lambda: count(kafka, dataset) == 20)
        with psycopg.connect(dsn, autocommit=True) as session:
            session.execute("UPDATE items SET amount = 'NaN', name = 'CANARY' WHERE id = 4")
            session.execute("UPDATE items SET large = repeat('CANARY', 60000) WHERE id = 5")
            session.execute("TRUNCATE items")
            session.execute("INSERT INTO items (id) VALUES (7)")
        until(lambda: count(kafka, dataset) == 20 + 2 + PARTITIONS + 1)
    assert failures == []
    partitions = told(kafka, dataset)
    for partition in partitions:
        assert [one.envelope.source.sequence for one in partition] == list(range(len(partition)))
    placeholders = [t for p in partitions for t in p if t.envelope.op is Op.UPDATE]
    assert {one.key["id"] for one in placeholders} == {4, 5}
    assert all(one.envelope.after is None and one.envelope.before is None for one in placeholders)
    truncates = [t for p in partitions for t in p if t.envelope.op is Op.TRUNCATE]
    assert [one.message.key for one in truncates] == [b"truncate"] * PARTITIONS
    with Reader(kafka) as reader:
        written = [
            (message, msgspec.json.decode(message.value, type=Quarantined))
            for partition in range(reader.partitions(topics.QUARANTINE))
            for message in reader.read(topics.QUARANTINE, partition)
            if message.key.startswith(topics.source(dataset).encode())
        ]
    found = {entry.reasons[0].code: entry for _, entry in written}
    assert set(found) == {codes.NOT_ENCODABLE.identifier, codes.TOO_LARGE.identifier}
    assert {entry.sequence for entry in found.values()} <= {one.envelope.source.sequence for one in placeholders}
    assert not any(b"CANARY" in message.value for message, _ in written), "encrypted at rest"
    row = reveal(found[codes.NOT_ENCODABLE.identifier], KeySealer(FileKeys(Path(asked["keys"]))))
    assert b"CANARY" in row.value


def test_a_second_process_takes_over_and_the_first_ends(kafka, asked: dict) -> None:
    dataset, dsn = asked["dataset"], asked["dsn"]
    with running(kafka, asked) as first:
        until(lambda: count(kafka, dataset) == 20)
        with running(kafka, asked) as second:
            with psycopg.connect(dsn, autocommit=True) as session:
                session.execute("UPDATE items SET name = 'later'")
            until(lambda: count(kafka, dataset) == 40)
            assert second == []
    assert replayed(told(kafka, dataset)) == rows_of(dsn)
    assert [type(failure) for failure in first] == [Refused]
    assert first[0].faults[0].code is codes.TAKEN_OVER


def test_only_the_designated_store_may_write(asked: dict) -> None:
    options = PostgresqlOptions(dsn=asked["dsn"])
    configuration = Configuration(PostgresqlConnector, "intruder", (asked["dataset"],), options)
    with pytest.raises(Refused) as refused:
        entries(configuration, snapshot_of(asked["dataset"], asked["name"]))
    assert refused.value.faults[0].code is codes.NOT_DESIGNATED


def test_a_missing_topic_is_said(kafka, asked: dict) -> None:
    with pytest.raises(Unavailable) as missing:
        intake(kafka, {**asked, "dataset": unique("nowhere")})
    assert missing.value.faults[0].code is codes.TOPIC_MISSING
