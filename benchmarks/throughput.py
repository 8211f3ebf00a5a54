"""How fast a worker decides, delivers and audits, beside a bare exactly-once copy loop on the same Kafka.

`python -m benchmarks.throughput` starts a Kafka, fills one source topic with the example's crossings, and runs both loops in
turn, each in a process of its own, with the same client settings, transaction time and cap.  Every event passes the
agreement's filter; eight of nine fields leave, three of them treated, under a tokenised key.  It prints a table and one
line of JSON.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from agreements import text as agreement_text
from agreements.snapshot import AgreementEntry, AgreementState, ContractEntry, SchemaEntry, Snapshot
from broker import clock
from broker.cluster.admin import Admin
from broker.cluster.client import Connection, PartitionOffset
from broker.cluster.consumer import GroupConsumer
from broker.cluster.local import LocalKafka
from broker.cluster.objects import TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.cluster.topics import base_topics
from broker.delivery.conditions import Conditions
from broker.delivery.identity import open_identity
from broker.delivery.quarantine import KeySealer
from broker.delivery.routes import Routes
from broker.delivery.worker import Worker
from broker.keys import FileKeys
from broker.pipeline import Ground
from broker.policy.compile import compile_plan, compile_share
from broker.policy.decision import Evaluated, SourceRecord
from broker.policy.reference import ReferenceEngine
from broker.settings import child_environment, load
from contracts import text as contract_text
from contracts import topics
from contracts.avro import key_schema, value_schema
from contracts.change import Envelope, Op, Origin
from contracts.wire import EnvelopeCodec

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
DATASET, PARTITIONS = "crossings", 4
EVENTS, ROUNDS = 200_000, 3
TRANSACTION_MILLISECONDS, EVENTS_MAX = 100, 10_000
FILTER = 'direction in ["inbound", "outbound"]'


def snapshot(fan_out: int) -> tuple[Snapshot, EnvelopeCodec]:
    """A register with the crossings contract and `fan_out` agreements over it, and the contract's codec."""
    contract = contract_text.parse((EXAMPLES / "contracts" / "crossings.contract.yaml").read_text())
    agreement = agreement_text.parse((EXAMPLES / "agreements" / "DSA-2026-101.agreement.yaml").read_text())
    schemas = {
        1: SchemaEntry(1, f"{topics.source(DATASET)}-key", 1, key_schema(contract)),
        2: SchemaEntry(2, f"{topics.source(DATASET)}-value", 1, value_schema(contract)),
    }
    agreements = {}
    for number in range(fan_out):
        reference = f"DSA-{number}"
        share = agreement.shares[0].model_copy(update={"rows": FILTER})
        signed = agreement.model_copy(update={"reference": reference, "shares": (share,)})
        content_hash = agreement_text.content_hash(signed)
        plan = compile_plan(signed, content_hash, share, contract)
        schemas[10 + number] = SchemaEntry(10 + number, f"{topics.share(reference, share.id)}-value", 1, plan.view_text)
        begin, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
        entry = AgreementEntry(signed, content_hash, "x", AgreementState.APPROVED, 1, begin, end)
        agreements[reference] = (_with_view(entry, share.id, 10 + number),)
    entry = ContractEntry(contract, 1, 2, 0)
    made = Snapshot(position=1, contracts={DATASET: (entry,)}, schemas=schemas, agreements=agreements)
    return made, EnvelopeCodec(contract, 1, 2)


def _with_view(entry: AgreementEntry, share: str, schema: int) -> AgreementEntry:
    return replace(entry, view_schemas={share: schema})


def fill(connection: Connection, codec: EnvelopeCodec) -> None:
    """Write the events, as the intake would."""
    with (EXAMPLES / "data" / "crossings.csv").open() as file:
        rows = list(csv.DictReader(file))
    producer = TransactionalProducer(connection, "bench.fill", timeout_ms=60_000)
    for start in range(0, EVENTS, 20_000):
        producer.begin()
        for number, row in enumerate(islice(cycle(rows), 20_000), start):
            after = {
                **row,
                "crossing_id": f"CR-{number:08d}",
                "crossed_at": datetime.fromisoformat(row["crossed_at"]),
                "match_confidence": float(row["match_confidence"]),
                "officer_note": row["officer_note"] or None,
                "document_number": row["document_number"] or None,
            }
            partition, sequence = number % PARTITIONS, number // PARTITIONS
            origin = Origin("bench", DATASET, str(number), sequence, None, snapshot=False)
            value = codec.encode(Envelope(Op.CREATE, None, after, origin, 1_700_000_000_000, ()))
            producer.produce(topics.source(DATASET), partition, codec.encode_key(after), value)
        producer.commit()


