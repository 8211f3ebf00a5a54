"""What is personal or secret stands where an agreement keeps it, and nowhere else.

Every value in the stores is a canary (`people`).  It is looked for wherever people and machines look: logs, metrics, output of
commands, and what stands on the topics beside the values that a department may read.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psycopg
import pytest

from broker.cluster.reader import Reader
from contracts import topics
from tests.kills.people import CROSSING, Writer, crossing, table
from tests.kills.proof import assert_right, await_decided
from tests.kills.world import CONNECTOR, DATASETS, PARTITIONS, SERVICE, SHARES, WORKER, World

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("whole-path")]

PASSWORD = "Vexillology-9-canary"
BAD_NUMBER = "Canary-is-not-a-number"
KEPT = {
    "residents": {"family_name"},
    "taxpayers": {"family_name"},
    "departures": set(),
    "arrivals": set(),
}
"""The columns whose whole values an agreement lets through, by share."""
_SHAPES = {
    "reference": rb"TR-CANARY-\d{7}",
    "crossing_id": rb"CR-CANARY-\d{7}",
    "given_name": rb"Zephyrine\d{7}",
    "family_name": rb"Quibberwick\d{7}",
    "date_of_birth": rb"1[89]\d\d-\d\d-\d\d",
    "document_number": rb"(?<![0-9A-Za-z])[78]3[01]\d{6}(?![0-9A-Za-z])|" + BAD_NUMBER.encode(),
    "email": rb"canary\d{7}@",
    "note": rb"canary-(note|officer)-\d{7}",
    "password": PASSWORD.encode(),
}
_FOUND = {column: re.compile(shape) for column, shape in _SHAPES.items()}


@pytest.fixture(scope="module")
def written(world: World, changes: Counter[str]) -> World:
    """Some traffic, and a crossing that breaks its contract."""
    writer = Writer(world.postgresql.dsn, 7)
    writer.start()
    row = crossing(9_999_999, "TR-CANARY-9999999", random.Random(7)) | {"document_number": BAD_NUMBER}
    try:
        with psycopg.connect(world.postgresql.dsn) as session:
            session.execute(CROSSING, row)
        changes["crossings"] += 1
        world.quarantined += 1
    finally:
        writer.finish()
        changes.update(writer.changes)
    await_decided(world, changes)
    return world


def canaries(content: bytes | str, secrets: Iterable[str] = ()) -> set[str]:
    """The columns whose values stand in `content`, and `secret` for any of the secrets."""
    text = content.encode() if isinstance(content, str) else content
    found = {column for column, shape in _FOUND.items() if shape.search(text)}
    return found | {"secret" for secret in secrets if secret.encode() in text}


def secrets_of(world: World) -> list[str]:
    """The passwords that the processes use: the store's, and every Kafka user's."""
    credentials = (world.directory / "credentials").glob("*.json")
    return [
        (world.directory / "postgresql" / "password").read_text(),
        (world.directory / "kafka" / "admin-secret").read_text(),
        *(json.loads(path.read_text())["password"] for path in credentials),
    ]


def test_the_search_finds_what_is_there(written: World) -> None:
    """Otherwise the tests below would prove nothing."""
    with Reader(written.kafka.connection) as reader:
        content = b"".join(
            message.value or b""
            for dataset in DATASETS
            for partition in range(PARTITIONS)
            for message in reader.read(topics.source(dataset), partition)
        )
    assert canaries(content) == set(_FOUND) - {"date_of_birth", "password"}  # dates are numbers in Avro
    births = {row["date_of_birth"].isoformat() for row in table(written.postgresql.dsn, "travellers")}
    assert all(canaries(born) == {"date_of_birth"} for born in births)
    assert canaries(PASSWORD) == {"password"}


def test_logs_and_metrics_hold_none(written: World) -> None:
    secrets = secrets_of(written)
    logs = [written.log(name) for name in (WORKER, CONNECTOR, SERVICE)]
    logs += [written.postgresql.log.read_text(), *(node.paths.log.read_text() for node in written.kafka.nodes)]
    for log in logs:
        assert log
        assert canaries(log, secrets) == set()
    for port in (*written.metrics_ports.values(), written.settings.serve_port):
        status, page = written.ask(port, "/metrics")
        assert status == 200
        assert canaries(page, secrets) == set()
    assert "concordat_decisions_total" in written.ask(written.metrics_ports[WORKER], "/metrics")[1]


def test_topics_hold_them_only_where_an_agreement_keeps_them(written: World) -> None:
    """Also what was never committed: a careless reader sees it."""
    own = (topics.AUDIT_SEGMENTS, topics.QUARANTINE, topics.WORKERS, topics.REGISTER)
    with Reader(written.kafka.connection, committed=False) as reader:
        for topic in (*own, *SHARES.values()):
            messages = [m for p in range(reader.partitions(topic)) for m in reader.read(topic, p)]
            assert messages, topic
            beside = b"\0".join(
                part
                for m in messages
                for part in (m.key or b"", *(x for name, v in m.headers for x in (name.encode(), v)))
            )
            assert canaries(beside) == set(), topic
            values = b"\0".join(message.value or b"" for message in messages)
            share = next((share for share, its in SHARES.items() if its == topic), None)
            assert canaries(values) == (KEPT[share] if share is not None else set()), topic


def test_commands_show_none(written: World, tmp_path: Path) -> None:
    secrets = secrets_of(written)
    person = table(written.postgresql.dsn, "travellers")[0]["reference"]
    listed = written.command("quarantine", "list", "--json")
    entries = json.loads(listed.stdout)
    assert len(entries) == 1
    assert "document_number" in str(entries[0]["reasons"])
    identifier = entries[0]["id"]
    subject = written.command("audit", "subject", person, "--reason", "a request", "--json")
    assert json.loads(subject.stdout)["decisions"], "the person was decided about"
    outputs = [
        listed,
        subject,
        written.command("quarantine", "list"),
        written.command("quarantine", "show", identifier),
        written.command("audit", "search", "--limit", "100000", "--json"),
        written.command("audit", "search", "--outcome", "quarantine"),
        written.command("connector", "status", "--json"),
    ]
    outputs += [_checked(written, tmp_path, **how) for how in _faulty(written, tmp_path)]
    for done in outputs:
        assert canaries(done.stdout + done.stderr, secrets) == set(), done.args


def test_everything_is_right_after_it(written: World, changes: Counter[str]) -> None:
    assert_right(written, changes)


def _faulty(world: World, directory: Path) -> list[dict]:
    """Configurations that hold a password where none belongs, or a wrong one."""
    secret = directory / "password"
    secret.write_text(PASSWORD)
    port = world.postgresql.port
    plain = f"host=127.0.0.1 port={port} user=concordat dbname=postgres"
    return [
        {"status": 2, "dsn": f"{plain} password={PASSWORD}"},
        {"status": 2, "dsn": plain, "password": PASSWORD},
        {"status": 2, "dsn": plain, "dsn_file": PASSWORD},
        {"status": 4, "dsn": plain, "password_file": str(secret)},
    ]


def _checked(world: World, directory: Path, *, status: int, **options):
    path = directory / "faulty.json"
    document = {"connector": "postgresql", "name": "borders", "datasets": list(DATASETS), "options": options}
    path.write_text(json.dumps(document))
    return world.command("connector", "check", str(path), status=status)
