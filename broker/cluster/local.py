"""A real Apache Kafka on this machine, without Docker: one node or three, signed in with SCRAM, access rules on.

It lives in one directory: `cluster.json` (what it is), `admin-secret` and `connection.json` (0600; the latter only
while it runs), `lock` (held by the process that runs it), and `node-1` … with data, settings and log.  What is stored survives a
stop.  It never outlives the process that started it (NO-ORPHANS, see `broker.cluster.watch`).
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from broker import clock
from broker.cluster.client import SILENT, Connection
from broker.cluster.codes import KAFKA_IN_USE, KAFKA_NODES_DIFFER, KAFKA_NODES_WRONG, KAFKA_NOT_STARTED
from broker.cluster.jars import Jars, Progress, jars
from broker.cluster.java import find_java
from broker.cluster.layout import ADMIN, Ports, node_paths
from broker.cluster.node import Node, free_ports, is_free, write_private
from broker.cluster.producer import TransactionalProducer
from contracts.faults import Refused, Unavailable, Unusable

CONNECTION_FILE = "connection.json"
_CLUSTER_FILE = "cluster.json"
_START_SECONDS = 90.0
_PORT_ATTEMPTS = 5


class _Cluster(msgspec.Struct, frozen=True):
    """`cluster.json`: written when every node is formatted, so a start that broke off formats again."""

    identifier: str
    nodes: int
    ports: tuple[Ports, ...]


class _Saved(msgspec.Struct, frozen=True):
    """`connection.json`: how the administrator reaches the cluster."""

    bootstrap_servers: str
    properties: dict[str, str]


class LocalKafka:
    """A local cluster as a context manager: running inside, stopped outside.

    `directory` is Kafka's own (made with mode 0700); `nodes` is 1 or 3 and stays what it was when the directory was made.
    `with` gives it ready: metadata is answered *and* a transaction can begin.  `connection` is the administrator's.
    Raises `Refused` when it already runs there, `Unavailable` with the end of the log when it does not start.
    """

    def __init__(
        self,
        directory: Path,
        nodes: int = 1,
        *,
        cache_directory: Path | None = None,
        repository: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        if nodes not in (1, 3):
            raise Unusable(KAFKA_NODES_WRONG.fault(f"asked for {nodes}"))
        self.directory = directory.absolute()
        self._count = nodes
        self._cache, self._repository, self._progress = cache_directory, repository, progress
        self._nodes: tuple[Node, ...] = ()
        self._lock: IO[str] | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def connection(self) -> Connection:
        """The administrator's connection; only while it runs."""
        assert self._connection is not None, "the local Kafka is not running"
        return self._connection

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Its nodes in order, node 1 first; fault tests stop and start single ones."""
        return self._nodes

    def start(self) -> None:
        """Start every node and wait until the cluster is ready."""
        make_directory(self.directory)
        self._lock = _take_lock(self.directory)
        try:
            (self.directory / CONNECTION_FILE).unlink(missing_ok=True)
            self._start(jars(self._cache, self._repository, self._progress))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every node in order, and wait for the end.  Safe to call twice."""
        (self.directory / CONNECTION_FILE).unlink(missing_ok=True)
        for node in self._nodes:
            node.release()
        for node in self._nodes:
            node.join()
        self._nodes, self._connection = (), None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _start(self, kept: Jars) -> None:
        java = find_java().launcher
        secret = _secret(self.directory / "admin-secret")
        nodes = range(1, self._count + 1)
        self._nodes = tuple(Node(n, node_paths(self.directory, n), java, kept.class_path) for n in nodes)
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            ports = self._prepare(secret, fresh_ports=attempt > 1)
            for node in self._nodes:
                node.start()
            servers = ",".join(f"127.0.0.1:{port.client}" for port in ports)
            connection = Connection(servers).as_user(ADMIN, secret)
            if self._await_ready(connection, last=attempt == _PORT_ATTEMPTS):
                self._connection = connection
                saved = msgspec.json.encode(_Saved(servers, dict(connection.properties)))
                write_private(self.directory / CONNECTION_FILE, saved.decode())
                return

    def _prepare(self, secret: str, *, fresh_ports: bool) -> tuple[Ports, ...]:
        """Settings on disk and formatted storage; the ports are the old ones while they are free."""
        old = _cluster(self.directory)
        if old is not None and old.nodes != self._count:
            message = f"{self.directory} holds {old.nodes} node(s), asked for {self._count}"
            raise Refused(KAFKA_NODES_DIFFER.fault(message))
        keep = (
            old is not None and not fresh_ports and all(is_free(p.client) and is_free(p.controller) for p in old.ports)
        )
        ports = old.ports if old is not None and keep else free_ports(self._count)
        for node in self._nodes:
            node.write_settings(ports, secret)
        identifier = old.identifier if old is not None else _cluster_identifier()
        if old is None:
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda node: node.format(identifier, secret), self._nodes))
        write_private(
            self.directory / _CLUSTER_FILE, msgspec.json.encode(_Cluster(identifier, self._count, ports)).decode()
        )
        return ports

    def _await_ready(self, connection: Connection, *, last: bool) -> bool:
        """Wait for metadata of all nodes and a first transaction.  False when a port was taken by another program."""
        properties = connection.client_properties(reconnect_backoff_ms=50, reconnect_backoff_max_ms=200)
        admin = AdminClient(properties, logger=SILENT)
        limit = clock.monotonic_seconds() + _START_SECONDS
        while not self._all_answer(admin):
            ended = next((node for node in self._nodes if node.ended), None)
            if ended is not None and ended.port_was_taken and not last:
                for node in self._nodes:
                    node.release(kill=True)
                for node in self._nodes:
                    node.join()
                return False
            if ended is not None or clock.monotonic_seconds() > limit:
                node = ended or self._nodes[0]
                how = "ended" if ended else f"was not ready after {_START_SECONDS:.0f} s"
                message = f"node {node.number} {how}; its log is {node.paths.log}: {node.last_words()}"
                raise Unavailable(KAFKA_NOT_STARTED.fault(message))
        TransactionalProducer(connection, "concordat.ready")
        return True

    def _all_answer(self, admin: AdminClient) -> bool:
        try:
            known = admin.list_topics(timeout=1.0).brokers
        except KafkaException:
            known = {}
        if len(known) < self._count:
            time.sleep(0.05)  # between two questions
            return False
        return True


