"""The two peers of `capture`, each running over one table while its topic and its process are watched."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from agreements.snapshot import ContractEntry, Snapshot
from benchmarks import _connect, _crossings
from broker import clock
from broker.cluster.admin import Admin
from broker.cluster.client import Connection
from broker.cluster.objects import TopicSpec
from broker.cluster.reader import Reader
from broker.delivery.quarantine import KeySealer
from broker.intake.configuration import Configuration
from broker.intake.runtime import Intake
from broker.keys import FileKeys
from broker.observe import configure, logger
from broker.settings import child_environment
from connectors.postgresql import PostgresqlConnector
from connectors.postgresql.options import PostgresqlOptions
from contracts import topics

PARTITIONS = 4
_LOOK_SECONDS = 0.03
_RUN_SECONDS = 180.0
_QUIET_SECONDS = 2.0


@dataclass(frozen=True)
class World:
    """What runs for the whole benchmark."""

    place: Path
    kafka: Connection
    dsn: str
    connect: _connect.Worker
    settings: Mapping[str, str]
    """How Java reaches PostgreSQL."""


@dataclass(frozen=True)
class Watch:
    """Sees records become readable in a topic, and what a process spends meanwhile."""

    world: World
    topic: str
    pid: int

    def second_half(self, records: int) -> dict[str, float]:
        """Wait until `records` are there and no more come; the rate and the processor time of the second half of them."""
        process, looks, limit = psutil.Process(self.pid), list[tuple[float, float, int]](), _RUN_SECONDS
        began = clock.monotonic_seconds()
        with Reader(self.world.kafka) as reader:
            while not (looks and _is_quiet(looks, records)):
                seen = sum(reader.stable_end(self.topic, partition) for partition in range(PARTITIONS))
                spent = process.cpu_times()
                looks.append((clock.monotonic_seconds(), spent.user + spent.system, seen))
                if looks[-1][0] - began > limit:
                    raise RuntimeError(f"{self.topic}: {seen} of {records} after {limit} s")
                time.sleep(_LOOK_SECONDS)
        offsets = looks[-1][2]  # more than records: each transaction leaves a marker in each partition that it wrote to
        middle = next(look for look in looks if look[2] >= offsets / 2)
        end = next(look for look in looks if look[2] == offsets)
        seconds, processor, passed = (late - early for late, early in zip(end, middle, strict=True))
        events = passed * records / offsets
        return {"per_second": events / seconds, "cpu_seconds_per_million": processor / events * 1_000_000}

    def count(self) -> int:
        """How many records are there now, transaction markers left out."""
        with Reader(self.world.kafka) as reader:
            return sum(1 for partition in range(PARTITIONS) for _ in reader.read(self.topic, partition))


def _is_quiet(looks: Sequence[tuple[float, float, int]], records: int) -> bool:
    """Whether all is there and nothing has come for a while."""
    now, _, seen = looks[-1]
    since = next(moment for moment, _, before in looks if before == seen)
    return seen >= records and now - since > _QUIET_SECONDS


@contextmanager
def debezium(world: World, run: str, **settings: str) -> Iterator[Watch]:
    """Debezium's connector in the worker."""
    prefix = run.replace("_", "-")
    topic = f"{prefix}.public.crossings"
    Admin(world.kafka).create_topics([TopicSpec(topic, PARTITIONS, 1, {})])
    asked = _connect.debezium(world.settings, run, _crossings.SLOT, prefix, **settings)
    with world.connect.connector(prefix, asked):
        yield Watch(world, topic, world.connect.pid)


@contextmanager
def concordat(world: World, run: str, **options: Any) -> Iterator[Watch]:
    """Our connector and its runtime, in a process of its own."""
    dataset = run.replace("_", "-")
    Admin(world.kafka).create_topics([TopicSpec(topics.source(dataset), PARTITIONS, 1, {})])
    asked = {
        "servers": world.kafka.bootstrap_servers,
        "properties": dict(world.kafka.properties),
        "keys": str(world.place / run),
        "dataset": dataset,
        "options": {"dsn": world.dsn, "slot": run, "publication": _crossings.SLOT, **options},
    }
    command = [sys.executable, "-m", "benchmarks._peers"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment(), text=True
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "open\n"
        yield Watch(world, topics.source(dataset), process.pid)
    finally:
        process.terminate()
        process.wait(60)


def connector(asked: Mapping[str, Any]) -> None:
    """Be the connector's process, until it is told to stop."""
    configure()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    dataset = asked["dataset"]
    options = PostgresqlOptions(tables={dataset: "public.crossings"}, **asked["options"])
    contract = _crossings.contract(dataset)
    found = Snapshot(position=0, contracts={dataset: (ContractEntry(contract, 1, 2, 0),)})
    running = Intake(
        Connection(asked["servers"], asked["properties"]),
        Configuration(PostgresqlConnector, dataset, (dataset,), options),
        found,
        KeySealer(FileKeys(Path(asked["keys"]))),
        logger("capture"),
    )
    running.run(stopping, ready=lambda: print("open", flush=True))


if __name__ == "__main__":
    connector(json.loads(sys.stdin.readline()))
