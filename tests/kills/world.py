"""The whole path as it runs in earnest: PostgreSQL, Kafka with sign-in and access rules, and every part a process of its own.

The processes are `concordat connector run`, `concordat enforce` and `concordat serve`, each under its own principal.
The agreements are three of the examples: two departments receive people, two receive their crossings.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg

from agreements.reviews import TRACKS
from broker import clock
from broker.cluster import provision
from broker.cluster.admin import Admin
from broker.cluster.connect import kafka_directory
from broker.cluster.local import LocalKafka
from broker.cluster.node import free_ports
from broker.cluster.plan import plan
from broker.demonstration import participants
from broker.demonstration.stores import EXAMPLES
from broker.keys import installed
from broker.local_postgresql import LocalPostgresql
from broker.processes import Processes
from broker.register.commands import publish_contract, review, sign_agreement, submit
from broker.register.follow import read_snapshot
from broker.register.undertaking import acknowledge
from broker.settings import Settings, child_environment, load
from contracts import topics
from tests.servers import until

REFERENCES = ("DSA-2026-101", "DSA-2026-102", "DSA-2026-103")
DATASETS = ("travellers", "crossings")
SHARES = {
    "departures": "share.dsa-2026-101.departures",
    "residents": "share.dsa-2026-101.residents",
    "taxpayers": "share.dsa-2026-102.taxpayers",
    "arrivals": "share.dsa-2026-103.arrivals",
}
PARTITIONS = 2
WORKER, CONNECTOR, SERVICE = "worker", "connector", "service"


class World:
    """Servers, register and processes.  `start` and `kill` take the names WORKER, CONNECTOR and SERVICE."""

    def __init__(self, directory: Path) -> None:
        given = load()
        self.directory = directory / "state"
        self.directory.mkdir(mode=0o700)
        ports = [pair.client for pair in free_ports(4)]
        self.metrics_ports = {WORKER: ports[0], CONNECTOR: ports[1]}
        self.settings = Settings(
            directory=self.directory,
            cache_directory=given.cache_directory,
            maven_repository=given.maven_repository,
            partitions=PARTITIONS,
            serve_port=ports[2],
            transaction_milliseconds=5,  # short turns: most of a turn is its transaction, and kills fall into those
        )
        self.postgresql = LocalPostgresql(self.directory / "postgresql", fsync=False, keep=False)
        self.kafka = LocalKafka(
            kafka_directory(self.settings),
            cache_directory=given.cache_directory,
            repository=given.maven_repository,
        )
        self.quarantined = 0
        """How many crossings that break their contract the tests have put into the store."""
        self._stack = ExitStack()
        self._processes: dict[str, Processes] = {}

    def __enter__(self):
        try:
            for server in (self.postgresql, self.kafka):
                self._stack.enter_context(server)
            with psycopg.connect(self.postgresql.dsn, autocommit=True) as session:
                session.execute((EXAMPLES / "stores" / "borders.sql").read_bytes())
            self._found()
            for name in (WORKER, CONNECTOR, SERVICE):
                environment = self.environment(self.metrics_ports.get(name))
                self._processes[name] = self._stack.enter_context(
                    Processes(self.directory / "processes", environment, self.directory)
                )
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _found(self) -> None:
        """The register: who takes part, two contracts, three agreements in force; and Kafka as it says."""
        admin, cluster = Admin(self.kafka.connection), self.kafka.connection
        provision.make_base_topics(admin, self.settings)
        everybody = participants.enrol(cluster, self.directory / "keys")
        for dataset in DATASETS:
            text = (EXAMPLES / "contracts" / f"{dataset}.contract.yaml").read_text()
            publish_contract(cluster, everybody.people["home-office", participants.SIGNER], text)
        keys = installed(self.settings)
        for reference in REFERENCES:
            text = (EXAMPLES / "agreements" / f"{reference}.agreement.yaml").read_text()
            submit(cluster, everybody.people["home-office", participants.DRAFTER], text)
            recipient = next(name for name in participants.DEPARTMENTS if f"organisation: {name}" in text)
            review(cluster, everybody.people[recipient, participants.SIGNER], reference, TRACKS)
            for who in (("home-office", participants.SIGNER), ("home-office", participants.OWNER)):
                sign_agreement(cluster, everybody.people[who], reference, keys)
            sign_agreement(cluster, everybody.people[recipient, participants.SIGNER], reference, keys)
            acknowledge(cluster, everybody.people[recipient, participants.SIGNER], reference)
        snapshot = read_snapshot(cluster)
        steps = plan(snapshot, provision.observe(admin), provision.shape(self.settings), clock.now())
        provision.apply(steps, admin, self.settings)
        self.schemas = {number: entry.text for number, entry in snapshot.schemas.items()}
        self.key_file = self.directory / "keys" / "home-office" / "home-office.senior-information-risk-owner.key"

    # ---- processes

    def environment(self, metrics_port: int | None = None) -> dict[str, str]:
        """What a process of this world sees, whatever the user's own settings are."""
        names = ("directory", "cache_directory", "partitions", "serve_port", "transaction_milliseconds")
        own = {
            f"CONCORDAT_{name.upper()}": str(value)
            for name in names
            if (value := getattr(self.settings, name)) is not None
        }
        if metrics_port is not None:
            own["CONCORDAT_METRICS_PORT"] = str(metrics_port)
        kept = {name: value for name, value in child_environment().items() if not name.startswith("CONCORDAT_")}
        return kept | own

    def start(self, name: str) -> None:
        """Start a process, or start it again where it left off."""
        arguments = {
            WORKER: ["enforce", "--state", str(self.worker_state)],
            CONNECTOR: ["connector", "run", str(self._configuration())],
            SERVICE: ["serve"],
        }
        self._processes[name].stop(name)
        self._processes[name].start(name, arguments[name])

    @property
    def worker_state(self) -> Path:
        return self.directory / "worker"

    def _configuration(self) -> Path:
        path = self.directory / "borders.json"
        options = {"dsn": self.postgresql.dsn, "heartbeat_seconds": "0.5", "batch_changes_max": 50}
        document = {"connector": "postgresql", "name": "borders", "datasets": list(DATASETS), "options": options}
        path.write_text(json.dumps(document))  # JSON is YAML
        return path

    def kill(self, name: str, *, child_only: bool = False, supervisor_only: bool = False) -> None:
        """Kill -9 a process and its child, or of a worker and its supervisor the one alone; and see that it is gone."""
        number = int((self.directory / "processes" / name / "lock").read_text())
        with contextlib.suppress(psutil.NoSuchProcess):
            main = psutil.Process(number)
            children = main.children()
            victims = children if child_only else [main] if supervisor_only else [*children, main]
            for victim in victims:
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
            psutil.wait_procs(victims, timeout=20)

    def signal_worker(self, number: int) -> None:
        """Send a signal to the worker itself, not to its supervisor."""
        supervisor = int((self.directory / "processes" / WORKER / "lock").read_text())
        for child in psutil.Process(supervisor).children():
            child.send_signal(number)

    def log(self, name: str) -> str:
        return (self.directory / "processes" / name / "output.log").read_text()

    def check(self) -> None:
        for running in self._processes.values():
            running.check()

    def command(self, *arguments: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run `concordat <arguments>` to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "broker.cli", *arguments],
            cwd=self.directory,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert status is None or done.returncode == status, done.stdout + done.stderr
        return done

    # ---- HTTP

    def ask(self, port: int, path: str) -> tuple[int, str]:
        """Status and text of an answer; status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def await_ready(self, status: int, limit_seconds: float = 60) -> None:
        until(lambda: self.ask(self.settings.serve_port, "/readyz")[0] == status, limit_seconds)


def source_places() -> list[tuple[str, int]]:
    return [(topics.source(dataset), partition) for dataset in DATASETS for partition in range(PARTITIONS)]


def share_places() -> list[tuple[str, int]]:
    return [(topic, partition) for topic in SHARES.values() for partition in range(PARTITIONS)]
