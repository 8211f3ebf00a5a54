"""The counts that an agreement's limits need, kept in memory while a simulation goes through a period day by day.

What a limit stops is what `broker.policy.limits` says, as in a worker.  Within a day the order of the partitions is not that in which
workers took them, so a limit may stop other records of that day than it would have; not more of them, and not fewer.
"""

from __future__ import annotations

from datetime import datetime

from agreements.instants import day_of
from agreements.model import Agreement
from broker.policy.decision import Reason
from broker.policy.limits import EVENTS, Allowance, Counted, has_limits, stopped_standing
from broker.policy.people import EXACT_MAX, Exact, People, Sketch


class Counts:
    """The counts of one agreement; `name` keeps those of the draft apart from those of the version in force."""

    def __init__(self, agreement: Agreement, name: str) -> None:
        self._agreement, self._name = agreement, name
        self._day = self._month = ""
        self._events = 0
        self._people: People = Exact(set())
        self._reached: dict[Reason, str] = {}
        """The limits that were reached, and in which day or month last."""

    @property
    def name(self) -> str:
        """Under which name what was counted is given back."""
        return self._name

    def allowance(self, place: tuple[str, int], now: datetime) -> Allowance | None:
        """What the limits leave at `now`, which never lies on an earlier day than before; None without limits."""
        if not has_limits(self._agreement):
            return None
        self._begin(now)
        limits = self._agreement.limits
        return Allowance(
            reference=self._name,
            place=f"{place[0]}/{place[1]}",
            month=self._month,
            stopped=stopped_standing(self._agreement),
            events=self._events,
            people=self._people,
            events_limit=limits.events_per_day,
            people_limit=limits.distinct_subjects_per_month,
            reached=next((reason for reason in self._reached if self._stops(reason)), None),
        )

    def take(self, counted: Counted) -> None:
        """Count what a batch has added."""
        self._events += counted.events
        self._people = self._people.copy()
        for digest in counted.people:
            self._people.add(digest)
        if isinstance(self._people, Exact) and self._people.count() >= EXACT_MAX:
            whole = Sketch()
            for digest in self._people:
                whole.add(digest)
            self._people = whole
        if counted.reached is not None:
            self._reached[counted.reached] = self._period(counted.reached)

    def _begin(self, now: datetime) -> None:
        day = day_of(now).isoformat()
        if day > self._day:
            self._day, self._events = day, 0
        if day[:7] > self._month:
            self._month, self._people = day[:7], Exact(set())

    def _stops(self, reason: Reason) -> bool:
        """Whether a limit that was reached still stops: for its period, or until somebody lifts the suspension, which nobody does here."""
        return self._agreement.limits.when_reached == "suspend" or self._reached[reason] == self._period(reason)

    def _period(self, reason: Reason) -> str:
        return self._day if reason == EVENTS else self._month