def make_directory(directory: Path) -> None:
    """Make Kafka's directory, mode 0700; raises `Unavailable` where that cannot be."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exception:
        raise Unavailable(KAFKA_NOT_STARTED.fault(f"directory {directory}: {exception.strerror}")) from exception


def saved_connection(directory: Path) -> Connection | None:
    """The administrator's connection to the local Kafka that runs in `directory`, or None while none is ready there."""
    if running_pid(directory) is None:
        return None  # a file left by a process that was killed
    try:
        saved = msgspec.json.decode((directory / CONNECTION_FILE).read_bytes(), type=_Saved)
    except FileNotFoundError:
        return None
    return Connection(saved.bootstrap_servers, saved.properties)


def running_pid(directory: Path) -> int | None:
    """The process that runs the local Kafka in `directory`, or None when none does."""
    try:
        with (directory / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read() or 0)
    except FileNotFoundError:
        return None
    return None


def held_nodes(directory: Path) -> int | None:
    """How many nodes the local Kafka in `directory` has; None when none was ever made there."""
    found = _cluster(directory)
    return None if found is None else found.nodes


def _cluster(directory: Path) -> _Cluster | None:
    try:
        return msgspec.json.decode((directory / _CLUSTER_FILE).read_bytes(), type=_Cluster)
    except FileNotFoundError:
        return None


def _take_lock(directory: Path) -> IO[str]:
    lock = (directory / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read()
        lock.close()
        raise Refused(KAFKA_IN_USE.fault(f"{directory}, process {holder}")) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _secret(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text()


def _cluster_identifier() -> str:
    """A UUID in Kafka's spelling, 22 characters; not one that begins with `-`, which would be read as an option."""
    while True:
        found = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not found.startswith("-"):
            return found
