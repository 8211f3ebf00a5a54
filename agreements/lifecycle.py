"""The life of an agreement: from which state which event leads where.  A transition that is not here is refused."""

from __future__ import annotations

from enum import StrEnum

from agreements.snapshot import AgreementState


class Event(StrEnum):
    """What can happen to one version of an agreement."""

    SUBMIT = "submit"
    SIGN = "sign"
    APPROVE = "approve"
    """The last signature that is needed."""
    SUSPEND = "suspend"
    RESUME = "resume"
    """The last suspension is lifted."""
    TERMINATE = "terminate"
    SUPERSEDE = "supersede"
    """A newer version is submitted over a draft, or takes effect over an approved one."""


TRANSITIONS: dict[tuple[AgreementState | None, Event], AgreementState] = {
    (None, Event.SUBMIT): AgreementState.SUBMITTED,
    (AgreementState.SUBMITTED, Event.SIGN): AgreementState.SUBMITTED,
    (AgreementState.SUBMITTED, Event.APPROVE): AgreementState.APPROVED,
    (AgreementState.SUBMITTED, Event.SUPERSEDE): AgreementState.SUPERSEDED,
    (AgreementState.SUBMITTED, Event.TERMINATE): AgreementState.TERMINATED,
    (AgreementState.APPROVED, Event.SUSPEND): AgreementState.SUSPENDED,
    (AgreementState.APPROVED, Event.TERMINATE): AgreementState.TERMINATED,
    (AgreementState.APPROVED, Event.SUPERSEDE): AgreementState.SUPERSEDED,
    (AgreementState.SUSPENDED, Event.SUSPEND): AgreementState.SUSPENDED,
    (AgreementState.SUSPENDED, Event.RESUME): AgreementState.APPROVED,
    (AgreementState.SUSPENDED, Event.TERMINATE): AgreementState.TERMINATED,
    (AgreementState.SUSPENDED, Event.SUPERSEDE): AgreementState.SUPERSEDED,
}
"""TERMINATED and SUPERSEDED have no way out."""


def after(state: AgreementState | None, event: Event) -> AgreementState | None:
    """The state after `event`, or None when it may not happen in `state`."""
    return TRANSITIONS.get((state, event))
