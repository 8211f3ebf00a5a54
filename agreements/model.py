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
    """The umbrella's reference."""
    version: Count
    """Which of its versions."""
    hash: ContentHash
    """The content hash of that version: what was signed under cannot change."""


class Contact(Clause):
    """An office of a party and where it is reached."""

    office: Text
    """Data protection officer, information asset owner, sharing lead, …"""
    address: Text
    """Where the office is reached, not a person."""


class Processor(Clause):
    """Somebody who works on the data for a party; the broker gives it no access of its own."""

    organisation: OrganisationIdentifier
    """Who works on the data."""
    task: Text
    """What it does for the party."""
    until: Day | None = None
    """The last day of its task."""


class Access(Clause):
    """Who inside the party may see the data."""

    people: Text
    """Which roles may see the data."""
    vetting: Text | None = None
    """The clearance and training that they need."""


class Party(Clause):
    """An organisation on one side, and the offices that sign for it."""

    organisation: OrganisationIdentifier
    """Its identifier in the register."""
    side: Annotated[Side, Field(strict=False)]
    """Provides or receives."""
    role: Literal["controller", "joint-controller", "processor"]
    """Its role under data-protection law."""
    signs: Annotated[tuple[Text, ...], Field(min_length=1)]
    """Every office that has to sign for the party."""
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
    """Prohibited whatever else is said: enforcement, marketing, profiling, re-identification, training of models, …"""


class Law(Clause):
    """The power to share, the lawful basis and the data-protection regime."""

    power: Text
    """The statute and section that give the power to share."""
    gateway: Text | None = None
    """The statutory gateway, where another provision than the power opens it."""
    lawful_basis: Text
    """UK GDPR Article 6, or the basis under Part 3 or 4."""
    regime: Literal["uk-gdpr", "part-3", "part-4"]
    """UK GDPR, or Part 3 (law enforcement) or Part 4 (intelligence services) of the Data Protection Act 2018."""
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
    """What happens when a limit is reached: the agreement is suspended, or records are held or not shared until the day or month is over."""
    look_back: ExactDuration | None = None
    """How old an event may be when it is delivered."""


class Dates(Clause):
    """Whole days in Europe/London; `end` is inclusive."""

    start: Day
    """Nothing is delivered before."""
    end: Day
    """The last day, until midnight."""
    review: Day | None = None
    """The day by which the parties have looked at it again."""


class Window(Clause):
    """The hours of the day in which records are delivered; outside them they are held."""

    opens: ClockTime
    """From this time of day on."""
    closes: ClockTime
    """Before this time of day; earlier than `opens` means past midnight."""
    days: tuple[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], ...] = ()
    """Empty: every day."""


class Delivery(Clause):
    """How and when the department receives."""

    retention: ExactDuration = timedelta(days=7)
    """How long a record stays on the department's topic."""
    cloudevents_headers: bool = False
    """Whether records carry the attributes of CloudEvents as headers."""
    embargo: ExactDuration | None = None
    """How long after it was recorded a change is held before it is delivered."""
    window: Window | None = None
    when_suspended: Annotated[WhenSuspended, Field(strict=False)] = WhenSuspended.DROP
    """Held for later, or dropped."""


class Agreement(Clause):
    """One agreement, as its text says.  Its content hash is that of its canonical form (`agreements.text.content_hash`)."""

    concordat: HeaderLine = "agreement/1"
    """Which form the text has."""
    reference: Reference
    """The name by which everybody knows the agreement; it makes the names of topics."""
    version: Count
    """From 1, without gaps; a change is a new version, which is signed anew."""
    kind: Annotated[AgreementKind, Field(strict=False)]
    """What sort of document it is: only under a DSA is anything delivered."""
    title: Text
    """What is shared and what for, in one line."""
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
    """Who pays what."""
    disputes: Text | None = None
    """Who settles what the parties cannot, and how a complaint gets there."""
    liability: Text | None = None
    """Who answers for what, and with what consequence."""
    variation: Text | None = None
    """How the parties agree on a change; here a change is always a new version."""
    review: Review = Review()
    termination: Termination = Termination()

    def party(self, side: Side) -> Party:
        """The first party on `side`: a DSA has one of each, every other at least one (`agreements.checks`)."""
        return next(party for party in self.parties if party.side is side)
