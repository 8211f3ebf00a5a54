"""One version of an agreement as the register has it: its text, and what was done to it by acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from agreements.model import Agreement, AgreementKind, Share, Side
from agreements.reviews import TRACKS, Track, TrackReview, Verdict


class AgreementState(StrEnum):
    """What has happened to a version by acts; what it is at a moment also depends on the time (`agreements.lifecycle.phase`)."""

    SUBMITTED = "submitted"
    """In review."""
    RETURNED = "returned"
    """To be changed and submitted again under the same number."""
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    AWAITING_SIGNATURES = "awaiting-signatures"
    """Every track has accepted it; its text and clause report are fixed by their hashes."""
    APPROVED = "approved"
    SUSPENDED = "suspended"
    """Wholly or in part."""
    TERMINATED = "terminated"
    SUPERSEDED = "superseded"
    CLOSED = "closed"
    """Over, and what the recipient held is certified as destroyed, or both sides agreed to an exception."""


SIGNED = (AgreementState.APPROVED, AgreementState.SUSPENDED)
"""The states of a version that every party has signed and no act has ended."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature on an agreement: exact statement bytes and the signature over them are in the act at `position`."""

    signatory: str
    organisation: str
    office: str
    position: int
    time: datetime


@dataclass(frozen=True, slots=True)
class Suspension:
    """A suspension in force.  `shares` None means every share; `fields` are single fields of shares that go on without them."""

    position: int
    since: datetime
    by: str
    reason: str
    shares: frozenset[str] | None = None
    organisation: str = ""
    """Who ordered it and alone may lift it; empty for the operator."""
    fields: tuple[tuple[str, str], ...] = ()
    """(share, field path); a path also means what stands below it."""
    limit: str = ""
    """The limit at which a worker has suspended it; empty for a suspension by a person."""

    def concerns(self, share: str) -> bool:
        """Whether it stops `share` as a whole."""
        return self.shares is None or share in self.shares


@dataclass(frozen=True, slots=True)
class Ending:
    """The act that ended a version, or gave notice of its end."""

    position: int
    time: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """That the recipient has destroyed what it held: words, and the hash of a document."""

    position: int
    time: datetime
    by: str
    statement: str
    document_hash: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """One side's consent that an agreement is closed without a certificate."""

    position: int
    time: datetime
    by: str
    organisation: str
    statement: str


@dataclass(frozen=True, slots=True)
class AgreementEntry:
    """One version of an agreement in the register."""

    agreement: Agreement
    content_hash: str
    drafted_by: str
    state: AgreementState
    version: int
    """How many acts have concerned this reference: the version that a new act must expect."""
    starts_at: datetime
    ends_at: datetime
    """Exclusive: midnight in Europe/London after the last day; earlier by a newer version or a notice."""
    signatures: tuple[Signature, ...] = ()
    view_schemas: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Share to the id of its present view schema, given by the act that last changed which fields leave."""
    approved_position: int | None = None
    report: str = ""
    """The clause report as it was submitted (JSON), to which reviews and signatures are bound."""
    suspensions: tuple[Suspension, ...] = ()
    submitted_at: datetime | None = None
    """When this text was submitted; `first_submitted_at`, when the first text of this version was."""
    first_submitted_at: datetime | None = None
    reviews: tuple[TrackReview, ...] = ()
    """Of this text, in the order of the register."""
    ending: Ending | None = None
    certificate: Certificate | None = None
    waivers: tuple[Waiver, ...] = ()
    signed: Agreement | None = None
    """The text as it was submitted, where an umbrella narrows it: `agreement` is then what holds (NARROW-ONLY)."""

    @property
    def document(self) -> Agreement:
        """The text that was submitted: what the content hash and the signatures are over."""
        return self.agreement if self.signed is None else self.signed

    @property
    def shares(self) -> tuple[Share, ...]:
        """What may be delivered: the shares of a DSA.  Those of another kind are ceilings for the agreements under it."""
        return self.agreement.shares if self.agreement.kind is AgreementKind.DSA else ()

    @property
    def was_signed(self) -> bool:
        """Whether every party has signed it, whatever became of it since."""
        states = (*SIGNED, AgreementState.TERMINATED, AgreementState.CLOSED)
        return self.approved_position is not None or self.state in states

    @property
    def recipient(self) -> str:
        """The receiving organisation."""
        return self.agreement.party(Side.RECIPIENT).organisation

    def accepted(self, track: Track) -> TrackReview | None:
        """The review that accepts the version on a track, if there is one."""
        return next((r for r in self.reviews if r.track is track and r.verdict is Verdict.ACCEPT), None)

    @property
    def was_looked_at(self) -> bool:
        """Whether an exceptional disclosure has had its review."""
        return any(review.track is Track.RETROSPECTIVE for review in self.reviews)

    def missing_tracks(self) -> tuple[Track, ...]:
        """The tracks that have yet to accept it; an exceptional disclosure has none."""
        if self.agreement.exceptional is not None:
            return ()
        return tuple(track for track in TRACKS if self.accepted(track) is None)

    def suspended_fields(self, share: str) -> frozenset[str]:
        """The field paths of a share that some suspension stops."""
        return frozenset(path for held in self.suspensions for name, path in held.fields if name == share)

    def stops(self, share: Share) -> bool:
        """Whether suspensions stop a share as a whole: one of them does, or together they leave it no field."""
        if any(held.concerns(share.id) for held in self.suspensions):
            return True
        return bool(self.suspended_fields(share.id)) and not _remaining(share, self.suspended_fields(share.id))

    def effective(self, share: Share) -> Share:
        """A share of this version without its suspended fields: what is compiled, decided and delivered.

        A share that has no other field is left as it is, and stopped as a whole.
        """
        suspended = self.suspended_fields(share.id)
        remaining = _remaining(share, suspended) if suspended else False
        if not remaining:
            return share
        fields = {path: treatment for path, treatment in share.fields.items() if not is_under(path, suspended)}
        return share.model_copy(update={"fields": fields})


@dataclass(frozen=True, slots=True)
class Coverage:
    """One share that may concern a dataset, with the agreement that carries it."""

    entry: AgreementEntry
    share: Share

    @property
    def topic(self) -> str:
        """The department's topic: `share.<reference>.<share>` in lower case."""
        return f"share.{self.entry.agreement.reference.lower()}.{self.share.id}"


def is_under(path: str, suspended: frozenset[str]) -> bool:
    """Whether a field path is one of `suspended`, or stands below one."""
    return any(path == one or path.startswith(one + ".") for one in suspended)


def _remaining(share: Share, suspended: frozenset[str]) -> bool:
    """Whether a field that may leave is not suspended."""
    return any(t.action != "drop" and not is_under(path, suspended) for path, t in share.fields.items())
