"""What acts on agreements do to the register, and who may do them.

An agreement takes effect by the last signature that its text asks for: that act also carries the view schemas.  A newer
version takes over at its start and inherits suspensions, so that signing never lifts one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from agreements.acts import (
    AgreementResumed,
    AgreementSigned,
    AgreementSubmitted,
    AgreementSuspended,
    AgreementTerminated,
)
from agreements.checks import contradictions
from agreements.clauses import leaves_nothing_unenforced, report_hash
from agreements.codes import (
    BAD_SCHEMA,
    BAD_SIGNATURE,
    BAD_TERMS,
    NOT_ENTITLED,
    SEALED_KEY,
    SEPARATE_DUTIES,
    UNKNOWN_OBJECT,
    WRONG_STATE,
)
from agreements.content_keys import content_key, encrypting_shares
from agreements.instants import end_of, start_of
from agreements.lifecycle import Event, after
from agreements.model import Agreement, AgreementKind, Share, Side, WhenSuspended
from agreements.mutable import OPERATOR, Actor, Circumstances, MutableRegister, Rejected
from agreements.signing import AGREEMENT_DOMAIN, read_agreement_statement, verifies
from agreements.snapshot import AgreementEntry, AgreementState, Job, JobKind, Signatory, Signature, Suspension
from agreements.text import content_hash, from_canonical
from contracts import topics
from contracts.model import Kind

_SIGNED = (AgreementState.APPROVED, AgreementState.SUSPENDED)


def submit(register: MutableRegister, act: AgreementSubmitted, at: Circumstances) -> None:
    """A version is fixed and waits for signatures; a draft that was never approved is superseded."""
    agreement = _terms(act)
    for party in agreement.parties:
        if party.organisation not in register.parties:
            raise Rejected(UNKNOWN_OBJECT, f"the party {party.organisation}")
    drafter = _party_signatory(agreement, at.actor)
    versions = register.agreements.get(act.reference) or ()
    if agreement.version != len(versions) + 1:
        raise Rejected(WRONG_STATE, f"the next version of {act.reference} is {len(versions) + 1}")
    if versions and _sides(versions[-1].agreement) != _sides(agreement):
        raise Rejected(BAD_TERMS, f"{act.reference} is between other parties; a new version does not change them")
    if versions and versions[-1].state is AgreementState.SUBMITTED:
        versions = (*versions[:-1], _moved(versions[-1], Event.SUPERSEDE))
    state = after(None, Event.SUBMIT)
    if state is None:
        raise Rejected(WRONG_STATE, f"{act.reference} cannot be submitted")
    entry = AgreementEntry(
        agreement=agreement,
        content_hash=content_hash(agreement),
        drafted_by=drafter.identifier,
        state=state,
        version=at.version,
        starts_at=start_of(agreement.dates.start),
        ends_at=end_of(agreement.dates.end),
        report=act.clause_report,
    )
    register.agreements[act.reference] = (*versions, entry)


def sign(register: MutableRegister, act: AgreementSigned, at: Circumstances) -> None:
    """One signature; the last one that is needed approves."""
    versions = _versions(register, act.reference)
    entry = versions[-1]
    if entry.state is not AgreementState.SUBMITTED or act.agreement_version != entry.agreement.version:
        raise Rejected(WRONG_STATE, f"version {act.agreement_version} of {act.reference} does not wait for signatures")
    signatory = _party_signatory(entry.agreement, at.actor)
    _check_statement(act, entry, at.actor, signatory)
    missing = missing_offices(entry)
    office = (signatory.organisation, signatory.office)
    if office not in missing:
        raise Rejected(NOT_ENTITLED, f"no signature is needed of {signatory.office} of {signatory.organisation}")
    _check_duties(entry, signatory)
    signature = Signature(signatory.identifier, signatory.organisation, signatory.office, at.position)
    signed = replace(entry, signatures=(*entry.signatures, signature), version=at.version)
    if len(missing) > 1:
        if act.view_schemas or act.schemas or act.sealed_keys:
            raise Rejected(BAD_SCHEMA, "only the last signature carries view schemas and sealed keys")
        register.agreements[act.reference] = (*versions[:-1], _moved(signed, Event.SIGN))
    else:
        _approve(register, act, versions[:-1], signed, at)


def suspend(register: MutableRegister, act: AgreementSuspended, at: Circumstances) -> None:
    """Every signed version stops, whole or for some shares."""
    versions = _versions(register, act.reference)
    organisation = _organisation(versions[-1].agreement, at.actor)
    concerned = [entry for entry in versions if entry.state in _SIGNED]
    if not concerned:
        raise Rejected(WRONG_STATE, f"{act.reference} is {versions[-1].state}")
    known = {share.id for entry in concerned for share in entry.agreement.shares}
    if unknown := set(act.shares) - known:
        raise Rejected(UNKNOWN_OBJECT, f"{act.reference} has no share {', '.join(sorted(unknown))}")
    shares = frozenset(act.shares) or None
    added = Suspension(at.position, at.time, at.actor.name, act.reason, shares, organisation)

    def suspended(entry: AgreementEntry) -> AgreementEntry:
        more = replace(entry, suspensions=(*entry.suspensions, added), version=at.version)
        return _moved(more, Event.SUSPEND)

    _change_signed(register, act.reference, suspended)


def resume(register: MutableRegister, act: AgreementResumed, at: Circumstances) -> None:
    """Lift what the actor's organisation ordered; shares that nothing stops any more are released."""
    versions = _versions(register, act.reference)
    organisation = _organisation(versions[-1].agreement, at.actor)
    ordered = [s for entry in versions if entry.state in _SIGNED for s in entry.suspensions]
    if not any(suspension.organisation == organisation for suspension in ordered):
        raise Rejected(WRONG_STATE, f"{act.reference} has no suspension that {at.actor.name} may lift")
    released: dict[str, Share] = {}
    held: set[str] = set()

    def resumed(entry: AgreementEntry) -> AgreementEntry:
        kept = tuple(s for s in entry.suspensions if s.organisation != organisation)
        for share in entry.agreement.shares:
            before = any(suspension.concerns(share.id) for suspension in entry.suspensions)
            if before and not any(suspension.concerns(share.id) for suspension in kept):
                released[share.id] = share
                if entry.agreement.delivery.when_suspended is WhenSuspended.HOLD:
                    held.add(share.id)
        fewer = replace(entry, suspensions=kept, version=at.version)
        return fewer if kept or entry.state is AgreementState.APPROVED else _moved(fewer, Event.RESUME)

    _change_signed(register, act.reference, resumed)
    for share in released.values():
        contract = register.contract(share.dataset, share.contract)
        if share.id in held or (contract is not None and contract.contract.kind is Kind.ENTITY):
            register.jobs.append(Job(at.position, JobKind.RELEASE, share.dataset, act.reference, share.id))


