"""The running world of the demonstration: servers, register, processes, and what may be asked of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from agreements.model import Agreement
from agreements.snapshot import Snapshot
from broker import clock
from broker.cluster import provision
from broker.cluster.admin import Admin
from broker.cluster.client import Connection
from broker.cluster.connect import connection, kafka_directory
from broker.cluster.jars import Progress
from broker.cluster.local import LocalKafka
from broker.cluster.node import free_ports
from broker.cluster.plan import plan
from broker.codes import TOO_SLOW
from broker.demonstration import participants
from broker.demonstration.holdings import Holding, read_holding
from broker.demonstration.oracle import EXPECTED, Expected
from broker.demonstration.participants import Participants
from broker.demonstration.stores import DATABASES, Stores
from broker.demonstration.tally import Tally
from broker.keys import installed
from broker.local_postgresql import LocalPostgresql
from broker.processes import Processes
from broker.register.follow import read_snapshot
from broker.settings import Settings, child_environment
from contracts.faults import Unavailable

DECIDED_SECONDS_MAX = 120.0
WORKERS = 2


@dataclass
class World:
    """Everything that runs.  `look` is called again and again while something is waited for."""

    settings: Settings
    cluster: Connection
    postgresql: LocalPostgresql
    stores: Stores
    processes: Processes
    look: Callable[[Tally], None]
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each part took."""
    everybody: Participants | None = None
    agreements: list[Agreement] = field(default_factory=list)
    _tally: Tally | None = None

    @property
    def people(self) -> Participants:
        """Who takes part; only after `found`."""
        assert self.everybody is not None
        return self.everybody

    @property
    def tally(self) -> Tally:
        """The decisions so far; only after `run`."""
        assert self._tally is not None
        return self._tally

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note how long what stands inside takes."""
        began = clock.monotonic_seconds()
        yield
        self.seconds[name] = round(clock.monotonic_seconds() - began, 2)

    def found(self) -> None:
        """Make the register: who takes part, contracts, agreements in force; and Kafka as it says."""
        admin = Admin(self.cluster)
        provision.make_base_topics(admin, self.settings)
        self.everybody = participants.enrol(self.cluster, self.settings.directory / "keys")
        participants.publish(self.cluster, self.people)
        keys = installed(self.settings)
        self.agreements = participants.agree(self.cluster, self.people, keys)
        self.provision()

    def provision(self) -> None:
        """Make topics, users and access rules as the register says now."""
        admin = Admin(self.cluster)
        observed, shape = provision.observe(admin), provision.shape(self.settings)
        provision.apply(plan(self.snapshot(), observed, shape, clock.now()), admin, self.settings)

    def run(self) -> None:
        """Start the processes: workers, the service, one connector for each store."""
        for number in range(1, WORKERS + 1):
            state = self.settings.directory / f"worker-{number}"
            self.processes.start(f"worker-{number}", ["enforce", "--state", str(state)])
        self.processes.start("service", ["serve"])
        for store, tables in DATABASES.items():
            config = self.settings.directory / "connectors" / f"{store}.json"
            config.parent.mkdir(parents=True, exist_ok=True)
            options = {"dsn": self.postgresql.dsn_of(store)}
            document = {"connector": "postgresql", "name": store, "datasets": list(tables), "options": options}
            config.write_bytes(msgspec.json.encode(document))  # JSON is YAML
            self.processes.start(f"connector-{store}", ["connector", "run", str(config)])
        self._tally = Tally(self.cluster)

    def await_decided(self) -> None:
        """Wait until every change made in the stores has been decided; raises `Unavailable` when that takes too long."""
        self.await_that(
            "every change is decided",
            lambda: all(self.tally.records[name] >= count for name, count in self.stores.changes.items()),
        )

    def await_that(self, what: str, is_so: Callable[[], bool], limit_seconds: float = DECIDED_SECONDS_MAX) -> None:
        """Wait for a condition on the tally; raises `Unavailable` when it takes too long or a process has ended."""
        until = clock.monotonic_seconds() + limit_seconds
        while not is_so():
            self.tally.take()
            self.look(self.tally)
            self.processes.check()
            if clock.monotonic_seconds() > until:
                decided = {name: f"{self.tally.records[name]} of {n}" for name, n in self.stores.changes.items()}
                logs = self.settings.directory / "processes"
                message = f"{what}, after {limit_seconds:.0f} s: {decided}; the logs are in {logs}"
                raise Unavailable(TOO_SLOW.fault(message))

    def snapshot(self) -> Snapshot:
        """The register as it is now."""
        return read_snapshot(self.cluster)

    def department(self, organisation: str) -> Connection:
        """Kafka as a department, under its own credential."""
        return connection(self.settings, organisation)

    def holdings(self) -> dict[str, Holding]:
        """What every department holds under every share now, each read as itself; by topic."""
        schemas = self.snapshot().schemas

        def read(expected: Expected) -> Holding:
            return read_holding(self.department(expected.department), expected, lambda number: schemas[number].text)

        with ThreadPoolExecutor(len(EXPECTED)) as pool:
            return dict(zip((one.topic for one in EXPECTED), pool.map(read, EXPECTED), strict=True))


@contextmanager
def world(
    given: Settings, directory: Path, look: Callable[[Tally], None], fetched: Progress, *, keep: bool
) -> Iterator[World]:
    """Fresh servers below `directory`/state; everything has ended when this ends, however it ends.

    `fetched` is told of Kafka's programs while they are fetched.  Without `keep` the state is removed at the end.
    """
    state = directory.absolute() / "state"
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True, mode=0o700)
    settings = _settings(given, state)
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        if not keep:
            stack.callback(shutil.rmtree, state, ignore_errors=True)
        postgresql = LocalPostgresql(state / "postgresql", fsync=keep, keep=keep)
        stack.push(postgresql)
        starting = pool.submit(postgresql.start)
        cache, repository = settings.cache_directory, settings.maven_repository
        local = LocalKafka(kafka_directory(settings), cache_directory=cache, repository=repository, progress=fetched)
        kafka = stack.enter_context(local)
        starting.result()
        stores = Stores(postgresql)
        stack.callback(stores.close)
        stores.make()
        processes = stack.enter_context(Processes(state / "processes", _environment(settings), state))
        made = World(settings, kafka.connection, postgresql, stores, processes, look)
        yield made
        if made._tally is not None:  # noqa: SLF001 - its own maker
            made.tally.close()


def _settings(given: Settings, state: Path) -> Settings:
    """The user's settings, but on the demonstration's own servers and directory."""
    own: dict[str, Any] = {
        "directory": state,
        "bootstrap_servers": None,
        "kafka": {},
        "kafka_password": None,
        "kafka_password_file": None,
        "root_key_file": None,
        "replication_factor": 1,
        "serve_host": "127.0.0.1",
        "serve_port": free_ports(1)[0].client,
        "metrics_port": None,
    }
    return given.model_copy(update=own)


def _environment(settings: Settings) -> dict[str, str]:
    """The environment of the demonstration's processes: nothing of the user's own settings reaches them."""
    kept = {name: value for name, value in child_environment().items() if not name.upper().startswith("CONCORDAT_")}
    names = ("directory", "cache_directory", "partitions", "serve_port", "snapshot_age_milliseconds_max")
    own = {f"CONCORDAT_{name.upper()}": str(value) for name in names if (value := getattr(settings, name)) is not None}
    return kept | own
