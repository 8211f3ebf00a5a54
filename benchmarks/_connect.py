"""Kafka Connect with Debezium's PostgreSQL connector: the peer of `capture`, as its own manuals tune it.

One worker in distributed mode with exactly-once source support; connectors come and go over its REST interface, so that
the JVM stays warm.  Every jar comes from Maven Central by `connect.lock.json`.  The JVM runs under the watcher of our own
servers, so it never outlives the process that started it (NO-ORPHANS, see `broker.cluster.watch`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from broker import clock
from broker.cluster import watch
from broker.cluster.client import Connection
from broker.cluster.jars import jars
from broker.cluster.java import find_java
from broker.cluster.node import PORTS, is_free
from broker.settings import Settings, child_environment

LOCK_FILE = Path(__file__).with_name("connect.lock.json")
_HEAP = ("-Xms2g", "-Xmx2g", "-XX:+UseG1GC")
_START_SECONDS = 120.0
_STOP_SECONDS = 30
_LOG = """\
rootLogger.level = {level}
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
"""


class Worker:
    """A running worker of Kafka Connect, under its watcher in `directory`."""

    def __init__(self, watcher: subprocess.Popen[bytes], port: int, directory: Path) -> None:
        self._watcher, self._port, self._directory = watcher, port, directory

    @property
    def pid(self) -> int:
        """The process id of the JVM itself."""
        return int((self._directory / "lock").read_text())

    @contextmanager
    def connector(self, name: str, settings: Mapping[str, str]) -> Iterator[None]:
        """Run a connector."""
        self._ask("PUT", f"/connectors/{name}/config", settings)
        try:
            self._await(lambda: self._running(name), f"connector {name}")
            yield
        finally:
            self._ask("DELETE", f"/connectors/{name}")

    def await_ready(self) -> None:
        """Wait until the worker answers."""
        self._await(lambda: self._ask("GET", "/connectors") is not None, "the worker")

    def _running(self, name: str) -> bool:
        status = self._ask("GET", f"/connectors/{name}/status")
        tasks = status["tasks"] if status is not None else []
        if any(task["state"] == "FAILED" for task in tasks):
            raise RuntimeError(f"{name}: {tasks[0].get('trace', '')[:2000]}")
        return bool(tasks) and all(task["state"] == "RUNNING" for task in tasks)

    def _await(self, ready: Any, what: str) -> None:
        limit = clock.monotonic_seconds() + _START_SECONDS
        while not ready():
            if self._watcher.poll() is not None or clock.monotonic_seconds() > limit:
                raise RuntimeError(f"{what} did not start:\n" + (self._directory / "output.log").read_text()[-4000:])
            time.sleep(0.1)

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        """The answer, or None while there is none."""
        data = None if body is None else json.dumps(body).encode()
        address = f"http://127.0.0.1:{self._port}{path}"
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                text = answer.read()
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            if error.code in (404, 409):
                return None
            raise RuntimeError(f"{method} {path}: {error.read().decode()[:2000]}") from error
        except (urllib.error.URLError, ConnectionError):
            return None


@contextmanager
def worker(directory: Path, connection: Connection, settings: Settings) -> Iterator[Worker]:
    """A worker with exactly-once source support on this cluster."""
    directory.mkdir(parents=True)
    found = jars(settings.cache_directory, settings.maven_repository, lock_file=LOCK_FILE, name="connect")
    port = next(port for port in PORTS if is_free(port))
    properties, log4j = directory / "worker.properties", directory / "log4j2.properties"
    properties.touch(mode=0o600)
    properties.write_text("".join(f"{name}={value}\n" for name, value in _worker_properties(connection, port).items()))
    log4j.write_text(_LOG.format(level="WARN"))
    command = [
        str(find_java().launcher),
        *_HEAP,
        f"-Dlog4j2.configurationFile={log4j}",
        "-cp",
        found.class_path,
        "org.apache.kafka.connect.cli.ConnectDistributed",
        str(properties),
    ]
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", watch.__file__, str(directory), str(_STOP_SECONDS), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        cwd=directory,
        start_new_session=True,  # a terminal's interrupt is for us to act on
    )
    assert watcher.stdin is not None
    try:
        made = Worker(watcher, port, directory)
        made.await_ready()
        yield made
    finally:
        watcher.stdin.close()
        watcher.wait()


def _worker_properties(connection: Connection, port: int) -> dict[str, str]:
    client = _client_properties(connection)
    internal = {
        f"{kind}.storage.{name}": value
        for kind in ("config", "offset", "status")
        for name, value in (("topic", f"connect-{kind}"), ("replication.factor", "1"))
    }
    return {
        "group.id": "bench-connect",
        "listeners": f"http://127.0.0.1:{port}",
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "key.converter.schemas.enable": "false",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "offset.storage.partitions": "1",
        "status.storage.partitions": "1",
        "exactly.once.source.support": "enabled",
        "offset.flush.interval.ms": "10000",
        **internal,
        **{
            f"{prefix}{name}": value
            for prefix in ("", "producer.", "consumer.", "admin.")
            for name, value in client.items()
        },
    }


def _client_properties(connection: Connection) -> dict[str, str]:
    """How a Java client signs in as we do."""
    ours = connection.properties
    found = {"bootstrap.servers": connection.bootstrap_servers}
    if "sasl.username" in ours:
        user, password = ours["sasl.username"], ours["sasl.password"]
        login = "org.apache.kafka.common.security.scram.ScramLoginModule"
        found["security.protocol"] = ours["security.protocol"].upper()
        found["sasl.mechanism"] = ours.get("sasl.mechanism") or ours["sasl.mechanisms"]
        found["sasl.jaas.config"] = f'{login} required username="{user}" password="{password}";'
    return found


def debezium(dsn: Mapping[str, str], slot: str, publication: str, topic_prefix: str, **more: str) -> dict[str, str]:
    """The connector's settings: exactly once, one transaction a poll, large batches."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "exactly.once.support": "required",
        "transaction.boundary": "poll",
        "database.hostname": dsn["host"],
        "database.port": dsn["port"],
        "database.user": dsn["user"],
        "database.password": dsn["password"],
        "database.dbname": dsn["dbname"],
        "topic.prefix": topic_prefix,
        "plugin.name": "pgoutput",
        "slot.name": slot,
        "publication.name": publication,
        "publication.autocreate.mode": "disabled",
        "tombstones.on.delete": "false",
        "max.batch.size": "16384",
        "max.queue.size": "65536",
        "poll.interval.ms": "5",
        "snapshot.fetch.size": "20000",
        "producer.override.batch.size": "1000000",
        "producer.override.linger.ms": "5",
        **more,
    }
