"""Every way in which a mechanism can be missing: the function or condition that does the work, taken out.

A clause that is newly `enforced` or `partly` enforced is entered here, and stands in `everything()`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from agreements.durations import Duration
from agreements.model import (
    Agreement,
    Attestation,
    Dates,
    Delivery,
    Law,
    Limits,
    Party,
    Processor,
    Purposes,
    Review,
    Side,
    Treatment,
    Window,
)
from agreements.promises import AfterDelivery, Answered, Exceptional, Geography, Termination
from agreements.shares import Confidence, CriminalOffence
from agreements.snapshot import SIGNED, AgreementState, Standing
from agreements.umbrella.meet import Effective
from broker.audit.segment import Terms
from broker.cluster import access, topics
from broker.cluster.objects import Operation, Resource, Rule
from broker.policy.people import Exact
from broker.policy.plan import FieldPlan
from broker.proofs.labels import CONDITION, assessed, contract_with
from broker.proofs.umbrellas import pin, umbrella
from broker.proofs.world import PROVIDER, RECIPIENT, STRANGER, field, share
from contracts.model import TypeName

Mutant = Mapping[str, Any]
"""Dotted names of what is replaced, and by what."""
ANSWERED = Answered(acknowledge_within=Duration(days=5))
_DEPARTMENTS, _SHARE_TOPIC = access._departments, topics.share_topic


EVERY_LABEL = contract_with(
    field("category", TypeName.STRING, "le:subject-category"),
    field("child", TypeName.BOOLEAN, "protected:child"),
    field("match", TypeName.DOUBLE),
    markings=("SENSITIVE",),
)
"""The dataset of `everything()`."""
_LAW = Law(power="An Act", lawful_basis="Article 6(1)(e)", regime="uk-gdpr", cross_regime="A reason")
ABOVE = umbrella().model_copy(update={"shares": (), "law": _LAW})
"""The umbrella that `everything()` stands under."""


def everything() -> Agreement:
    """An agreement that has every clause that acts on events."""
    helped = Processor(organisation=STRANGER, task="Hosting")
    return assessed(
        share(
            {"note": "keep"},
            rows="level == 7",
            handling=("SENSITIVE",),
            never=("pole:person.contact",),
            special_category=CONDITION,
            criminal_offence=CriminalOffence(condition="Schedule 1"),
            subject_categories=("victim",),
            withhold=("protected:child",),
            caveats=("partial@1",),
            confidence=Confidence(field="match", at_least_percent=60),
            never_with=("elsewhere",),
        ),
        law=_LAW,
        parties=(
            Party(organisation=PROVIDER, side=Side.PROVIDER, role="controller", signs=("Owner", "Duty Officer")),
            Party(
                organisation=RECIPIENT,
                side=Side.RECIPIENT,
                role="controller",
                signs=("Owner",),
                processors=(helped,),
                hosting="GB",
            ),
        ),
        geography=Geography(countries=("GB",)),
        under=pin(ABOVE),
        purposes=Purposes(permitted=("research",), prohibited=("marketing",)),
        limits=Limits(events_per_day=100, distinct_subjects_per_month=100, look_back=timedelta(days=30)),
        after_delivery=AfterDelivery(corrections=ANSWERED, erasures=ANSWERED, identity_changes=ANSWERED),
        attestations=(Attestation(id="training", by=RECIPIENT, subject="All are trained.", every=timedelta(days=30)),),
        review=Review(overdue="suspend"),
        dates=Dates(start=date(2026, 5, 25), end=date(2026, 6, 7)),
        exceptional=Exceptional(threat="A threat to life", review_by=date(2026, 6, 30)),
        termination=Termination(notice=timedelta(days=1)),
        delivery=Delivery(
            cloudevents_headers=True,
            retention=timedelta(days=7),
            embargo=timedelta(hours=1),
            window=Window(opens="08:00", closes="18:00"),
        ),
    )


def _gives(value: Any) -> Callable[..., Any]:
    return lambda *_arguments, **_named: value


def _strangers_too(snapshot, now):
    yield from _DEPARTMENTS(snapshot, now)
    for coverage in access.signed_shares(snapshot):
        yield Rule(STRANGER, Operation.READ, Resource.TOPIC, coverage.topic)


def _every_field(task):
    keep = Treatment(action="keep")
    return tuple(FieldPlan(path, "", keep, found.type.name) for path, found in task.contract.leaves())


def _covers(*, start: bool, end: bool) -> Mutant:
    def covers(entry, now):
        signed = entry.state in (AgreementState.APPROVED, AgreementState.SUSPENDED)
        return signed and (not start or entry.starts_at <= now) and (not end or now < entry.ends_at)

    return {"agreements.standing.covers": covers, "broker.delivery.routes.covers": covers}


def _kept_for_a_year(reference, share, kind, _retention, partitions, factor):
    return _SHARE_TOPIC(reference, share, kind, timedelta(days=365), partitions, factor)


_TERMINATED_COVERS: Mutant = dict.fromkeys(
    ("agreements.snapshot.SIGNED", "agreements.standing.SIGNED"), (*SIGNED, AgreementState.TERMINATED)
)
_NOT_CITED: Mutant = {"broker.pipeline._terms": _gives(Terms())}
_ANYBODY_READS: Mutant = {"broker.cluster.access._departments": _strangers_too}
_OTHER_SIDE: Mutant = {
    "agreements.model.Agreement.party": lambda self, side: next(p for p in self.parties if p.side is not side)
}
_NOT_FOLLOWED: tuple[Mutant, ...] = (
    {"broker.notices.receivers.search": _gives(iter(()))},
    {"broker.notices.receivers.key_digest": _gives("00" * 16)},
    {"agreements.entries.AgreementEntry.was_signed": False},
    {"agreements.rules.notices.answer_by": _gives(date(2026, 7, 1))},
    {"agreements.notices.NoticeCase.state": _gives("complete")},
)
MUTATIONS: Mapping[str, tuple[Mutant, ...]] = {
    "reference": (_NOT_CITED,),
    "version": (_NOT_CITED,),
    "parties.organisation": (_ANYBODY_READS, _OTHER_SIDE),
    "parties.side": (_OTHER_SIDE,),
    "parties.processors": (_ANYBODY_READS,),
    "purposes.permitted": ({"agreements.checks._share": _gives(())},),
    "under": (
        {"agreements.umbrella.under.meet": lambda _umbrella, below, **_: Effective(below, {})},
        {"agreements.umbrella.shares.tells_no_more": _gives(True)},
        {"agreements.umbrella.under._stops": _gives(False)},
        {"agreements.standing.stopped_from_above": _gives(None)},
        {"broker.cluster.access.stopped_from_above": _gives(None)},
    ),
    "purposes.prohibited": ({"agreements.checks._share": _gives(())},),
    "shares.id": (
        {"agreements.snapshot.Coverage.topic": "share.dsa-proof.main"},
        {"contracts.topics.share": _gives("share.dsa-proof.main")},
    ),
    "shares.dataset": (
        {"agreements.snapshot.Snapshot.coverages": lambda self, _: self._coverages.get("elsewhere", ())},
    ),
    "shares.contract": (
        {"broker.policy.shape.Shaper._refused": _gives(None)},
        {"broker.policy.compile._Task.check_contract": _gives(None)},
    ),
    "shares.never_with": (
        {"agreements.standing.rivals": _gives(())},
        {"agreements.combination.exclude": _gives(False)},
        {"agreements.snapshot.Snapshot.excluding": _gives(())},
    ),
    "parties.hosting": ({"agreements.checks._geography": _gives(())},),
    "geography": ({"agreements.checks._geography": _gives(())},),
    "shares.purpose": (_NOT_CITED,),
    "shares.classification_ceiling": ({"broker.policy.compile._rank": _gives(0)},),
    "shares.rows": ({"broker.policy.shape._filter": _gives(_gives(True))},),
    "shares.key": (
        {"broker.policy.shape.compile_key": _gives(lambda values: str(values[0]).encode())},
        {"broker.policy.compile.NOT_PERSONAL": "personal"},
    ),
    "shares.fields": (
        {"broker.policy.shape.compile_treatment": _gives(lambda value: value)},
        {"broker.policy.compile._Task.fields": _every_field},
    ),
    "law.regime": ({"broker.policy.labels._regime": _gives(())},),
    "law.cross_regime": ({"broker.policy.labels._regime": _gives(())},),
    "assessments.data_protection": ({"broker.policy.labels._special": _gives(())},),
    "shares.handling": ({"broker.policy.labels._unhandled": _gives(())},),
    "shares.never": (
        {"broker.policy.labels._never": _gives(())},
        {"broker.policy.labels._leaving": _gives({})},
        {"contracts.labels.covers": lambda word, tag: word == tag},
    ),
    "shares.special_category": (
        {"broker.policy.labels._special": _gives(())},
        {"contracts.labels.covers": lambda word, tag: word == tag},
    ),
    "shares.criminal_offence": ({"broker.policy.labels._special": _gives(())},),
    "shares.subject_categories": (
        {"broker.policy.record_checks._category": _gives(_gives(None))},
        {"broker.policy.labels._unknown": _gives(())},
    ),
    "shares.withhold": (
        {"broker.policy.record_checks._unmarked": _gives(_gives(None))},
        {"broker.policy.labels.ALWAYS_PROTECTED": "nobody"},
        {"broker.policy.labels._unknown": _gives(())},
    ),
    "shares.confidence": (
        {"broker.policy.record_checks._is_at_least": _gives(True)},
        {"broker.policy.labels._unknown": _gives(())},
    ),
    "limits.look_back": (
        {"broker.policy.shape.Shaper._is_too_old": _gives(False)},
        {"broker.policy.compile._milliseconds": _gives(None)},
    ),
    "dates.start": (_covers(start=False, end=True),),
    "dates.end": (_covers(start=True, end=False),),
    "termination": (
        _covers(start=True, end=False),
        _TERMINATED_COVERS,
    ),
    "exceptional": (
        _covers(start=True, end=False),
        {"agreements.checks._exception": _gives(())},
        {"agreements.checks.LONGEST_EXCEPTION": timedelta(days=15)},
        {"agreements.checks._SIGNERS_OF_AN_EXCEPTION": 1},
    ),
    "delivery.retention": ({"broker.cluster.plan.share_topic": _kept_for_a_year},),
    "delivery.embargo": (
        {"broker.policy.settle._Task._is_under_embargo": _gives(False)},
        {"broker.pipeline._released_until_ms": _gives(None)},
    ),
    "delivery.window": ({"agreements.standing.is_open": _gives(True)},),
    "limits.events_per_day": (
        {"broker.policy.limits.Meter.refusal": _gives(None)},
        {"broker.delivery.counters.Ledger.allowance": _gives(None)},
        {"broker.delivery.counters.Counters.events": _gives(0)},
    ),
    "limits.distinct_subjects_per_month": (
        {"broker.delivery.counters.Counters.people": _gives(Exact(frozenset()))},
        {"broker.policy.limits.Allowance.digest": _gives(b"0" * 16)},
    ),
    "limits.when_reached": (
        {"broker.delivery.counters.stopped_standing": _gives(Standing.HELD)},
        {"broker.policy.settle._Task._beyond_limit": _gives(None)},
    ),
    "shares.caveats": (
        {"agreements.standing._CONDITIONS": ()},
        {"agreements.standing.unacknowledged": _gives(iter(()))},
    ),
    "attestations": ({"agreements.standing.attestation_stops": _gives(datetime(2090, 1, 1, tzinfo=UTC))},),
    "review": ({"agreements.standing.review_stops": _gives(None)},),
    "delivery.cloudevents_headers": (
        {"broker.policy.headers.HeaderWriter.headers": _gives(())},
        {"broker.policy.compile.header_plan": _gives(None)},
        {"broker.policy.headers.tokeniser": _gives(lambda text: text)},
    ),
    "after_delivery.corrections": _NOT_FOLLOWED,
    "after_delivery.erasures": _NOT_FOLLOWED,
    "after_delivery.identity_changes": _NOT_FOLLOWED,
    "delivery.when_suspended": (
        {"agreements.snapshot.Suspension.concerns": _gives(False)},
        {"broker.policy.settle._Task._stopped": _gives(None)},
        {"broker.cluster.access.may_read": _gives(True)},
    ),
}
"""Clause name to its mutants: each alone makes the proof of the clause fail."""
