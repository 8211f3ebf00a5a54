"""Connector and database are killed (-9) at random moments under a writing load; the source topic still equals the table."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from broker.cluster.reader import Reader
from broker.intake.positions import read_stored
from broker.local_postgresql import LocalPostgresql
from broker.settings import child_environment
from contracts import topics
from tests.intake_cases import PARTITIONS, make_topics, replayed, told
from tests.postgresql_cases import TABLE, Writer, present_lsn, rows_of
from tests.servers import unique, until

SOAK = child_environment().get("CONCORDAT_TEST_SOAK") == "1"
CONNECTOR_KILLS = 60 if SOAK else 12
DATABASE_KILLS_AFTER = range(3, 54) if SOAK else (3, 8)
pytestmark = [pytest.mark.integration, pytest.mark.kills, pytest.mark.timeout(1800 if SOAK else 400)]
ROOT = Path(__file__).resolve().parent.parent.parent


class Child:
    """The connector as a process."""

    def __init__(self, asked: dict, errors) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.intake_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
        )
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()

    def await_ready(self) -> None:
        readable, _, _ = select.select([self._process.stdout], [], [], 60)
        assert readable, "the connector did not start"
        assert os.read(self._process.stdout.fileno(), 10).startswith(b"ready"), "the connector ended"

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


def test_killed_at_random_nothing_is_lost_and_nothing_comes_twice(kafka, tmp_path: Path) -> None:
    chooser, dataset = random.Random(20260101), unique("killed")
    make_topics(kafka, dataset)
    log = (tmp_path / "connector.log").open("wb")
    with log as errors, LocalPostgresql(tmp_path / "postgresql", fsync=False, keep=False) as server:
        with psycopg.connect(server.dsn, autocommit=True) as session:
            session.execute(TABLE)
            session.execute("ALTER TABLE items REPLICA IDENTITY FULL")
            session.execute("INSERT INTO items (id, name) SELECT n, 'first' FROM generate_series(1, 2000) n")
        asked = {
            "bootstrap_servers": kafka.bootstrap_servers,
            "properties": dict(kafka.properties),
            "dsn": server.dsn,
            "dataset": dataset,
            "name": dataset,
            "keys": str(tmp_path / "keys"),
            "options": {"chunk_rows": 200, "batch_changes_max": 25, "slot_wait_seconds": 30, "heartbeat_seconds": 0.5},
        }
        writers = [Writer(server.dsn, seed, range(1, 2060), 0.05) for seed in (1, 2)]
        for writer in writers:
            writer.start()
        try:
            for number in range(1, 4 * CONNECTOR_KILLS):
                if number > CONNECTOR_KILLS and _aborted(kafka, dataset):
                    break  # the run counts: a kill fell into a transaction
                _kill_once(number, chooser, asked, server, errors)
        finally:
            for writer in writers:
                writer.finish()
        child = Child(asked, errors)
        try:
            child.await_ready()
            until(lambda: '"done":true' in (read_stored(kafka, dataset).position or ""), 60)
            _await_caught_up(server, dataset)
        finally:
            child.kill()
        expected = rows_of(server.dsn)
    assert sum(writer.transactions for writer in writers) > 100
    partitions = told(kafka, dataset)
    assert replayed(partitions) == expected
    assert sum(map(len, partitions)) > 2000
    assert _aborted(kafka, dataset) > 0, "no kill fell into a transaction"


def _kill_once(number: int, chooser: random.Random, asked: dict, server: LocalPostgresql, errors) -> None:
    child = Child(asked, errors)
    try:
        if number % 4:
            child.await_ready()
        time.sleep(chooser.uniform(0.0, 0.6))  # the moment of the kill
        if number in DATABASE_KILLS_AFTER:
            server.kill()
            server.start()
            time.sleep(chooser.uniform(0.2, 1.0))  # the connector finds its way back, or is killed doing so
    finally:
        child.kill()


def _await_caught_up(server: LocalPostgresql, slot: str) -> None:
    """Until the server was told that everything up to now is durable in Kafka."""
    with psycopg.connect(server.dsn, autocommit=True) as session:
        wanted = present_lsn(server.dsn)
        confirmed = "SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE slot_name = %s"
        name = "concordat_" + slot.replace("-", "_")
        until(lambda: session.execute(confirmed, [name]).fetchone()[0] >= wanted, 30)


def _aborted(kafka, dataset: str) -> int:
    """Records of the dataset that were written and never committed."""
    found = {}
    for committed in (True, False):
        with Reader(kafka, committed=committed) as reader:
            found[committed] = sum(
                1 for number in range(PARTITIONS) for _ in reader.read(topics.source(dataset), number)
            )
    return found[False] - found[True]
