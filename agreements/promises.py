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
    """How soon, counted from the notice."""


class AfterDelivery(Clause):
    """What the recipient promises about what it holds."""

    retention: CalendarDuration | None = None
    """How long the recipient may keep a record."""
    destruction: Literal["certificate", "none"] | None = None
    """`certificate`: an ended agreement is closed only when the recipient has certified the destruction."""
    onward_disclosure: Literal["never", "with-consent", "listed"] = "never"
    """Whether, and how, the recipient may pass data on."""
    onward_recipients: tuple[OrganisationIdentifier, ...] = ()
    """To whom, where only listed organisations may have it."""
    corrections: Answered | None = None
    """How soon a correction is acknowledged, also after the end."""
    erasures: Answered | None = None
    """How soon an erasure or a restriction is acknowledged, also after the end."""
    identity_changes: Answered | None = None
    """Merges and splits of a person's records."""
    adverse_decision_needs_second_source: bool = False
    """No decision against a person rests on these data alone."""
    no_solely_automated_decision: bool = False
    """A person looks at every decision that these data lead to."""


class Attestation(Clause):
    """Something that a party confirms again and again; while it is overdue beyond `grace` nothing is shared."""

    id: ShareIdentifier
    """Names the attestation."""
    by: OrganisationIdentifier
    """Which party makes it."""
    subject: Text
    """What it confirms: accreditation, training, vetting, a penetration test, …"""
    every: ExactDuration
    """How long one holds."""
    grace: ExactDuration | None = None
    """How long one may be late before nothing is shared."""


class Review(Clause):
    """Reminders before the review date, and what happens when it passes without one."""

    reminders: tuple[ExactDuration, ...] = ()
    """How long before the date the parties are reminded."""
    overdue: Literal["warn", "suspend"] | None = None
    """What happens when the date passes without a review."""
    grace: ExactDuration | None = None
    """How long after the date that happens."""


class Justification(Clause):
    """Why the sharing is right: read by the reviewers, before anybody signs."""

    benefits: Text | None = None
    """What gets better by it, and for whom."""
    necessity: Text | None = None
    """Why it cannot be done without these data."""
    proportionality: Text | None = None
    """Why less would not do."""


class DataProtectionAssessment(Clause):
    """The impact assessment and its outcome; a high residual risk needs the regulator's consultation."""

    reference: Text
    """Where the assessment is kept."""
    outcome: Literal["low-residual-risk", "medium-residual-risk", "high-residual-risk"]
    """What it came to, such as low-residual-risk or high-residual-risk."""
    decided_on: Day
    """When."""
    consultation: Text | None = None
    """Of the regulator: where and when."""


class PublicInterestAssessment(Clause):
    """The public-interest test and its reasons."""

    decided_on: Day
    """When."""
    text: Text
    """The reasons for and against, and what prevailed."""


class Assessments(Clause):
    """The assessments that gate activation."""

    data_protection: DataProtectionAssessment | None = None
    public_interest: PublicInterestAssessment | None = None


class Geography(Clause):
    """Where the recipient may keep what it receives."""

    countries: Annotated[tuple[CountryCode, ...], Field(min_length=1)]
    """Every country in which the data may be kept."""


class Security(Clause):
    """The standard that the recipient keeps, and the evidence for it."""

    standard: Text | None = None
    """The standard that the recipient keeps."""
    accreditation: Text | None = None
    """The evidence for it."""


class Transparency(Clause):
    """What the public is told; `publish` puts the agreement into the public register, less the `redactions`."""

    privacy_notice: WebAddress | None = None
    """Where the people concerned read about it."""
    publish: bool = False
    """Whether the agreement is in the public register."""
    redactions: tuple[Text, ...] = ()
    """Clause paths that the public register leaves out."""


class SubjectAccess(Clause):
    """Who answers a person who asks, and how soon."""

    answered_by: OrganisationIdentifier
    """The party that answers."""
    within: CalendarDuration
    """How soon."""


class Breach(Clause):
    """How soon, and to whom, a personal data breach is reported."""

    notify_within: ExactDuration
    """How soon, counted from when it is known."""
    contact: Text
    """Whom to tell."""


class Audit(Clause):
    """The right to audit, and how long both sides keep their logs."""

    right: Text | None = None
    """Who may audit whom."""
    log_retention: CalendarDuration | None = None
    """How long both sides keep their logs."""


class PeriodicReturn(Clause):
    """A figure or report that the recipient sends back."""

    subject: Text
    """What is reported."""
    every: CalendarDuration
    """How often."""


class Termination(Clause):
    """Notice and consequences of an ordinary end."""

    notice: ExactDuration | None = None
    """How long before an ordinary end it is announced."""
    consequences: Text | None = None
    """What happens with the data then."""


class Exceptional(Clause):
    """An exceptional disclosure (threat to life): two people of the provider, a short life, a review afterwards."""

    threat: Text
    """Who is in danger, of what, and how it is known."""
    review_by: Day
    """The day by which somebody who neither drafted nor signed has looked at it again."""


LONGEST_EXCEPTION = timedelta(days=14)
"""The longest life of an exceptional disclosure."""
LATEST_RETROSPECTIVE = timedelta(days=28)
"""How long after the end of an exceptional disclosure its review may be at most."""
