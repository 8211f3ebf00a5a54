"""How fast PostgreSQL's changes come to Kafka, beside Debezium's connector in Kafka Connect.

`python -m benchmarks.capture` starts a Kafka, a PostgreSQL and one worker of Kafka Connect, makes a backlog of changes behind a
replication slot, and gives each run a copy of that slot.  Both write exactly once to topics with the same partitions:
Debezium JSON without schemas, we Avro.  The JVM stays the same for all rounds and a first one is thrown away; of every run
the first half warms up and the second half counts.  Processor time is that of the capturing process alone, without PostgreSQL and
Kafka.  It prints a table and one line of JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from benchmarks import _connect, _crossings
from benchmarks._peers import PARTITIONS, Watch, World, concordat, debezium
from broker import clock
from broker.cluster.admin import Admin
from broker.cluster.jars import read_lock
from broker.cluster.local import LocalKafka
from broker.cluster.reader import Reader
from broker.cluster.topics import base_topics
from broker.local_postgresql import LocalPostgresql
from broker.settings import load as load_settings
from contracts.wire import EnvelopeCodec

ROWS, CHANGES, ROUNDS = 200_000, 400_000, 3
CHANGES_PER_SECOND, LATENCY_SECONDS, SETTLING_SECONDS = 5_000, 12.0, 3.0
Peer = Callable[..., AbstractContextManager[Watch]]
PEERS: Mapping[str, Peer] = {"debezium": debezium, "concordat": concordat}
_STREAM: Mapping[str, dict[str, Any]] = {"debezium": {"snapshot.mode": "no_data"}, "concordat": {"snapshot": False}}
_SNAPSHOT: Mapping[str, dict[str, Any]] = {
    "debezium": {"snapshot.mode": "initial_only"},
    "concordat": {"chunk_rows": 20_000},
}


def stream(world: World, peer: str, run: str, changes: int) -> dict[str, float]:
    """One run over the backlog; every change must be there once."""
    _crossings.copy_slot(world.dsn, run)
    with PEERS[peer](world, run, **_STREAM[peer]) as watch:
        found = watch.second_half(changes)
    _checked(watch, changes)
    _crossings.drop_slot(world.dsn, run)
    return found


def snapshot(world: World, peer: str, run: str, rows: int) -> dict[str, float]:
    """One run over the table as it is."""
    with PEERS[peer](world, run, **_SNAPSHOT[peer]) as watch:
        found = watch.second_half(rows)
    _checked(watch, rows)
    _crossings.drop_slot(world.dsn, run)
    return found


def _checked(watch: Watch, wanted: int) -> None:
    found = watch.count()
    if found != wanted:
        raise RuntimeError(f"{watch.topic}: {found} records, not {wanted}")
    Admin(watch.world.kafka).delete_topics([watch.topic])


def rounds(
    measure: Callable[[World, str, str, int], dict[str, float]], world: World, name: str, count: int
) -> list[dict[str, dict[str, float]]]:
    """Both peers in turn, after a first round that is thrown away."""
    found = []
    for number in range(ROUNDS + 1):
        runs = {peer: measure(world, peer, f"{name}_{peer}_{number}", count) for peer in PEERS}
        _say(f"{name} {number}: {json.dumps(runs)}")
        found.append(runs)
    return found[1:]


def _say(what: str) -> None:
    """Tell whoever waits."""
    print(f"{clock.now():%H:%M:%S} {what}", file=sys.stderr, flush=True)


def summary(found: Sequence[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Medians, and the ratios of the two peers of one round."""
    medians = {
        f"{peer}_{what}": round(statistics.median(one[peer][what] for one in found), 1)
        for peer in PEERS
        for what in ("per_second", "cpu_seconds_per_million")
    }
    rates = [one["concordat"]["per_second"] / one["debezium"]["per_second"] for one in found]
    processors = [
        one["debezium"]["cpu_seconds_per_million"] / one["concordat"]["cpu_seconds_per_million"] for one in found
    ]
    return {**medians, **_spread("rate_ratio", rates), **_spread("cpu_ratio", processors)}


def _spread(name: str, ratios: Sequence[float]) -> dict[str, float]:
    found = {"": statistics.median(ratios), "_min": min(ratios), "_max": max(ratios)}
    return {name + suffix: round(value, 2) for suffix, value in found.items()}


