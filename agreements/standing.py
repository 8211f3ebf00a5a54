"""What a signed agreement means for one share at one moment: in force, held, dropped, or not covering at all.

A share stands as the first of `_CONDITIONS` that stops it says; the reason's code and clause go into every decision
made meanwhile.  DEFAULT-DENY: what does not cover is not delivered, and what is stopped is held or dropped as
the agreement says.  Everything here follows from the register and the time alone, so an auditor works out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from agreements.combination import rivals
from agreements.duties import attestation_stops, done_under, review_stops, unacknowledged
from agreements.model import Share
from agreements.snapshot import SIGNED, AgreementEntry, Coverage, Snapshot, Standing
from agreements.umbrella.under import ends_from_above, stopped_from_above
from agreements.windows import is_open, next_change


class Stand(NamedTuple):
    """A share's standing, and why it is not in force: a reason code and the clause it comes from."""

    standing: Standing
    code: str = ""
    clause: str = ""


class Facts(NamedTuple):
    """What a condition may look at."""

    snapshot: Snapshot
    entry: AgreementEntry
    share: Share
    now: datetime

    @property
    def place(self) -> int:
        """Where the share stands in its text; it may have lost a suspended field."""
        return next(i for i, share in enumerate(self.entry.agreement.shares) if share.id == self.share.id)

    def stopped(self, code: str, clause: str) -> Stand:
        """Held or dropped, as the agreement says for what is stopped."""
        holds = self.entry.agreement.delivery.when_suspended == "hold"
        return Stand(Standing.HELD if holds else Standing.DROPPED, code, clause)


LIMIT_CODES: Mapping[str, str] = MappingProxyType(
    {"events_per_day": "limit-events", "distinct_subjects_per_month": "limit-subjects"}
)
"""The reason code of each limit, by its name in an agreement."""
IN_FORCE = Stand(Standing.IN_FORCE)
NOT_COVERING = Stand(Standing.NOT_COVERING, "not-in-force", "dates")


def stand(snapshot: Snapshot, coverage: Coverage, now: datetime) -> Stand:
    """How `coverage` stands at `now`."""
    entry = coverage.entry
    if not covers(entry, now):
        return NOT_COVERING
    facts = Facts(snapshot, entry, coverage.share, now)
    return next((found for condition in _CONDITIONS if (found := condition(facts)) is not None), IN_FORCE)


def covers(entry: AgreementEntry, now: datetime) -> bool:
    """Whether a version is signed, and `now` lies in its dates: then every record has a decision under it (ONE-DECISION)."""
    return entry.state in SIGNED and entry.starts_at <= now < entry.ends_at


def version_at(versions: Iterable[AgreementEntry], now: datetime) -> AgreementEntry | None:
    """The version of an agreement that covers at `now`; at most one does, for a newer one ends the one before it."""
    return next((entry for entry in versions if covers(entry, now)), None)


def may_correct(snapshot: Snapshot, coverage: Coverage, now: datetime) -> bool:
    """Whether rows that were sent may lose a suspended field: in force, or stopped by nothing but its hours or a limit.

    Hours and limits bound what is disclosed; a correction discloses nothing.  Any other stop is a stop of everything (BOUNDED-STOP).
    """
    others = tuple(suspension for suspension in coverage.entry.suspensions if not suspension.limit)
    entry = replace(coverage.entry, suspensions=others)
    facts = Facts(snapshot, entry, coverage.share, now)
    stopping = (condition for condition in _CONDITIONS if condition is not _outside_window)
    return covers(entry, now) and all(condition(facts) is None for condition in stopping)


def moments(snapshot: Snapshot, entry: AgreementEntry, now: datetime) -> Iterator[datetime]:
    """Instants after `now` at which the standing of a version's shares may change by time alone, the next one among them."""
    done = done_under(snapshot, entry)
    dates = [entry.starts_at, entry.ends_at, review_stops(entry, done)]
    dates += [attestation_stops(done, attestation, now) for attestation in entry.agreement.attestations]
    dates += [
        moment
        for share in entry.agreement.shares
        for rival in rivals(snapshot, entry, share)
        for moment in (rival.entry.starts_at, rival.entry.ends_at)
    ]
    dates += ends_from_above(snapshot.agreements.get, entry.agreement)
    dates += [made.at for made in done.attestations.values()]
    yield from (moment for moment in dates if moment is not None and moment > now)
    if (window := entry.agreement.delivery.window) is not None:
        yield next_change(window, now)


def _suspended(facts: Facts) -> Stand | None:
    """By an act of either party or of the operator, or of a worker at a limit."""
    if not facts.entry.stops(facts.share):
        return None
    limit = next((suspension.limit for suspension in facts.entry.suspensions if suspension.limit), None)
    if limit is not None:
        return facts.stopped(LIMIT_CODES[limit], f"limits.{limit}")
    return facts.stopped("suspended", "delivery.when_suspended")


def _combined(facts: Facts) -> Stand | None:
    """Beside what was approved before, and may not be received together with it."""
    found = rivals(facts.snapshot, facts.entry, facts.share)
    if any(covers(rival.entry, facts.now) for rival in found):
        return facts.stopped("combination", f"shares[{facts.place}].never_with")
    return None


def _umbrella(facts: Facts) -> Stand | None:
    """By what stops the umbrella above it."""
    code = stopped_from_above(facts.snapshot.agreements.get, facts.entry.agreement, facts.share, facts.now)
    return None if code is None else facts.stopped(code, "under")


def _caveat_unacknowledged(facts: Facts) -> Stand | None:
    """The recipient does not know a limitation of the data yet that its contract names now."""
    if next(unacknowledged(facts.snapshot, facts.entry, facts.share), None) is None:
        return None
    return facts.stopped("caveat-unacknowledged", f"shares[{facts.place}].caveats")


def _attestation_overdue(facts: Facts) -> Stand | None:
    """A party owes an attestation: the first one, or one that is overdue beyond its grace."""
    for index, attestation in enumerate(facts.entry.agreement.attestations):
        stops = attestation_stops(done_under(facts.snapshot, facts.entry), attestation, facts.now)
        if stops is None or stops <= facts.now:
            return facts.stopped("attestation-overdue", f"attestations[{index}]")
    return None


def _review_overdue(facts: Facts) -> Stand | None:
    """The day of a review is over, its grace too, and nobody has recorded one."""
    stops = review_stops(facts.entry, done_under(facts.snapshot, facts.entry))
    return facts.stopped("review-overdue", "review.overdue") if stops is not None and stops <= facts.now else None


def _outside_window(facts: Facts) -> Stand | None:
    """Held until the window opens, whatever becomes of records under a suspension."""
    window = facts.entry.agreement.delivery.window
    if window is None or is_open(window, facts.now):
        return None
    return Stand(Standing.HELD, "outside-window", "delivery.window")


_CONDITIONS: tuple[Callable[[Facts], Stand | None], ...] = (
    _suspended,
    _umbrella,
    _combined,
    _caveat_unacknowledged,
    _attestation_overdue,
    _review_overdue,
    _outside_window,
)
"""Each looks at one thing that may stop a share; the first that does gives the reason."""
