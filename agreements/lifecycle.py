"""The life of an agreement: from which state which event leads where.  A transition that is not here is refused."""

from __future__ import annotations

from enum import StrEnum

from agreements.entries import AgreementState


class Event(StrEnum):
    """What can happen to one version of an agreement."""

    SUBMIT = "submit"
    SUBMIT_EXCEPTIONAL = "submit-exceptional"
    """An exceptional disclosure skips the tracks."""
    ACCEPT = "accept"
    """A track accepts it, and others have yet to."""
    CLEAR = "clear"
    """The last track accepts it."""
    RETURN = "return"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    SIGN = "sign"
    """Not the last one that is needed; once approved, a further party's accession to an umbrella of many."""
    APPROVE = "approve"
    """The last signature that is needed."""
    SUSPEND = "suspend"
    RESUME = "resume"
    """The last suspension is lifted."""
    TERMINATE = "terminate"
    SUPERSEDE = "supersede"
    """A newer version is submitted over a draft, or takes effect over an approved one."""
    CLOSE = "close"
    """Over, and nothing is outstanding (`agreements.rules.endings` asks whether it is over)."""


_S = AgreementState
TRANSITIONS: dict[tuple[AgreementState | None, Event], AgreementState] = {
    (None, Event.SUBMIT): _S.SUBMITTED,
    (None, Event.SUBMIT_EXCEPTIONAL): _S.AWAITING_SIGNATURES,
    (_S.RETURNED, Event.SUBMIT): _S.SUBMITTED,
    (_S.RETURNED, Event.SUBMIT_EXCEPTIONAL): _S.AWAITING_SIGNATURES,
    (_S.RETURNED, Event.WITHDRAW): _S.WITHDRAWN,
    (_S.SUBMITTED, Event.ACCEPT): _S.SUBMITTED,
    (_S.SUBMITTED, Event.CLEAR): _S.AWAITING_SIGNATURES,
    (_S.SUBMITTED, Event.RETURN): _S.RETURNED,
    (_S.SUBMITTED, Event.REJECT): _S.REJECTED,
    (_S.SUBMITTED, Event.WITHDRAW): _S.WITHDRAWN,
    (_S.SUBMITTED, Event.SUPERSEDE): _S.SUPERSEDED,
    (_S.AWAITING_SIGNATURES, Event.SIGN): _S.AWAITING_SIGNATURES,
    (_S.AWAITING_SIGNATURES, Event.APPROVE): _S.APPROVED,
    (_S.AWAITING_SIGNATURES, Event.RETURN): _S.RETURNED,
    (_S.AWAITING_SIGNATURES, Event.REJECT): _S.REJECTED,
    (_S.AWAITING_SIGNATURES, Event.WITHDRAW): _S.WITHDRAWN,
    (_S.AWAITING_SIGNATURES, Event.SUPERSEDE): _S.SUPERSEDED,
    (_S.APPROVED, Event.SIGN): _S.APPROVED,
    (_S.SUSPENDED, Event.SIGN): _S.SUSPENDED,
    (_S.APPROVED, Event.SUSPEND): _S.SUSPENDED,
    (_S.APPROVED, Event.TERMINATE): _S.TERMINATED,
    (_S.APPROVED, Event.SUPERSEDE): _S.SUPERSEDED,
    (_S.APPROVED, Event.CLOSE): _S.CLOSED,
    (_S.SUSPENDED, Event.SUSPEND): _S.SUSPENDED,
    (_S.SUSPENDED, Event.RESUME): _S.APPROVED,
    (_S.SUSPENDED, Event.TERMINATE): _S.TERMINATED,
    (_S.SUSPENDED, Event.SUPERSEDE): _S.SUPERSEDED,
    (_S.SUSPENDED, Event.CLOSE): _S.CLOSED,
    (_S.TERMINATED, Event.CLOSE): _S.CLOSED,
}
"""REJECTED, WITHDRAWN, SUPERSEDED and CLOSED have no way out; what was signed is never changed, only superseded."""


def after(state: AgreementState | None, event: Event) -> AgreementState | None:
    """The state after `event`, or None when it may not happen in `state`."""
    return TRANSITIONS.get((state, event))
