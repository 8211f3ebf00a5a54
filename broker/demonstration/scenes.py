"""The scenes: each lets something happen, looks at what every department then has, and notes what it asserts."""

from __future__ import annotations

import urllib.request
from collections import Counter
from dataclasses import dataclass
from typing import Any

from agreements.model import Agreement, Share
from broker import clock
from broker.audit.search import Coverage, Question, search
from broker.cluster.codes import FORBIDDEN
from broker.cluster.connect import connection
from broker.cluster.consumer import GroupConsumer
from broker.cluster.principals import AUDITOR
from broker.cluster.reader import Reader
from broker.delivery.quarantine import quarantined
from broker.demonstration.assertions import Assertions
from broker.demonstration.holdings import Holding
from broker.demonstration.oracle import EXPECTED, Expected
from broker.demonstration.participants import SIGNER
from broker.demonstration.stores import BAD_CROSSING
from broker.demonstration.world import World
from broker.evidence.kafka import KafkaEvidence
from broker.evidence.subject import pseudonyms
from broker.keys import installed
from broker.register.commands import await_stop, resume, suspend
from contracts.faults import Unavailable

RESIDENTS = "share.dsa-2026-101.residents"
TAXPAYERS = "share.dsa-2026-102.taxpayers"
ARRIVALS = "share.dsa-2026-103.arrivals"
_REFUSED_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field of a source record beside what two departments received of it, and by which clause."""

    field: str
    source: Any
    received: dict[str, Any]
    """By department; absent where it received nothing."""
    why: dict[str, str]
    """By department: the treatment, or that no clause names the field."""
    clauses: dict[str, str]
    """By department: where its agreement says so."""


def one_leaves(world: World, assertions: Assertions) -> list[FieldLine]:
    """A resident becomes a temporary one: withdrawn from one department, and still held by the other."""
    reference = world.stores.leaver
    before = world.holdings()
    source = next(row for row in world.stores.table("travellers") if row["reference"] == reference)
    world.stores.update("travellers", "reference", reference, residence="temporary")
    world.await_decided()
    after = world.holdings()
    gone = before[RESIDENTS].current.keys() - after[RESIDENTS].current.keys()
    changed = _changed(before[TAXPAYERS], after[TAXPAYERS])
    elsewhere = [topic for topic in before if topic not in (RESIDENTS, TAXPAYERS) and _moved(before, after, topic)]
    assertions.equal("one traveller left the residents' scope and was withdrawn there", len(gone), 1)
    assertions.equal("a tombstone withdrew it", after[RESIDENTS].tombstones - before[RESIDENTS].tombstones, 1)
    assertions.equal("the taxpayers' share kept it, changed", len(changed), 1)
    assertions.equal("nobody else received anything", elsewhere, [])
    received = {
        "work-and-pensions": before[RESIDENTS].current[next(iter(gone))] if gone else {},
        "revenue-and-customs": before[TAXPAYERS].current[next(iter(changed))] if changed else {},
    }
    shares = {"work-and-pensions": _share(world, RESIDENTS), "revenue-and-customs": _share(world, TAXPAYERS)}
    return [
        FieldLine(
            name,
            value,
            {department: row[name] for department, row in received.items() if name in row},
            {department: _why(name, share) for department, (_, _, share) in shares.items()},
            {name: f"{agreement.reference} shares[{index}].fields" for name, (agreement, index, _) in shares.items()},
        )
        for name, value in source.items()
    ]


def one_is_refused(world: World, assertions: Assertions) -> None:
    """A department subscribes to another's topic: Kafka itself refuses."""
    intruder, topic = "revenue-and-customs", RESIDENTS
    reason, until = "nothing was refused", clock.monotonic_seconds() + _REFUSED_SECONDS
    consumer = GroupConsumer(
        world.department(intruder),
        f"{intruder}.curious",
        None,
        on_assign=lambda _: None,
        on_revoke=lambda _: None,
        on_lost=lambda _: None,
    )
    try:
        consumer.subscribe([topic])
        while clock.monotonic_seconds() < until and not consumer.consume(1, 0.2):
            pass
    except Unavailable as failure:
        fault = failure.faults[0]
        reason = str(fault) if fault.code == FORBIDDEN else f"another fault: {fault}"
    finally:
        consumer.close()
    name = f"{intruder} is refused at {topic} by Kafka"
    assertions.true(name, "TOPIC_AUTHORIZATION_FAILED" in reason, reason)


