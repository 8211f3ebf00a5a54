"""Agreements that may say the same thing twice: same parties, overlapping purposes and fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from agreements.model import Agreement

LEAST_PERCENT = 50
"""From how much overlap of fields on two agreements are worth a look."""


class Overlap(NamedTuple):
    """Two shares between the same parties over one dataset, with purposes of which one covers the other."""

    first: str
    second: str
    dataset: str
    purposes: tuple[str, str]
    fields: tuple[str, ...]
    """The fields that leave under both."""
    percent: int
    """Of the fields that leave under either."""


def overlaps(agreements: Iterable[Agreement], least_percent: int = LEAST_PERCENT) -> tuple[Overlap, ...]:
    """Every pair worth a look, most overlapping first."""
    found = (one for first, second in combinations(agreements, 2) for one in _between(first, second))
    return tuple(sorted((one for one in found if one.percent >= least_percent), key=lambda one: -one.percent))


def _between(first: Agreement, second: Agreement) -> Iterator[Overlap]:
    if first.reference == second.reference or _parties(first) != _parties(second):
        return
    for one in first.shares:
        for other in second.shares:
            if one.dataset != other.dataset or not _related(one.purpose, other.purpose):
                continue
            left, right = (
                {path for path, treatment in share.fields.items() if treatment.action != "drop"}
                for share in (one, other)
            )
            both, either = left & right, left | right
            percent = 100 * len(both) // max(len(either), 1)
            names = (f"{first.reference} {one.id}", f"{second.reference} {other.id}")
            yield Overlap(*names, one.dataset, (one.purpose, other.purpose), tuple(sorted(both)), percent)


def _parties(agreement: Agreement) -> frozenset[tuple[str, str]]:
    return frozenset((party.organisation, party.side.value) for party in agreement.parties)


def _related(one: str, other: str) -> bool:
    """Whether one of two purposes is, or covers, the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
