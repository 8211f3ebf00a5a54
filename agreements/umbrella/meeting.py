"""The operators by which a clause of an agreement meets the same clause of its umbrella.

Each takes both values, gives the effective one, notes from where it comes, and notes a fault where the agreement says
more than its umbrella allows (NARROW-ONLY).  Which clause has which operator is `agreements.umbrella.clauses`' to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agreements.clauses import Path, spelled
from agreements.codes import TOO_LARGE
from agreements.model import Agreement
from agreements.umbrella.codes import WIDENING
from contracts.faults import Code, Fault

Positions = Mapping[str, tuple[int, int]]
"""Clause path to the line and column, from 1, where its value stands in a text."""
_LONGEST_CHARACTERS = 10_000


class Origin(NamedTuple):
    """Where an effective clause comes from: its path in the umbrella, in the agreement, or in both."""

    umbrella: str | None
    agreement: str | None


class Where(NamedTuple):
    """One clause in both documents: its path in the agreement, and the one in the umbrella."""

    own: Path
    above: Path

    def down(self, *parts: int | str) -> Where:
        """The clause below both."""
        return Where((*self.own, *parts), (*self.above, *parts))


@dataclass
class Meeting:
    """An agreement on its way under its umbrella: what was found so far."""

    umbrella: Agreement
    agreement: Agreement
    places: Positions = field(default_factory=dict)
    umbrella_places: Positions = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    origins: dict[str, Origin] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The umbrella as people cite it."""
        return f"{self.umbrella.reference} version {self.umbrella.version}"

    def note(self, where: Where, *, own: bool, above: bool) -> None:
        """Remember from where the clause comes."""
        origin = Origin(spelled(where.above) if above else None, spelled(where.own) if own else None)
        self.origins[spelled(where.own)] = origin

    def widens(self, where: Where, says: object, allows: object, code: Code = WIDENING) -> None:
        """Note that the agreement says more than its umbrella, naming both clauses with their places."""
        line, column = _place(where.own, self.places)
        above = _place(where.above, self.umbrella_places)
        at = "" if above == (None, None) else f" (line {above[0]}, column {above[1]} of its text)"
        cited = spelled(where.above) or "as a whole"
        message = f"`{spelled(where.own)}` says {says}; {self.name} `{cited}`{at} allows {allows}"
        self.faults.append(code.fault(message, line=line, column=column))

    def fitting(self, where: Where, merged: str, said: str) -> str:
        """What both say together; where that is longer than a text may be, it is a fault, and `said` stands for it."""
        if len(merged) <= _LONGEST_CHARACTERS:
            return merged
        line, column = _place(where.own, self.places)
        message = f"`{spelled(where.own)}` with {self.name} `{spelled(where.above)}`: {len(merged)} characters together"
        self.faults.append(TOO_LARGE.fault(message, line=line, column=column))
        return said


Operator = Callable[[Meeting, Where, Any, Any], Any]
"""Takes the meeting, the clause, what the umbrella says and what the agreement says; gives the effective value."""


def own(meeting: Meeting, where: Where, above: Any, said: Any) -> Any:
    """The agreement's alone."""
    del above
    return _from(meeting, where, said, own=True, above=False)


def own_first(meeting: Meeting, where: Where, above: Any, said: Any) -> Any:
    """The agreement's, or the umbrella's where it says nothing."""
    if is_said(said):
        return _from(meeting, where, said, own=True, above=False)
    return _from(meeting, where, above, own=False, above=True)


def same(meeting: Meeting, where: Where, above: Any, said: Any) -> Any:
    """Both say the same: there is no narrower one."""
    if said != above:
        meeting.widens(where, said, f"{above} alone")
    return _from(meeting, where, said, own=True, above=True)


def union(meeting: Meeting, where: Where, above: tuple[Any, ...], said: tuple[Any, ...]) -> tuple[Any, ...]:
    """What either says: prohibitions and obligations add up."""
    merged = (*said, *(item for item in above if item not in said))
    return tuple(_from(meeting, where, merged, own=bool(said), above=bool(above)))


