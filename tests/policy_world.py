"""A small world for the tests of the policy engine: two contracts, agreements over them, records and keys."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from agreements.model import (
    Agreement,
    AgreementKind,
    Dates,
    Law,
    Limits,
    Mask,
    Party,
    Share,
    Side,
    Treatment,
)
from agreements.snapshot import ContractEntry, SchemaEntry
from broker.policy.compile import compile_plan
from broker.policy.decision import SourceRecord
from broker.policy.plan import Plan
from broker.policy.reference import ReferenceEngine
from contracts.avro import key_schema, value_schema
from contracts.change import Envelope, Op, Origin
from contracts.model import Contract, Field, FieldType, Kind, TypeName
from contracts.wire import EnvelopeCodec

KEY_SCHEMA, VALUE_SCHEMA, VIEW_SCHEMA = 1, 2, 100
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
CANARY = "canary-7f3a"


def field(name: str, type_: TypeName, *tags: str, required: bool = False, **rules: Any) -> Field:
    return Field(name, FieldType(type_, **rules), required, frozenset(tags or ("not-personal",)))


def entity_contract(**changes: Any) -> Contract:
    inner = (
        field("postcode", TypeName.STRING, "personal"),
        field("country", TypeName.STRING, "not-personal", required=True),
    )
    contract = Contract(
        dataset="people",
        version=(1, 0, 0),
        kind=Kind.ENTITY,
        classification="OFFICIAL",
        owner="home-office",
        store="borders",
        name="People",
        key=("id",),
        fields=(
            field("id", TypeName.STRING, "personal", "subject", "pole:person.identifier", required=True),
            field("name", TypeName.STRING, "personal"),
            field("status", TypeName.ENUM, "not-personal", required=True, symbols=("active", "left")),
            field("born", TypeName.DATE, "personal"),
            Field("address", FieldType(TypeName.RECORD, fields=inner), required=False),
            field("score", TypeName.DOUBLE, "not-personal"),
            field("visits", TypeName.INTEGER, "not-personal"),
            field("balance", TypeName.DECIMAL, "personal", precision=10, scale=2),
            field("device", TypeName.UUID, "personal"),
            field("seen", TypeName.TIMESTAMP, "personal"),
            field("codes", TypeName.ARRAY, "not-personal", items=FieldType(TypeName.STRING)),
            field("labels", TypeName.MAP, "not-personal", items=FieldType(TypeName.STRING)),
            field("photo", TypeName.BYTES, "personal"),
            field("flag", TypeName.BOOLEAN, "not-personal"),
            Field("untagged", FieldType(TypeName.STRING)),
        ),
        digest="sha256:" + "0" * 64,
    )
    return replace(contract, **changes)


def event_contract(**changes: Any) -> Contract:
    contract = Contract(
        dataset="crossings",
        version=(1, 0, 0),
        kind=Kind.EVENT,
        classification="OFFICIAL",
        owner="home-office",
        store="borders",
        name="Crossings",
        key=("crossing_id",),
        fields=(
            field("crossing_id", TypeName.STRING, "identifier", required=True),
            field("direction", TypeName.ENUM, "not-personal", required=True, symbols=("inbound", "outbound")),
            field("crossed_at", TypeName.TIMESTAMP, "personal", "pole:event.time", required=True),
            field("traveller", TypeName.STRING, "personal", "subject", "pole:person.identifier"),
        ),
        digest="sha256:" + "1" * 64,
    )
    return replace(contract, **changes)


PERSON: Mapping[str, Any] = MappingProxyType({
    "id": f"id-{CANARY}",
    "name": f"name-{CANARY}",
    "status": "active",
    "born": date(1990, 5, 17),
    "address": {"postcode": "SW1A 1AA", "country": "GB"},
    "score": 0.5,
    "visits": 37,
    "balance": Decimal("12.50"),
    "device": UUID("12345678-1234-5678-1234-567812345678"),
    "seen": datetime(2026, 5, 31, 22, 30, 15, 123456, tzinfo=UTC),
    "codes": ["a", "b"],
    "labels": {"k": "v"},
    "photo": b"\x00\xff",
    "flag": True,
    "untagged": f"untagged-{CANARY}",
})  # fmt: skip
CROSSING: Mapping[str, Any] = MappingProxyType({
    "crossing_id": f"crossing-{CANARY}",
    "direction": "outbound",
    "crossed_at": NOW - timedelta(days=1),
    "traveller": f"id-{CANARY}",
})  # fmt: skip


def treatment(action: str, **parameters: Any) -> Treatment:
    if action == "mask":
        parameters = {"mask": Mask()} | parameters
    return Treatment(action=action, **parameters)


def agreement(*shares: Share, reference: str = "DSA-2026-001", look_back: timedelta | None = None) -> Agreement:
    return Agreement(
        reference=reference,
        version=1,
        kind=AgreementKind.DSA,
        title="A test",
        parties=(
            Party(organisation="home-office", side=Side.PROVIDER, role="controller", signs=("Owner",)),
            Party(organisation="work-and-pensions", side=Side.RECIPIENT, role="controller", signs=("Owner",)),
        ),
        law=Law(power="An Act", lawful_basis="Article 6(1)(e)", regime="uk-gdpr"),
        shares=shares,
        limits=Limits(look_back=look_back),
        dates=Dates(start=date(2026, 1, 1), end=date(2026, 12, 31)),
    )


def share(
    fields: Mapping[str, str | Treatment],
    *,
    dataset: str = "people",
    rows: str | None = None,
    key: str = "tokenise",
    identifier: str = "main",
    **changes: Any,
) -> Share:
    treatments = {path: treatment(t) if isinstance(t, str) else t for path, t in fields.items()}
    given = {"contract": 1, "purpose": "benefits.entitlement", "classification_ceiling": "OFFICIAL"} | changes
    return Share(id=identifier, dataset=dataset, rows=rows, key=key, fields=treatments, **given)


def plan_of(
    contract: Contract,
    one: Share,
    *,
    reference: str = "DSA-2026-001",
    look_back: timedelta | None = None,
    view_schema_id: int | None = VIEW_SCHEMA,
) -> Plan:
    made = agreement(one, reference=reference, look_back=look_back)
    plan = compile_plan(made, "sha256:" + "a" * 64, one, contract, view_schema_id=view_schema_id)
    assert isinstance(plan, Plan), str(plan)
    return plan


class Keys:
    """Secret keys made from their names; `missing` were destroyed."""

    def __init__(self, *missing: str) -> None:
        self.missing = missing

    def key(self, identifier: str, version: int) -> bytes | None:
        if identifier in self.missing:
            return None
        return hashlib.sha256(f"{identifier} {version}".encode()).digest()


def entry_of(contract: Contract) -> ContractEntry:
    return ContractEntry(contract, KEY_SCHEMA, VALUE_SCHEMA, 0)


def schemas_of(contract: Contract) -> dict[int, SchemaEntry]:
    topic = f"source.{contract.dataset}"
    return {
        KEY_SCHEMA: SchemaEntry(KEY_SCHEMA, f"{topic}-key", 1, key_schema(contract)),
        VALUE_SCHEMA: SchemaEntry(VALUE_SCHEMA, f"{topic}-value", 1, value_schema(contract)),
    }


def engine_of(contract: Contract, *plans: Plan, keys: Keys | None = None) -> ReferenceEngine:
    return ReferenceEngine(entry_of(contract), plans, schemas_of(contract), keys or Keys())


def record(
    contract: Contract,
    offset: int,
    after: Mapping[str, Any] | None,
    *,
    op: Op = Op.UPDATE,
    key: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    unavailable: tuple[str, ...] = (),
) -> SourceRecord:
    """A source record as the intake writes it; for an event dataset the operation is a creation."""
    codec = EnvelopeCodec(contract, KEY_SCHEMA, VALUE_SCHEMA)
    op = Op.CREATE if contract.kind is Kind.EVENT and op is Op.UPDATE else op
    origin = Origin("borders", contract.dataset, f"p{offset}", offset, None, snapshot=False)
    envelope = Envelope(
        op, dict(before) if before else None, dict(after) if after else None, origin, NOW_MS, unavailable
    )
    named = codec.encode_key(dict(key or after or before or {}))
    return SourceRecord(offset, NOW_MS, named, codec.encode(envelope))