class Stopwatch:
    """Events a second from the first commit to the last: starting up is not measured."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.events = wanted, 0
        self._first: tuple[float, float, int] | None = None
        self._last = (0.0, 0.0, 0)

    def committed(self) -> bool:
        """Note a commit; whether all wanted events are done."""
        self._last = (clock.monotonic_seconds(), sum(os.times()[:2]), self.events)
        self._first = self._first or self._last
        return self.events >= self.wanted

    def result(self) -> dict[str, float]:
        """Events a second, and client CPU seconds per million events."""
        assert self._first is not None
        assert self._last[2] > self._first[2], "too few transactions to measure"
        seconds, processor, events = (last - first for first, last in zip(self._first, self._last, strict=True))
        return {"events_per_second": events / seconds, "cpu_seconds_per_million": processor / events * 1_000_000}


def copy(connection: Connection, wanted: int, run: str, fan_out: int) -> dict[str, float]:
    """The bare loop: consume, produce the same bytes `fan_out` times, commit with the offsets."""
    watch, done = Stopwatch(wanted), False
    producer = TransactionalProducer(connection, f"bench.{run}")
    consumer = GroupConsumer(
        connection, run, run, on_assign=lambda _: None, on_revoke=lambda _: None, on_lost=lambda _: None
    )
    consumer.subscribe([topics.source(DATASET)])
    while not done:
        messages = consumer.consume(1, 0.1)
        if not messages:
            continue
        messages += consumer.consume(EVENTS_MAX - 1, TRANSACTION_MILLISECONDS / 1000)
        metadata = consumer.group_metadata()
        producer.begin()
        ends = {}
        for message in messages:
            for number in range(fan_out):
                producer.produce(f"share.dsa-{number}.departures", message.partition, message.key, message.value)
            ends[message.partition] = message.offset + 1
        producer.send_offsets([PartitionOffset(topics.source(DATASET), p, o) for p, o in ends.items()], metadata)
        producer.commit()
        watch.events += len(messages)
        done = watch.committed()
    consumer.close()
    return watch.result()


class Register:
    """A register that never changes."""

    def __init__(self, found: Snapshot) -> None:
        self._snapshot = found

    def catch_up(self) -> Snapshot:
        """The snapshot."""
        return self._snapshot

    def age_milliseconds(self) -> float:
        """Always fresh."""
        return 0.0


class Counted(ReferenceEngine):
    """The reference engine, telling the stopwatch what it decided."""

    watch: Stopwatch

    def evaluate(self, records: Sequence[SourceRecord], now_ms: int) -> list[Evaluated]:
        """See the reference engine."""
        self.watch.events += len(records)
        return super().evaluate(records, now_ms)


def work(connection: Connection, wanted: int, run: str, fan_out: int) -> dict[str, float]:
    """The worker with the reference engine: contract, policy, delivery, audit."""
    watch, (found, _) = Stopwatch(wanted), snapshot(fan_out)
    Counted.watch = watch
    with tempfile.TemporaryDirectory() as directory:
        keys = FileKeys(Path(directory) / "secrets")
        for number in range(fan_out):
            keys.ensure(f"pseudonym/DSA-{number}")
        identity = open_identity(Path(directory) / "worker", "bench")
        sealer = KeySealer(keys)
        worker: Worker

        def after_commit() -> None:
            if watch.committed():
                worker.stop()

        def ground(current: Snapshot, now: datetime) -> Ground:
            return Ground(current, now, identity.worker, identity.sign, os.urandom, sealer, PARTITIONS, PARTITIONS)

        def routes(count: Callable[[str], int]) -> Routes:
            return Routes(
                lambda current, entry, coverage: compile_share(coverage.entry, coverage.share, entry, current),
                lambda current, entry, plans: Counted(entry, plans, current.schemas, keys),
                count,
            )

        conditions = Conditions(
            group=run, transaction_milliseconds=TRANSACTION_MILLISECONDS, transaction_events_max=EVENTS_MAX
        )
        worker = Worker(
            connection,
            identity,
            Register(found),
            routes,
            ground,
            conditions,
            trip=lambda *_: None,
            after_commit=after_commit,
        )
        worker.run()
    return watch.result()


LOOPS = {"copy": copy, "worker": work}


def measure(place: Path, loop: str, run: str, fan_out: int) -> dict[str, float]:
    """Run one loop in a process of its own."""
    wanted = {1: 30_000, 3: 20_000}[fan_out] if loop == "worker" else EVENTS
    command = [sys.executable, "-m", "benchmarks.throughput", loop, str(place), str(wanted), run, str(fan_out)]
    told = subprocess.run(command, env=child_environment(), stdout=subprocess.PIPE, check=True, timeout=120)
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


def run() -> dict[str, Any]:
    """Both loops in interleaved rounds, fan-out 1 and 3; the medians and their ratio."""
    settings = load()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        with LocalKafka(
            place / "kafka", cache_directory=settings.cache_directory, repository=settings.maven_repository
        ) as kafka:
            connection = kafka.connection
            shares = [TopicSpec(f"share.dsa-{number}.departures", PARTITIONS, 1, {}) for number in range(3)]
            source = TopicSpec(topics.source(DATASET), PARTITIONS, 1, {})
            Admin(connection).create_topics([source, *shares, *base_topics(PARTITIONS, 1)])
            fill(connection, snapshot(1)[1])
            described = place / "connection.json"
            described.touch(mode=0o600)
            described.write_text(json.dumps([connection.bootstrap_servers, dict(connection.properties)]))
            measure(described, "copy", "warm", 1)
            rounds = [
                {loop: measure(described, loop, f"{loop}-{fan_out}-{number}", fan_out) for loop in LOOPS}
                for fan_out in (1, 3)
                for number in range(ROUNDS)
            ]
    return {f"f{fan_out}": summary(rounds[start : start + ROUNDS]) for fan_out, start in ((1, 0), (3, ROUNDS))}


def summary(rounds: Sequence[dict[str, dict[str, float]]]) -> dict[str, float]:
    """Medians over rounds; the ratio pairs the two loops of one round."""
    found = {
        f"{loop}_{name}": round(statistics.median(one[loop][name] for one in rounds), 1)
        for loop in LOOPS
        for name in ("events_per_second", "cpu_seconds_per_million")
    }
    ratios = [one["worker"]["events_per_second"] / one["copy"]["events_per_second"] for one in rounds]
    return {
        **found,
        "ratio": round(statistics.median(ratios), 4),
        "ratio_min": round(min(ratios), 4),
        "ratio_max": round(max(ratios), 4),
    }


def main(arguments: Sequence[str]) -> None:
    """The whole benchmark, or one loop for it."""
    if arguments:
        loop, place, wanted, name, fan_out = arguments
        servers, properties = json.loads(Path(place).read_text())
        print(json.dumps(LOOPS[loop](Connection(servers, properties), int(wanted), name, int(fan_out))))
        return
    result = run()
    print(f"{'':24}{'copy ev/s':>12}{'worker ev/s':>12}{'ratio':>9}  (min-max)    CPU s/M copy, worker")
    for fan_out, row in result.items():
        low_high = f"({row['ratio_min']:.3f}-{row['ratio_max']:.3f})"
        processor = f"{row['copy_cpu_seconds_per_million']:.1f}, {row['worker_cpu_seconds_per_million']:.1f}"
        rates = f"{row['copy_events_per_second']:12,.0f}{row['worker_events_per_second']:12,.0f}"
        print(f"fan-out {fan_out[1:]:16}{rates}{row['ratio']:9.3f}  {low_high}  {processor}")
    print(json.dumps({"benchmark": "throughput", **result}))


if __name__ == "__main__":
    main(sys.argv[1:])
