"""The umbrella algebra: what an agreement and the umbrella that it stands under mean together (NARROW-ONLY).

    meet(umbrella, agreement) -> Effective | Faults

The effective agreement is never wider than either.  Where the agreement says more than its umbrella allows, that is a
fault which names both clauses; where it is silent, the umbrella's limits, prohibitions and obligations hold, and its fields
do not flow.  Pure: the register's fold, the compiler and the auditor all come to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agreements.checks import contradictions
from agreements.model import Agreement, Share
from agreements.umbrella.clauses import OPERATORS, merged
from agreements.umbrella.meeting import Meeting, Origin, Positions, Where
from agreements.umbrella.shares import ceilings
from contracts.faults import Faults


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds: an agreement with its own reference, version, parties and pin, and from where each clause comes."""

    agreement: Agreement
    origins: Mapping[str, Origin]

    def origin(self, clause: str) -> Origin:
        """Where the clause at a path of the effective agreement comes from, or what stands under it."""
        found = [origin for path, origin in self.origins.items() if _lies_under(path, clause)]
        if not found:
            above = [path for path in self.origins if _lies_under(clause, path)]
            found = [self.origins[max(above, key=len)]] if above else [Origin(None, clause)]
        theirs = (origin.umbrella for origin in found if origin.umbrella is not None)
        ours = (origin.agreement for origin in found if origin.agreement is not None)
        return Origin(next(theirs, None), next(ours, None))


def meet(
    umbrella: Agreement,
    agreement: Agreement,
    *,
    places: Positions | None = None,
    umbrella_places: Positions | None = None,
) -> Effective | Faults:
    """The effective agreement, or every clause of `agreement` that says more than `umbrella` allows.

    `places` and `umbrella_places` say where clauses stand in the two texts.  Whether the agreement names this very
    umbrella is `agreements.umbrella.under.umbrella_of`'s to check.
    """
    meeting = Meeting(umbrella, agreement, places or {}, umbrella_places or {})
    found: Agreement = merged(meeting, Where((), ()), umbrella, agreement, OPERATORS[Agreement])
    if not meeting.faults:
        for problem in contradictions(found):
            meeting.widens(Where(problem.path, problem.path), problem.message, "no contradiction with it", problem.code)
    if meeting.faults:
        return Faults(tuple(sorted(meeting.faults, key=lambda fault: (fault.line or 0, fault.column or 0))))
    return Effective(found, meeting.origins)


def flatten(effective: Effective) -> Agreement:
    """One self-standing agreement of the same effect: nothing above it any more."""
    return effective.agreement.model_copy(update={"under": None})


def ceilings_of(versions: Iterable[Agreement], share: Share) -> frozenset[str]:
    """The shares of some versions of an umbrella that are above a share of an agreement; empty where they name none."""
    return frozenset(umbrella.shares[index].id for umbrella in versions for index in ceilings(umbrella, share))


def _lies_under(path: str, clause: str) -> bool:
    return path == clause or path.startswith((clause + ".", clause + "["))
