"""The register at one position, as one immutable value: what every decision is made against.

`agreements.fold` makes it from the acts on `concordat.register`; a worker decides against one snapshot at a time
and cites its `position` and `fingerprint` (CITED-POLICY).  Reading it needs no I/O; the time is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from agreements.content_keys import SealedKeys, content_key
from agreements.entries import (
    SIGNED,
    AgreementEntry,
    AgreementState,
    Certificate,
    Coverage,
    Ending,
    Signature,
    Suspension,
    Waiver,
)
from agreements.notices import NoticeCase
from agreements.reviews import Track, TrackReview, Verdict
from agreements.undertakings import Undertakings
from contracts.model import Contract

__all__ = [
    "EMPTY",
    "SIGNED",
    "AgreementEntry",
    "AgreementState",
    "Certificate",
    "ContractEntry",
    "Coverage",
    "Ending",
    "Job",
    "JobKind",
    "PartyEntry",
    "SchemaEntry",
    "Signatory",
    "Signature",
    "Snapshot",
    "Standing",
    "Suspension",
    "Track",
    "TrackReview",
    "Verdict",
    "Waiver",
    "WorkerEntry",
    "WorkerKey",
]


class Standing(StrEnum):
    """What an agreement means for one share at one moment."""

    NOT_COVERING = "not-covering"
    """Unsigned, not started, expired, superseded or terminated: default deny, and no decision is recorded."""
    IN_FORCE = "in-force"
    HELD = "held"
    """Suspended with `when_suspended: hold`."""
    DROPPED = "dropped"
    """Suspended with `when_suspended: drop`."""


class JobKind(StrEnum):
    """Why a source is read again; the mode of every record then decided."""

    BACKFILL = "backfill"
    RELEASE = "release"
    """No act asks for it: what was held is released as soon as its share stands in force."""
    REPLAY = "replay"
    CORRECTION = "correction"
    """A field was suspended: rows that were sent lose it, whatever the hours and the limits of the agreement say."""


@dataclass(frozen=True, slots=True)
class Signatory:
    """A person who acts for an organisation in an office, with the Ed25519 public key (hex) that proves it."""

    identifier: str
    organisation: str
    office: str
    public_key: str
    enrolled_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PartyEntry:
    """An organisation in the register.  `encryption_key` is X25519, hex."""

    organisation: str
    name: str
    encryption_key: str | None
    signatories: tuple[Signatory, ...]
    version: int
    public_key: str = ""
    """The party's own Ed25519 key, hex: it enrols the signatories."""


@dataclass(frozen=True, slots=True)
class SchemaEntry:
    """One registered Avro schema: its dense id and its canonical text."""

    identifier: int
    subject: str
    subject_version: int
    text: str


@dataclass(frozen=True, slots=True)
class ContractEntry:
    """A published contract and the ids of the schemas its records carry."""

    contract: Contract
    key_schema: int
    value_schema: int
    position: int


@dataclass(frozen=True, slots=True)
class Job:
    """One re-derive job, asked for by the act at `position`; jobs of a source partition run in that order.

    BACKFILL and CORRECTION concern one share over its whole source; REPLAY concerns one quarantined source record.
    """

    position: int
    kind: JobKind
    dataset: str
    reference: str | None = None
    share: str | None = None
    partition: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class WorkerKey:
    """A key that a worker has had: it signs what cites a register position from `since` on and before `until`."""

    public_key: str
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class WorkerEntry:
    """An enrolled worker: its instance id and Ed25519 public key (hex), which signs its segment headers."""

    identifier: str
    public_key: str
    since: int = -1
    """The position of the act that enrolled the key."""
    earlier: tuple[WorkerKey, ...] = ()
    """The keys that it replaced, oldest first: what they signed stays verifiable."""

    def key_at(self, position: int) -> str | None:
        """The public key that signs what cites `position`; None for a position before the first key."""
        if position >= self.since:
            return self.public_key
        return next((key.public_key for key in self.earlier if key.since <= position < key.until), None)


