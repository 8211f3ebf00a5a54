"""What is to be done under the agreements of a register, and by when: the list that people work through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from agreements.duties import attestation_due, done_under, review_overdue, unacknowledged
from agreements.instants import end_of
from agreements.lifecycle import Event, after
from agreements.model import Side
from agreements.snapshot import AgreementEntry, Snapshot

Kind = Literal["end", "review", "attestation", "caveat", "exceptional-review"]


class Due(NamedTuple):
    """One thing to be done.  `at` None is due now: something is not shared before it is done."""

    reference: str
    version: int
    kind: Kind
    clause: str
    what: str
    by: str
    """The organisation that owes it; empty where either party may."""
    at: datetime | None
    """Until when; a day is over at midnight in Europe/London."""
    is_overdue: bool
    is_reminded: bool
    """A reminder of the agreement's text has come: only reviews have reminders."""


def due(snapshot: Snapshot, now: datetime, within: timedelta | None = None) -> list[Due]:
    """What is to be done under every version that has not ended, the most urgent first; `within` leaves out what is later."""
    found = [
        one
        for versions in snapshot.agreements.values()
        for entry in versions
        if after(entry.state, Event.TERMINATE) is not None and now < entry.ends_at
        for one in _of_entry(snapshot, entry, now)
        if within is None or one.at is None or one.is_reminded or one.at <= now + within
    ]
    return sorted(found, key=lambda one: (one.at is not None, one.at or now, one.reference, one.clause, one.what))


def _of_entry(snapshot: Snapshot, entry: AgreementEntry, now: datetime) -> Iterator[Due]:
    agreement, done = entry.agreement, done_under(snapshot, entry)

    def one(kind: Kind, clause: str, what: str, by: str, at: datetime | None, *, is_reminded: bool = False) -> Due:
        is_overdue = at is None or at <= now
        return Due(agreement.reference, agreement.version, kind, clause, what, by, at, is_overdue, is_reminded)

    yield one("end", "dates.end", "a new version, where the sharing is to go on", "", entry.ends_at)
    overdue = review_overdue(entry, done)
    if overdue is not None:
        first = max(agreement.review.reminders, default=None)
        is_reminded = first is not None and overdue - first <= now
        yield one("review", "dates.review", "a review", "", overdue, is_reminded=is_reminded)
    for index, attestation in enumerate(agreement.attestations):
        at = attestation_due(done, attestation, now)
        yield one("attestation", f"attestations[{index}]", attestation.id, attestation.by, at)
    recipient = agreement.party(Side.RECIPIENT).organisation
    for index, share in enumerate(agreement.shares):
        for caveat in unacknowledged(snapshot, entry, share):
            name = f"{caveat.identifier}@{caveat.version} of {share.dataset}"
            yield one("caveat", f"shares[{index}].caveats", name, recipient, None)
    if agreement.exceptional is not None:
        at = end_of(agreement.exceptional.review_by)
        yield one("exceptional-review", "exceptional.review_by", "a review of the disclosure", "", at)
