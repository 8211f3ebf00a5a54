"""What every test of the whole path ends with: departments, tables, source topics and audit say the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

from broker.audit.verify import verify
from broker.cluster.admin import Admin
from broker.cluster.connect import connection
from broker.cluster.principals import AUDITOR
from broker.cluster.reader import Reader
from broker.delivery.identity import GROUP
from broker.evidence.kafka import KafkaEvidence
from contracts import topics
from contracts.wire import AvroSchema, unframe
from tests.kills import oracle
from tests.kills.people import table
from tests.kills.world import DATASETS, PARTITIONS, SHARES, World, source_places
from tests.servers import until

DEPARTMENTS = {
    "departures": "work-and-pensions",
    "residents": "work-and-pensions",
    "taxpayers": "revenue-and-customs",
    "arrivals": "health-security",
}
DATASET_OF = {
    "departures": "crossings",
    "arrivals": "crossings",
    "residents": "travellers",
    "taxpayers": "travellers",
}


def await_decided(world: World, changes: Counter[str], limit_seconds: float = 90) -> None:
    """Until every change made in the store is on its source topic, and decided."""
    with Reader(world.kafka.connection) as reader:

        def arrived() -> bool:
            world.check()
            return source_counts(reader) == changes

        until(arrived, limit_seconds)
        lasts = {place: max((m.offset for m in reader.read(*place)), default=-1) for place in source_places()}

    def decided() -> bool:
        world.check()
        reached = {(one.topic, one.partition): one.offset for one in Admin(world.kafka.connection).group_offsets(GROUP)}
        return all(reached.get(place, 0) > last for place, last in lasts.items() if last >= 0)

    until(decided, limit_seconds)


def source_counts(reader: Reader) -> Counter[str]:
    """How many changes the source topics show to a department's kind of reader."""
    return Counter(
        {
            dataset: sum(1 for p in range(PARTITIONS) for _ in reader.read(topics.source(dataset), p))
            for dataset in DATASETS
        }
    )


def holdings(world: World) -> dict[str, list[dict[str, Any]]]:
    """What each department holds under its own credential: of an entity the newest view by key, of events every record."""
    found, schemas = {}, dict[int, AvroSchema]()
    for share, topic in SHARES.items():
        current: dict[Any, dict[str, Any]] = {}
        with Reader(connection(world.settings, DEPARTMENTS[share])) as reader:
            for partition in range(PARTITIONS):
                for message in reader.read(topic, partition):
                    is_event = DATASET_OF[share] == "crossings"
                    place = (partition, message.offset) if is_event else (partition, message.key)
                    if message.value is None:
                        assert not is_event
                        current.pop(place, None)
                        continue
                    number, body = unframe(message.value)
                    schema = schemas.setdefault(number, AvroSchema(world.schemas[number]))
                    current[place] = schema.decode(body)
        found[share] = list(current.values())
    return found


def assert_right(world: World, changes: Counter[str]) -> dict[str, Any]:
    """Departments hold what the tables say, each change is decided once, and the audit is verified with the same totals.

    Gives the audit's report.
    """
    await_decided(world, changes)
    travellers, crossings = table(world.postgresql.dsn, "travellers"), table(world.postgresql.dsn, "crossings")
    held = holdings(world)
    assert oracle.held_of_agreement_101(held["residents"], held["departures"]) == (
        oracle.expected_of_agreement_101(travellers, crossings)
    )
    assert oracle.held_of_agreement_102(held["taxpayers"]) == oracle.expected_of_agreement_102(travellers)
    assert oracle.held_of_agreement_103(held["arrivals"]) == oracle.expected_of_agreement_103(crossings)
    assert_tokens(held, {row["reference"] for row in travellers})
    with KafkaEvidence(connection(world.settings, AUDITOR)) as evidence:
        report = verify(evidence)
    assert report.verified, [str(fault) for fault in report.faults[:5]]
    document = report.document()
    assert_decided_once(document, changes, world.quarantined)
    for share in ("departures", "arrivals"):
        _, qualifies = oracle.decided_for(share)
        outcomes = report.shares[SHARES[share]].by_outcome
        assert outcomes["permit"] + outcomes["redact"] == sum(map(qualifies, crossings)), share
    return document


def assert_decided_once(document: dict[str, Any], changes: Counter[str], quarantined: int) -> None:
    """Every change has one decision for each share of its dataset (or one quarantine); totals are counted from leaves.

    A release decides again what was held, and only that gives a share more decisions than changes.
    """
    records: Counter[str] = Counter()
    for partition in document["partitions"]:
        assert partition["undecided"] == 0, partition
        records[topics.dataset_of(partition["topic"])] += partition["in_source"]
    assert records == changes
    for share in document["shares"]:
        dataset = DATASET_OF[share["topic"].rpartition(".")[2]]
        once = changes[dataset] - (quarantined if dataset == "crossings" else 0)
        again = share["decisions"] - once
        assert again == 0 or (again > 0 and share["by_outcome"].get("hold", 0) > 0), share
    assert document["by_outcome"].get("quarantine", 0) == quarantined
    assert sum(document["by_outcome"].values()) == document["decisions"]


def assert_tokens(held: dict[str, list[dict[str, Any]]], references: set[str]) -> None:
    """No token is a raw reference, and two agreements share none."""
    of_agreement = {
        "101": {row["reference"] for row in held["residents"]}
        | {row["traveller_reference"] for row in held["departures"]},
        "102": {row["reference"] for row in held["taxpayers"]},
        "103": {row["traveller_reference"] for row in held["arrivals"]},
    }
    residents = {row["reference"] for row in held["residents"]}
    assert residents & {row["traveller_reference"] for row in held["departures"]}, (
        "nothing to join: the run says little"
    )
    for number, tokens in of_agreement.items():
        assert tokens
        assert not tokens & references
        assert not any("CANARY" in token for token in tokens)
        for other, others in of_agreement.items():
            assert number == other or not tokens & others
