"""The local PostgreSQL: started, killed, started again, and gone when its starter is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from broker.local_postgresql import LocalPostgresql
from tests.servers import until

pytestmark = pytest.mark.integration


def test_what_is_stored_survives_a_kill_and_a_stop(tmp_path: Path) -> None:
    with LocalPostgresql(tmp_path / "server", fsync=False, keep=False) as server:
        with psycopg.connect(server.dsn, autocommit=True) as session:
            session.execute("CREATE TABLE t (n int)")
            session.execute("INSERT INTO t VALUES (1)")
            assert session.execute("SHOW wal_level").fetchone() == ("logical",)
        server.kill()
        server.start()
        with psycopg.connect(server.dsn, autocommit=True) as session:
            session.execute("INSERT INTO t VALUES (2)")
            server.stop()  # does not wait for this session
        server.start()
        with psycopg.connect(server.dsn) as session:
            assert session.execute("SELECT sum(n) FROM t").fetchone() == (3,)
        assert server.port < 32_768
        assert (server.directory / "password").stat().st_mode & 0o777 == 0o600
        assert (server.directory / "password").read_text() not in server.dsn
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"host=127.0.0.1 port={server.port} user=concordat dbname=postgres password=wrong")


def test_no_server_outlives_its_starter(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from broker.local_postgresql import LocalPostgresql\n"
        "server = LocalPostgresql(Path(sys.argv[1]), fsync=False); server.start()\n"
        "print(server.pid, server._place, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    pid, place = starter.stdout.readline().split()
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    until(lambda: not Path(f"/proc/{pid}").exists())
    subprocess.run(["rm", "-rf", place], check=True)