def latency(world: World, peer: str, run: str) -> dict[str, float]:
    """From a row's commit in PostgreSQL until a reader of committed records has it, under an even load."""
    _crossings.make_slot(world.dsn, run)
    stopping = threading.Event()
    load = threading.Thread(target=_crossings.write, args=(world.dsn, CHANGES_PER_SECOND, stopping))
    with PEERS[peer](world, run, **_STREAM[peer]) as watch, Reader(world.kafka) as reader:
        reader.assign_many([(watch.topic, partition, 0) for partition in range(PARTITIONS)])
        load.start()
        began, read = clock.now_ms(), []
        while clock.now_ms() < began + LATENCY_SECONDS * 1000:
            messages = reader.poll(0.02)
            now = clock.now_ms()
            read += [(now, message.value) for message in messages]
        stopping.set()
        load.join()
    _crossings.drop_slot(world.dsn, run)
    codec = EnvelopeCodec(_crossings.contract(run.replace("_", "-")), 1, 2)
    moments = [(now, _committed_ms(peer, codec, value)) for now, value in read if value is not None]
    counted = sorted(now - committed for now, committed in moments if committed > began + SETTLING_SECONDS * 1000)
    if not counted:
        raise RuntimeError(f"{peer}: no change came in time")
    percentiles = {name: counted[int(len(counted) * part)] for name, part in (("p50_ms", 0.5), ("p99_ms", 0.99))}
    return {**percentiles, "per_second": round(len(counted) / (LATENCY_SECONDS - SETTLING_SECONDS))}


def _committed_ms(peer: str, codec: EnvelopeCodec, value: bytes) -> int:
    """When PostgreSQL committed the change."""
    return codec.decode(value).ts_ms if peer == "concordat" else int(json.loads(value)["source"]["ts_ms"])


def run() -> dict[str, Any]:
    """Everything, on servers of its own."""
    settings = load_settings()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        kafka = LocalKafka(
            place / "kafka", cache_directory=settings.cache_directory, repository=settings.maven_repository
        )
        with kafka, LocalPostgresql(place / "postgresql", keep=False) as postgresql:
            changes = _crossings.load(postgresql.dsn, ROWS, CHANGES)
            rows = _crossings.count(postgresql.dsn)
            _say(f"{changes} changes are waiting, {rows} rows")
            Admin(kafka.connection).create_topics(base_topics(PARTITIONS, 1))
            java = {
                **conninfo_to_dict(postgresql.dsn),
                "password": postgresql.passfile.read_text().strip().split(":")[-1],
            }
            with _connect.worker(place / "connect", kafka.connection, settings) as worker:
                world = World(place, kafka.connection, postgresql.dsn, worker, java)
                return {
                    "changes": changes,
                    "rows": rows,
                    "stream": summary(rounds(stream, world, "stream", changes)),
                    "snapshot": summary(rounds(snapshot, world, "snapshot", rows)),
                    "latency": {peer: latency(world, peer, f"latency_{peer}") for peer in PEERS},
                }


def main() -> None:
    """Run and print."""
    before = os.getloadavg()[0]
    result = run()
    debezium_version = next(jar.version for jar in read_lock(_connect.LOCK_FILE).jars if jar.group == "io.debezium")
    print(
        f"Debezium {debezium_version} in Kafka Connect {read_lock(_connect.LOCK_FILE).kafka}: exactly once, JSON, warm JVM."
    )
    print(
        f"{result['changes']:,} changes in transactions of 100, {result['rows']:,} rows of 13 columns, REPLICA IDENTITY FULL,"
        f" {PARTITIONS} partitions."
    )
    print(f"Load average of the machine before and after: {before:.1f}, {os.getloadavg()[0]:.1f}.")
    print(
        f"{'':12}{'Connect /s':>12}{'ours /s':>12}{'ratio':>8}  (min-max)     CPU s/M Connect, ours     less by (min-max)"
    )
    for name in ("stream", "snapshot"):
        row = result[name]
        rates = f"{row['debezium_per_second']:12,.0f}{row['concordat_per_second']:12,.0f}{row['rate_ratio']:8.2f}"
        spread = f"({row['rate_ratio_min']:.2f}-{row['rate_ratio_max']:.2f})"
        spent = f"{row['debezium_cpu_seconds_per_million']:13.1f}, {row['concordat_cpu_seconds_per_million']:.1f}"
        less = f"{row['cpu_ratio']:18.2f} ({row['cpu_ratio_min']:.2f}-{row['cpu_ratio_max']:.2f})"
        print(f"{name:12}{rates}  {spread}{spent}{less}")
    for peer, found in result["latency"].items():
        print(
            f"commit to readable at {CHANGES_PER_SECOND:,}/s, {peer}: p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms"
        )
    print(json.dumps({"benchmark": "capture", **result}))


if __name__ == "__main__":
    main()
