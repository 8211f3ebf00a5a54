"""Acts that bring an agreement into force: submit and sign."""

from __future__ import annotations

import base64
from dataclasses import replace

from agreements import text
from agreements.acts import (
    AgreementSigned,
    AgreementSubmitted,
    AnyAct,
    SealedKey,
)
from agreements.clauses import report_hash, report_text
from agreements.codes import NOT_ENTITLED
from agreements.content_keys import content_key, encrypting_shares
from agreements.lifecycle_codes import OTHER_TEXT
from agreements.model import Agreement, Side
from agreements.rules.signatures import carried, missing_offices
from agreements.signing import AGREEMENT_DOMAIN, Signer, agreement_statement, sign
from agreements.snapshot import AgreementEntry, Snapshot
from broker import clock
from broker.cluster.client import Connection
from broker.codes import KEY_UNAVAILABLE
from broker.keys import KeyProvider
from broker.policy import sealing
from broker.policy.compile import compile_plan
from broker.policy.plan import KeyReference, Plan
from broker.proofs.prove import unproven
from broker.register.acceptable import (
    effective,
    register_faults,
    submission_faults,
    without_encryption_key,
)
from broker.register.append import Appended, Deed, act
from broker.register.codes import NO_SUCH
from broker.register.publishing import schema_ids
from contracts import topics
from contracts.faults import Faults, Refused, Unusable


def submit(connection: Connection, signer: Signer, document: str, file: str | None = None) -> Appended:
    """Submit an agreement for signature; the signer becomes its drafter.

    Raises `Unusable` for a text with faults of form, `Refused` for everything else that stands against it.
    """
    agreement = text.parse(document, file)
    if isinstance(agreement, Faults):
        raise Unusable(*agreement.items)
    checked = text.check(document, file)
    if isinstance(checked, Faults):
        raise Refused(*checked.items)
    places = text.places(document)

    def decide(snapshot: Snapshot) -> list[Deed]:
        if found := submission_faults(agreement, snapshot, places):
            raise Refused(*(fault.in_file(file) if file else fault for fault in found))
        holds = effective(agreement, snapshot)
        if faults := unproven(holds):
            raise Refused(*faults)
        canonical = text.canonical(agreement).decode()
        return [Deed(AgreementSubmitted(agreement.reference, canonical, report_text(holds)), signer)]

    return act(connection, decide)


def sign_agreement(
    connection: Connection,
    signer: Signer,
    reference: str,
    keys: KeyProvider,
    *,
    content_hash: str | None = None,
) -> Appended:
    """Sign the newest version.  The last signature needed activates: view schemas are registered, and keys made.

    `content_hash` is of the text that was looked at; raises `Refused` where another has been submitted since.
    """

    def decide(snapshot: Snapshot) -> list[Deed]:
        entry = entry_of(snapshot, reference)
        check_hash(entry, content_hash)
        signatory = snapshot.signatory(signer.actor.removeprefix("signatory/"))
        if signatory is None:
            raise Refused(NOT_ENTITLED.fault(f"{signer.actor} is no signatory"))
        statement = agreement_statement(
            entry.content_hash,
            report_hash(entry.report),
            signatory=signatory.identifier,
            organisation=signatory.organisation,
            office=signatory.office,
            time=clock.now(),
        )
        signature = sign(signer.key, AGREEMENT_DOMAIN, statement.encode())
        signed = AgreementSigned(reference, entry.agreement.version, statement, signature)
        if entry.shares and missing_offices(entry) == [(signatory.organisation, signatory.office)]:
            signed = activating(signed, entry, snapshot, keys)
        return [Deed(signed, signer)]

    return act(connection, decide)


