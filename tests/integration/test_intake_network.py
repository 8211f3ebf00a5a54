"""The network between connector and store is cut again and again: nothing is lost, nothing comes twice."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from tests.intake_cases import count, replayed, told
from tests.integration.test_intake import asked, running  # noqa: F401
from tests.postgresql_cases import Writer, rows_of
from tests.proxy import Proxy
from tests.servers import until

pytestmark = pytest.mark.integration


def test_a_network_that_is_cut_loses_and_repeats_nothing(kafka, asked: dict, tmp_path: Path) -> None:  # noqa: F811
    dsn, dataset = asked["dsn"], asked["dataset"]
    port = int(re.search(r"port=(\d+)", dsn)[1])
    writer = Writer(dsn, 7, range(1, 200), pause_seconds=0.02)
    with Proxy(port) as proxy:
        asked["dsn"] = re.sub(r"port=\d+", f"port={proxy.port}", dsn)
        asked["options"] |= {"password_file": _password(dsn, tmp_path / "password")}
        with running(kafka, asked) as failures:
            writer.start()
            for _ in range(5):
                before = count(kafka, dataset)
                until(lambda before=before: count(kafka, dataset) > before + 20)
                proxy.cut()
                passed = writer.transactions
                until(lambda passed=passed: writer.transactions > passed + 5)
                proxy.restore()
            writer.finish()
            with psycopg.connect(dsn, autocommit=True) as session:
                session.execute("INSERT INTO items (id, name) VALUES (1000, 'the last')")
            until(lambda: 1000 in {one.key["id"] for partition in told(kafka, dataset) for one in partition})
        assert failures == []
        assert proxy.cut_off >= 5, "a session each time at least"
    assert replayed(told(kafka, dataset)) == rows_of(dsn)


def _password(dsn: str, path: Path) -> Path:
    """The password alone in a file: the DSN's own file knows only the server's port."""
    path.write_text(Path(re.search(r"passfile=(\S+)", dsn)[1]).read_text().strip().rpartition(":")[2])
    return path