def terminate(register: MutableRegister, act: AgreementTerminated, at: Circumstances) -> None:
    """Every version ends for ever."""
    versions = _versions(register, act.reference)
    if at.actor.name == OPERATOR:
        raise Rejected(NOT_ENTITLED, "only a party ends an agreement; the operator may suspend it")
    _organisation(versions[-1].agreement, at.actor)
    living = [entry for entry in versions if after(entry.state, Event.TERMINATE) is not None]
    if not living:
        raise Rejected(WRONG_STATE, f"{act.reference} is {versions[-1].state}")
    register.agreements[act.reference] = tuple(
        _moved(replace(entry, version=at.version), Event.TERMINATE) if entry in living else entry for entry in versions
    )


def missing_offices(entry: AgreementEntry) -> list[tuple[str, str]]:
    """The (organisation, office) pairs that have yet to sign, in the order of the text."""
    signed = {(signature.organisation, signature.office) for signature in entry.signatures}
    needed = [(party.organisation, office) for party in entry.agreement.parties for office in party.signs]
    return [office for office in needed if office not in signed]


def _terms(act: AgreementSubmitted) -> Agreement:
    try:
        agreement = from_canonical(act.document.encode())
    except ValueError as error:
        raise Rejected(BAD_TERMS, f"{act.reference}: the document is not canonical") from error
    if agreement.reference != act.reference:
        raise Rejected(BAD_TERMS, f"the document is {agreement.reference}, not {act.reference}")
    if agreement.kind is not AgreementKind.DSA or not leaves_nothing_unenforced(act.clause_report):
        raise Rejected(BAD_TERMS, f"{act.reference}: a clause is in no class (NOTHING-UNENFORCED)")
    if found := contradictions(agreement):
        raise Rejected(found[0].code, found[0].message)
    return agreement