def activating(
    signed: AgreementSigned,
    entry: AgreementEntry,
    snapshot: Snapshot,
    keys: KeyProvider,
) -> AgreementSigned:
    """The last signature: with the view schema of every share; the keys that the plans need exist from here on.

    Raises `Refused` for what stands against it now, a mechanism that does not hold included (NOTHING-UNENFORCED).
    """
    if found := unproven(entry.agreement) or register_faults(entry.agreement, snapshot):
        raise Refused(*found)
    plans: list[Plan] = []
    suspended = replace(entry, suspensions=carried(snapshot.agreements.get(entry.agreement.reference, ())[:-1]))
    for share in map(suspended.effective, entry.shares):
        contract = snapshot.contract(share.dataset, share.contract)
        if contract is None:
            raise Refused(NO_SUCH.fault(f"a contract for {share.dataset} of major version {share.contract}"))
        versions = snapshot.key_versions
        plan = compile_plan(entry.agreement, entry.content_hash, share, contract.contract, key_versions=versions)
        if isinstance(plan, Faults):
            raise Refused(*plan.items)
        plans.append(plan)
    for needed in {reference.identifier for plan in plans for reference in plan.key_references}:
        keys.ensure(needed)
    reference = entry.agreement.reference
    wanted = [(f"{topics.share(reference, plan.share)}-value", plan.view_text) for plan in plans]
    identifiers, new = schema_ids(wanted, snapshot)
    views = {plan.share: identifier for plan, identifier in zip(plans, identifiers, strict=True)}
    return AgreementSigned(
        signed.reference,
        signed.agreement_version,
        signed.statement,
        signed.signature,
        views,
        new,
        _sealed_keys(entry.agreement, snapshot, keys),
    )


def about(
    connection: Connection,
    signer: Signer,
    reference: str,
    what: AnyAct,
) -> Appended:
    """Append one act on an agreement that the register has; raises `Refused`."""

    def decide(snapshot: Snapshot) -> list[Deed]:
        entry_of(snapshot, reference)
        return [Deed(what, signer)]

    return act(connection, decide)


def check_hash(entry: AgreementEntry, content_hash: str | None) -> None:
    """Raise `Refused` unless the newest text is the one that was looked at."""
    if content_hash is not None and content_hash != entry.content_hash:
        reference, version = entry.agreement.reference, entry.agreement.version
        raise Refused(OTHER_TEXT.fault(f"{reference} version {version} is now {entry.content_hash}"))


def entry_of(snapshot: Snapshot, reference: str) -> AgreementEntry:
    """The newest version of an agreement; raises `Refused` where there is none."""
    entry = snapshot.agreement(reference)
    if entry is None:
        raise Refused(NO_SUCH.fault(f"the agreement {reference}"))
    return entry


def _sealed_keys(agreement: Agreement, snapshot: Snapshot, keys: KeyProvider) -> tuple[SealedKey, ...]:
    """The content key of every share that encrypts, sealed to the recipient, where the register does not have it yet."""
    made = []
    for share in encrypting_shares(agreement):
        identifier = content_key(agreement.reference, share)
        version = snapshot.key_versions.get(identifier, 1)
        if version not in snapshot.sealed(agreement.reference, share):
            sealed = seal_content_key(agreement, snapshot, keys, KeyReference(identifier, version))
            made.append(SealedKey(share, version, sealed))
    return tuple(made)


def seal_content_key(agreement: Agreement, snapshot: Snapshot, keys: KeyProvider, key: KeyReference) -> str:
    """A content key sealed to the agreement's recipient, base64; raises `Refused` where the recipient has no X25519 key."""
    if faults := without_encryption_key(agreement, snapshot):
        raise Refused(*faults)
    recipient = snapshot.parties[agreement.party(Side.RECIPIENT).organisation]
    secret = keys.key(key.identifier, key.version)
    if secret is None or recipient.encryption_key is None:
        raise Refused(KEY_UNAVAILABLE.fault(f"{key.identifier} version {key.version} was never made, or was destroyed"))
    return base64.b64encode(sealing.seal(recipient.encryption_key, key, secret)).decode()
