"""What is to be done under the agreements of a register, and by when: the list that people work through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from agreements.duties import attestation_due, done_under, review_overdue, unacknowledged
from agreements.endings import is_closing, last_approved
from agreements.instants import end_of
from agreements.model import Side
from agreements.snapshot import SIGNED, AgreementEntry, Snapshot
from agreements.umbrella.under import WARNING, pinned, rebase

Kind = Literal["end", "review", "attestation", "caveat", "exceptional-review", "certificate", "umbrella-end", "re-base"]


class Due(NamedTuple):
    """One thing to be done.  `at` None is due now: something is not shared, or not closed, before it is done."""

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
    """A reminder has come: of a review by the agreement's text, of an umbrella's end 90 days before, of a re-base at once."""


def due(snapshot: Snapshot, now: datetime, within: timedelta | None = None) -> list[Due]:
    """What is to be done under every agreement, the most urgent first; `within` leaves out what is later."""
    found = [
        one
        for versions in snapshot.agreements.values()
        for one in _of_agreement(snapshot, versions, now)
        if within is None or one.at is None or one.is_reminded or one.at <= now + within
    ]
    return sorted(found, key=lambda one: (one.at is not None, one.at or now, one.reference, one.clause, one.what))


def overdue_retrospectives(snapshot: Snapshot, now: datetime) -> int:
    """How many exceptional disclosures have gone without their review beyond its day."""
    return sum(one.kind == "exceptional-review" and one.is_overdue for one in due(snapshot, now))


def _of_agreement(snapshot: Snapshot, versions: Sequence[AgreementEntry], now: datetime) -> Iterator[Due]:
    """What its versions in force ask for, what a past exceptional disclosure still asks for, and what closes it."""
    for entry in versions:
        if entry.state in SIGNED and now < entry.ends_at:
            yield from _of_entry(snapshot, entry, now)
        if entry.agreement.exceptional is not None and entry.was_signed and not entry.was_looked_at:
            at = end_of(entry.agreement.exceptional.review_by)
            yield _one(entry, now, "exceptional-review", "exceptional.review_by", "a review of the disclosure", "", at)
    last = last_approved(versions)
    if last is not None and is_closing(versions, now):
        what = "a certificate of destruction"
        yield _one(last, now, "certificate", "after_delivery.destruction", what, last.recipient, None)


def _one(
    entry: AgreementEntry,
    now: datetime,
    kind: Kind,
    clause: str,
    what: str,
    by: str,
    at: datetime | None,
    *,
    is_reminded: bool = False,
) -> Due:
    is_overdue = at is None or at <= now
    agreement = entry.agreement
    return Due(agreement.reference, agreement.version, kind, clause, what, by, at, is_overdue, is_reminded)


def _of_entry(snapshot: Snapshot, entry: AgreementEntry, now: datetime) -> Iterator[Due]:
    agreement, done = entry.agreement, done_under(snapshot, entry)

    yield _one(entry, now, "end", "dates.end", "a new version, where the sharing is to go on", "", entry.ends_at)
    overdue = review_overdue(entry, done)
    if overdue is not None:
        first = max(agreement.review.reminders, default=None)
        is_reminded = first is not None and overdue - first <= now
        yield _one(entry, now, "review", "dates.review", "a review", "", overdue, is_reminded=is_reminded)
    for kind, what, until, is_reminded in _of_umbrella(snapshot, entry, now):
        yield _one(entry, now, kind, "under", what, "", until, is_reminded=is_reminded)
    for index, attestation in enumerate(agreement.attestations if entry.shares else ()):
        at = attestation_due(done, attestation, now)
        yield _one(entry, now, "attestation", f"attestations[{index}]", attestation.id, attestation.by, at)
    recipient = agreement.party(Side.RECIPIENT).organisation
    for index, share in enumerate(entry.shares):
        for caveat in unacknowledged(snapshot, entry, share):
            name = f"{caveat.identifier}@{caveat.version} of {share.dataset}"
            yield _one(entry, now, "caveat", f"shares[{index}].caveats", name, recipient, None)


def _of_umbrella(
    snapshot: Snapshot, entry: AgreementEntry, now: datetime
) -> Iterator[tuple[Kind, str, datetime, bool]]:
    """That the umbrella above ends, and that a newer version of it is approved which does not hold here yet."""
    above = pinned(snapshot.agreements.get, entry.agreement)
    if above is None:
        return
    name = f"{above.agreement.reference} version {above.agreement.version}"
    at = end_of(above.agreement.dates.end)
    yield "umbrella-end", f"a new version under another than {name}, which ends", at, at - WARNING <= now
    newer = rebase(snapshot, entry)
    if newer is not None:
        yield "re-base", f"a new version under version {newer.newest} in place of {name}", entry.ends_at, True
