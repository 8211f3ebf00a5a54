"""A small world to prove in: one dataset, one agreement over it, one event, and what the broker makes of them.

`deliver` takes the whole way of a real event: compile, route, evaluate, standing, settle, delivery and audit leaf.  Only
Kafka is left out.  Every value here is made up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from agreements.instants import end_of, start_of
from agreements.model import Agreement, AgreementKind, Dates, Law, Party, Share, Side, Treatment
from agreements.snapshot import AgreementEntry, AgreementState, ContractEntry, SchemaEntry, Snapshot, Suspension
from agreements.text import content_hash
from agreements.undertakings import Undertakings
from broker.audit.evidence import SegmentRecord
from broker.audit.leaf import RecipientPart
from broker.audit.read import read_segment
from broker.delivery.counters import Counters, Ledger
from broker.delivery.mark import Mark
from broker.delivery.routes import Blocked, Routes, compile_coverage
from broker.pipeline import Ground, Outgoing, Prepared, Work, prepare
from broker.policy.compile import compile_plan
from broker.policy.decision import Mode, SourceRecord
from broker.policy.plan import Plan
from broker.policy.reference import ReferenceEngine
from contracts import topics
from contracts.avro import key_schema, value_schema
from contracts.change import Envelope, Op, Origin
from contracts.faults import Faults
from contracts.model import Caveat, Contract, Field, FieldType, Kind, TypeName
from contracts.wire import AvroSchema, EnvelopeCodec, unframe

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PROVIDER, RECIPIENT, STRANGER = "provider", "recipient", "stranger"
DATASET, SHARE, REFERENCE = "proof", "main", "DSA-PROOF"
IDENTIFIER = "A123456"
NOTHING = "nothing"
"""The outcome where no agreement covers the dataset: no decision at all."""
_KEY_SCHEMA, _VALUE_SCHEMA, _FIRST_VIEW = 1, 2, 3


def field(name: str, type_: TypeName, *tags: str, required: bool = False) -> Field:
    """A field of a made-up dataset, tagged `not-personal` where nothing is said."""
    return Field(name, FieldType(type_), required, frozenset(tags or ("not-personal",)))


CONTRACT = Contract(
    dataset=DATASET,
    version=(1, 0, 0),
    kind=Kind.EVENT,
    classification="OFFICIAL",
    owner=PROVIDER,
    store="store",
    name="Proof",
    key=("id",),
    fields=(
        field("id", TypeName.STRING, "personal", "subject", "pole:person.identifier", required=True),
        field("note", TypeName.STRING, "personal"),
        field("level", TypeName.INTEGER),
        field("at", TypeName.TIMESTAMP, "personal", "pole:event.time"),
    ),
    digest="sha256:" + "0" * 64,
    caveats=(Caveat("partial", 1, "Some of it is missing."),),
)
ROW: Mapping[str, Any] = {"id": IDENTIFIER, "note": "a remark", "level": 7, "at": NOW - timedelta(days=2)}


def share(fields: Mapping[str, Treatment | str] | None = None, **clauses: Any) -> Share:
    """The share under which the event is delivered, with `clauses` of its own."""
    treatments = {
        path: Treatment(action=said) if isinstance(said, str) else said  # type: ignore[arg-type]  # checked by the model
        for path, said in (fields or {"note": "keep"}).items()
    }
    given: dict[str, Any] = {
        "id": SHARE,
        "dataset": DATASET,
        "contract": 1,
        "purpose": "research.statistics",
        "classification_ceiling": "OFFICIAL",
        "key": "tokenise",
    }
    return Share(**given | clauses, fields=treatments)


def agreement(*shares: Share, **clauses: Any) -> Agreement:
    """An agreement in force at `NOW` that delivers the event, with `clauses` of its own."""
    given: dict[str, Any] = {
        "reference": REFERENCE,
        "version": 1,
        "kind": AgreementKind.DSA,
        "title": "A proof",
        "parties": (
            Party(organisation=PROVIDER, side=Side.PROVIDER, role="controller", signs=("Owner",)),
            Party(organisation=RECIPIENT, side=Side.RECIPIENT, role="controller", signs=("Owner",)),
        ),
        "law": Law(power="An Act", lawful_basis="Article 6(1)(e)", regime="uk-gdpr"),
        "dates": Dates(start=date(2026, 1, 1), end=date(2026, 12, 31)),
    }
    return Agreement(**given | clauses, shares=shares or (share(),))


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of the event under one agreement."""

    outcome: str
    """The decision's outcome, or `NOTHING`."""
    reasons: tuple[str, ...] = ()
    """Reason codes of the decision, or codes of the faults that kept the agreement from being compiled."""
    record: Outgoing | None = None
    """What was put on the department's topic."""
    view: Mapping[str, Any] | None = None
    leaf: RecipientPart | None = None
    segments: tuple[SegmentRecord, ...] = ()
    """What the audit has of it."""

    @property
    def is_delivered(self) -> bool:
        """Whether the department received the event."""
        return self.record is not None and self.record.value is not None

    def __str__(self) -> str:
        return f"{self.outcome} ({', '.join(self.reasons) or 'no reason'})"


