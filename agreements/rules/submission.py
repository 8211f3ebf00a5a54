"""What the submission of an agreement does to the register, and who may submit."""

from __future__ import annotations

from agreements.acts import Act, AgreementSubmitted
from agreements.checks import contradictions
from agreements.clauses import leaves_nothing_unenforced
from agreements.codes import BAD_TERMS, UNKNOWN_OBJECT, WRONG_STATE
from agreements.instants import end_of, start_of
from agreements.lifecycle import Event, after
from agreements.model import Agreement, Side
from agreements.mutable import Circumstances, MutableRegister, Rejected, Rule
from agreements.ownership import not_owned
from agreements.rules.entries import check_combination, moved, party_signatory
from agreements.snapshot import AgreementEntry, AgreementState
from agreements.text import content_hash, from_canonical
from agreements.umbrella.meet import Effective
from agreements.umbrella.under import held_by, what_holds, without_umbrella
from contracts.faults import Faults

_OPEN = (AgreementState.SUBMITTED, AgreementState.AWAITING_SIGNATURES)
_ENDED = (AgreementState.TERMINATED, AgreementState.CLOSED)


def submit(register: MutableRegister, act: AgreementSubmitted, at: Circumstances) -> None:
    """A version is fixed and waits for review; an open draft is superseded, a returned one replaced under its number."""
    agreement = _terms(act)
    for party in agreement.parties:
        if party.organisation not in register.parties:
            raise Rejected(UNKNOWN_OBJECT, f"the party {party.organisation}")
    drafter = party_signatory(agreement, at.actor)
    versions = register.agreements.get(act.reference) or ()
    _check_may_follow(agreement, versions)
    returned = bool(versions) and versions[-1].state is AgreementState.RETURNED
    if returned:
        before, first, versions = versions[-1].state, versions[-1].first_submitted_at, versions[:-1]
    else:
        before, first = None, at.time
        if versions and versions[-1].state in _OPEN:
            versions = (*versions[:-1], moved(versions[-1], Event.SUPERSEDE))
    state = after(before, Event.SUBMIT if agreement.exceptional is None else Event.SUBMIT_EXCEPTIONAL)
    if state is None:
        raise Rejected(WRONG_STATE, f"{act.reference} cannot be submitted")
    holds = _what_holds(register, agreement, at)
    entry = AgreementEntry(
        agreement=agreement,
        content_hash=content_hash(agreement),
        drafted_by=drafter.identifier,
        state=state,
        version=at.version,
        starts_at=start_of(holds.agreement.dates.start),
        ends_at=end_of(holds.agreement.dates.end),
        report=act.clause_report,
        submitted_at=at.time,
        first_submitted_at=first,
    )
    register.agreements[act.reference] = (*versions, held_by(holds, entry))


def _what_holds(register: MutableRegister, agreement: Agreement, at: Circumstances) -> Effective:
    """The agreement under its umbrella, as its recipient may have it beside its others."""
    if faults := without_umbrella(register.contract, agreement) or not_owned(register.contract, agreement):
        raise Rejected(faults[0].code, faults[0].message)
    holds = what_holds(register.agreements.get, agreement)
    if isinstance(holds, Faults):
        raise Rejected(holds.items[0].code, holds.items[0].message)
    check_combination(register, holds.agreement, at.time)
    return holds


def _check_may_follow(agreement: Agreement, versions: tuple[AgreementEntry, ...]) -> None:
    """The next number, or that of a version that was returned; between the same parties; before the agreement's end."""
    reference = agreement.reference
    returned = bool(versions) and versions[-1].state is AgreementState.RETURNED
    wanted = len(versions) + (0 if returned else 1)
    if agreement.version != wanted:
        raise Rejected(WRONG_STATE, f"the next version of {reference} is {wanted}")
    if versions and _sides(versions[-1].agreement) != _sides(agreement):
        raise Rejected(BAD_TERMS, f"{reference} is between other parties; a new version does not change them")
    if any(entry.ending is not None or entry.state in _ENDED for entry in versions):
        raise Rejected(WRONG_STATE, f"{reference} was ended for ever; a new agreement has a reference of its own")


def _terms(act: AgreementSubmitted) -> Agreement:
    try:
        agreement = from_canonical(act.document.encode())
    except ValueError as error:
        raise Rejected(BAD_TERMS, f"{act.reference}: the document is not canonical") from error
    if agreement.reference != act.reference:
        raise Rejected(BAD_TERMS, f"the document is {agreement.reference}, not {act.reference}")
    if not leaves_nothing_unenforced(act.clause_report):
        raise Rejected(BAD_TERMS, f"{act.reference}: a clause is in no class (NOTHING-UNENFORCED)")
    if found := contradictions(agreement):
        raise Rejected(found[0].code, found[0].message)
    return agreement


def _sides(agreement: Agreement) -> frozenset[tuple[str, Side]]:
    """Who stands on which side.  Topics and pseudonyms belong to the reference, and who is a party may stop or end it."""
    return frozenset((party.organisation, party.side) for party in agreement.parties)


RULES: dict[type[Act], Rule] = {
    AgreementSubmitted: submit,
}
"""Which function applies each act."""
