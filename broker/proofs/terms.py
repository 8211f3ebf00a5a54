"""Proofs of the clauses of the agreement as a whole: who, when, and what every decision cites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from agreements.checks import problems
from agreements.codes import GEOGRAPHY, PROHIBITED
from agreements.combination import clashes
from agreements.instants import end_of, start_of
from agreements.model import Agreement, Dates, Delivery, Limits, Party, Processor, Purposes, Side, WhenSuspended
from agreements.promises import Geography
from agreements.snapshot import Suspension
from broker.cluster import access, plan, principals
from broker.cluster.objects import Operation, Resource, TopicSpec
from broker.proofs.proof import Proofs, equal, first, withheld
from broker.proofs.world import (
    DATASET,
    IDENTIFIER,
    NOTHING,
    NOW,
    PROVIDER,
    RECIPIENT,
    REFERENCE,
    ROW,
    SHARE,
    STRANGER,
    Seen,
    agreement,
    deliver,
    entry_of,
    share,
    snapshot_of,
)
from contracts import topics
from contracts.faults import Faults


def _cites_reference() -> str:
    other = "DSA-OTHER"
    return first(*(equal(_cited(deliver(agreement(reference=name))), (name, 1)) for name in (REFERENCE, other)))


def _cites_version() -> str:
    return equal(_cited(deliver(agreement(version=3))), (REFERENCE, 3))


def _cited(seen: Seen) -> tuple[str, int] | None:
    return None if seen.leaf is None else (seen.leaf.agreement, seen.leaf.version)


def _only_the_recipient_reads() -> str:
    return first(
        equal(_readers(), {RECIPIENT}),
        equal(_readers(_party(PROVIDER, Side.PROVIDER), _party(STRANGER, Side.RECIPIENT)), {STRANGER}),
    )


def _flows_to_the_recipients_side() -> str:
    return equal(_readers(_party(PROVIDER, Side.RECIPIENT), _party(RECIPIENT, Side.PROVIDER)), {PROVIDER})


def _processors_do_not_read() -> str:
    helped = _party(RECIPIENT, Side.RECIPIENT, Processor(organisation=STRANGER, task="Hosting"))
    return equal(_readers(_party(PROVIDER, Side.PROVIDER), helped), {RECIPIENT})


def _party(organisation: str, side: Side, *processors: Processor) -> Party:
    return Party(organisation=organisation, side=side, role="controller", signs=("Owner",), processors=processors)


def _readers(*parties: Party) -> set[str]:
    """Who may read the share's topic on Kafka, the broker's own principals aside."""
    made = agreement(parties=parties) if parties else agreement()
    snapshot = snapshot_of([entry_of(made)])
    if isinstance(snapshot, Faults):
        return set()
    topic = topics.share(REFERENCE, SHARE)
    granted = (step.rule for step in plan.plan(snapshot, plan.Observed(), _SHAPE, NOW) if isinstance(step, plan.Grant))
    found = {
        rule.principal
        for rule in granted
        if rule.resource is Resource.TOPIC and rule.operation is Operation.READ and topic.startswith(rule.name)
    }
    return found - {principals.WORKER, principals.AUDITOR}


_SHAPE = plan.Shape(partitions=1, replication_factor=1)


def _prohibited_purpose_is_a_fault() -> str:
    def seen(prohibited: str) -> bool:
        one = agreement(purposes=Purposes(prohibited=(prohibited,)))
        return any(problem.code is PROHIBITED for problem in problems(one))

    found = [seen(purpose) for purpose in ("marketing", "research.stat", "research", "research.statistics")]
    return equal(found, [False, False, True, True])


def _look_back() -> str:
    def seen(days: int) -> Seen:
        return deliver(agreement(limits=Limits(look_back=timedelta(days=days))))

    return withheld(seen(1), seen(3), "look-back")


def _nothing_before_the_start() -> str:
    made, first_day = agreement(), start_of(date(2026, 1, 1))
    return withheld(deliver(made, now=first_day - timedelta(milliseconds=1)), deliver(made, now=first_day))


def _nothing_after_the_end() -> str:
    made, over = agreement(dates=Dates(start=date(2026, 1, 1), end=date(2026, 7, 1))), end_of(date(2026, 7, 1))
    return withheld(deliver(made, now=over), deliver(made, now=over - timedelta(milliseconds=1)))


def _topic_retention() -> str:
    def seen(days: int) -> str | None:
        snapshot = snapshot_of([entry_of(agreement(delivery=Delivery(retention=timedelta(days=days))))])
        assert not isinstance(snapshot, Faults)
        steps = plan.plan(snapshot, plan.Observed(), _SHAPE, NOW)
        return next((spec.configuration["retention.ms"] for spec in _created(steps)), None)

    return first(equal(seen(1), str(86_400_000)), equal(seen(30), str(30 * 86_400_000)))


def _created(steps: tuple[plan.Step, ...]) -> Iterator[TopicSpec]:
    for step in steps:
        if isinstance(step, plan.CreateTopic) and step.spec.name == topics.share(REFERENCE, SHARE):
            yield step.spec


def _suspension_stops() -> str:
    def seen(said: WhenSuspended, *suspensions: Suspension) -> Seen:
        return deliver(entry_of(agreement(delivery=Delivery(when_suspended=said)), suspensions=suspensions))

    stop = Suspension(5, NOW, "signatory/somebody", "a reason")
    elsewhere = replace(stop, shares=frozenset({"another"}))
    outcomes = [seen(said, stop).outcome for said in WhenSuspended]
    return first(
        *(withheld(seen(said, stop), seen(said, elsewhere), "suspended") for said in WhenSuspended),
        equal(outcomes, ["hold", "deny"]),
    )


def _may_read_only_while_in_force() -> str:
    """The second level of a stop: Kafka itself refuses the recipient."""
    stopped = entry_of(agreement(), suspensions=(Suspension(5, NOW, "signatory/somebody", "a reason"),))
    found = (access.may_read(entry_of(agreement()), SHARE, NOW), access.may_read(stopped, SHARE, NOW))
    return equal(found, (True, False))


def _stopped_twice() -> str:
    return first(_suspension_stops(), _may_read_only_while_in_force())


def _one_topic_for_each_share() -> str:
    made = agreement(share(), share(id="other"))
    snapshot = snapshot_of([entry_of(made)])
    if isinstance(snapshot, Faults):
        return str(snapshot)
    steps = plan.plan(snapshot, plan.Observed(), _SHAPE, NOW)
    names = {step.spec.name for step in steps if isinstance(step, plan.CreateTopic)}
    wanted = {topics.share(REFERENCE, SHARE), topics.share(REFERENCE, "other")}
    reached = {coverage.topic for coverage in snapshot.coverages(DATASET)}
    return first(equal(wanted - names, set()), equal(reached, wanted), equal(_topic(deliver(made)) in wanted, True))


def _topic(seen: Seen) -> str | None:
    return None if seen.record is None else seen.record.topic


def _cites_purpose() -> str:
    leaf = deliver(agreement(share(purpose="research.history"))).leaf
    return equal(None if leaf is None else leaf.purpose, "research.history")


def _other_datasets_are_not_read() -> str:
    elsewhere, here = deliver(agreement(share(dataset="elsewhere"))), deliver(agreement())
    return first(withheld(elsewhere, here), equal(elsewhere.outcome, NOTHING))


def _never_together() -> str:
    """Whichever says it: the later is refused, and stops where both stand all the same; the earlier goes on."""
    plain = agreement(share())
    excluding = agreement(share(never_with=("elsewhere",)))
    beside = agreement(share(dataset="elsewhere"), reference="DSA-BESIDE")
    excluded = agreement(share(dataset="elsewhere", never_with=(DATASET,)), reference="DSA-BESIDE")

    def seen(one: Agreement, other: Agreement, position: int) -> Seen:
        return deliver(entry_of(one, position=5), entry_of(other, position=position))

    def refused(one: Agreement, other: Agreement) -> bool:
        return any(clashes(one, [entry_of(other)], NOW))

    refusals = [refused(*pair) for pair in ((plain, beside), (excluding, beside), (plain, excluded))]
    return first(
        withheld(seen(excluding, beside, 3), seen(excluding, beside, 7), "combination"),
        withheld(seen(plain, excluded, 3), seen(plain, beside, 3), "combination"),
        equal(refusals, [False, True, True]),
    )


def _hosting_in_the_agreed_countries() -> str:
    def seen(hosting: str | None) -> bool:
        parties = (
            Party(organisation=PROVIDER, side=Side.PROVIDER, role="controller", signs=("Owner",)),
            Party(organisation=RECIPIENT, side=Side.RECIPIENT, role="controller", signs=("Owner",), hosting=hosting),
        )
        made = agreement(parties=parties, geography=Geography(countries=("GB", "IE")))
        return any(problem.code is GEOGRAPHY for problem in problems(made))

    return equal([seen(country) for country in ("GB", "IE", "US", None)], [False, False, True, True])


def _cloudevents_headers() -> str:
    """Those of the standard, the agreement's own, and nothing of the record."""

    def seen(*, asked: bool, reference: str = REFERENCE) -> dict[str, str]:
        made = agreement(reference=reference, delivery=Delivery(cloudevents_headers=asked))
        record = deliver(made).record
        return {} if record is None else {name: value.decode() for name, value in record.headers}

    found, other = seen(asked=True), seen(asked=True, reference="DSA-OTHER")
    identifier = found.pop("ce_id", "")
    wanted = {
        "ce_specversion": "1.0",
        "ce_type": "concordat.record.shared",
        "ce_source": f"/{topics.share(REFERENCE, SHARE)}/0",
        "ce_agreementid": REFERENCE,
        "ce_agreementver": "1",
        "ce_purpose": "research.statistics",
        "ce_share": SHARE,
    }
    tells = [
        value for value in (IDENTIFIER, ROW["note"]) if any(value in said for said in (*found.values(), identifier))
    ]
    return first(
        equal(seen(asked=False), {}),
        equal(found, wanted),
        equal(tells, []),
        equal((bool(identifier), identifier == other.get("ce_id")), (True, False)),
    )


PROOFS: Proofs = {
    "reference": _cites_reference,
    "version": _cites_version,
    "parties.organisation": _only_the_recipient_reads,
    "parties.side": _flows_to_the_recipients_side,
    "parties.processors": _processors_do_not_read,
    "purposes.prohibited": _prohibited_purpose_is_a_fault,
    "shares.id": _one_topic_for_each_share,
    "shares.dataset": _other_datasets_are_not_read,
    "shares.never_with": _never_together,
    "parties.hosting": _hosting_in_the_agreed_countries,
    "geography": _hosting_in_the_agreed_countries,
    "shares.purpose": _cites_purpose,
    "limits.look_back": _look_back,
    "dates.start": _nothing_before_the_start,
    "dates.end": _nothing_after_the_end,
    "delivery.retention": _topic_retention,
    "delivery.cloudevents_headers": _cloudevents_headers,
    "delivery.when_suspended": _stopped_twice,
}
