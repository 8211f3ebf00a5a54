"""Deciding a batch although one of its records makes the policy fail: find that record, quarantine it, go on.

An engine promises not to raise for what a record holds.  Should it do so all the same, repeating the batch would fail
for ever; so the batch is halved until the record stands alone.  What a `Failure` reports (a key provider that cannot be
reached) is no record's fault and goes through: the whole batch is tried again later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from broker.policy.decision import DELIVERED, Decision, Evaluated, Mode, Reason, Sent, SourceRecord
from broker.policy.engine import Circumstance, Engine, Settlement
from broker.policy.limits import Allowance, total
from contracts.faults import Failure

RECORD_BYTES_MAX = 900_000
"""The largest key and value together that go to a share topic: Kafka's usual limit, less its framing."""
FAILED = Reason("policy-failed")
TOO_LARGE = Reason("view-too-large")

Look = Callable[[Sequence[Evaluated]], Sequence[Circumstance]]


def evaluate(engine: Engine, records: Sequence[SourceRecord], now_ms: int) -> list[Evaluated]:
    """The batch evaluated; a record that the engine fails on stands as faulty."""
    if not records:
        return []
    try:
        return engine.evaluate(records, now_ms)
    except Failure:
        raise
    except Exception:  # noqa: BLE001 - any fault of the engine on this record
        if len(records) == 1:
            return [Evaluated(records[0], None, None, None, (FAILED,), (), None)]
        middle = len(records) // 2
        return [*evaluate(engine, records[:middle], now_ms), *evaluate(engine, records[middle:], now_ms)]


def settle(
    engine: Engine,
    evaluated: Sequence[Evaluated],
    circumstances: Sequence[Circumstance],
    mode: Mode,
    *,
    withdraws: bool = False,
) -> Settlement:
    """The batch settled; a record that cannot be settled, or whose view is too large to send, stands as faulty.

    `withdraws` says that a faulty record of this dataset takes back what was sent of its key (`on_quarantine`).
    """
    settlement = _settle(engine, evaluated, circumstances, mode)
    too_large = {decision.record.offset for decision in settlement.decisions if _too_large(decision)}
    if not too_large:
        return settlement
    marked = [
        _faulty(found, TOO_LARGE, withdraws=withdraws) if found.record.offset in too_large else found
        for found in evaluated
    ]
    return _settle(engine, marked, circumstances, mode)


def _settle(
    engine: Engine,
    evaluated: Sequence[Evaluated],
    circumstances: Sequence[Circumstance],
    mode: Mode,
) -> Settlement:
    try:
        return engine.settle(evaluated, circumstances, mode)
    except Failure:
        raise
    except Exception:
        if len(evaluated) == 1 and not evaluated[0].faults:
            return engine.settle([_faulty(evaluated[0], FAILED)], circumstances, mode)
        if len(evaluated) <= 1:
            raise
        middle = len(evaluated) // 2
        first = _settle(engine, evaluated[:middle], circumstances, mode)
        second = _settle(engine, evaluated[middle:], _overlaid(circumstances, first), mode)
        decisions = sorted((*first.decisions, *second.decisions), key=_leaf_order)
        counted = {name: total((one, second.counted[name])) for name, one in first.counted.items()}
        return Settlement(tuple(decisions), (*first.changes, *second.changes), counted)


def _overlaid(circumstances: Sequence[Circumstance], first: Settlement) -> list[Circumstance]:
    """What the second half of a batch sees of the first."""
    sent: list[dict[bytes, Sent]] = [dict(circumstance.sent) for circumstance in circumstances]
    for change in first.changes:
        if change.sent is None:
            sent[change.plan].pop(change.key, None)
        else:
            sent[change.plan][change.key] = change.sent
    return [
        replace(one, sent=sent[index], allowance=_left(one.allowance, first)) for index, one in enumerate(circumstances)
    ]


def _left(allowance: Allowance | None, first: Settlement) -> Allowance | None:
    return None if allowance is None else allowance.after(first.counted.get(allowance.reference))


def _faulty(found: Evaluated, reason: Reason, *, withdraws: bool = False) -> Evaluated:
    kept = tuple(replace(verdict, value=None, reasons=(reason,)) for verdict in found.verdicts) if withdraws else ()
    return replace(found, faults=(reason,), verdicts=kept)


def _too_large(decision: Decision) -> bool:
    return decision.outcome in DELIVERED and len(decision.key or b"") + len(decision.value or b"") > RECORD_BYTES_MAX


def _leaf_order(decision: Decision) -> tuple[int, int]:
    return -1 if decision.plan is None else decision.plan, decision.record.offset