def entry_of(one: Agreement, *, suspensions: tuple[Suspension, ...] = (), position: int = 1) -> AgreementEntry:
    """An agreement as the register has it once everybody has signed."""
    return AgreementEntry(
        agreement=one,
        content_hash=content_hash(one),
        drafted_by="drafter",
        state=AgreementState.SUSPENDED if suspensions else AgreementState.APPROVED,
        version=position,
        starts_at=start_of(one.dates.start),
        ends_at=end_of(one.dates.end),
        approved_position=position,
        suspensions=suspensions,
    )


def snapshot_of(
    entries: Sequence[AgreementEntry],
    contract: Contract = CONTRACT,
    undertakings: Mapping[str, Undertakings] | None = None,
) -> Snapshot | Faults:
    """The register with these agreements and one contract; faults where a share of that dataset does not compile."""
    topic, number = topics.source(contract.dataset), _FIRST_VIEW
    schemas = {
        _KEY_SCHEMA: SchemaEntry(_KEY_SCHEMA, f"{topic}-key", 1, key_schema(contract)),
        _VALUE_SCHEMA: SchemaEntry(_VALUE_SCHEMA, f"{topic}-value", 1, value_schema(contract)),
    }
    agreements: dict[str, tuple[AgreementEntry, ...]] = {}
    for entry in entries:
        views: dict[str, int] = {}
        for one in (one for one in entry.shares if one.dataset == contract.dataset):
            plan = compile_plan(entry.agreement, entry.content_hash, entry.effective(one), contract)
            if isinstance(plan, Faults):
                return plan
            views[one.id] = number
            schemas[number] = SchemaEntry(number, f"{plan.topic}-value", 1, plan.view_text)
            number += 1
        reference = entry.agreement.reference
        agreements[reference] = (*agreements.get(reference, ()), replace(entry, view_schemas=views))
    contracts = {contract.dataset: (ContractEntry(contract, _KEY_SCHEMA, _VALUE_SCHEMA, 0),)}
    return Snapshot(9, "00" * 32, None, {}, contracts, schemas, agreements, undertakings=undertakings or {})


def deliver(
    *entries: AgreementEntry | Agreement,
    contract: Contract = CONTRACT,
    row: Mapping[str, Any] = ROW,
    now: datetime = NOW,
    unavailable: tuple[str, ...] = (),
    mode: Mode = Mode.LIVE,
    done: Undertakings | None = None,
    counters: Counters | None = None,
) -> Seen:
    """What becomes of one event of `contract` under the first of the agreements, beside which the others stand."""
    made = [one if isinstance(one, AgreementEntry) else entry_of(one) for one in entries]
    undertakings = {entry.agreement.reference: done for entry in made} if done is not None else None
    snapshot = snapshot_of(made, contract, undertakings)
    if isinstance(snapshot, Faults):
        return Seen(NOTHING, tuple(fault.code.identifier for fault in snapshot.items))
    return deliver_under(snapshot, contract, row=row, now=now, unavailable=unavailable, mode=mode, counters=counters)