@dataclass(frozen=True)
class Snapshot:
    """Everything the register says at `position` (the offset of the last act folded; -1 for an empty register)."""

    position: int = -1
    fingerprint: str = ""
    """Hash chain over every accepted act, hex."""
    operator_key: str | None = None
    parties: Mapping[str, PartyEntry] = field(default_factory=lambda: MappingProxyType({}))
    contracts: Mapping[str, tuple[ContractEntry, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Dataset to its published versions, oldest first."""
    schemas: Mapping[int, SchemaEntry] = field(default_factory=lambda: MappingProxyType({}))
    agreements: Mapping[str, tuple[AgreementEntry, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Reference to its versions, oldest first."""
    workers: Mapping[str, WorkerEntry] = field(default_factory=lambda: MappingProxyType({}))
    key_versions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Key identifier (`pseudonym/<reference>`) to its current version; the keys themselves are never here."""
    sealed_keys: SealedKeys = field(default_factory=lambda: MappingProxyType({}))
    """Every version of every content key, sealed to its recipient."""
    undertakings: Mapping[str, Undertakings] = field(default_factory=lambda: MappingProxyType({}))
    """What people have done under each reference so that it may flow."""
    notices: Mapping[int, NoticeCase] = field(default_factory=lambda: MappingProxyType({}))
    """What recipients were told about records that they hold, by the notice's number."""
    jobs: tuple[Job, ...] = ()
    discarded: frozenset[tuple[str, int, int]] = frozenset()
    """Quarantined source records (topic, partition, offset) that their owner has discarded."""
    versions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Object (`agreement/DSA-2026-014`) to how many acts have concerned it: what the next act must expect."""
    public_keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Every Ed25519 key ever enrolled, to its holder (`signatory/jane`): no two holders share a key (SEPARATE-DUTIES)."""
    signatories: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Signatory to organisation, ended ones too."""
    stamped_since: int | None = None
    """The position of the first act whose time Kafka vouches for (TRUSTED-TIME); None before there is one."""

    @cached_property
    def _coverages(self) -> Mapping[str, tuple[Coverage, ...]]:
        index: dict[str, list[Coverage]] = {}
        for versions in self.agreements.values():
            for entry in versions:
                if entry.state in SIGNED:
                    for share in entry.shares:
                        index.setdefault(share.dataset, []).append(Coverage(entry, entry.effective(share)))
        return {dataset: tuple(found) for dataset, found in index.items()}

    def coverages(self, dataset: str) -> tuple[Coverage, ...]:
        """Every signed share over `dataset`, without its suspended fields; cost does not depend on other datasets' agreements.

        The caller asks how each one stands at its own time (`agreements.standing`).
        """
        return self._coverages.get(dataset, ())

    @cached_property
    def _excluding(self) -> Mapping[str, tuple[Coverage, ...]]:
        index: dict[str, list[Coverage]] = {}
        for coverages in self._coverages.values():
            for coverage in coverages:
                for dataset in coverage.share.never_with:
                    index.setdefault(dataset, []).append(coverage)
        return {dataset: tuple(found) for dataset, found in index.items()}

    def excluding(self, dataset: str) -> tuple[Coverage, ...]:
        """Every signed share that says it never goes with `dataset`."""
        return self._excluding.get(dataset, ())

    def contract(self, dataset: str, major: int | None = None) -> ContractEntry | None:
        """The newest published version of a dataset's contract, of one major version if asked."""
        versions = self.contracts.get(dataset, ())
        return next((e for e in reversed(versions) if major is None or e.contract.major == major), None)

    def agreement(self, reference: str) -> AgreementEntry | None:
        """The newest version of an agreement, or None."""
        versions = self.agreements.get(reference, ())
        return versions[-1] if versions else None

    def sealed(self, reference: str, share: str) -> Mapping[int, str]:
        """Every version of a share's content key, sealed to its recipient; empty where nothing is encrypted."""
        return self.sealed_keys.get(content_key(reference, share), MappingProxyType({}))

    def signatory(self, identifier: str) -> Signatory | None:
        """The signatory of that identifier, ended or not."""
        party = self.parties.get(self.signatories.get(identifier, ""))
        found = (entry for entry in (party.signatories if party else ()) if entry.identifier == identifier)
        return next(found, None)

    def version(self, subject: str) -> int:
        """How many acts have concerned an object; 0 for one that is not there."""
        return self.versions.get(subject, 0)


EMPTY = Snapshot()
"""The register before its first act."""
