"""The story of one event, steps 2 to 5, for one batch of one source partition.

1. Connector: a change is committed in an authoritative store; its connector has written it, with its position, to
   `source.<dataset>` in one transaction (`broker.intake`).
2. Contract: is this the data its owner promised?  If not: quarantine, with the reason.  Never dropped silently.
3. Agreement: which agreements in force *now* cover this dataset?  None: nobody gets it (DEFAULT-DENY).
4. Policy: per agreement, a decision with its reasons: does the row qualify, which fields may leave, in which form.
5. Delivery, audit and position: the shaped events, the segment with one leaf for every decision, and the consumer's
   offset commit in *one* Kafka transaction (AUDIT-WITH-DELIVERY, ONE-DECISION).
6. Evidence: segments become a log that anyone can verify (`broker.audit`).

This module decides and does nothing: it gives a `Prepared` part of a transaction, complete before the transaction
begins.  The time, the snapshot, the sent-key state and the randomness are arguments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec

from agreements.snapshot import Coverage, Standing
from agreements.standing import may_correct, stand
from broker.audit.segment import SALTS_BYTES, Decided, Segment, Terms, build_segment
from broker.audit.segment import Ground as SegmentGround
from broker.cluster.client import PartitionOffset
from broker.delivery.counters import Ledger
from broker.delivery.identity import spread
from broker.delivery.isolation import evaluate, settle
from broker.delivery.mark import Mark
from broker.delivery.progress import Progress, progress_key
from broker.delivery.quarantine import Origin, quarantine_key, quarantine_value
from broker.delivery.state import Place, SentChange
from broker.delivery.unplanned import decide_unplanned
from broker.delivery.work import Ground, Outgoing, Prepared, Route, SentOf, Settled, Work
from broker.policy.decision import DELIVERED, Decision, Evaluated, Mode, Outcome, Reason
from broker.policy.engine import Circumstance, Settlement, keys_named
from broker.policy.limits import LIMITS
from broker.policy.plan import Plan
from broker.policy.shape import LOOK_BACK
from contracts import topics
from contracts.model import Kind

__all__ = [
    "Ground",
    "Outgoing",
    "Prepared",
    "Route",
    "SentOf",
    "Settled",
    "Work",
    "acknowledge",
    "decide",
    "prepare",
    "put_down",
]


def prepare(
    route: Route,
    ground: Ground,
    work: Work,
    sent_of: SentOf,
    progress: Progress | None,
    ledger: Ledger | None = None,
) -> Prepared:
    """Steps 2 to 5 at once, where the progress does not depend on what a limit stops."""
    return put_down(route, ground, work, decide(route, ground, work, sent_of, ledger), progress, ledger)


def decide(route: Route, ground: Ground, work: Work, sent_of: SentOf, ledger: Ledger | None = None) -> Settled:
    """Decide `work` under `route`: steps 2 to 4.  Never raises for what a record holds."""
    # 2. Contract: decode and hold every record against its contract; faults lead to quarantine.
    # 3. Agreement: `route` has exactly the agreements that cover the dataset now, suspended ones included.
    evaluated = _concerned(evaluate(route.engine, work.records, ground.now_ms), route, work.mode)
    # 4. Policy: filter and shape by every plan, then settle against standing and what each department holds.
    settlement = _settle(route, ground, work, evaluated, (sent_of, ledger))
    if route.unplanned:
        held = decide_unplanned(route, ground, evaluated, settlement, work.mode)
        settlement = replace(settlement, decisions=(*settlement.decisions, *held))
    return Settled(tuple(evaluated), settlement, _limited(route, settlement))


def put_down(
    route: Route,
    ground: Ground,
    work: Work,
    settled: Settled,
    progress: Progress | None,
    ledger: Ledger | None = None,
) -> Prepared:
    """What was decided as one part of a transaction: step 5, delivery, audit, counts and position."""
    settlement = settled.settlement
    segment = _segment(route, ground, work, settled.evaluated, settlement)
    counters = tuple(_counters(route, work, settlement, ledger))
    mark = Mark(
        segment.signed.hash,
        work.mark.segments + 1,
        progress.number if progress else work.mark.progress,
        work.mark.counters + bool(counters),
    )
    return Prepared(
        mode=work.mode,
        records=(
            *_deliveries(route, work, settlement.decisions),
            *_quarantined(route, ground, work, settlement.decisions),
            *_audit(work, ground, segment),
            *counters,
            *_progress(work.topic, work.partition, progress),
        ),
        offset=PartitionOffset(work.topic, work.partition, work.end, mark.text()),
        mark=mark,
        progress=progress,
        changes=tuple(
            SentChange(Place(route.coverages[change.plan].topic, work.partition), change.key, change.sent)
            for change in settlement.changes
        ),
        places=tuple(Place(topic, work.partition) for topic in route.entity_topics),
        source_keys=tuple(record.key for record in work.records),
        outcomes=Counter((d.outcome, d.reasons[0].code if d.reasons else "") for d in settlement.decisions),
    )


def acknowledge(topic: str, partition: int, offset: int, mark: Mark, progress: Progress) -> Prepared:
    """A progress record alone, committed at the offset where the partition stands."""
    moved = msgspec.structs.replace(mark, progress=progress.number)
    return Prepared(
        mode=None,
        records=_progress(topic, partition, progress),
        offset=PartitionOffset(topic, partition, offset, moved.text()),
        mark=moved,
        progress=progress,
    )


def _concerned(evaluated: Sequence[Evaluated], route: Route, mode: Mode) -> list[Evaluated]:
    """Those records of a job that are its to decide.

    A faulty record was quarantined when it was decided live, once for all; what remains of it here is the withdrawal
    that an entity's contract may ask for.  An event is released exactly when it was held: when its row qualifies,
    or did until it became older than the agreement looks back; that is then said.
    """
    if mode in (Mode.LIVE, Mode.REPLAY):
        return list(evaluated)
    found = [replace(one, faults=()) if one.faults else one for one in evaluated if one.verdicts or not one.faults]
    if route.entry.contract.kind is Kind.EVENT:
        return [one for one in found if any(v.value is not None or LOOK_BACK in v.reasons for v in one.verdicts)]
    return found


def _settle(
    route: Route,
    ground: Ground,
    work: Work,
    evaluated: Sequence[Evaluated],
    known: tuple[SentOf, Ledger | None],
) -> Settlement:
    """`known`: what each department holds, and what was counted."""
    sent_of, ledger = known
    circumstances = []
    for index, coverage in enumerate(route.coverages):
        place = Place(coverage.topic, work.partition)
        keys = keys_named(evaluated, index) if route.entity_topics else ()
        found = stand(ground.snapshot, coverage, ground.now)
        sent = sent_of(place, keys) if keys else {}
        if work.mode is Mode.CORRECTION:
            # What takes data away waits for no hour and no embargo, and counts for no limit.
            may = may_correct(ground.snapshot, coverage, ground.now)
            standing, stopped_by = Standing.IN_FORCE if may else found.standing, Reason(found.code, found.clause)
            circumstances.append(Circumstance(standing, sent, stopped_by, waiting=work.waiting))
            continue
        until = _released_until_ms(coverage, ground)
        allowance = None if ledger is None else ledger.allowance(coverage.entry, (work.topic, work.partition))
        circumstances.append(Circumstance(found.standing, sent, Reason(found.code, found.clause), until, allowance))
    withdraws = route.entry.contract.withdraws_on_quarantine
    return settle(route.engine, evaluated, circumstances, work.mode, withdraws=withdraws)


def _released_until_ms(coverage: Coverage, ground: Ground) -> int | None:
    embargo = coverage.entry.agreement.delivery.embargo
    return None if embargo is None else ground.now_ms - embargo // timedelta(milliseconds=1)


def _limited(route: Route, settlement: Settlement) -> dict[str, int]:
    reasons, found = set(LIMITS.values()), dict[str, int]()
    for decision in settlement.decisions:
        if decision.plan is not None and not reasons.isdisjoint(decision.reasons):
            found.setdefault(route.covering[decision.plan].topic, decision.record.offset)
    return found


def _counters(route: Route, work: Work, settlement: Settlement, ledger: Ledger | None) -> Iterator[Outgoing]:
    if ledger is not None:
        entries = {coverage.entry.agreement.reference: coverage.entry for coverage in route.coverages}
        place = (work.topic, work.partition)
        for key, value in ledger.count(place, work.mark.counters + 1, settlement.counted, entries):
            yield Outgoing(topics.COUNTERS, 0, key, value)


def _deliveries(route: Route, work: Work, decisions: Iterable[Decision]) -> Iterator[Outgoing]:
    """The shaped records, each in the partition of its source (VIEW = FILTER(SOURCE) is kept per partition)."""
    names = [coverage.topic for coverage in route.coverages]
    for decision in decisions:
        if decision.outcome in DELIVERED:
            assert decision.plan is not None
            headers = route.engine.headers(decision, work.partition)
            yield Outgoing(names[decision.plan], work.partition, decision.key, decision.value, headers)


def _quarantined(route: Route, ground: Ground, work: Work, decisions: Iterable[Decision]) -> Iterator[Outgoing]:
    contract = route.entry.contract
    origin = Origin(
        contract.dataset, work.topic, work.partition, ground.now_ms, ground.snapshot.position, ground.worker
    )
    sealer = ground.sealer if contract.quarantine_encrypted else None
    for decision in decisions:
        if decision.outcome is Outcome.QUARANTINE:
            key = quarantine_key(work.topic, work.partition, decision.record.offset)
            partition = spread(work.topic, work.partition, ground.quarantine_partitions)
            yield Outgoing(topics.QUARANTINE, partition, key, quarantine_value(decision, origin, sealer))


def _progress(topic: str, partition: int, progress: Progress | None) -> tuple[Outgoing, ...]:
    if progress is None:
        return ()
    return (Outgoing(topics.WORKERS, 0, progress_key(topic, partition), progress.value()),)


def _segment(route: Route, ground: Ground, work: Work, evaluated: Sequence[Evaluated], made: Settlement) -> Segment:
    """One leaf for every decision, and the signed header that continues the partition's chain (ONE-DECISION)."""
    planned = zip(route.coverages, route.plans, strict=True)
    terms = [_terms(coverage, plan) for coverage, plan in planned]
    terms += [_terms(one.coverage, None) for one in route.unplanned]
    decided = [
        Decided(
            terms=Terms() if one.plan is None else terms[one.plan],
            outcome=one.outcome.value,
            reasons=tuple((reason.code, reason.clause) for reason in one.reasons),
            offset=one.record.offset,
            sequence=one.sequence,
            event_ms=one.event_time_ms,
            subject=one.subject,
            is_delivered=one.outcome in DELIVERED,
            key=one.key,
            value=one.value,
            sent=one.sent_before,
            counters=one.counters,
        )
        for one in made.decisions
    ]
    stands_on = SegmentGround(
        topic=work.topic,
        partition=work.partition,
        number=work.mark.segments,
        mode=work.mode.value,
        job=work.job,
        start=work.start,
        end=work.end,
        records=[(one.record.offset, one.sequence) for one in evaluated],
        previous=work.mark.header,
        register_position=ground.snapshot.position,
        register_fingerprint=ground.snapshot.fingerprint,
        decided_ms=ground.now_ms,
        worker=ground.worker,
    )
    return build_segment(stands_on, decided, ground.draw(SALTS_BYTES * len(decided)), ground.sign)


def _terms(coverage: Coverage, plan: Plan | None) -> Terms:
    made = Terms(
        agreement=coverage.entry.agreement.reference,
        version=coverage.entry.agreement.version,
        content_hash=coverage.entry.content_hash,
        share=coverage.share.id,
        purpose=coverage.share.purpose,
    )
    if plan is None:
        return made
    return replace(
        made,
        fields=plan.fields_set,
        plan=plan.digest.hex(),
        key_version=plan.key.key.version if plan.key.key is not None else None,
    )


def _audit(work: Work, ground: Ground, segment: Segment) -> Iterator[Outgoing]:
    partition = spread(work.topic, work.partition, ground.segment_partitions)
    for key, value in segment.records():
        yield Outgoing(topics.AUDIT_SEGMENTS, partition, key, value)
