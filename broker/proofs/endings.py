"""The proofs of what ends an agreement: its notice, and the short life of an exceptional disclosure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from agreements.checks import problems
from agreements.instants import end_of
from agreements.lifecycle_codes import EXCEPTION
from agreements.model import Agreement, Dates, Party, Side
from agreements.promises import Exceptional
from agreements.snapshot import AgreementState, Ending
from broker.proofs.proof import Proofs, equal, first, withheld
from broker.proofs.world import NOW, PROVIDER, RECIPIENT, agreement, deliver, entry_of

_DAY = date(2026, 6, 1)


def _nothing_after_the_last_day() -> str:
    """A notice moves the end; an end at once is one now."""
    entry = entry_of(agreement())
    ending = Ending(9, NOW, "signatory/somebody", "a reason")
    noticed = replace(entry, ends_at=end_of(_DAY), ending=ending)
    ended = replace(entry, state=AgreementState.TERMINATED, ending=ending)
    last = end_of(_DAY) - timedelta(milliseconds=1)
    return first(
        withheld(deliver(noticed, now=end_of(_DAY)), deliver(entry, now=end_of(_DAY))),
        equal(deliver(noticed, now=last).is_delivered, True),
        withheld(deliver(ended), deliver(entry)),
    )


def _an_exception_is_short_and_by_two() -> str:
    def found(days: int, offices: int) -> bool:
        return any(problem.code is EXCEPTION for problem in problems(_exception(days, offices)))

    short, over = _exception(14, 2), end_of(_DAY + timedelta(days=13))
    return first(
        equal([found(14, 2), found(15, 2), found(14, 1)], [False, True, True]),
        withheld(deliver(short, now=over), deliver(short, now=over - timedelta(milliseconds=1))),
    )


def _exception(days: int, offices: int) -> Agreement:
    end = _DAY + timedelta(days=days - 1)
    signs = ("Owner", "Duty Officer")[:offices]
    return agreement(
        exceptional=Exceptional(threat="A threat to life", review_by=end),
        dates=Dates(start=_DAY, end=end),
        parties=(
            Party(organisation=PROVIDER, side=Side.PROVIDER, role="controller", signs=signs),
            Party(organisation=RECIPIENT, side=Side.RECIPIENT, role="controller", signs=("Owner",)),
        ),
    )


PROOFS: Proofs = {"termination": _nothing_after_the_last_day, "exceptional": _an_exception_is_short_and_by_two}
