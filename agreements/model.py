"""The agreement as one typed, immutable value: who promised what to whom, for which purpose, until when.

`agreements.text` reads and renders it (`parse(render(x)) == x`), `agreements.lifecycle` says what may happen to it.
One model serves MOU, umbrella MOU and DSA.  All sequences are tuples and all mappings are written once.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from agreements.durations import CalendarDuration, ExactDuration
from agreements.treatments import Band, Clause, Mask, Treatment, read_treatment

__all__ = [
    "AfterDelivery",
    "Agreement",
    "AgreementKind",
    "Assessments",
    "Band",
    "Clause",
    "Corrections",
    "DataProtectionAssessment",
    "Dates",
    "Delivery",
    "Law",
    "Limits",
    "Mask",
    "Party",
    "PublicInterestAssessment",
    "Purposes",
    "Review",
    "Share",
    "Side",
    "Treatment",
    "Under",
    "WhenSuspended",
]


class AgreementKind(StrEnum):
    """The three documents that one model serves."""

    DSA = "dsa"
    MOU = "mou"
    UMBRELLA_MOU = "umbrella-mou"


class Side(StrEnum):
    """Which side of the sharing a party is on."""

    PROVIDER = "provider"
    RECIPIENT = "recipient"


class WhenSuspended(StrEnum):
    """What becomes of records while the agreement is suspended."""

    HOLD = "hold"
    DROP = "drop"


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not text")
    if not text.strip():
        raise ValueError("text may not be empty")
    return text


Text = Annotated[str, Field(max_length=10_000), AfterValidator(_printable)]
"""Words for people: at least one, no control characters."""
Count = Annotated[int, Field(ge=1, le=2**53 - 1)]
"""A whole number that every JSON reader keeps exactly."""
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2999, 12, 31))]
Reference = Annotated[str, Field(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$", max_length=64)]
ShareIdentifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
OrganisationIdentifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
PurposeIdentifier = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$", max_length=128)]
ContentHash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
FieldPath = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$", max_length=256)]
CaveatReference = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*@[1-9][0-9]{0,8}$", max_length=128)]
HeaderLine = Literal["agreement/1"]
"""What the key `concordat` says: the form and its version."""


class Under(Clause):
    """The umbrella this agreement can only narrow, pinned by hash (NARROW-ONLY)."""

    reference: Reference
    version: Count
    hash: ContentHash


class Party(Clause):
    """An organisation on one side, and the offices that sign for it."""

    organisation: OrganisationIdentifier
    side: Annotated[Side, Field(strict=False)]
    role: Literal["controller", "joint-controller", "processor"]
    signs: Annotated[tuple[Text, ...], Field(min_length=1)]
    hosting: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    """ISO 3166-1 alpha-2 code of the country where the party keeps what it receives."""


class Purposes(Clause):
    """Purposes that nobody may pursue with what is shared."""

    prohibited: tuple[PurposeIdentifier, ...] = ()


class Law(Clause):
    """The power to share, the lawful basis and the data-protection regime."""

    power: Text
    lawful_basis: Text
    regime: Literal["uk-gdpr", "part-3", "part-4"]


class DataProtectionAssessment(Clause):
    """The impact assessment and its outcome."""

    reference: Text
    outcome: Text
    decided_on: Day


class PublicInterestAssessment(Clause):
    """The public-interest test and its reasons."""

    decided_on: Day
    text: Text


class Assessments(Clause):
    """The assessments that gate activation."""

    data_protection: DataProtectionAssessment | None = None
    public_interest: PublicInterestAssessment | None = None


class Share(Clause):
    """The unit of delivery: one dataset, one purpose, one recipient, one topic."""

    id: ShareIdentifier
    dataset: ShareIdentifier
    contract: Annotated[int, Field(ge=0, le=2**53 - 1)]
    """The contract's major version."""
    purpose: PurposeIdentifier
    classification_ceiling: Literal["OFFICIAL", "SECRET", "TOP SECRET"]
    rows: Text | None = None
    """The row filter in the CEL subset; None shares every row."""
    key: Literal["keep", "tokenise"]
    fields: Annotated[dict[FieldPath, Annotated[Treatment, BeforeValidator(read_treatment)]], Field(min_length=1)]
    """Dotted path to treatment; what is not named is dropped (DEFAULT-DENY)."""
    caveats: tuple[CaveatReference, ...] = ()


class Limits(Clause):
    """Ceilings on what flows.  None is no ceiling."""

    events_per_day: Count | None = None
    distinct_subjects_per_month: Count | None = None
    look_back: ExactDuration | None = None
    """How old an event may be when it is delivered."""


class Dates(Clause):
    """Whole days in Europe/London; `end` is inclusive."""

    start: Day
    end: Day
    review: Day | None = None


class Delivery(Clause):
    """How the department receives."""

    retention: ExactDuration = timedelta(days=7)
    cloudevents_headers: bool = False
    when_suspended: Annotated[WhenSuspended, Field(strict=False)] = WhenSuspended.DROP


class Corrections(Clause):
    """How soon a correction is to be acknowledged."""

    acknowledge_within: CalendarDuration


class AfterDelivery(Clause):
    """What the recipient promises about what it holds."""

    retention: CalendarDuration | None = None
    destruction: Literal["certificate", "none"] | None = None
    onward_disclosure: Literal["never", "with-consent"] = "never"
    corrections: Corrections | None = None
    adverse_decision_needs_second_source: bool = False


class Review(Clause):
    """Reminders before the review date, and what happens when it passes."""

    reminders: tuple[ExactDuration, ...] = ()
    overdue: Literal["warn", "suspend"] | None = None
    grace: ExactDuration | None = None


class Agreement(Clause):
    """One agreement, as its text says.  Its content hash is that of its canonical form (`agreements.text.content_hash`)."""

    concordat: HeaderLine = "agreement/1"
    reference: Reference
    version: Count
    kind: Annotated[AgreementKind, Field(strict=False)]
    title: Text
    under: Under | None = None
    parties: Annotated[tuple[Party, ...], Field(min_length=2)]
    purposes: Purposes = Purposes()
    law: Law
    assessments: Assessments = Assessments()
    shares: tuple[Share, ...] = ()
    limits: Limits = Limits()
    dates: Dates
    delivery: Delivery = Delivery()
    after_delivery: AfterDelivery = AfterDelivery()
    review: Review = Review()

    def party(self, side: Side) -> Party:
        """The only party on `side`; a DSA has one of each."""
        return next(party for party in self.parties if party.side is side)
