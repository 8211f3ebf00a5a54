"""The register while acts are folded into it: a snapshot whose tables are copied at most once a batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from agreements.acts import NewSchema
from agreements.codes import ALREADY_THERE, BAD_SCHEMA, NOT_ENTITLED
from agreements.notices import NoticeCase
from agreements.snapshot import (
    AgreementEntry,
    ContractEntry,
    Job,
    PartyEntry,
    SchemaEntry,
    Signatory,
    Snapshot,
    WorkerEntry,
)
from agreements.undertakings import Undertakings
from contracts.faults import Code, Fault

K = TypeVar("K")
V = TypeVar("V")

OPERATOR = "operator"
WORKER = "worker/"
"""What a worker's name as an actor begins with."""


class Rejected(Exception):
    """An act that may not be: it leaves no trace but an alarm."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.fault: Fault = code.fault(message)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did an act, as the register knows them.  `signatory` is None for the operator and for a party's own key."""

    name: str
    public_key: str
    organisation: str | None
    signatory: Signatory | None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where and when an act stands in the register, and by whom."""

    position: int
    time: datetime
    actor: Actor
    version: int
    """The version that its object has once the act is folded."""
    is_stamped: bool
    """Whether Kafka stamped the record (TRUSTED-TIME).  One that is not may be from before a rule was narrowed, and accepted then:
    it is held to the wider rule for ever, for the versions and the fingerprint after it count on it."""


class Table(Generic[K, V]):
    """A mapping that is copied when it is first written to."""

    def __init__(self, frozen: Mapping[K, V]) -> None:
        self._frozen = frozen
        self._own: dict[K, V] | None = None

    def get(self, key: K) -> V | None:
        """The value of `key`, or None."""
        return (self._frozen if self._own is None else self._own).get(key)

    def __setitem__(self, key: K, value: V) -> None:
        if self._own is None:
            self._own = dict(self._frozen)
        self._own[key] = value

    def __contains__(self, key: K) -> bool:
        return key in (self._frozen if self._own is None else self._own)

    def __len__(self) -> int:
        return len(self._frozen if self._own is None else self._own)

    def values(self) -> Iterator[V]:
        """Every value."""
        return iter((self._frozen if self._own is None else self._own).values())

    def freeze(self) -> Mapping[K, V]:
        """The mapping for a snapshot; nothing may be written afterwards."""
        return self._frozen if self._own is None else MappingProxyType(self._own)


class MutableRegister:
    """Everything the register says, open to change by the acts of one batch."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.position = snapshot.position
        self.fingerprint = snapshot.fingerprint
        self.stamped_since = snapshot.stamped_since
        self.operator_key = snapshot.operator_key
        self.parties: Table[str, PartyEntry] = Table(snapshot.parties)
        self.contracts: Table[str, tuple[ContractEntry, ...]] = Table(snapshot.contracts)
        self.schemas: Table[int, SchemaEntry] = Table(snapshot.schemas)
        self.agreements: Table[str, tuple[AgreementEntry, ...]] = Table(snapshot.agreements)
        self.workers: Table[str, WorkerEntry] = Table(snapshot.workers)
        self.key_versions: Table[str, int] = Table(snapshot.key_versions)
        self.versions: Table[str, int] = Table(snapshot.versions)
        self.public_keys: Table[str, str] = Table(snapshot.public_keys)
        self.signatories: Table[str, str] = Table(snapshot.signatories)
        self.sealed_keys: Table[str, Mapping[int, str]] = Table(snapshot.sealed_keys)
        self.undertakings: Table[str, Undertakings] = Table(snapshot.undertakings)
        self.notices: Table[int, NoticeCase] = Table(snapshot.notices)
        self.jobs: list[Job] = []
        self.discarded: set[tuple[str, int, int]] = set()
        self._before = snapshot
        self._texts: dict[str, int] | None = None

    def freeze(self) -> Snapshot:
        """The snapshot after the batch."""
        before = self._before
        return Snapshot(
            position=self.position,
            fingerprint=self.fingerprint,
            stamped_since=self.stamped_since,
            operator_key=self.operator_key,
            parties=self.parties.freeze(),
            contracts=self.contracts.freeze(),
            schemas=self.schemas.freeze(),
            agreements=self.agreements.freeze(),
            workers=self.workers.freeze(),
            key_versions=self.key_versions.freeze(),
            sealed_keys=self.sealed_keys.freeze(),
            undertakings=self.undertakings.freeze(),
            notices=self.notices.freeze(),
            jobs=before.jobs + tuple(self.jobs) if self.jobs else before.jobs,
            discarded=before.discarded | self.discarded if self.discarded else before.discarded,
            versions=self.versions.freeze(),
            public_keys=self.public_keys.freeze(),
            signatories=self.signatories.freeze(),
        )

    def actor(self, name: str) -> Actor:
        """Who `name` is; rejected for nobody, and for a signatory that has ended."""
        kind, _, identifier = name.partition("/")
        if name == OPERATOR and self.operator_key is not None:
            return Actor(name, self.operator_key, None, None)
        party = self.parties.get(identifier) if kind == "party" else None
        if party is not None:
            return Actor(name, party.public_key, party.organisation, None)
        worker = self.workers.get(identifier) if kind == "worker" else None
        if worker is not None:
            return Actor(name, worker.public_key, None, None)
        signatory = self.signatory(identifier) if kind == "signatory" else None
        if signatory is None:
            raise Rejected(NOT_ENTITLED, f"{name} is nobody the register knows")
        if signatory.ended_at is not None:
            raise Rejected(NOT_ENTITLED, f"{name} has ended")
        return Actor(name, signatory.public_key, signatory.organisation, signatory)

    def signatory(self, identifier: str) -> Signatory | None:
        """The signatory of that identifier, ended or not."""
        party = self.parties.get(self.signatories.get(identifier) or "")
        found = (entry for entry in (party.signatories if party else ()) if entry.identifier == identifier)
        return next(found, None)

    def contract(self, dataset: str, major: int | None = None) -> ContractEntry | None:
        """The newest published version, of one major version if asked."""
        found = reversed(self.contracts.get(dataset) or ())
        return next((entry for entry in found if major is None or entry.contract.major == major), None)

    def is_discarded(self, place: tuple[str, int, int]) -> bool:
        """Whether a quarantined source record (topic, partition, offset) was given up."""
        return place in self.discarded or place in self._before.discarded

    def claim_key(self, public_key: str, holder: str) -> None:
        """Give a key to its holder; rejected when it belongs to another (who could then sign for two)."""
        owner = self.public_keys.get(public_key)
        if owner not in (None, holder):
            raise Rejected(ALREADY_THERE, f"the key of {holder} belongs to {owner}")
        self.public_keys[public_key] = holder

    def check_schemas(self, schemas: tuple[NewSchema, ...], used: Collection[tuple[str, int]]) -> None:
        """Ids are dense, one per text; every (subject, id) in `used` exists and is of that subject (decision 26)."""
        offered: dict[int, str] = {}
        texts: set[str] = set()
        for number, schema in enumerate(schemas, start=len(self.schemas) + 1):
            if schema.identifier != number:
                raise Rejected(BAD_SCHEMA, f"schema id {schema.identifier} where {number} is the next")
            if schema.text in texts or self.schema_of(schema.text) is not None:
                raise Rejected(BAD_SCHEMA, f"the text of schema {number} is registered already")
            texts.add(schema.text)
            offered[number] = schema.subject
        for subject, identifier in used:
            entry = self.schemas.get(identifier)
            if (entry.subject if entry else offered.get(identifier)) != subject:
                raise Rejected(BAD_SCHEMA, f"schema {identifier} is not one of {subject}")
        if set(offered) - {identifier for _, identifier in used}:
            raise Rejected(BAD_SCHEMA, "a schema is registered that the act does not use")

    def add_schemas(self, schemas: tuple[NewSchema, ...]) -> None:
        """Register checked schemas."""
        for schema in schemas:
            counter = f"subject/{schema.subject}"
            number = (self.versions.get(counter) or 0) + 1
            self.versions[counter] = number
            entry = SchemaEntry(schema.identifier, schema.subject, number, schema.text)
            self.schemas[schema.identifier] = entry
            if self._texts is not None:
                self._texts[schema.text] = schema.identifier

    def add_sealed(self, identifier: str, version: int, sealed: str) -> None:
        """Keep a version of a content key as it was sealed; a version that is there already stays as it is."""
        self.sealed_keys[identifier] = MappingProxyType({version: sealed, **(self.sealed_keys.get(identifier) or {})})

    def schema_of(self, text: str) -> int | None:
        """The id of a canonical schema text."""
        if self._texts is None:
            self._texts = {entry.text: entry.identifier for entry in self.schemas.values()}
        return self._texts.get(text)


Rule = Callable[[MutableRegister, Any, Circumstances], None]
"""What one kind of act does: it checks everything before it changes anything, and raises `Rejected`."""