def deliver_under(
    snapshot: Snapshot,
    contract: Contract = CONTRACT,
    *,
    row: Mapping[str, Any] = ROW,
    now: datetime = NOW,
    unavailable: tuple[str, ...] = (),
    mode: Mode = Mode.LIVE,
    counters: Counters | None = None,
) -> Seen:
    """As `deliver`, under a register that stands already."""
    routes = Routes(
        compile_coverage,
        lambda snapshot, entry, plans: ReferenceEngine(entry, plans, snapshot.schemas, KEYS),
        lambda _topic: 1,
    )
    routes.renew(snapshot, now)
    route = routes.by_dataset[contract.dataset]
    if isinstance(route, Blocked):
        return Seen(NOTHING, (route.fault.code.identifier,))
    if route.unplanned:
        return Seen(NOTHING, tuple(one.fault.code.identifier for one in route.unplanned))
    record = _record(contract, row, unavailable)
    job = None if mode is Mode.LIVE else 1
    end = record.offset + 1
    start = record.offset if job is None else end  # a job decides again what lies before the position
    counters = counters or Counters()
    mark = Mark(counters=counters.number((route.topic, 0)))
    work = Work(route.topic, 0, mark, start, end, (record,), mode, job)
    ground = Ground(snapshot, now, "worker", lambda _: b"s" * 64, bytes, PlainSealer(), 1, 1)
    ledger = Ledger(counters, now)
    prepared = prepare(route, ground, work, lambda _place, _keys: {}, None, ledger)
    for made in prepared.records:
        if made.topic == topics.COUNTERS and made.key is not None:
            counters.take(made.key, made.value)
    return _seen(prepared, [coverage.topic for coverage in route.coverages], route.plans)


def _seen(prepared: Prepared, share_topics: Sequence[str], plans: Sequence[Plan]) -> Seen:
    written = (record for record in prepared.records if record.topic == topics.AUDIT_SEGMENTS)
    audited = tuple(SegmentRecord(topics.AUDIT_SEGMENTS, record.key, record.value) for record in written)
    *parts, entry = (record.value or b"" for record in audited)
    segment = read_segment(entry, parts)
    assert not isinstance(segment, Faults), str(segment)
    if not segment.opened:
        return Seen(NOTHING)
    leaf = segment.opened[0].recipient
    record = next((r for r in prepared.records if r.topic == (share_topics[0] if share_topics else None)), None)
    view = None
    if record is not None and record.value is not None:
        view = AvroSchema(plans[0].view_text).decode(unframe(record.value)[1])
    return Seen(leaf.outcome, tuple(reason.code for reason in leaf.reasons), record, view, leaf, audited)


def _record(contract: Contract, row: Mapping[str, Any], unavailable: tuple[str, ...]) -> SourceRecord:
    """The event as a connector writes it; a field that the row does not name is null."""
    after = {made.name: row.get(made.name) for made in contract.fields}
    codec = EnvelopeCodec(contract, _KEY_SCHEMA, _VALUE_SCHEMA)
    time_ms = int(NOW.timestamp() * 1000)
    origin = Origin("store", contract.dataset, "p0", 0, None, snapshot=False)
    envelope = Envelope(Op.CREATE, None, after, origin, time_ms, unavailable)
    return SourceRecord(0, time_ms, codec.encode_key(after), codec.encode(envelope))


class _Keys:
    """Keys made from their names: they protect nothing but what is made up here."""

    def key(self, identifier: str, version: int) -> bytes | None:
        return hashlib.sha256(f"{identifier} {version}".encode()).digest()


KEYS = _Keys()


class PlainSealer:
    """Quarantined content of made-up events needs no sealing."""

    def seal(self, dataset: str, content: bytes) -> bytes:
        """The content as it is."""
        del dataset
        return content

    def open(self, dataset: str, sealed: bytes) -> bytes:
        """The content as it is."""
        del dataset
        return sealed
