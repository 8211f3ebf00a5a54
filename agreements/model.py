"""The agreement as one typed, immutable value: who promised what to whom, for which purpose, until when.

`agreements.text` reads and renders it (`parse(render(x)) == x`), `agreements.lifecycle` says what may happen to it.
One model serves MOU, umbrella MOU and DSA.  All sequences are tuples and all mappings are written once.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Clause(BaseModel):
    """The base of every clause: frozen, strict, and without room for an unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


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


Reference = Annotated[str, Field(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$", max_length=64)]
ShareIdentifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
OrganisationIdentifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
PurposeIdentifier = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$", max_length=128)]
ContentHash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Under(Clause):
    """The umbrella this agreement can only narrow, pinned by hash (NARROW-ONLY)."""

    reference: Reference
    version: Annotated[int, Field(ge=1)]
    hash: ContentHash


class Party(Clause):
    """An organisation on one side, and the offices that sign for it."""

    organisation: OrganisationIdentifier
    side: Side
    role: Literal["controller", "joint-controller", "processor"]
    signs: Annotated[tuple[str, ...], Field(min_length=1)]
    hosting: str | None = None


class Purposes(Clause):
    """Purposes that nobody may pursue with what is shared."""

    prohibited: tuple[PurposeIdentifier, ...] = ()


class Law(Clause):
    """The power to share, the lawful basis and the data-protection regime."""

    power: str
    lawful_basis: str
    regime: Literal["uk-gdpr", "part-3", "part-4"]


class DataProtectionAssessment(Clause):
    """The impact assessment and its outcome."""

    reference: str
    outcome: str
    decided_on: date


class PublicInterestAssessment(Clause):
    """The public-interest test and its reasons."""

    decided_on: date
    text: str


class Assessments(Clause):
    """The assessments that gate activation."""

    data_protection: DataProtectionAssessment | None = None
    public_interest: PublicInterestAssessment | None = None


class Mask(Clause):
    """Every character becomes `*`, except the first `keep_first` and the last `keep_last`."""

    keep_first: Annotated[int, Field(ge=0)] = 0
    keep_last: Annotated[int, Field(ge=0)] = 0


class Band(Clause):
    """A number becomes the inclusive lower end of its band of `width`."""

    width: Annotated[int, Field(ge=1)]


class Treatment(Clause):
    """What happens to one field on its way out.  Exactly the parameters that belong to `action` are set.

    Text forms: `keep`, `drop`, `tokenise`, `encrypt`, `mask`, `{mask: {keep_last: 4}}`, `{truncate: 3}`,
    `{generalise: hour|day|month|year|district}`, `{generalise: {band: 10}}`.
    """

    action: Literal["keep", "drop", "tokenise", "encrypt", "mask", "truncate", "generalise"]
    mask: Mask | None = None
    truncate_characters: Annotated[int, Field(ge=1)] | None = None
    generalise: Literal["hour", "day", "month", "year", "district"] | Band | None = None


class Share(Clause):
    """The unit of delivery: one dataset, one purpose, one recipient, one topic."""

    id: ShareIdentifier
    dataset: ShareIdentifier
    contract: Annotated[int, Field(ge=0)]
    """The contract's major version."""
    purpose: PurposeIdentifier
    classification_ceiling: Literal["OFFICIAL", "SECRET", "TOP SECRET"]
    rows: str | None = None
    """The row filter in the CEL subset; None shares every row."""
    key: Literal["keep", "tokenise"]
    fields: dict[str, Treatment]
    """Dotted path to treatment; what is not named is dropped (DEFAULT-DENY)."""
    caveats: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+@[1-9][0-9]*$")], ...] = ()


class Limits(Clause):
    """Ceilings on what flows.  None is no ceiling."""

    events_per_day: Annotated[int, Field(ge=1)] | None = None
    distinct_subjects_per_month: Annotated[int, Field(ge=1)] | None = None
    look_back: timedelta | None = None


class Dates(Clause):
    """Whole days in Europe/London; `end` is inclusive."""

    start: date
    end: date
    review: date | None = None


class Delivery(Clause):
    """How the department receives."""

    retention: timedelta = timedelta(days=7)
    cloudevents_headers: bool = False
    when_suspended: WhenSuspended = WhenSuspended.DROP


class Corrections(Clause):
    """How soon a correction is to be acknowledged."""

    acknowledge_within: timedelta


class AfterDelivery(Clause):
    """What the recipient promises about what it holds."""

    retention: timedelta | None = None
    destruction: Literal["certificate", "none"] | None = None
    onward_disclosure: Literal["never", "with-consent"] = "never"
    corrections: Corrections | None = None
    adverse_decision_needs_second_source: bool = False


class Review(Clause):
    """Reminders before the review date, and what happens when it passes."""

    reminders: tuple[timedelta, ...] = ()
    overdue: Literal["warn", "suspend"] = "warn"
    grace: timedelta | None = None


class Agreement(Clause):
    """One agreement, as its text says.  Its content hash is that of its canonical form (`agreements.text.content_hash`)."""

    reference: Reference
    version: Annotated[int, Field(ge=1)]
    kind: AgreementKind
    title: str
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
