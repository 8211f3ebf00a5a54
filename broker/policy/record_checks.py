"""Checks on a record's labels, before anything else is asked of it: whether the share may be about it at all.

In this order: marks of protected people, the person's law-enforcement category, the confidence of a match.  The first that
refuses gives the reason.  What is not known counts against sharing (DEFAULT-DENY): null, absent, not given by the store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

from broker.policy.decision import Reason
from broker.policy.plan import CategoryPlan, ConfidencePlan, Plan
from broker.policy.read import touches, value_at
from contracts.change import Row
from contracts.labels import UNMARKED

Check = Callable[[Row, Collection[str]], Reason | None]
"""A compiled check: takes a row and the unavailable paths, gives the reason not to share."""
WITHHELD = "withheld"


def compile_checks(plan: Plan) -> tuple[Check, ...]:
    """The checks that the plan asks for, in their order."""
    checks = plan.checks
    found = [_unmarked(checks.marks, plan.clause)] if checks.marks else []
    if checks.category is not None:
        found.append(_category(checks.category))
    if checks.confidence is not None:
        found.append(_confidence(checks.confidence))
    return tuple(found)


def _unmarked(paths: tuple[str, ...], clause: str) -> Check:
    """The reason names the share alone: which mark it was is not the recipient's to know."""
    reason = Reason(WITHHELD, clause)

    def check(row: Row, unavailable: Collection[str]) -> Reason | None:
        for path in paths:
            value = _known(row, unavailable, path)
            if value is not False and value != UNMARKED:
                return reason
        return None

    return check


def _category(plan: CategoryPlan) -> Check:
    reason, values = Reason("subject-category", plan.clause), frozenset(plan.values)
    return lambda row, unavailable: None if _known(row, unavailable, plan.path) in values else reason


def _confidence(plan: ConfidencePlan) -> Check:
    reason = Reason("confidence", plan.clause)

    def check(row: Row, unavailable: Collection[str]) -> Reason | None:
        value = _known(row, unavailable, plan.path)
        return None if _is_at_least(value, plan.at_least_percent) else reason

    return check


def _is_at_least(value: Any, percent: int) -> bool:
    """Whole numbers and decimals exactly; a double against the double nearest to the limit, as its writer wrote it."""
    if isinstance(value, float):
        return value >= percent / 100
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and value >= Decimal(percent) / 100


def _known(row: Row, unavailable: Collection[str], path: str) -> Any:
    """The value at a path; None where the store did not give it."""
    return None if unavailable and touches(path, unavailable) else value_at(row, path)
