"""Limits: how many deliveries a day and how many different people a month an agreement still allows, and what stops beyond.

A limit *is reached* when a delivery would exceed it.  From then on nothing of the agreement is delivered until the period is over (or, where it
says `suspend`, the suspension is lifted): what qualifies is held or denied.  Withdrawals and deletions are
never stopped by a limit and count for nothing.  Days and months are those of Europe/London.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from agreements.model import Agreement, WhenSuspended
from agreements.snapshot import Standing
from agreements.standing import LIMIT_CODES
from broker.policy.decision import Evaluated, Reason
from broker.policy.people import DIGEST_BYTES, People

LIMITS: Mapping[str, Reason] = {name: Reason(code, f"limits.{name}") for name, code in LIMIT_CODES.items()}
"""Each limit by its name in an agreement."""
EVENTS, SUBJECTS = LIMITS["events_per_day"], LIMITS["distinct_subjects_per_month"]
_DOMAIN = b"concordat/limit-subject/1\n"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one agreement's limits leave at the moment of decision, to one source partition."""

    reference: str
    place: str
    """Source topic and partition: a record that names nobody counts as a person of its own."""
    month: str
    stopped: Standing
    """What becomes of a record beyond: `HELD` or `DROPPED`."""
    events: int
    """Deliveries so far today."""
    people: People
    """So far this month."""
    events_limit: int | None = None
    people_limit: int | None = None
    reached: Reason | None = None
    """The limit that was reached before in its present period."""

    def digest(self, one: Evaluated) -> bytes:
        """The person of a record under this agreement this month: keyed by the pseudonym's key, joined with nothing else."""
        who = one.subject or f"{self.place}/{one.record.offset}"
        return sha256(_DOMAIN + f"{self.reference}\n{self.month}\n{who}".encode()).digest()[:DIGEST_BYTES]

    def after(self, counted: Counted | None) -> Allowance:
        """What is left once this is counted, too."""
        if counted is None:
            return self
        people = self.people.copy()
        for digest in counted.people:
            people.add(digest)
        return replace(
            self, events=self.events + counted.events, people=people, reached=self.reached or counted.reached
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """What a batch adds to an agreement's counts."""

    events: int = 0
    people: tuple[bytes, ...] = ()
    reached: Reason | None = None
    """The limit that a record of the batch would have exceeded."""

    def plus(self, other: Counted) -> Counted:
        """Both together."""
        return Counted(self.events + other.events, self.people + other.people, self.reached or other.reached)


class Meter:
    """Counts one agreement's deliveries within one batch."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self._people = allowance.people.copy()
        self._events, self._added = 0, list[bytes]()
        self._reached: Reason | None = None

    def refusal(self, one: Evaluated) -> Reason | None:
        """Why the delivery of a record is stopped; otherwise it is counted."""
        found = self.allowance
        if found.reached or self._reached:
            return found.reached or self._reached
        digest = found.digest(one) if found.people_limit is not None else None
        if found.events_limit is not None and found.events + self._events >= found.events_limit:
            self._reached = EVENTS
        elif digest is not None and self._people.count_with(digest) > (found.people_limit or 0):
            self._reached = SUBJECTS
        else:
            self._events += 1
            if digest is not None:
                self._people.add(digest)
                self._added.append(digest)
        return self._reached

    def verdict(self) -> str:
        """What the limits said, as the auditors' part of a leaf keeps it: counts after the record, and limits."""
        found, parts = self.allowance, []
        if found.events_limit is not None:
            parts.append(f"events_per_day {found.events + self._events}/{found.events_limit}")
        if found.people_limit is not None:
            parts.append(f"distinct_subjects_per_month {self._people.count()}/{found.people_limit}")
        return "; ".join(parts)

    def counted(self) -> Counted:
        """What the batch adds."""
        return Counted(self._events, tuple(dict.fromkeys(self._added)), self._reached)


def stopped_standing(agreement: Agreement) -> Standing:
    """What becomes of records beyond a limit, until the period is over or somebody lifts the suspension."""
    when = agreement.limits.when_reached
    if when == "suspend":
        return Standing.HELD if agreement.delivery.when_suspended is WhenSuspended.HOLD else Standing.DROPPED
    return Standing.HELD if when == "hold" else Standing.DROPPED


def has_limits(agreement: Agreement) -> bool:
    """Whether anything is to be counted."""
    return agreement.limits.events_per_day is not None or agreement.limits.distinct_subjects_per_month is not None


def total(counted: Iterable[Counted]) -> Counted:
    """All of it together."""
    found = Counted()
    for one in counted:
        found = found.plus(one)
    return found
