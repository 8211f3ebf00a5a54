"""Proofs of the clauses that stop an agreement for a time: what must be done first, and hours and limits that are to be kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Literal

from agreements.model import Attestation, Dates, Delivery, Limits, Review, WhenSuspended, Window
from agreements.snapshot import Suspension
from agreements.undertakings import Acknowledgement, AttestationMade, ReviewRecorded, Undertakings
from broker.delivery.counters import Counters
from broker.policy.decision import Mode
from broker.proofs.proof import Proofs, equal, first, withheld
from broker.proofs.world import CONTRACT, DATASET, NOW, RECIPIENT, ROW, Seen, agreement, deliver, entry_of, share
from contracts.model import Caveat

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def _caveats() -> str:
    """A share that names a caveat waits for the version that its contract has now."""
    contract = replace(CONTRACT, caveats=(Caveat("partial", 2, "Some of it is missing."),))

    def seen(version: int | None, *named: str) -> Seen:
        known = {} if version is None else {f"{DATASET}/partial": Acknowledgement(version, "signatory/somebody", 5)}
        return deliver(agreement(share(caveats=named)), contract=contract, done=Undertakings(caveats=known))

    told = seen(2, "partial@2")
    return first(
        withheld(seen(None, "partial@2"), told, "caveat-unacknowledged"),
        withheld(seen(1, "partial@1"), told, "caveat-unacknowledged"),
        withheld(seen(1, "partial@1"), seen(None), "caveat-unacknowledged"),
    )


def _attestations() -> str:
    owed = Attestation(id="training", by=RECIPIENT, subject="All are trained.", every=30 * _DAY, grace=2 * _DAY)
    made = agreement(attestations=(owed,))

    def seen(days: int | None, subject: str = owed.subject) -> Seen:
        if days is None:
            return deliver(made)
        attested = AttestationMade(subject, RECIPIENT, "signatory/somebody", NOW - days * _DAY, "Yes.", 5)
        return deliver(made, done=Undertakings(attestations={owed.id: attested}))

    kept = seen(31)
    return first(
        *(withheld(other, kept, "attestation-overdue") for other in (seen(None), seen(32), seen(-1), seen(3, "Else."))),
        equal(seen(0).is_delivered, True),
    )


def _review() -> str:
    def seen(days: int, said: Literal["warn", "suspend"] = "suspend", recorded: date | None = None) -> Seen:
        due = (NOW - days * _DAY).date()
        made = agreement(
            dates=Dates(start=date(2026, 1, 1), end=date(2026, 12, 31), review=due),
            review=Review(overdue=said, grace=2 * _DAY),
        )
        done = ReviewRecorded(1, recorded, "signatory/somebody", NOW, "Reviewed.", 5)
        return deliver(made, done=Undertakings(review=None if recorded is None else done))

    return first(
        *(withheld(seen(3), other, "review-overdue") for other in (seen(2), seen(0), seen(3, "warn"))),
        withheld(seen(3, recorded=date(2026, 5, 1)), seen(3, recorded=date(2026, 7, 1)), "review-overdue"),
    )


def _window() -> str:
    """It is one o'clock in London, on a Monday, when the event comes."""

    def seen(window: Window, said: WhenSuspended = WhenSuspended.DROP) -> Seen:
        return deliver(agreement(delivery=Delivery(window=window, when_suspended=said)))

    morning, noon = Window(opens="08:00", closes="13:00"), Window(opens="13:00", closes="14:00")
    tuesday = Window(opens="13:00", closes="14:00", days=("tuesday",))
    return first(
        *(
            withheld(seen(window, said), seen(noon), "outside-window")
            for window in (morning, tuesday)
            for said in WhenSuspended
        ),
        equal(seen(morning).outcome, "hold"),
    )


def _embargo() -> str:
    """Nothing is delivered when it is read, and a release lets out what was recorded before it, no later."""
    made = agreement(delivery=Delivery(embargo=_HOUR))
    late, early = (deliver(made, mode=Mode.RELEASE, now=NOW + waited) for waited in (_HOUR, _HOUR - _HOUR / 60))
    live = deliver(made)
    return first(
        withheld(live, deliver(agreement()), "embargo"),
        withheld(early, late, "embargo"),
        equal({live.outcome, early.outcome}, {"hold"}),
    )


def _events_per_day() -> str:
    made = agreement(limits=Limits(events_per_day=2))
    counters = Counters()
    first_one, second, third = (deliver(made, counters=counters) for _ in range(3))
    tomorrow = deliver(made, counters=counters, now=NOW + _DAY)
    return first(
        equal(first_one.is_delivered, True),
        withheld(third, second, "limit-events"),
        withheld(third, tomorrow, "limit-events"),
    )


def _people_per_month() -> str:
    """A second person is one too many; the first may come again, until the second has been."""
    made = agreement(limits=Limits(distinct_subjects_per_month=1))
    counters = Counters()
    one, again = (deliver(made, counters=counters) for _ in range(2))
    other = deliver(made, counters=counters, row={**ROW, "id": "B654321"})
    afterwards = deliver(made, counters=counters)
    july = deliver(made, counters=counters, row={**ROW, "id": "B654321"}, now=NOW + 30 * _DAY)
    return first(
        equal(one.is_delivered, True),
        withheld(other, again, "limit-subjects"),
        withheld(afterwards, july, "limit-subjects"),
    )


def _when_reached() -> str:
    def seen(said: Literal["suspend", "hold", "deny"], stopped: WhenSuspended) -> str:
        limits = Limits(events_per_day=1, when_reached=said)
        made, counters = agreement(limits=limits, delivery=Delivery(when_suspended=stopped)), Counters()
        return [deliver(made, counters=counters) for _ in range(2)][-1].outcome

    hold, drop = WhenSuspended.HOLD, WhenSuspended.DROP
    stop = Suspension(5, NOW, "worker/one", "reached", limit="events_per_day")
    suspended = deliver(entry_of(agreement(), suspensions=(stop,)))
    return first(
        equal([seen("hold", drop), seen("deny", hold)], ["hold", "deny"]),
        equal([seen("suspend", hold), seen("suspend", drop)], ["hold", "deny"]),
        withheld(suspended, deliver(agreement()), "limit-events"),
    )


PROOFS: Proofs = {
    "limits.events_per_day": _events_per_day,
    "limits.distinct_subjects_per_month": _people_per_month,
    "limits.when_reached": _when_reached,
    "delivery.embargo": _embargo,
    "delivery.window": _window,
    "shares.caveats": _caveats,
    "attestations": _attestations,
    "review": _review,
}
