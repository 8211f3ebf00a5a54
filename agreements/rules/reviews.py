"""What reviews do to the register, and who may review: three tracks before signature, one afterwards for an exception.

A review is of one text and one clause report, named by their hashes, so that it says nothing about a later text.
"""

from __future__ import annotations

from dataclasses import replace

from agreements.acts import Act, AgreementReviewed, AgreementWithdrawn
from agreements.clauses import report_hash
from agreements.codes import NOT_ENTITLED, SEPARATE_DUTIES, WRONG_STATE
from agreements.gates import closed_gates
from agreements.lifecycle import Event
from agreements.lifecycle_codes import GATE, OTHER_TEXT
from agreements.mutable import Circumstances, MutableRegister, Rejected, Rule
from agreements.reviews import Track, TrackReview, Verdict
from agreements.rules.entries import moved, party_signatory, versions_of
from agreements.snapshot import SIGNED, AgreementEntry, AgreementState

_OPEN = (AgreementState.SUBMITTED, AgreementState.AWAITING_SIGNATURES)
_ENDED = (AgreementState.TERMINATED, AgreementState.CLOSED)


def review(register: MutableRegister, act: AgreementReviewed, at: Circumstances) -> None:
    """A track accepts, returns or rejects the newest version; the last acceptance lets it be signed."""
    versions = versions_of(register, act.reference)
    entry = versions[-1]
    signatory = party_signatory(entry.agreement, at.actor)
    if act.agreement_version != entry.agreement.version:
        raise Rejected(WRONG_STATE, f"the newest version of {act.reference} is {entry.agreement.version}")
    if (act.content_hash, act.clause_report) != (entry.content_hash, report_hash(entry.report)):
        raise Rejected(OTHER_TEXT, f"{act.reference} version {act.agreement_version} is now {entry.content_hash}")
    if signatory.identifier == entry.drafted_by:
        raise Rejected(SEPARATE_DUTIES, f"{signatory.identifier} drafted version {act.agreement_version}")
    event = None
    if act.track is Track.RETROSPECTIVE:
        _check_retrospective(entry, act, signatory.identifier)
    else:
        event = _before(entry, act)
    added = TrackReview(
        act.track, act.verdict, signatory.identifier, signatory.organisation, at.position, at.time, act.comment
    )
    reviewed = replace(entry, reviews=(*entry.reviews, added), version=at.version)
    changed = reviewed if event is None else moved(reviewed, event)
    register.agreements[act.reference] = (*versions[:-1], changed)


def withdraw(register: MutableRegister, act: AgreementWithdrawn, at: Circumstances) -> None:
    """The side whose signatory submitted the newest version takes it back."""
    versions = versions_of(register, act.reference)
    entry = versions[-1]
    signatory = party_signatory(entry.agreement, at.actor)
    drafter = register.signatory(entry.drafted_by)
    if drafter is None or signatory.organisation != drafter.organisation:
        raise Rejected(NOT_ENTITLED, f"{act.reference} was submitted by the other side; a reviewer can return it")
    withdrawn = moved(replace(entry, version=at.version), Event.WITHDRAW)
    register.agreements[act.reference] = (*versions[:-1], withdrawn)


def _before(entry: AgreementEntry, act: AgreementReviewed) -> Event:
    """What a review before signature comes to; rejected where the track does not wait for one."""
    if entry.state not in _OPEN:
        raise Rejected(WRONG_STATE, f"{act.reference} is {entry.state}: it does not wait for review")
    if act.verdict is not Verdict.ACCEPT:
        return Event.RETURN if act.verdict is Verdict.RETURN else Event.REJECT
    missing = entry.missing_tracks()
    if act.track not in missing:
        raise Rejected(WRONG_STATE, f"{act.reference} does not wait for the track {act.track}")
    for gate in closed_gates(entry.agreement):
        if gate.track is act.track:
            raise Rejected(GATE, f"{act.reference}: {gate.message}")
    return Event.CLEAR if missing == (act.track,) else Event.ACCEPT


def _check_retrospective(entry: AgreementEntry, act: AgreementReviewed, reviewer: str) -> None:
    """A review of an exceptional disclosure after it was made: recorded, whatever it says; it changes no state."""
    if entry.agreement.exceptional is None or entry.state not in (*SIGNED, *_ENDED):
        raise Rejected(WRONG_STATE, f"{act.reference} is no exceptional disclosure that was made")
    if act.verdict is Verdict.RETURN:
        raise Rejected(WRONG_STATE, f"{act.reference} was signed and cannot be returned: accept or reject it")
    if any(signature.signatory == reviewer for signature in entry.signatures):
        raise Rejected(SEPARATE_DUTIES, f"{reviewer} signed {act.reference}")
    if any(found.track is Track.RETROSPECTIVE for found in entry.reviews):
        raise Rejected(WRONG_STATE, f"{act.reference} has had its review")


RULES: dict[type[Act], Rule] = {AgreementReviewed: review, AgreementWithdrawn: withdraw}
"""Which function applies each act."""