def one_is_suspended(world: World, assertions: Assertions) -> dict[str, Any]:
    """Arrivals are suspended: the stop is confirmed and timed, new arrivals are held; resumed, they are released."""
    signer = world.people.people["home-office", SIGNER]
    expected = next(one for one in EXPECTED if one.topic == ARRIVALS)
    world.await_decided()
    began = clock.monotonic_seconds()
    position = suspend(world.cluster, signer, expected.reference, reason="demonstration").positions[-1]
    stop = await_stop(world.cluster, position, [expected.dataset], began_at=began)
    world.provision()
    world.seconds["suspend until every worker confirmed"] = round(stop.seconds, 2)
    assertions.true("the suspension was confirmed by every partition", stop.confirmed, f"{stop.seconds:.2f} s")
    ends = _ends(world, ARRIVALS)
    held_before = world.tally.by_share[expected.reference, expected.share]["hold"]
    arrivals = [_arrival(world, number) for number in range(20)]
    world.stores.insert("crossings", arrivals)
    world.await_decided()
    held = world.tally.by_share[expected.reference, expected.share]["hold"] - held_before
    assertions.equal("arrivals while suspended are held", held, len(arrivals))
    assertions.equal("nothing reached the topic while suspended", _ends(world, ARRIVALS), ends)
    delivered = _delivered(world, expected)
    resume(world.cluster, signer, expected.reference)
    world.provision()
    world.await_that("what was held is released", lambda: _delivered(world, expected) >= delivered + len(arrivals))
    assertions.equal("resumed, what was held was released", _delivered(world, expected) - delivered, len(arrivals))
    return {
        "seconds": round(stop.seconds, 3),
        "register_position": position,
        "worst_case_seconds": stop.worst_case_seconds,
        "held": held,
    }


def one_is_bad(world: World, assertions: Assertions) -> list[dict[str, Any]]:
    """A row that breaks its contract is kept aside with its reason; the row after it flows."""
    bad = _arrival(world, 100) | {"crossing_id": BAD_CROSSING, "document_number": "not-nine-digits"}
    world.stores.insert("crossings", [bad, _arrival(world, 101)])
    world.await_decided()
    aside = [
        {"record": entry.identifier, "reasons": [f"{reason.code} {reason.clause}".strip() for reason in entry.reasons]}
        for entry in quarantined(world.cluster)
    ]
    assertions.equal("one bad row is in quarantine", len(aside), 1)
    assertions.true("its reason names the field", "document_number" in str(aside), str(aside))
    return aside


def who_received(world: World, assertions: Assertions) -> list[dict[str, Any]]:
    """Who received data about one person: from the audit alone, as the auditor."""
    coverage = Coverage()
    with KafkaEvidence(connection(world.settings, AUDITOR)) as evidence:
        wanted = pseudonyms(world.stores.leaver, evidence, installed(world.settings))
        found = list(search(evidence.segments(), Question(subjects=wanted), coverage))
    owners = {one.reference: one.department for one in EXPECTED}
    lines: Counter[tuple[str, str, str, str]] = Counter(
        (owners[one.recipient.agreement], one.recipient.agreement, one.recipient.share, one.recipient.outcome)
        for one in found
        if one.recipient.agreement
    )
    assertions.equal("every segment could be searched", len(coverage.faults), 0)
    withdrawn = [key for key in lines if key[3] == "withdraw"]
    expected = [("work-and-pensions", "DSA-2026-101", "residents", "withdraw")]
    assertions.equal("the audit says where the traveller was withdrawn", withdrawn, expected)
    names = ("department", "agreement", "share", "outcome")
    return [dict(zip(names, key, strict=True)) | {"decisions": count} for key, count in sorted(lines.items())]


def the_registry_answers(world: World, assertions: Assertions) -> None:
    """The service is ready: a department's client finds its schemas there."""
    address = f"http://127.0.0.1:{world.settings.serve_port}/readyz"

    def ready() -> bool:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    world.await_that("the service is ready", ready, 30)
    assertions.true("the service answers", passed=True, detail="/readyz")


def _changed(before: Holding, after: Holding) -> list[bytes]:
    return [key for key, row in after.current.items() if before.current.get(key) != row]


def _moved(before: dict[str, Holding], after: dict[str, Holding], topic: str) -> bool:
    return before[topic].records != after[topic].records


def _share(world: World, topic: str) -> tuple[Agreement, int, Share]:
    for agreement in world.agreements:
        for index, share in enumerate(agreement.shares):
            if topic == f"share.{agreement.reference.lower()}.{share.id}":
                return agreement, index, share
    raise AssertionError(topic)


def _why(name: str, share: Share) -> str:
    """Why a department has this field as it has it."""
    treatment = share.fields.get(name)
    if treatment is None:
        return "not named"
    form = treatment.short_form()
    return form if isinstance(form, str) else ", ".join(f"{action} {how}" for action, how in form.items())


def _delivered(world: World, expected: Expected) -> int:
    outcomes = world.tally.by_share[expected.reference, expected.share]
    return sum(outcomes[name] for name in ("permit", "redact"))


def _ends(world: World, topic: str) -> list[int]:
    with Reader(world.cluster) as reader:
        return [reader.stable_end(topic, partition) for partition in range(reader.partitions(topic))]


def _arrival(world: World, number: int) -> dict[str, Any]:
    return {
        "crossing_id": f"CR-NEW{number:03d}",
        "traveller_reference": world.stores.leaver if number == 0 else f"TR-NEW-{number:03d}",
        "movement_id": "UA1545-EWR-20130101T1015",
        "direction": "inbound",
        "port": "MIA",
        "crossed_at": "2013-01-04T23:30:00+00:00",
        "document_number": f"{900_000_000 + number}",
        "match_confidence": 0.9,
        "officer_note": None,
    }
