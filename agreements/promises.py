"""What the parties promise each other around the flow itself: after delivery, in reviews, in incidents and at the end.

Some of it acts on events (an overdue attestation suspends), some gates activation, some the broker can only record.
`agreements.clauses` says which.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from agreements.durations import CalendarDuration, ExactDuration
from agreements.terms import CountryCode, Day, OrganisationIdentifier, ShareIdentifier, Text, WebAddress
from agreements.treatments import Clause


class Answered(Clause):
    """How soon a notice is to be acknowledged by whoever received the data, also after the agreement's end."""

    acknowledge_within: CalendarDuration


class AfterDelivery(Clause):
    """What the recipient promises about what it holds."""

    retention: CalendarDuration | None = None
    destruction: Literal["certificate", "none"] | None = None
    """`certificate`: an ended agreement is closed only when the recipient has certified the destruction."""
    onward_disclosure: Literal["never", "with-consent", "listed"] = "never"
    onward_recipients: tuple[OrganisationIdentifier, ...] = ()
    corrections: Answered | None = None
    erasures: Answered | None = None
    identity_changes: Answered | None = None
    """Merges and splits of a person's records."""
    adverse_decision_needs_second_source: bool = False
    no_solely_automated_decision: bool = False


class Attestation(Clause):
    """Something that a party confirms again and again; while it is overdue beyond `grace` nothing is shared."""

    id: ShareIdentifier
    by: OrganisationIdentifier
    subject: Text
    every: ExactDuration
    grace: ExactDuration | None = None


class Review(Clause):
    """Reminders before the review date, and what happens when it passes without one."""

    reminders: tuple[ExactDuration, ...] = ()
    overdue: Literal["warn", "suspend"] | None = None
    grace: ExactDuration | None = None


class Justification(Clause):
    """Why the sharing is right: read by the reviewers, before anybody signs."""

    benefits: Text | None = None
    necessity: Text | None = None
    proportionality: Text | None = None


class DataProtectionAssessment(Clause):
    """The impact assessment and its outcome; a high residual risk needs the regulator's consultation."""

    reference: Text
    outcome: Literal["low-residual-risk", "medium-residual-risk", "high-residual-risk"]
    decided_on: Day
    consultation: Text | None = None
    """Of the regulator: where and when."""


class PublicInterestAssessment(Clause):
    """The public-interest test and its reasons."""

    decided_on: Day
    text: Text


class Assessments(Clause):
    """The assessments that gate activation."""

    data_protection: DataProtectionAssessment | None = None
    public_interest: PublicInterestAssessment | None = None


class Geography(Clause):
    """Where the recipient may keep what it receives."""

    countries: Annotated[tuple[CountryCode, ...], Field(min_length=1)]


class Security(Clause):
    """The standard that the recipient keeps, and the evidence for it."""

    standard: Text | None = None
    accreditation: Text | None = None


class Transparency(Clause):
    """What the public is told; `publish` puts the agreement into the public register, less the `redactions`."""

    privacy_notice: WebAddress | None = None
    publish: bool = False
    redactions: tuple[Text, ...] = ()
    """Clause paths that the public register leaves out."""


class SubjectAccess(Clause):
    """Who answers a person who asks, and how soon."""

    answered_by: OrganisationIdentifier
    within: CalendarDuration


class Breach(Clause):
    """How soon, and to whom, a personal data breach is reported."""

    notify_within: ExactDuration
    contact: Text


class Audit(Clause):
    """The right to audit, and how long both sides keep their logs."""

    right: Text | None = None
    log_retention: CalendarDuration | None = None


class PeriodicReturn(Clause):
    """A figure or report that the recipient sends back."""

    subject: Text
    every: CalendarDuration


class Termination(Clause):
    """Notice and consequences of an ordinary end."""

    notice: ExactDuration | None = None
    consequences: Text | None = None


class Exceptional(Clause):
    """An exceptional disclosure (threat to life): two people of the provider, a short life, a review afterwards."""

    threat: Text
    review_by: Day
    """The day by which somebody who neither drafted nor signed has looked at it again."""


LONGEST_EXCEPTION = timedelta(days=14)
"""The longest life of an exceptional disclosure."""
