"""Settling: verdicts, standings and what each department holds become outcomes, deliveries and changes of that state.

VIEW = FILTER(SOURCE) is kept here for entities: what qualifies and differs is sent, what was sent and no longer
qualifies is withdrawn, and a key that was never sent is never mentioned.  ONE-DECISION: each record gets exactly one
decision per plan, or one quarantine.  A quarantined record of an entity may add withdrawals of what it had.  A correction decides
the rows that were sent and is silent of all others: it sends them without the suspended field, or takes them back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from agreements.snapshot import Standing
from broker.policy.decision import Decision, Evaluated, Mode, Outcome, Reason, Sent, Verdict
from broker.policy.engine import EMBARGO, FIELD_SUSPENDED, Circumstance, Settlement, StateChange
from broker.policy.limits import Meter
from broker.policy.plan import Plan
from contracts.model import Kind


def settle(
    plans: Sequence[Plan], evaluated: Sequence[Evaluated], circumstances: Sequence[Circumstance], mode: Mode
) -> Settlement:
    """A batch's decisions in leaf order: quarantines by offset, then plan by plan in offset order."""
    decisions = [decision_on(one, Outcome.QUARANTINE, None, mode, one.faults) for one in evaluated if one.faults]
    changes: list[StateChange] = []
    meters = {one.allowance.reference: Meter(one.allowance) for one in circumstances if one.allowance is not None}
    for index, (plan, circumstance) in enumerate(zip(plans, circumstances, strict=True)):
        meter = None if circumstance.allowance is None else meters[circumstance.allowance.reference]
        task = _Task(index, plan, circumstance, mode, meter)
        decisions.extend(task.settle(evaluated))
        changes.extend(task.changes)
    counted = {reference: meter.counted() for reference, meter in meters.items()}
    return Settlement(tuple(decisions), tuple(changes), counted)


