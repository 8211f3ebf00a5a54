"""What a signature on an agreement does to the register, and whose is needed.

An agreement takes effect by the last signature that its text asks for: that act also carries the view schemas.  A newer
version takes over at its start and inherits suspensions, so that signing never lifts one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from agreements.acts import Act, AgreementSigned
from agreements.append_time import milliseconds, too_far
from agreements.clauses import report_hash
from agreements.codes import (
    BAD_SCHEMA,
    BAD_SIGNATURE,
    NOT_ENTITLED,
    SEALED_KEY,
    SEPARATE_DUTIES,
    UNKNOWN_OBJECT,
    WRONG_STATE,
)
from agreements.content_keys import content_key, encrypting_shares
from agreements.lifecycle import Event
from agreements.model import Agreement
from agreements.mutable import Circumstances, MutableRegister, Rejected, Rule
from agreements.ownership import not_owned
from agreements.rules.entries import check_combination, moved, party_signatory, versions_of
from agreements.signing import AGREEMENT_DOMAIN, read_agreement_statement, verifies
from agreements.snapshot import SIGNED, AgreementEntry, AgreementState, Job, JobKind, Signatory, Signature, Suspension
from agreements.time_codes import UNTIMELY
from agreements.umbrella.under import is_complete, takes_accessions, umbrella_of, without_umbrella
from contracts import topics
from contracts.faults import Fault
from contracts.model import Kind


def sign(register: MutableRegister, act: AgreementSigned, at: Circumstances) -> None:
    """One signature; the last one that is needed approves."""
    versions = versions_of(register, act.reference)
    entry = versions[-1]
    waits = entry.state is AgreementState.AWAITING_SIGNATURES or takes_accessions(entry)
    if not waits or act.agreement_version != entry.agreement.version:
        raise Rejected(WRONG_STATE, _not_waiting(entry, act.agreement_version))
    signatory = party_signatory(entry.agreement, at.actor)
    _check_statement(act, entry, at, signatory)
    missing = missing_offices(entry)
    office = (signatory.organisation, signatory.office)
    if office not in missing:
        raise Rejected(NOT_ENTITLED, f"no signature is needed of {signatory.office} of {signatory.organisation}")
    _check_duties(entry, signatory)
    signature = Signature(signatory.identifier, signatory.organisation, signatory.office, at.position, at.time)
    signed = replace(entry, signatures=(*entry.signatures, signature), version=at.version)
    if not is_complete(signed) or is_complete(entry):
        if act.view_schemas or act.schemas or act.sealed_keys:
            raise Rejected(BAD_SCHEMA, "only the last signature carries view schemas and sealed keys")
        register.agreements[act.reference] = (*versions[:-1], moved(signed, Event.SIGN))
    else:
        _approve(register, act, versions[:-1], signed, at)


def missing_offices(entry: AgreementEntry) -> list[tuple[str, str]]:
    """The (organisation, office) pairs that have yet to sign, in the order of the text."""
    signed = {(signature.organisation, signature.office) for signature in entry.signatures}
    needed = [(party.organisation, office) for party in entry.agreement.parties for office in party.signs]
    return [office for office in needed if office not in signed]


def carried(earlier: Iterable[AgreementEntry]) -> tuple[Suspension, ...]:
    """The suspensions that a newer version inherits: its views are those without the suspended fields."""
    return tuple({s: None for old in earlier if old.state in SIGNED for s in old.suspensions})


def _not_waiting(entry: AgreementEntry, version: int) -> str:
    reference = entry.agreement.reference
    if version == entry.agreement.version and entry.state is AgreementState.SUBMITTED:
        return f"{reference} version {version} has yet to be accepted on: {', '.join(entry.missing_tracks())}"
    return f"version {version} of {reference} does not wait for signatures"


def _check_statement(act: AgreementSigned, entry: AgreementEntry, at: Circumstances, signatory: Signatory) -> None:
    """The signature is on this agreement, as compiled, by this person in this office, now (decision 25, TRUSTED-TIME)."""
    try:
        said = read_agreement_statement(act.statement)
    except msgspec.MsgspecError as error:
        raise Rejected(BAD_SIGNATURE, "what was signed is not a statement on an agreement") from error
    about = (said.type, said.agreement, said.clause_report)
    by = (said.signatory, said.organisation, said.office)
    right = about == (AGREEMENT_DOMAIN, entry.content_hash, report_hash(entry.report))
    if not right or by != (signatory.identifier, signatory.organisation, signatory.office):
        raise Rejected(BAD_SIGNATURE, f"what was signed is not {act.reference} as submitted, in the signer's office")
    if not verifies(at.actor.public_key, AGREEMENT_DOMAIN, act.statement.encode(), act.signature):
        raise Rejected(BAD_SIGNATURE, f"the signature of {at.actor.name} on {act.reference}")
    if said.time.tzinfo is None:
        raise Rejected(BAD_SIGNATURE, f"the signature of {at.actor.name} on {act.reference} has no time in UTC")
    if far := too_far(said.time, milliseconds(at.time)):
        claimed = f"the signature of {at.actor.name} on {act.reference} claims {said.time.isoformat()}"
        raise Rejected(UNTIMELY, f"{claimed}, {far} its act")


def _check_duties(entry: AgreementEntry, signatory: Signatory) -> None:
    """SEPARATE-DUTIES: one person one office, and a drafter only beside another signer of the same organisation."""
    if any(signature.signatory == signatory.identifier for signature in entry.signatures):
        raise Rejected(SEPARATE_DUTIES, f"{signatory.identifier} has signed already")
    offices = next(p.signs for p in entry.agreement.parties if p.organisation == signatory.organisation)
    if signatory.identifier == entry.drafted_by and len(offices) == 1:
        raise Rejected(SEPARATE_DUTIES, f"{signatory.identifier} drafted it and would be the only signer of its side")


def _approve(
    register: MutableRegister,
    act: AgreementSigned,
    earlier: tuple[AgreementEntry, ...],
    entry: AgreementEntry,
    at: Circumstances,
) -> None:
    agreement = entry.agreement
    check_combination(register, agreement, at.time)
    _check_umbrella(register, agreement)
    if set(act.view_schemas) != {share.id for share in entry.shares}:
        raise Rejected(BAD_SCHEMA, "the last signature carries the view schema of every share")
    used = [(f"{topics.share(act.reference, share)}-value", number) for share, number in act.view_schemas.items()]
    register.check_schemas(act.schemas, used)
    _check_sealed(register, act, agreement)
    jobs = []
    for share in entry.shares:
        contract = register.contract(share.dataset, share.contract)
        if contract is None:
            raise Rejected(UNKNOWN_OBJECT, f"no contract {share.dataset} of major version {share.contract}")
        if contract.contract.kind is Kind.ENTITY:
            jobs.append(Job(at.position, JobKind.BACKFILL, share.dataset, act.reference, share.id))
    approved = moved(entry, Event.APPROVE)
    if suspensions := carried(earlier):
        approved = moved(replace(approved, suspensions=suspensions), Event.SUSPEND)
    approved = replace(approved, view_schemas=dict(act.view_schemas), approved_position=at.position)
    kept = tuple(_make_way(old, approved, at) if old.state in SIGNED else old for old in earlier)
    register.add_schemas(act.schemas)
    for key in act.sealed_keys:
        register.add_sealed(content_key(act.reference, key.share), key.key_version, key.sealed)
    register.jobs += jobs
    register.agreements[act.reference] = (*kept, approved)


def _check_sealed(register: MutableRegister, act: AgreementSigned, agreement: Agreement) -> None:
    """A share that encrypts has the current version of its key sealed, here or by an earlier act: else nobody could read."""
    sealed = {(key.share, key.key_version) for key in act.sealed_keys}
    wanted = set()
    for share in encrypting_shares(agreement):
        identifier = content_key(act.reference, share)
        version = register.key_versions.get(identifier) or 1
        if version not in (register.sealed_keys.get(identifier) or {}):
            wanted.add((share, version))
    if sealed != wanted or len(sealed) != len(act.sealed_keys):
        raise Rejected(
            SEALED_KEY, f"{act.reference}: of {', '.join(sorted({s for s, _ in sealed ^ wanted})) or 'a share'}"
        )


def _check_umbrella(register: MutableRegister, agreement: Agreement) -> None:
    """Since it was submitted, what is above it may have ended or been replaced, and an owner have come or come to require one."""
    if faults := without_umbrella(register.contract, agreement) or not_owned(register.contract, agreement):
        raise Rejected(faults[0].code, faults[0].message)
    above = None if agreement.under is None else umbrella_of(register.agreements.get, agreement)
    if isinstance(above, Fault):
        raise Rejected(above.code, above.message)


def _make_way(old: AgreementEntry, new: AgreementEntry, at: Circumstances) -> AgreementEntry:
    """An approved version ends where the newer one starts, at once if that is now."""
    if new.starts_at <= at.time:
        return moved(old, Event.SUPERSEDE)
    return replace(old, ends_at=min(old.ends_at, new.starts_at))


RULES: dict[type[Act], Rule] = {
    AgreementSigned: sign,
}
"""Which function applies each act."""
