"""A slot in danger is said while there is time; one that the server gave up, or another server, is explained and read anew on command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from prometheus_client import REGISTRY

from broker.intake import watch
from broker.intake.positions import read_stored
from broker.intake.signals import Request, send
from broker.local_postgresql import LocalPostgresql
from connectors.postgresql import codes
from connectors.postgresql.position import parse
from connectors.protocol import Position, Signal
from contracts.change import Op
from contracts.faults import Unavailable
from tests.intake_cases import count, make_topics, told
from tests.integration.test_intake import running
from tests.postgresql_cases import TABLE, connector, rows_of
from tests.servers import unique, until

pytestmark = pytest.mark.integration
ROWS = "INSERT INTO items (id, name) SELECT n, 'name ' || n FROM generate_series(1, 20) n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalPostgresql]:
    """A server of its own that keeps 16 MiB for a slot at most, with the table."""
    with LocalPostgresql(tmp_path / "postgresql", fsync=False, keep=False) as started:
        with psycopg.connect(started.dsn, autocommit=True) as session:
            for statement in (TABLE, "ALTER TABLE items REPLICA IDENTITY FULL", ROWS):
                session.execute(statement)
            session.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'")
            session.execute("SELECT pg_reload_conf()")
        yield started


def fill(session: psycopg.Connection) -> None:
    """Four segments of WAL, nearly empty."""
    for _ in range(4):
        session.execute("SELECT pg_logical_emit_message(false, 'fill', 'x')")
        session.execute("SELECT pg_switch_wal()")


def test_a_slot_in_danger_is_said_and_one_given_up_is_read_anew_on_command(
    kafka, server: LocalPostgresql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.2)
    name = unique("lost")
    make_topics(kafka, name)
    options = {"slot_wait_seconds": 60, "heartbeat_seconds": 0.5, "alarm_retained_bytes": 1 << 24}
    asked = {"dsn": server.dsn, "dataset": name, "name": name, "keys": str(tmp_path / "keys"), "options": options}
    with psycopg.connect(server.dsn, autocommit=True) as session:
        with running(kafka, asked) as failures:
            until(lambda: count(kafka, name) == 20)
            until(lambda: read_stored(kafka, name).standing.lag_bytes is not None)
            assert read_stored(kafka, name).standing.alarms == ()
            send(kafka, name, Request("p", "pause", {}, 0))
            until(lambda: read_stored(kafka, name).paused)
            session.execute("UPDATE items SET name = 'unseen' WHERE id = 1")
            fill(session)
            until(lambda: read_stored(kafka, name).standing.alarms == ("CNR-019", "CNR-028"))
            assert read_stored(kafka, name).standing.lag_bytes > 1 << 24
            labels = {"connector": name, "code": "CNR-028"}
            assert REGISTRY.get_sample_value("concordat_intake_alarm", labels) == 1
            lag = {"connector": name, "dataset": name}
            assert REGISTRY.get_sample_value("concordat_intake_lag_bytes", lag) > 1 << 24
            session.execute("CHECKPOINT")  # now the server gives the slot up, and ends the session
            until(lambda: "CNR-020" in read_stored(kafka, name).standing.alarms or failures)
            send(kafka, name, Request("r", "resume", {}, 0))
            until(lambda: failures)
        assert failures[0].faults[0].code is codes.SLOT_MISSING
        with running(kafka, asked) as still:
            pass
        assert still[0].faults[0].code is codes.SLOT_MISSING
        send(kafka, name, Request("s", "snapshot", {}, 0))
        with running(kafka, asked) as anew:
            until(lambda: count(kafka, name) == 40)
            session.execute("DELETE FROM items WHERE id = 2")
            until(lambda: count(kafka, name) == 41)
            until(lambda: read_stored(kafka, name).standing.alarms == ())
        assert anew == []
    newest: dict = {}
    for partition in told(kafka, name):
        assert [one.envelope.source.sequence for one in partition] == list(range(len(partition)))
        newest |= {one.key["id"]: one.envelope.after for one in partition}
    assert {key: row for key, row in newest.items() if row is not None} == rows_of(server.dsn)


def test_another_server_is_refused_and_read_anew_on_command(database: str, server: LocalPostgresql) -> None:
    with psycopg.connect(database, autocommit=True) as session:
        for statement in (TABLE, "ALTER TABLE items REPLICA IDENTITY FULL", ROWS):
            session.execute(statement)
    source = connector(database)
    source.open(None)
    position = _read(source, 20)
    source.close()
    moved = connector(server.dsn)
    with pytest.raises(Unavailable) as other:
        moved.open(position)
    assert other.value.faults[0].code is codes.OTHER_SERVER
    assert "signal NAME snapshot" in other.value.faults[0].code.remedy
    moved.signal(Signal("snapshot"))
    moved.open(position)
    again = _read(moved, 20)
    moved.close()
    assert parse(again).system != parse(position).system
    assert codes.SLOT_IDLE in {fault.code for fault in moved.check().advice}, "nobody reads from it now"


def _read(source, rows: int) -> Position:
    """Poll until so many rows were read; the position after them."""
    changes: list = []
    while len(changes) < rows:
        batch = source.poll(0.1)
        if batch is not None:
            changes += batch.changes
            source.durable(batch.position)
            position = batch.position
    assert {change.op for change in changes} == {Op.READ}
    return position