class _Task:
    """One plan's part of a batch.  `_sent` is the overlay: a change of a key is seen by the next of the same key."""

    def __init__(self, index: int, plan: Plan, circumstance: Circumstance, mode: Mode, meter: Meter | None) -> None:
        self.changes: list[StateChange] = []
        self._index, self._plan, self._mode, self._meter = index, plan, mode, meter
        self._standing, self._stopped_by = circumstance.standing, circumstance.stopped_by
        self._released_until_ms = circumstance.released_until_ms
        self._sent = dict(circumstance.sent)
        self._waiting = circumstance.waiting

    def settle(self, evaluated: Sequence[Evaluated]) -> Iterator[Decision]:
        """This plan's decisions, in the order of the records."""
        decide = self._event if self._plan.kind is Kind.EVENT else self._entity
        for one in evaluated:
            if one.faults and not one.verdicts:
                continue
            verdict = one.verdicts[self._index]
            if self._mode is Mode.CORRECTION:
                yield from self._correct(one, verdict)
            elif not one.faults:
                yield decide(one, verdict)
            elif self._standing is Standing.IN_FORCE and verdict.key in self._sent:
                yield self._remove(one, verdict, Outcome.WITHDRAW)

    def _event(self, one: Evaluated, verdict: Verdict) -> Decision:
        if verdict.value is None:
            return self._silent(one, Outcome.DENY, verdict.reasons)
        return self._stopped(one) or self._beyond_limit(one) or self._deliver(one, verdict)

    def _entity(self, one: Evaluated, verdict: Verdict) -> Decision:
        held = None if verdict.key is None else self._sent.get(verdict.key)
        if verdict.key is None or (verdict.value is None and held is None):
            return self._silent(one, Outcome.DENY, verdict.reasons)
        if held is not None and verdict.value is not None and held.digest == digest(verdict.value):
            return self._silent(one, Outcome.UNCHANGED, (Reason("unchanged", self._plan.clause),), held)
        stopped = self._stopped(one, held)
        if stopped is not None:
            return stopped
        if verdict.value is None:
            return self._remove(one, verdict, Outcome.DELETE if verdict.gone else Outcome.WITHDRAW)
        beyond = self._beyond_limit(one, held)
        if beyond is not None:
            return beyond
        self._change(verdict.key, Sent(digest(verdict.value), self._plan.digest, one.record.offset))
        return self._deliver(one, verdict, held)

    def _correct(self, one: Evaluated, verdict: Verdict) -> Iterator[Decision]:
        """A row that was sent from this record, or from an older one that is gone, loses what may not leave any more."""
        held = None if verdict.key is None else self._sent.get(verdict.key)
        is_waiting = one.record.offset in self._waiting
        if held is None or held.source_offset > one.record.offset:
            return  # never sent, or sent from a newer record since
        if is_waiting and held.plan_digest == self._plan.digest:
            return  # sent without the field already
        if is_waiting and self._standing is Standing.IN_FORCE:
            yield self._remove(one, replace(verdict, reasons=(FIELD_SUSPENDED,)), Outcome.WITHDRAW)
        else:
            yield self._entity(one, verdict)

    def _stopped(self, one: Evaluated, held: Sent | None = None) -> Decision | None:
        """The decision where the agreement's standing lets nothing out; None where it is in force (DEFAULT-DENY)."""
        if self._standing is Standing.IN_FORCE:
            return self._silent(one, Outcome.HOLD, (EMBARGO,), held) if self._is_under_embargo(one) else None
        outcome = Outcome.HOLD if self._standing is Standing.HELD else Outcome.DENY
        return self._silent(one, outcome, (self._stopped_by,), held)

    def _beyond_limit(self, one: Evaluated, held: Sent | None = None) -> Decision | None:
        """The decision where a limit leaves no room for a delivery; otherwise it is counted, and None."""
        meter = self._meter
        reason = None if meter is None else meter.refusal(one)
        if meter is None or reason is None:
            return None
        outcome = Outcome.HOLD if meter.allowance.stopped is Standing.HELD else Outcome.DENY
        return self._silent(one, outcome, (reason,), held, counters=meter.verdict())

    def _is_under_embargo(self, one: Evaluated) -> bool:
        until = self._released_until_ms
        return until is not None and (self._mode is not Mode.RELEASE or one.record.timestamp_ms > until)

    def _deliver(self, one: Evaluated, verdict: Verdict, held: Sent | None = None) -> Decision:
        outcome = Outcome.REDACT if verdict.treated else Outcome.PERMIT
        counters = None if self._meter is None else self._meter.verdict()
        return decision_on(
            one,
            outcome,
            self._index,
            self._mode,
            verdict.reasons,
            key=verdict.key,
            value=verdict.value,
            held=held,
            counters=counters,
        )

    def _remove(self, one: Evaluated, verdict: Verdict, outcome: Outcome) -> Decision:
        """A tombstone for a key that was sent."""
        assert verdict.key is not None
        held = self._sent[verdict.key]
        self._change(verdict.key, None)
        return decision_on(one, outcome, self._index, self._mode, verdict.reasons, key=verdict.key, held=held)

    def _silent(
        self,
        one: Evaluated,
        outcome: Outcome,
        reasons: tuple[Reason, ...],
        held: Sent | None = None,
        *,
        counters: str | None = None,
    ) -> Decision:
        return decision_on(one, outcome, self._index, self._mode, reasons, held=held, counters=counters)

    def _change(self, key: bytes, sent: Sent | None) -> None:
        if sent is None:
            del self._sent[key]
        else:
            self._sent[key] = sent
        self.changes.append(StateChange(self._index, key, sent))


def digest(value: bytes) -> bytes:
    """What the sent-key state keeps of a delivered value: SHA-256 of its framed bytes."""
    return hashlib.sha256(value).digest()


def decision_on(
    one: Evaluated,
    outcome: Outcome,
    plan: int | None,
    mode: Mode,
    reasons: tuple[Reason, ...],
    *,
    key: bytes | None = None,
    value: bytes | None = None,
    held: Sent | None = None,
    counters: str | None = None,
) -> Decision:
    """The decision on one record, with everything that its leaf says of the record."""
    return Decision(
        outcome=outcome,
        plan=plan,
        mode=mode,
        reasons=reasons,
        record=one.record,
        sequence=one.sequence,
        event_time_ms=one.event_time_ms,
        subject=one.subject,
        key=key,
        value=value,
        sent_before=None if held is None else held.digest,
        counters=counters,
    )
