"""A PostgreSQL for each process of a run, and a database of its own for each test that asks.

Replication slots belong to a server, and making one waits for every open transaction of it: two processes on one server
would meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.servers import shared, unique


@dataclass(frozen=True)
class Postgresql:
    """How the superuser reaches the server; the DSN names a password file, never the password."""

    port: int
    passfile: str

    def dsn_of(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=concordat dbname={database} passfile={self.passfile}"


@pytest.fixture(scope="session")
def postgresql(run_directory: Path, worker_id: str) -> Iterator[Postgresql]:
    """A real PostgreSQL 18 with `wal_level = logical`; use `database` for one of your own."""
    with shared(
        run_directory,
        f"postgresql-{worker_id}",
        f"{Path(__file__).resolve().with_name('postgresql_factory.py')}:local_postgresql",
    ) as found:
        yield Postgresql(found["port"], found["passfile"])


@pytest.fixture
def database(postgresql: Postgresql) -> Iterator[str]:
    """The DSN of an empty database; it and its replication slots are gone afterwards."""
    name = unique("test").replace("-", "_")
    with psycopg.connect(postgresql.dsn_of("postgres"), autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}")
        yield postgresql.dsn_of(name)
        administrator.execute(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = %s", [name]
        )
        for (slot,) in administrator.execute(
            "SELECT slot_name FROM pg_replication_slots WHERE database = %s", [name]
        ).fetchall():
            _drop_slot(administrator, slot)
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _drop_slot(administrator: psycopg.Connection, slot: str) -> None:
    for _ in range(100):
        try:
            administrator.execute("SELECT pg_drop_replication_slot(%s)", [slot])
        except psycopg.errors.ObjectInUse:
            administrator.execute("SELECT pg_sleep(0.05)")
        else:
            return
    raise AssertionError(f"slot {slot} is still held")