def _sides(agreement: Agreement) -> frozenset[tuple[str, Side]]:
    """Who stands on which side.  Topics and pseudonyms belong to the reference, and who is a party may stop or end it."""
    return frozenset((party.organisation, party.side) for party in agreement.parties)


def _check_statement(act: AgreementSigned, entry: AgreementEntry, actor: Actor, signatory: Signatory) -> None:
    """The signature is on this agreement, as compiled, by this person in this office (decision 25)."""
    try:
        said = read_agreement_statement(act.statement)
    except msgspec.MsgspecError as error:
        raise Rejected(BAD_SIGNATURE, "what was signed is not a statement on an agreement") from error
    about = (said.type, said.agreement, said.clause_report)
    by = (said.signatory, said.organisation, said.office)
    right = about == (AGREEMENT_DOMAIN, entry.content_hash, report_hash(entry.report))
    if not right or by != (signatory.identifier, signatory.organisation, signatory.office):
        raise Rejected(BAD_SIGNATURE, f"what was signed is not {act.reference} as submitted, in the signer's office")
    if not verifies(actor.public_key, AGREEMENT_DOMAIN, act.statement.encode(), act.signature):
        raise Rejected(BAD_SIGNATURE, f"the signature of {actor.name} on {act.reference}")


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
    if set(act.view_schemas) != {share.id for share in agreement.shares}:
        raise Rejected(BAD_SCHEMA, "the last signature carries the view schema of every share")
    used = {f"{topics.share(act.reference, share)}-value": number for share, number in act.view_schemas.items()}
    register.check_schemas(act.schemas, used)
    _check_sealed(register, act, agreement)
    jobs = []
    for share in agreement.shares:
        contract = register.contract(share.dataset, share.contract)
        if contract is None:
            raise Rejected(UNKNOWN_OBJECT, f"no contract {share.dataset} of major version {share.contract}")
        if contract.contract.kind is Kind.ENTITY:
            jobs.append(Job(at.position, JobKind.BACKFILL, share.dataset, act.reference, share.id))
    approved = _moved(entry, Event.APPROVE)
    carried = tuple({s: None for old in earlier if old.state in _SIGNED for s in old.suspensions})
    if carried:
        approved = _moved(replace(approved, suspensions=carried), Event.SUSPEND)
    approved = replace(approved, view_schemas=dict(act.view_schemas), approved_position=at.position)
    kept = tuple(_make_way(old, approved, at) if old.state in _SIGNED else old for old in earlier)
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


def _make_way(old: AgreementEntry, new: AgreementEntry, at: Circumstances) -> AgreementEntry:
    """An approved version ends where the newer one starts, at once if that is now."""
    if new.starts_at <= at.time:
        return _moved(old, Event.SUPERSEDE)
    return replace(old, ends_at=min(old.ends_at, new.starts_at))


def _versions(register: MutableRegister, reference: str) -> tuple[AgreementEntry, ...]:
    versions = register.agreements.get(reference)
    if versions is None:
        raise Rejected(UNKNOWN_OBJECT, f"the agreement {reference}")
    return versions


def _change_signed(
    register: MutableRegister,
    reference: str,
    change: Callable[[AgreementEntry], AgreementEntry],
) -> None:
    versions = _versions(register, reference)
    register.agreements[reference] = tuple(change(entry) if entry.state in _SIGNED else entry for entry in versions)


def _moved(entry: AgreementEntry, event: Event) -> AgreementEntry:
    state = after(entry.state, event)
    if state is None:
        raise Rejected(WRONG_STATE, f"{entry.agreement.reference} is {entry.state}: {event} is not possible")
    return replace(entry, state=state)


def _party_signatory(agreement: Agreement, actor: Actor) -> Signatory:
    """The signatory behind the actor; rejected unless of a party of the agreement."""
    if actor.signatory is None or all(party.organisation != actor.organisation for party in agreement.parties):
        raise Rejected(NOT_ENTITLED, f"{actor.name} is no signatory of a party of {agreement.reference}")
    return actor.signatory


def _organisation(agreement: Agreement, actor: Actor) -> str:
    """On whose behalf the actor stops or resumes: a party's, or the operator's own (empty)."""
    return "" if actor.name == OPERATOR else _party_signatory(agreement, actor).organisation
