"""What acts on parties, people, workers and keys do to the register, and who may do them (decision 22).

The operator enrols organisations and workers and rotates keys; a party's own key enrols and ends its signatories.
Every function checks everything before it changes anything, and raises `Rejected`.
"""

from __future__ import annotations

from dataclasses import replace

from agreements.acts import (
    Act,
    KeyRotated,
    PartyAdded,
    RegisterInitialised,
    SignatoryEnded,
    SignatoryEnrolled,
    WorkerEnrolled,
)
from agreements.codes import ALREADY_THERE, NOT_ENTITLED, ROTATION, SEALED_KEY, STALE, UNKNOWN_OBJECT
from agreements.content_keys import PREFIX, uses
from agreements.mutable import OPERATOR, Circumstances, MutableRegister, Rejected, Rule
from agreements.snapshot import SIGNED, PartyEntry, Signatory, Snapshot, WorkerEntry, WorkerKey
from contracts.faults import Fault
from contracts.model import Kind


def initialise(register: MutableRegister, act: RegisterInitialised, at: Circumstances) -> None:
    """The first act; a second one finds the register's version changed and never comes here."""
    if register.operator_key is not None or at.actor.name != OPERATOR:
        raise Rejected(ALREADY_THERE, "the register has its first act")
    register.claim_key(act.operator_key, OPERATOR)
    register.operator_key = act.operator_key


def add_party(register: MutableRegister, act: PartyAdded, at: Circumstances) -> None:
    """A new organisation."""
    _only_operator(at)
    if act.organisation in register.parties:
        raise Rejected(ALREADY_THERE, f"the party {act.organisation}")
    register.claim_key(act.public_key, act.subject())
    register.parties[act.organisation] = PartyEntry(
        act.organisation,
        act.name,
        act.encryption_key,
        (),
        at.version,
        act.public_key,
    )


def enrol_signatory(register: MutableRegister, act: SignatoryEnrolled, at: Circumstances) -> None:
    """A person of an organisation, who holds an office; identifiers are never used again."""
    party = _own_party(register, act.organisation, at)
    if act.identifier in register.signatories:
        raise Rejected(ALREADY_THERE, f"the signatory {act.identifier}")
    register.claim_key(act.public_key, f"signatory/{act.identifier}")
    added = Signatory(act.identifier, act.organisation, act.office, act.public_key, at.time)
    register.signatories[act.identifier] = act.organisation
    register.parties[act.organisation] = replace(
        party,
        signatories=(*party.signatories, added),
        version=at.version,
    )


def end_signatory(register: MutableRegister, act: SignatoryEnded, at: Circumstances) -> None:
    """A signatory acts no more; what was signed stays signed."""
    party = _own_party(register, act.organisation, at)
    signatory = register.signatory(act.identifier)
    if signatory is None or signatory.organisation != act.organisation or signatory.ended_at is not None:
        raise Rejected(UNKNOWN_OBJECT, f"{act.organisation} has no acting signatory {act.identifier}")
    ended = replace(signatory, ended_at=at.time)
    kept = tuple(ended if entry.identifier == act.identifier else entry for entry in party.signatories)
    register.parties[act.organisation] = replace(party, signatories=kept, version=at.version)


def enrol_worker(register: MutableRegister, act: WorkerEnrolled, at: Circumstances) -> None:
    """A worker instance and its key; again to replace the key.  Earlier keys are kept with the positions they are valid for."""
    _only_operator(at)
    register.claim_key(act.public_key, act.subject())
    known = register.workers.get(act.identifier)
    earlier: tuple[WorkerKey, ...] = ()
    if known is not None:
        earlier = (*known.earlier, WorkerKey(known.public_key, known.since, at.position))
    register.workers[act.identifier] = WorkerEntry(act.identifier, act.public_key, at.position, earlier)


def rotate_key(register: MutableRegister, act: KeyRotated, at: Circumstances) -> None:
    """A key has a new version; versions have no gaps.

    Events from here on are shaped with it.  A key that an entity share uses is refused: the records that a department holds
    under the old version would have to be withdrawn and delivered anew in the same transaction (decision 24).
    """
    _only_operator(at)
    known = register.key_versions.get(act.identifier) or 1
    if act.key_version != known + 1:
        raise Rejected(STALE, f"the key {act.identifier} has version {known}, the next is {known + 1}")
    if faults := rotation_faults(register, act.identifier):
        raise Rejected(ROTATION, faults[0].message)
    if (act.sealed is not None) != act.identifier.startswith(PREFIX):
        raise Rejected(SEALED_KEY, f"version {act.key_version} of {act.identifier}")
    register.key_versions[act.identifier] = act.key_version
    if act.sealed is not None:
        register.add_sealed(act.identifier, act.key_version, act.sealed)


def rotation_faults(register: MutableRegister | Snapshot, identifier: str) -> list[Fault]:
    """What stands against rotating `pseudonym/<reference>` or `content/<reference>/<share>`: entity shares that use it."""
    found = []
    reference = identifier.partition("/")[2].partition("/")[0]
    for entry in register.agreements.get(reference) or ():
        for share in entry.shares if entry.state in SIGNED else ():
            contract = register.contract(share.dataset, share.contract)
            is_event = contract is not None and contract.contract.kind is Kind.EVENT
            if not is_event and uses(entry.agreement, share, identifier):
                message = f"{identifier}: share {share.id} of {entry.agreement.reference} holds entities under it"
                found.append(ROTATION.fault(message))
    return found


def _only_operator(at: Circumstances) -> None:
    if at.actor.name != OPERATOR:
        raise Rejected(NOT_ENTITLED, f"{at.actor.name}: only the operator may do this")


def _own_party(register: MutableRegister, organisation: str, at: Circumstances) -> PartyEntry:
    party = register.parties.get(organisation)
    if party is None:
        raise Rejected(UNKNOWN_OBJECT, f"the party {organisation}")
    if at.actor.organisation != organisation or at.actor.signatory is not None:
        raise Rejected(NOT_ENTITLED, f"{at.actor.name}: only the key of {organisation} itself may do this")
    return party


RULES: dict[type[Act], Rule] = {
    RegisterInitialised: initialise,
    PartyAdded: add_party,
    SignatoryEnrolled: enrol_signatory,
    SignatoryEnded: end_signatory,
    WorkerEnrolled: enrol_worker,
    KeyRotated: rotate_key,
}
"""Which function applies each act."""
