"""What the acts do by which people keep an agreement running, and who may do them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from agreements.acts import Act, AttestationGiven, CaveatAcknowledged, ReviewHeld
from agreements.codes import DATES, NOT_ENTITLED, UNKNOWN_OBJECT, WRONG_STATE
from agreements.duties import review_day
from agreements.instants import start_of
from agreements.lifecycle import Event, after
from agreements.model import Side
from agreements.mutable import Circumstances, MutableRegister, Rejected, Rule
from agreements.rules.entries import party_signatory, versions_of
from agreements.snapshot import SIGNED, AgreementEntry
from agreements.undertakings import NONE, Acknowledgement, AttestationMade, ReviewRecorded, Undertakings

_V = TypeVar("_V")


def acknowledge(register: MutableRegister, act: CaveatAcknowledged, at: Circumstances) -> None:
    """The recipient has read a caveat that a contract has now or had; an older version is never acknowledged anew."""
    entries = _living(register, act.reference)
    signatory = party_signatory(entries[-1].agreement, at.actor)
    if signatory.organisation != entries[-1].agreement.party(Side.RECIPIENT).organisation:
        raise Rejected(NOT_ENTITLED, f"only the recipient acknowledges a caveat of {act.reference}")
    name = f"{act.caveat}@{act.caveat_version}"
    if all(share.dataset != act.dataset for entry in entries for share in entry.agreement.shares):
        raise Rejected(UNKNOWN_OBJECT, f"{act.reference} shares nothing of {act.dataset}")
    published = register.contracts.get(act.dataset) or ()
    known = {(caveat.identifier, caveat.version) for found in published for caveat in found.contract.caveats}
    if (act.caveat, act.caveat_version) not in known:
        raise Rejected(UNKNOWN_OBJECT, f"the caveat {name} of {act.dataset}")
    done = register.undertakings.get(act.reference) or NONE
    key = f"{act.dataset}/{act.caveat}"
    if key in done.caveats and done.caveats[key].version >= act.caveat_version:
        raise Rejected(WRONG_STATE, f"{name} of {act.dataset} was acknowledged already")
    made = Acknowledgement(act.caveat_version, at.actor.name, at.position)
    _keep(register, act.reference, at, replace(done, caveats=_with(done.caveats, key, made)))


def attest(register: MutableRegister, act: AttestationGiven, at: Circumstances) -> None:
    """A party confirms what it owes; its clock runs from the time of the act."""
    owed = [
        attestation
        for entry in _living(register, act.reference)
        for attestation in entry.agreement.attestations
        if attestation.id == act.attestation
    ]
    if not owed:
        raise Rejected(UNKNOWN_OBJECT, f"{act.reference} has no attestation {act.attestation}")
    if at.actor.signatory is None or at.actor.organisation != owed[-1].by:
        raise Rejected(NOT_ENTITLED, f"{act.attestation} of {act.reference} is {owed[-1].by}'s to make")
    done = register.undertakings.get(act.reference) or NONE
    made = AttestationMade(owed[-1].subject, owed[-1].by, at.actor.name, at.time, act.text, at.position)
    _keep(register, act.reference, at, replace(done, attestations=_with(done.attestations, act.attestation, made)))


def review(register: MutableRegister, act: ReviewHeld, at: Circumstances) -> None:
    """A review of a signed version.  Before its day it only moves the day: the last review is on the day or after it."""
    entries = [e for e in versions_of(register, act.reference) if e.agreement.version == act.agreement_version]
    if not entries or entries[0].state not in SIGNED:
        raise Rejected(WRONG_STATE, f"version {act.agreement_version} of {act.reference} is not one that is signed")
    agreement = entries[0].agreement
    party_signatory(agreement, at.actor)
    done = register.undertakings.get(act.reference) or NONE
    due = review_day(entries[0], done)
    if due is None:
        raise Rejected(WRONG_STATE, f"{act.reference} has no review to come")
    if act.next_review is None and at.time < start_of(due):
        raise Rejected(DATES, f"a review before {due} says when the next one is")
    if act.next_review is not None and not due < act.next_review <= agreement.dates.end:
        raise Rejected(DATES, f"the next review is after {due} and not after the end, {agreement.dates.end}")
    made = ReviewRecorded(act.agreement_version, act.next_review, at.actor.name, at.time, act.text, at.position)
    _keep(register, act.reference, at, replace(done, review=made))


def _living(register: MutableRegister, reference: str) -> list[AgreementEntry]:
    """The versions that are in force or may still come to be, oldest first."""
    versions = versions_of(register, reference)
    found = [entry for entry in versions if after(entry.state, Event.TERMINATE) is not None]
    if not found:
        raise Rejected(WRONG_STATE, f"{reference} is {versions[-1].state}")
    return found


def _keep(register: MutableRegister, reference: str, at: Circumstances, done: Undertakings) -> None:
    register.undertakings[reference] = done
    versions = versions_of(register, reference)
    register.agreements[reference] = tuple(replace(entry, version=at.version) for entry in versions)


def _with(found: Mapping[str, _V], key: str, value: _V) -> Mapping[str, _V]:
    return MappingProxyType({**found, key: value})


RULES: dict[type[Act], Rule] = {
    CaveatAcknowledged: acknowledge,
    AttestationGiven: attest,
    ReviewHeld: review,
}
