"""`concordat connector check` against real servers that lack something: exit status 4, and the exact statement that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from broker import local_postgresql
from broker.cli import connector as command
from broker.cli.app import app
from broker.local_postgresql import LocalPostgresql
from connectors.postgresql import codes
from tests.intake_child import snapshot_of
from tests.postgresql_cases import TABLE, connector
from tests.servers import unique

pytestmark = pytest.mark.integration


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The register holds the contract of `items`, which designates `store`."""
    monkeypatch.setattr(command, "connection", lambda *_: None)
    monkeypatch.setattr(command, "read_snapshot", lambda _: snapshot_of("items", "store"))


def check(directory: Path, **options: object) -> tuple[int, str, str]:
    """The exit status of the command, what it printed, and the code of its first fault."""
    config = directory / "store.yaml"
    lines = [f"  {name}: {value}" for name, value in options.items()]
    config.write_text("\n".join(["connector: postgresql", "name: store", "dataset: items", "options:", *lines]) + "\n")
    result = CliRunner().invoke(app, ["connector", "check", str(config)])
    if result.exit_code == 0:
        return 0, result.stdout, ""
    return result.exception.exit_status, result.stdout, result.exception.faults[0].code.identifier


@pytest.fixture
def clerk(database: str, tmp_path: Path) -> Iterator[tuple[psycopg.Connection, dict]]:
    """The owner's session, and the options of a user who may connect and nothing else."""
    name = unique("clerk").replace("-", "_")
    (tmp_path / "password").write_text("right-password")
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(TABLE)
        owner.execute("ALTER TABLE items REPLICA IDENTITY FULL")
        owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'right-password'")
        dsn = database.replace("user=concordat", f"user={name}").split(" passfile")[0]
        yield owner, {"dsn": dsn, "password_file": "password"}
        owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_wrong_password_is_refused(registered: None, clerk: tuple, tmp_path: Path) -> None:
    _, options = clerk
    (tmp_path / "password").write_text("wrong-password")
    status, printed, code = check(tmp_path, **options)
    assert (status, code) == (4, codes.STORE_REFUSES.identifier)
    assert "ALTER ROLE" in codes.STORE_REFUSES.remedy
    assert "wrong-password" not in printed


def test_missing_privileges_are_printed_and_the_printed_statements_are_enough(
    registered: None, clerk: tuple, tmp_path: Path
) -> None:
    owner, options = clerk
    status, printed, code = check(tmp_path, **options)
    assert (status, code) == (4, codes.PRIVILEGE_MISSING.identifier)
    statements = [line for line in printed.splitlines() if line.endswith(";")]
    assert [line.split()[0] for line in statements] == ["ALTER", "GRANT", "GRANT", "CREATE"]
    for statement in statements:
        owner.execute(statement)
    assert check(tmp_path, **options)[0] == 0


def test_a_slot_that_another_reads_from_is_said_and_our_own_is_not_another(
    registered: None, clerk: tuple, database: str, tmp_path: Path
) -> None:
    owner, _ = clerk
    holder = connector(database, name="another", slot="concordat_store")
    holder.open(None)
    status, printed, code = check(tmp_path, dsn=database)
    assert (status, code) == (4, codes.SLOT_HELD.identifier)
    owner.execute(printed.splitlines()[2])
    holder.close()
    own = connector(database)
    own.open(None)
    assert check(tmp_path, dsn=database)[0] == 0
    own.close()


def test_a_server_without_logical_wal_is_said(
    registered: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(local_postgresql._SETTINGS, "wal_level", "replica")
    with LocalPostgresql(tmp_path / "postgresql", fsync=False, keep=False) as server:
        with psycopg.connect(server.dsn, autocommit=True) as session:
            session.execute(TABLE)
            session.execute("ALTER TABLE items REPLICA IDENTITY FULL")
        status, printed, code = check(tmp_path, dsn=server.dsn)
    assert (status, code) == (4, codes.SETTING_WRONG.identifier)
    assert "ALTER SYSTEM SET wal_level = 'logical';" in printed
