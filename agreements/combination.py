"""Datasets that a recipient may not receive side by side, under any agreement: the clause `never_with`, in both directions.

Submission and activation are refused where such a pair would stand together.  Should both stand all the same (an umbrella or a
newer version has brought the clause), what was approved later stops: `agreements.standing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from agreements.instants import end_of, start_of
from agreements.model import Agreement, AgreementKind, Share, Side
from agreements.snapshot import SIGNED, AgreementEntry, Coverage, Snapshot


class Clash(NamedTuple):
    """A share of an agreement, and the agreement beside which it may not stand."""

    share: int
    """The share's place in its agreement."""
    other: AgreementEntry
    dataset: str
    """What the other agreement shares."""


def clashes(agreement: Agreement, entries: Iterable[AgreementEntry], now: datetime) -> Iterator[Clash]:
    """The signed agreements among `entries`, not over yet at `now`, that may not stand beside an agreement in its time."""
    if agreement.kind is not AgreementKind.DSA:
        return
    recipient = agreement.party(Side.RECIPIENT).organisation
    starts_at, ends_at = start_of(agreement.dates.start), end_of(agreement.dates.end)
    for entry in entries:
        is_other = entry.state in SIGNED and entry.agreement.reference != agreement.reference
        if not is_other or entry.recipient != recipient or entry.ends_at <= max(now, starts_at):
            continue
        if entry.starts_at < ends_at:
            yield from (
                Clash(index, entry, theirs.dataset)
                for index, share in enumerate(agreement.shares)
                for theirs in entry.shares
                if exclude(share, theirs)
            )


def exclude(one: Share, other: Share) -> bool:
    """Whether one of two shares says that its dataset never goes with the other's."""
    return other.dataset in one.never_with or one.dataset in other.never_with


def rivals(snapshot: Snapshot, entry: AgreementEntry, share: Share) -> Iterator[Coverage]:
    """The signed shares for the same recipient, approved before this one, beside which it may not stand; at any time."""
    named = [coverage for dataset in share.never_with for coverage in snapshot.coverages(dataset)]
    for coverage in (*named, *snapshot.excluding(share.dataset)):
        earlier = (coverage.entry.approved_position or 0) < (entry.approved_position or 0)
        same = coverage.entry.agreement.reference == entry.agreement.reference
        if earlier and not same and coverage.entry.recipient == entry.recipient:
            yield coverage
