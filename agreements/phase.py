"""What an agreement is at a moment: its state by acts, read together with its dates; and how long each stage took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from agreements.duties import done_under, review_day
from agreements.endings import is_closing, last_approved
from agreements.instants import start_of
from agreements.reviews import TRACKS
from agreements.snapshot import SIGNED, AgreementEntry, AgreementState, Snapshot


class Phase(StrEnum):
    """As people speak of it: the states, and what time makes of them."""

    SUBMITTED = "submitted"
    RETURNED = "returned"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    AWAITING_SIGNATURES = "awaiting-signatures"
    APPROVED = "approved"
    """Signed by all; its first day is still to come."""
    IN_FORCE = "in-force"
    REVIEW_DUE = "review-due"
    """In force, and its review date has come."""
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    TERMINATED = "terminated"
    SUPERSEDED = "superseded"
    CLOSING = "closing"
    """Over, with a certificate of destruction outstanding."""
    CLOSED = "closed"


def phase(snapshot: Snapshot, entry: AgreementEntry, now: datetime) -> Phase:
    """What one of an agreement's versions is at `now`."""
    versions = snapshot.agreements[entry.agreement.reference]
    if entry is last_approved(versions) and is_closing(versions, now):
        return Phase.CLOSING
    if entry.state not in SIGNED:
        return Phase(entry.state.value)
    if now >= entry.ends_at:
        return _over(versions, entry)
    if entry.state is AgreementState.SUSPENDED:
        return Phase.SUSPENDED
    if now < entry.starts_at:
        return Phase.APPROVED
    review = review_day(entry, done_under(snapshot, entry))
    return Phase.REVIEW_DUE if review is not None and now >= start_of(review) else Phase.IN_FORCE


class Stage(NamedTuple):
    """A stage that a version has reached, when, and how long after its first submission."""

    stage: str
    at: datetime
    seconds: float


def stages(entry: AgreementEntry) -> tuple[Stage, ...]:
    """The lead time of each stage: submitted, accepted on each track, signed by all, in force (which may be still to come)."""
    if entry.first_submitted_at is None:
        return ()
    began = entry.first_submitted_at
    reached = [("submitted", began)]
    accepted = [(track, entry.accepted(track)) for track in TRACKS]
    reached += [(f"accepted {track}", review.time) for track, review in accepted if review is not None]
    if entry.approved_position is not None and entry.signatures:
        signed = entry.signatures[-1].time
        reached += [("signed", signed), ("in force", max(signed, entry.starts_at))]
    return tuple(Stage(name, at, (at - began).total_seconds()) for name, at in sorted(reached, key=lambda one: one[1]))


def _over(versions: Sequence[AgreementEntry], entry: AgreementEntry) -> Phase:
    if entry.ending is not None:
        return Phase.TERMINATED
    followed = any(one.was_signed and one.agreement.version > entry.agreement.version for one in versions)
    return Phase.SUPERSEDED if followed else Phase.EXPIRED
