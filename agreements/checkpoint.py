"""A checkpoint of the fold: a snapshot as bytes, signed, so that a large register need not be folded from its start.

Three lines: the header (form, position, fingerprint), the snapshot (JSON), and an Ed25519 signature over both by a key
that the reader trusts.  What does not verify is not used: the register itself always says the same.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agreements.codes import BAD_CHECKPOINT
from agreements.model import Agreement
from agreements.notices import NoticeCase
from agreements.signing import CHECKPOINT_DOMAIN, public_hex, sign, verifies
from agreements.snapshot import (
    AgreementEntry,
    AgreementState,
    Certificate,
    ContractEntry,
    Ending,
    Job,
    PartyEntry,
    SchemaEntry,
    Signature,
    Snapshot,
    Suspension,
    TrackReview,
    Waiver,
    WorkerEntry,
)
from agreements.text import canonical
from agreements.undertakings import Undertakings
from contracts.faults import Fault


class _Header(msgspec.Struct, frozen=True):
    form: str
    position: int
    fingerprint: str
    signer: str


class _Entry(msgspec.Struct, frozen=True):
    """An `AgreementEntry` with its agreement as the canonical document."""

    agreement: msgspec.Raw
    content_hash: str
    drafted_by: str
    state: AgreementState
    version: int
    starts_at: datetime
    ends_at: datetime
    signatures: tuple[Signature, ...]
    view_schemas: dict[str, int]
    approved_position: int | None
    report: int
    """Its place in the table of reports: agreements that were made alike have the same one."""
    suspensions: tuple[Suspension, ...]
    submitted_at: datetime | None
    first_submitted_at: datetime | None
    reviews: tuple[TrackReview, ...]
    ending: Ending | None
    certificate: Certificate | None
    waivers: tuple[Waiver, ...]
    signed: msgspec.Raw | None
    """The canonical document that was signed, where an umbrella narrows it."""


class _Body(msgspec.Struct, frozen=True):
    """A `Snapshot`, table by table.

    No field has a default: a checkpoint from before one of them was folded under other rules, and is not used.
    """

    stamped_since: int | None
    operator_key: str | None
    parties: dict[str, PartyEntry]
    contracts: dict[str, tuple[ContractEntry, ...]]
    schemas: tuple[SchemaEntry, ...]
    reports: tuple[str, ...]
    agreements: dict[str, tuple[_Entry, ...]]
    workers: dict[str, WorkerEntry]
    key_versions: dict[str, int]
    sealed_keys: dict[str, dict[int, str]]
    undertakings: dict[str, Undertakings]
    notices: tuple[NoticeCase, ...]
    jobs: tuple[Job, ...]
    discarded: tuple[tuple[str, int, int], ...]
    versions: dict[str, int]
    public_keys: dict[str, str]
    signatories: dict[str, str]


_APART = ("agreement", "report", "signed")
_ENTRY_FIELDS = tuple(field.name for field in fields(AgreementEntry) if field.name not in _APART)


def seal(snapshot: Snapshot, key: Ed25519PrivateKey) -> bytes:
    """The checkpoint of a snapshot, signed with `key`."""
    reports: dict[str, int] = {}
    agreements = {name: tuple(_stored(e, reports) for e in found) for name, found in snapshot.agreements.items()}
    header = _Header(CHECKPOINT_DOMAIN, snapshot.position, snapshot.fingerprint, public_hex(key))
    body = _Body(
        stamped_since=snapshot.stamped_since,
        operator_key=snapshot.operator_key,
        parties=dict(snapshot.parties),
        contracts=dict(snapshot.contracts),
        schemas=tuple(snapshot.schemas.values()),
        reports=tuple(reports),
        agreements=agreements,
        workers=dict(snapshot.workers),
        key_versions=dict(snapshot.key_versions),
        sealed_keys={name: dict(versions) for name, versions in snapshot.sealed_keys.items()},
        undertakings={name: _plain(done) for name, done in snapshot.undertakings.items()},
        notices=tuple(snapshot.notices.values()),
        jobs=snapshot.jobs,
        discarded=tuple(sorted(snapshot.discarded)),
        versions=dict(snapshot.versions),
        public_keys=dict(snapshot.public_keys),
        signatories=dict(snapshot.signatories),
    )
    signed = msgspec.json.encode(header) + b"\n" + msgspec.json.encode(body)
    return signed + b"\n" + sign(key, CHECKPOINT_DOMAIN, signed).encode()


def unseal(data: bytes, trusted: Collection[str]) -> Snapshot | Fault:
    """The snapshot in a checkpoint that one of the `trusted` public keys (hex) has signed, or why it is not used."""
    signed, _, signature = data.rpartition(b"\n")
    first, _, second = signed.partition(b"\n")
    try:
        header = msgspec.json.decode(first, type=_Header)
    except msgspec.MsgspecError:
        return BAD_CHECKPOINT.fault("it has no header")
    if header.form != CHECKPOINT_DOMAIN or header.signer not in trusted:
        return BAD_CHECKPOINT.fault(f"form {header.form}, signed by {header.signer[:16]}")
    if not verifies(header.signer, CHECKPOINT_DOMAIN, signed, signature.decode(errors="replace")):
        return BAD_CHECKPOINT.fault("its signature does not verify")
    collecting = gc.isenabled()
    gc.disable()  # half a million objects are made and none is garbage: looking for some would take half of the time
    try:
        return _snapshot(header, msgspec.json.decode(second, type=_Body))
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        return BAD_CHECKPOINT.fault(f"another version of the broker wrote it: {type(error).__name__}")
    finally:
        if collecting:
            gc.enable()


def _snapshot(header: _Header, body: _Body) -> Snapshot:
    agreements = {name: tuple(_restored(e, body.reports) for e in found) for name, found in body.agreements.items()}
    return Snapshot(
        position=header.position,
        fingerprint=header.fingerprint,
        stamped_since=body.stamped_since,
        operator_key=body.operator_key,
        parties=MappingProxyType(body.parties),
        contracts=MappingProxyType(body.contracts),
        schemas=MappingProxyType({schema.identifier: schema for schema in body.schemas}),
        agreements=MappingProxyType(agreements),
        workers=MappingProxyType(body.workers),
        key_versions=MappingProxyType(body.key_versions),
        sealed_keys=MappingProxyType(body.sealed_keys),
        undertakings=MappingProxyType(body.undertakings),
        notices=MappingProxyType({case.number: case for case in body.notices}),
        jobs=body.jobs,
        discarded=frozenset(body.discarded),
        versions=MappingProxyType(body.versions),
        public_keys=MappingProxyType(body.public_keys),
        signatories=MappingProxyType(body.signatories),
    )


def _plain(done: Undertakings) -> Undertakings:
    """The same with mappings that can be written."""
    return replace(done, caveats=dict(done.caveats), attestations=dict(done.attestations))


def _stored(entry: AgreementEntry, reports: dict[str, int]) -> _Entry:
    others: dict[str, Any] = {name: getattr(entry, name) for name in _ENTRY_FIELDS}
    others["view_schemas"] = dict(entry.view_schemas)
    report = reports.setdefault(entry.report, len(reports))
    signed = None if entry.signed is None else msgspec.Raw(canonical(entry.signed))
    return _Entry(agreement=msgspec.Raw(canonical(entry.agreement)), report=report, signed=signed, **others)


def _restored(stored: _Entry, reports: tuple[str, ...]) -> AgreementEntry:
    others: Mapping[str, Any] = {name: getattr(stored, name) for name in _ENTRY_FIELDS}
    agreement = Agreement.model_validate_json(bytes(stored.agreement))
    signed = None if stored.signed is None else Agreement.model_validate_json(bytes(stored.signed))
    return AgreementEntry(agreement=agreement, report=reports[stored.report], signed=signed, **others)
