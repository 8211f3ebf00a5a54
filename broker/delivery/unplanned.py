"""Decisions for shares of which no plan can be made: nothing of theirs is evaluated, everything waits (ONE-DECISION).

One agreement that cannot be applied to the data must not stop the others over the same dataset.  Its records are held as under a
suspension, with ranges in the progress record, and released once a plan can be made.  What qualifies cannot be known
meanwhile, so every record is held; the release then decides as always.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agreements.snapshot import Standing
from agreements.standing import stand
from broker.delivery.work import Ground, Route
from broker.policy.decision import Decision, Evaluated, Mode, Outcome, Reason
from broker.policy.engine import Settlement
from broker.policy.settle import decision_on

PLAN_UNUSABLE = "plan-unusable"


def decide_unplanned(
    route: Route, ground: Ground, evaluated: Sequence[Evaluated], settlement: Settlement, mode: Mode
) -> Iterator[Decision]:
    """One decision per share without a plan and record, but for those that were quarantined."""
    quarantined = {made.record.offset for made in settlement.decisions if made.outcome is Outcome.QUARANTINE}
    concerned = [one for one in evaluated if one.record.offset not in quarantined]
    for index, unplanned in enumerate(route.unplanned, len(route.coverages)):
        coverage = unplanned.coverage
        standing, code, clause = stand(ground.snapshot, coverage, ground.now)
        outcome = Outcome.DENY if standing is Standing.DROPPED else Outcome.HOLD
        if standing is Standing.IN_FORCE:
            shares = [share.id for share in coverage.entry.agreement.shares]
            code, clause = PLAN_UNUSABLE, f"shares[{shares.index(coverage.share.id)}]"
        for one in concerned:
            yield decision_on(one, outcome, index, mode, (Reason(code, clause),))
