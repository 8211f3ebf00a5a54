"""The local Kafka: starts, keeps what it stores, and never outlives who started it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner

from broker.cli.app import app
from broker.cluster import background, jars, local, node
from broker.cluster.admin import Admin
from broker.cluster.client import Abortable, Connection
from broker.cluster.connect import connection
from broker.cluster.layout import Ports
from broker.cluster.local import LocalKafka, running_pid, saved_connection
from broker.cluster.node import PORTS, free_ports
from broker.cluster.objects import TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from broker.settings import Settings
from contracts.faults import Refused, Unavailable
from tests.servers import until

pytestmark = pytest.mark.integration


def test_the_fixture_is_a_kafka_that_answers(kafka):
    with Reader(kafka) as reader:
        assert reader.partitions("no-such-topic") == 0


def test_started_stopped_and_started_again_it_has_what_was_stored(tmp_path):
    with CommandLine(tmp_path) as concordat:
        started = concordat("start")
        assert started["running"]
        assert started["detached"]
        assert int(started["bootstrap_servers"].split(":")[1]) in PORTS
        assert concordat("status") == started
        write(connection(Settings(directory=tmp_path)), "kept", b"a value")

        with pytest.raises(Refused, match="KAF-007"):
            background.start(tmp_path / "kafka", 1, None, None)
        assert concordat("stop") == {"stopped": True}
        assert concordat("stop") == {"stopped": False}
        assert concordat("status", status=1)["running"] is False
        with pytest.raises(Unavailable, match="KAF-009"):
            connection(Settings(directory=tmp_path))
        with pytest.raises(Refused, match="KAF-008"):
            background.start(tmp_path / "kafka", 3, None, None)

        assert concordat("start")["bootstrap_servers"] == started["bootstrap_servers"]
        assert read(connection(Settings(directory=tmp_path)), "kept") == [b"a value"]
        nobody_but_the_owner_reads_secrets(tmp_path / "kafka")


def test_it_stops_when_the_process_that_started_it_is_killed(tmp_path):
    """Then the same directory starts again, with what was stored."""
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from broker.cluster.local import LocalKafka

        with LocalKafka(Path(sys.argv[1])) as kafka:
            print(kafka.nodes[0].pid, flush=True)
            sys.stdin.read()
        """,
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with starter:
        kafka_process = int(starter.stdout.readline())
        write(saved_connection(tmp_path), "kept", b"a value")
        starter.send_signal(signal.SIGKILL)
    until(lambda: not is_alive(kafka_process))
    assert saved_connection(tmp_path) is None
    assert running_pid(tmp_path) is None
    with LocalKafka(tmp_path) as kafka:
        assert read(kafka.connection, "kept") == [b"a value"]


def test_a_port_that_was_taken_in_between_is_replaced(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", free_ports(1)[0].client)) as taken:
        busy = Ports(taken.getsockname()[1], free_ports(1)[0].controller)
        choices = iter([(busy,), free_ports(1)])
        monkeypatch.setattr(local, "free_ports", lambda nodes: next(choices))
        with LocalKafka(tmp_path) as kafka:
            assert str(busy.client) not in kafka.connection.bootstrap_servers


def test_a_kafka_that_does_not_start_says_where_its_log_is_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(node, "_JVM", ("-XX:+NoSuchFlag",))
    with pytest.raises(Unavailable, match=r"KAF-006.*node 1 ended.*node-1/kafka.log.*NoSuchFlag"):
        LocalKafka(tmp_path).start()
    assert running_pid(tmp_path) is None


def test_three_nodes_lose_one_and_go_on(tmp_path):
    with LocalKafka(tmp_path, nodes=3) as kafka:
        Admin(kafka.connection).create_topics([TopicSpec("three", 1, 3, {"min.insync.replicas": "2"})])
        write_record(kafka.connection, "three", b"before")
        kafka.nodes[2].release(kill=True)
        kafka.nodes[2].join()
        write_record(kafka.connection, "three", b"after")
        until(lambda: read(kafka.connection, "three") == [b"before", b"after"])


def test_two_starts_at_once_fetch_each_jar_once_and_one_wrong_jar_is_replaced(tmp_path):
    lock = jars.read_lock()
    first = jars.jars(tmp_path)
    victim = first.directory / lock.jars[0].file_name
    victim.write_bytes(b"not a jar")
    (first.directory / "stranger.jar").write_bytes(b"")
    program = "import sys, pathlib; from broker.cluster.jars import jars; jars(pathlib.Path(sys.argv[1]), None, print)"
    starts = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    fetched = [start.communicate(timeout=60)[0].splitlines() for start in starts]
    assert sorted(fetched, key=len) == [[], ["46 46"]]
    for jar in lock.jars:
        assert hashlib.sha256((first.directory / jar.file_name).read_bytes()).hexdigest() == jar.sha256
    assert {path.name for path in first.directory.iterdir()} == {jar.file_name for jar in lock.jars}


def test_a_directory_that_cannot_be_made_is_an_environment_fault():
    with pytest.raises(Unavailable, match="KAF-006"):
        LocalKafka(Path("/proc/no-such-place")).start()


class CommandLine:
    """`concordat kafka … --json` over one state directory; stops what runs at the end."""

    def __init__(self, directory: Path):
        self.directory = directory

    def __enter__(self):
        return self

    def __exit__(self, *_):
        background.stop(self.directory / "kafka")

    def __call__(self, verb: str, status: int = 0):
        result = CliRunner().invoke(app, ["kafka", verb, "--directory", str(self.directory), "--json"])
        assert result.exit_code == status, result.output
        return json.loads(result.stdout)


def write(where: Connection, topic: str, value: bytes) -> None:
    Admin(where).create_topics([TopicSpec(topic, 1, 1)])
    write_record(where, topic, value)
    until(lambda: read(where, topic) == [value])


def write_record(where: Connection, topic: str, value: bytes) -> None:
    """Writes in one transaction; an attempt that a failing node spoils is made again."""

    def attempt() -> bool:
        producer = TransactionalProducer(where, "writer")
        try:
            producer.begin()
            producer.produce(topic, 0, None, value)
            producer.commit()
        except Abortable:
            producer.abort()
            return False
        return True

    until(attempt, 60)


def read(where: Connection, topic: str) -> list[bytes]:
    with Reader(where) as reader:
        return [message.value for message in reader.read(topic, 0)]


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def nobody_but_the_owner_reads_secrets(directory: Path) -> None:
    secret = (directory / "admin-secret").read_text()
    holders = [path for path in directory.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert {path.name for path in holders} == {"admin-secret", "connection.json", "server.properties"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in holders)
