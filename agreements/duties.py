"""What an agreement asks of people while it runs, and when: caveats to acknowledge, attestations to make, reviews to hold.

Nothing here stops anything: `agreements.standing` does, and cites the clause; `agreements.inventory.due` lists what is to come.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from agreements.instants import end_of
from agreements.model import Attestation, Share
from agreements.snapshot import AgreementEntry, Snapshot
from agreements.undertakings import NONE, Undertakings
from contracts.model import Caveat

_NO_TIME = timedelta(0)


def done_under(snapshot: Snapshot, entry: AgreementEntry) -> Undertakings:
    """What has been done under an agreement, whichever version asked for it."""
    return snapshot.undertakings.get(entry.agreement.reference, NONE)


def unacknowledged(snapshot: Snapshot, entry: AgreementEntry, share: Share) -> Iterator[Caveat]:
    """The caveats that the recipient has still to acknowledge for a share that names caveats.

    They are those of its contract as it was published last: a limitation found later is one the recipient must know, too.
    """
    contract = snapshot.contract(share.dataset, share.contract)
    if not share.caveats or contract is None:
        return
    done = done_under(snapshot, entry).caveats
    for caveat in contract.contract.caveats:
        known = done.get(f"{share.dataset}/{caveat.identifier}")
        if known is None or known.version < caveat.version:
            yield caveat


def attestation_due(done: Undertakings, attestation: Attestation, now: datetime) -> datetime | None:
    """When an attestation is due again; None: it was not made yet, and is due before anything is shared.

    One that was dated ahead counts from its date, and not before.
    """
    made = done.attestations.get(attestation.id)
    if made is None or made.at > now or (made.subject, made.organisation) != (attestation.subject, attestation.by):
        return None
    return made.at + attestation.every


def attestation_stops(done: Undertakings, attestation: Attestation, now: datetime) -> datetime | None:
    """When nothing is shared any more unless the attestation is made again; None: nothing is shared before it is made."""
    due = attestation_due(done, attestation, now)
    return None if due is None else due + (attestation.grace or _NO_TIME)


def review_day(entry: AgreementEntry, done: Undertakings) -> date | None:
    """The day on which a version is to be reviewed next; None: on no day."""
    recorded = done.review
    if recorded is not None and recorded.version == entry.agreement.version:
        return recorded.next_review
    return entry.agreement.dates.review


def review_overdue(entry: AgreementEntry, done: Undertakings) -> datetime | None:
    """From when on a review is overdue, its day being over; None where no review is to come."""
    day = review_day(entry, done)
    return None if day is None else end_of(day)


def review_stops(entry: AgreementEntry, done: Undertakings) -> datetime | None:
    """From when on an overdue review stops the agreement; None where it does not."""
    overdue, review = review_overdue(entry, done), entry.agreement.review
    if overdue is None or review.overdue != "suspend":
        return None
    return overdue + (review.grace or _NO_TIME)
