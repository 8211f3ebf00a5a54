"""A standby that takes the primary's place, and a server that was restored: the connector goes on without a gap, or says why not."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from broker.cluster.node import write_private
from broker.local_postgresql import LocalPostgresql
from connectors.postgresql import PostgresqlConnector, codes
from connectors.postgresql.position import parse
from connectors.protocol import Away, Change, Position, Signal
from contracts.faults import Unavailable
from tests.postgresql_cases import TABLE, connector, present_lsn, read_on, replay, rows_of
from tests.servers import until

pytestmark = pytest.mark.integration
ROWS = "INSERT INTO items (id, name) SELECT n, 'name ' || n FROM generate_series(%s::int, %s::int) n"


class Standby(LocalPostgresql):
    """A standby: its cluster is not initialised but copied from a primary that runs."""

    def __init__(self, directory: Path, primary: LocalPostgresql) -> None:
        super().__init__(directory, fsync=False, keep=False)
        self._primary = primary

    def _prepare(self) -> None:
        write_private(self.directory / "password", (self._primary.directory / "password").read_text())
        super()._prepare()

    def _initialise(self, password: str) -> None:
        source = f"host=127.0.0.1 port={self._primary.port} user=concordat dbname=postgres"
        options = ["-D", str(self._place / "data"), "-d", source, "-R", "-S", "standby", "-c", "fast", "--no-sync"]
        command = self._as_server([str(self._binaries / "pg_basebackup"), *options])
        subprocess.run(command, check=True, env={**os.environ, "PGPASSWORD": password})
        with (self._place / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write("hot_standby_feedback = on\nsync_replication_slots = on\n")


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[LocalPostgresql]:
    with LocalPostgresql(tmp_path / "primary", fsync=False, keep=False) as server:
        ask(server, TABLE)
        ask(server, "ALTER TABLE items REPLICA IDENTITY FULL")
        ask(server, ROWS, 1, 5)
        ask(server, "SELECT pg_create_physical_replication_slot('standby', true)")
        yield server


def ask(server: LocalPostgresql, statement: str, *values: object) -> Any:
    """The first value of the first row, where there is one."""
    with psycopg.connect(server.dsn, autocommit=True) as session:
        cursor = session.execute(statement, values or None)
        row = cursor.fetchone() if cursor.description else None
        return None if row is None else row[0]


class Reader:
    """A connector, what it gave, and its position."""

    def __init__(self, server: LocalPostgresql, name: str, **options: object) -> None:
        self.name, self.options = name, options
        self.changes: list[Change] = []
        self.position: Position | None = None
        self.read(server)

    def on(self, server: LocalPostgresql) -> PostgresqlConnector:
        return connector(server.dsn, name=self.name, heartbeat_seconds=0.05, **self.options)

    def read(self, server: LocalPostgresql) -> None:
        """Everything that the server has."""
        source = self.on(server)
        try:
            source.open(self.position)
            self.position = read_on(source, present_lsn(server.dsn), self.changes)
        finally:
            source.close()

    def refused(self, server: LocalPostgresql, kind: type[Unavailable] = Unavailable) -> tuple[object, str]:
        """The code and the message with which the connector will not go on."""
        with pytest.raises(kind) as found:
            self.read(server)
        return found.value.faults[0].code, found.value.faults[0].message


def synchronised(primary: LocalPostgresql, standby: LocalPostgresql, *readers: Reader) -> bool:
    """Let the readers confirm what there is, so that their slots can be copied; whether these would outlive a promotion."""
    ask(primary, "SELECT pg_log_standby_snapshot()")
    for reader in readers:
        reader.read(primary)
    with psycopg.connect(standby.dsn, autocommit=True) as session:
        found = session.execute("SELECT slot_name FROM pg_replication_slots WHERE synced AND NOT temporary").fetchall()
        return {name for (name,) in found} >= {f"concordat_{reader.name}" for reader in readers}


def test_after_a_promotion_a_kept_slot_goes_on_and_whatever_lacks_changes_is_refused(
    primary: LocalPostgresql, tmp_path: Path
) -> None:
    kept, ahead = (Reader(primary, name, failover=True) for name in ("kept", "ahead"))
    lost, strange = Reader(primary, "lost"), Reader(primary, "strange", manage=False, slot="concordat_lost")
    with Standby(tmp_path / "standby", primary) as standby:
        ask(primary, ROWS, 6, 9)
        until(lambda: synchronised(primary, standby, kept, ahead))
        ask(primary, ROWS, 10, 12)
        assert kept.refused(standby, Away)[0] is codes.NOT_PROMOTED
        assert lost.refused(standby, Away)[0] is codes.NOT_PROMOTED
        advice = [fault.code for fault in kept.on(standby).check().advice]
        assert codes.NOT_PROMOTED in advice
        written = ask(primary, "SELECT pg_current_wal_flush_lsn()::text")
        until(lambda: ask(standby, "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", written))
        standby.kill()  # from here on it hears of nothing
        ask(primary, ROWS, 13, 14)
        ahead.read(primary)
        primary.kill()
        standby.start()
        assert ask(standby, "SELECT pg_promote()")
        ask(standby, ROWS, 20, 25)

        kept.read(standby)
        assert kept.position is not None
        assert parse(kept.position).timeline == 2
        assert replay(kept.changes) == rows_of(standby.dsn), "each change once: rows 13 and 14 were never there"
        code, message = ahead.refused(standby)
        assert (code, "it lacks changes that were given" in message) == (codes.OTHER_SERVER, True)
        for reader in (lost, strange):
            code, message = reader.refused(standby)
            assert (code, "the standby that was promoted" in message) == (codes.SLOT_MISSING, True)
        source, again = lost.on(standby), []
        source.signal(Signal("snapshot"))
        source.open(lost.position)
        read_on(source, present_lsn(standby.dsn), again)
        source.close()
        assert replay(again) == rows_of(standby.dsn)


def test_a_server_that_was_restored_from_an_older_copy_is_refused(primary: LocalPostgresql) -> None:
    reader = Reader(primary, "store")
    primary.stop()
    data = primary._place / "data"
    shutil.copytree(data, data.with_name("older"))
    primary.start()
    ask(primary, ROWS, 6, 9)
    reader.read(primary)
    primary.kill()
    shutil.rmtree(data)
    data.with_name("older").rename(data)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "nobody", str(data)], check=True)
    primary.start()
    ask(primary, ROWS, 16, 16)
    code, message = reader.refused(primary)
    assert (code, "restored from an older state" in message) == (codes.OTHER_SERVER, True)