def either(meeting: Meeting, where: Where, above: Any, said: Any) -> bool:
    """An obligation that one of them makes."""
    return bool(_from(meeting, where, above or said, own=said, above=above))


def within(meeting: Meeting, where: Where, above: tuple[Any, ...], said: tuple[Any, ...]) -> tuple[Any, ...]:
    """An allowed set, empty for everything: the agreement's may only be a part of the umbrella's."""
    if not above or not said:
        merged = said or above
        return tuple(_from(meeting, where, merged, own=bool(said), above=bool(above)))
    if excess := [item for item in said if item not in above]:
        meeting.widens(where, listed(excess), listed(above))
    return tuple(_from(meeting, where, said, own=True, above=True))


def part_of(meeting: Meeting, where: Where, above: tuple[Any, ...], said: tuple[Any, ...]) -> tuple[Any, ...]:
    """An allowed set, empty for nothing: what the umbrella alone names does not become allowed."""
    if excess := [item for item in said if item not in above]:
        meeting.widens(where, listed(excess), listed(above) if above else "none")
    return tuple(_from(meeting, where, said, own=True, above=True)) if said else ()


def text(meeting: Meeting, where: Where, above: str | None, said: str | None) -> str | None:
    """Words of both, the umbrella's with their origin."""
    if above is None or said is None or above == said:
        merged = said if said is not None else above
        return (
            None
            if merged is None
            else str(_from(meeting, where, merged, own=said is not None, above=above is not None))
        )
    added = f"Under {meeting.name}: {above}"
    merged = said if said.endswith(added) else f"{said}\n\n{added}"
    return str(_from(meeting, where, meeting.fitting(where, merged, said), own=True, above=True))


def ceiling(order: Callable[[Any, Any], bool], *, spell: Callable[[Any], str] = str) -> Operator:
    """The lower of both; None is no limit.  `order(a, b)` says whether a is at most b."""
    return _bounded(order, "at most", spell)


def floor(order: Callable[[Any, Any], bool], *, spell: Callable[[Any], str] = str) -> Operator:
    """The stricter, higher of both; None is none.  `order(a, b)` says whether a is at most b."""
    return _bounded(lambda said, above: order(above, said), "not less than", spell)


def ranked(*steps: str) -> Operator:
    """A ceiling over words, from the narrowest to the widest; an unknown word is above all."""
    return ceiling(lambda first, second: _rank(first, steps) <= _rank(second, steps))


def is_said(value: Any) -> bool:
    """Whether a document says anything here."""
    return value is not None and value != () and value is not False


def listed(items: Iterable[object]) -> str:
    """Some items in words."""
    return ", ".join(map(str, items))


def _bounded(keeps: Callable[[Any, Any], bool], bound: str, spell: Callable[[Any], str]) -> Operator:
    """The agreement's value where it keeps the umbrella's bound; where one of them says nothing, the other's."""

    def bounded(meeting: Meeting, where: Where, above: Any, said: Any) -> Any:
        if above is None or said is None:
            return own_first(meeting, where, above, said)
        if not keeps(said, above):
            meeting.widens(where, spell(said), f"{bound} {spell(above)}")
        return _from(meeting, where, said, own=True, above=said == above)

    return bounded


def _rank(word: str, steps: Sequence[str]) -> int:
    return steps.index(word) if word in steps else len(steps)


def _from(meeting: Meeting, where: Where, value: Any, *, own: bool, above: bool) -> Any:
    if is_said(value):
        meeting.note(where, own=own, above=above)
    return value


def _place(path: Path, places: Positions) -> tuple[int, int] | tuple[None, None]:
    """Where the clause stands in a text, or its nearest parent."""
    if not places:
        return None, None
    while path and spelled(path) not in places:
        path = path[:-1]
    return places.get(spelled(path), (1, 1))
