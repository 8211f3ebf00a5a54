"""The agreement as one typed, immutable value: who promised what to whom, for which purpose, until when.

`agreements.text` reads and renders it (`parse(render(x)) == x`), `agreements.lifecycle` says what may happen to it,
`agreements.clauses` says what makes each clause hold.  One model serves MOU, umbrella MOU and DSA.  All sequences are
tuples and all mappings are written once.  `docs/formats/agreement.md` is made from it: the docstrings here are its words.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from agreements.durations import ExactDuration
from agreements.promises import (
    AfterDelivery,
    Assessments,
    Attestation,
    Audit,
    Breach,
    Exceptional,
    Geography,
    Justification,
    PeriodicReturn,
    Review,
    Security,
    SubjectAccess,
    Termination,
    Transparency,
)
from agreements.shares import Share
from agreements.terms import (
    ClockTime,
    ContentHash,
    Count,
    CountryCode,
    Day,
    HeaderLine,
    OrganisationIdentifier,
    PurposeIdentifier,
    Reference,
    Text,
)
from agreements.treatments import Band, Clause, Mask, Treatment

__all__ = [
    "AfterDelivery",
    "Agreement",
    "AgreementKind",
    "Assessments",
    "Attestation",
    "Band",
    "Clause",
    "Dates",
    "Delivery",
    "Law",
    "Limits",
    "Mask",
    "Party",
    "Purposes",
    "Review",
    "Share",
    "Side",
    "Treatment",
    "Under",
    "WhenSuspended",
    "Window",
]


class AgreementKind(StrEnum):
    """The three documents that one model serves."""

    DSA = "dsa"
    """One provider, one recipient: the only kind under which anything is delivered."""
    MOU = "mou"
    """Terms between two or more organisations; nothing is delivered under it, agreements may stand under it."""
    UMBRELLA_MOU = "umbrella-mou"
    """Generic terms for many agreements, which can only narrow them."""


class Side(StrEnum):
    """Which side of the sharing a party is on."""

    PROVIDER = "provider"
    RECIPIENT = "recipient"


class WhenSuspended(StrEnum):
    """What becomes of records while the agreement is suspended."""

    HOLD = "hold"
    DROP = "drop"


class Under(Clause):
    """The umbrella this agreement can only narrow, pinned by hash (NARROW-ONLY)."""

    reference: Reference
    version: Count
    hash: ContentHash


class Contact(Clause):
    """An office of a party and where it is reached."""

    office: Text
    address: Text


class Processor(Clause):
    """Somebody who works on the data for a party; the broker gives it no access of its own."""

    organisation: OrganisationIdentifier
    task: Text
    until: Day | None = None


class Access(Clause):
    """Who inside the party may see the data."""

    people: Text
    vetting: Text | None = None


class Party(Clause):
    """An organisation on one side, and the offices that sign for it."""

    organisation: OrganisationIdentifier
    side: Annotated[Side, Field(strict=False)]
    role: Literal["controller", "joint-controller", "processor"]
    signs: Annotated[tuple[Text, ...], Field(min_length=1)]
    contacts: tuple[Contact, ...] = ()
    processors: tuple[Processor, ...] = ()
    access: Access | None = None
    hosting: CountryCode | None = None
    """The country where the party keeps what it receives."""


class Purposes(Clause):
    """What the data may be used for, and what nobody may do with it.  A purpose also means those below it."""

    permitted: tuple[PurposeIdentifier, ...] = ()
    """Empty: each share's purpose alone."""
    prohibited: tuple[PurposeIdentifier, ...] = ()


class Law(Clause):
    """The power to share, the lawful basis and the data-protection regime."""

    power: Text
    gateway: Text | None = None
    """The statutory gateway, where another provision than the power opens it."""
    lawful_basis: Text
    regime: Literal["uk-gdpr", "part-3", "part-4"]
    cross_regime: Text | None = None
    """Why data held under another regime than the recipient's may flow; without it such data may not."""
    binding: bool = False
    """Whether the parties mean the agreement to bind in law."""


class Limits(Clause):
    """Ceilings on what flows.  None is no ceiling."""

    events_per_day: Count | None = None
    """Deliveries of all shares together, a day in Europe/London."""
    distinct_subjects_per_month: Count | None = None
    """Different people of all shares together, a month in Europe/London."""
    when_reached: Literal["suspend", "hold", "deny"] = "suspend"
    look_back: ExactDuration | None = None
    """How old an event may be when it is delivered."""


class Dates(Clause):
    """Whole days in Europe/London; `end` is inclusive."""

    start: Day
    end: Day
    review: Day | None = None


class Window(Clause):
    """The hours of the day in which records are delivered; outside them they are held."""

    opens: ClockTime
    closes: ClockTime
    days: tuple[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], ...] = ()
    """Empty: every day."""


class Delivery(Clause):
    """How and when the department receives."""

    retention: ExactDuration = timedelta(days=7)
    cloudevents_headers: bool = False
    embargo: ExactDuration | None = None
    """How long after it was recorded a change is held before it is delivered."""
    window: Window | None = None
    when_suspended: Annotated[WhenSuspended, Field(strict=False)] = WhenSuspended.DROP


class Agreement(Clause):
    """One agreement, as its text says.  Its content hash is that of its canonical form (`agreements.text.content_hash`)."""

    concordat: HeaderLine = "agreement/1"
    reference: Reference
    version: Count
    kind: Annotated[AgreementKind, Field(strict=False)]
    title: Text
    change: Text | None = None
    """What this version changes, and why."""
    under: Under | None = None
    parties: Annotated[tuple[Party, ...], Field(min_length=2)]
    purposes: Purposes = Purposes()
    law: Law
    justification: Justification = Justification()
    assessments: Assessments = Assessments()
    exceptional: Exceptional | None = None
    shares: tuple[Share, ...] = ()
    limits: Limits = Limits()
    dates: Dates
    delivery: Delivery = Delivery()
    geography: Geography | None = None
    security: Security = Security()
    attestations: tuple[Attestation, ...] = ()
    after_delivery: AfterDelivery = AfterDelivery()
    subject_access: SubjectAccess | None = None
    transparency: Transparency = Transparency()
    breach: Breach | None = None
    audit: Audit = Audit()
    returns: tuple[PeriodicReturn, ...] = ()
    costs: Text | None = None
    disputes: Text | None = None
    liability: Text | None = None
    variation: Text | None = None
    review: Review = Review()
    termination: Termination = Termination()

    def party(self, side: Side) -> Party:
        """The only party on `side`; a DSA has one of each."""
        return next(party for party in self.parties if party.side is side)
