"""What every rule about agreements needs: the versions of one, who acts for which party, and the move to another state."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agreements.codes import COMBINATION, NOT_ENTITLED, UNKNOWN_OBJECT, WRONG_STATE
from agreements.combination import clashes
from agreements.lifecycle import Event, after
from agreements.model import Agreement
from agreements.mutable import OPERATOR, Actor, MutableRegister, Rejected
from agreements.snapshot import AgreementEntry, Signatory


def versions_of(register: MutableRegister, reference: str) -> tuple[AgreementEntry, ...]:
    """Every version of an agreement, oldest first; rejected where there is none."""
    versions = register.agreements.get(reference)
    if versions is None:
        raise Rejected(UNKNOWN_OBJECT, f"the agreement {reference}")
    return versions


def moved(entry: AgreementEntry, event: Event) -> AgreementEntry:
    """The version in the state after `event`; rejected where that may not happen."""
    state = after(entry.state, event)
    if state is None:
        raise Rejected(WRONG_STATE, f"{entry.agreement.reference} is {entry.state}: {event} is not possible")
    return replace(entry, state=state)


def party_signatory(agreement: Agreement, actor: Actor) -> Signatory:
    """The signatory behind the actor; rejected unless of a party of the agreement."""
    if actor.signatory is None or all(party.organisation != actor.organisation for party in agreement.parties):
        raise Rejected(NOT_ENTITLED, f"{actor.name} is no signatory of a party of {agreement.reference}")
    return actor.signatory


def organisation_of(agreement: Agreement, actor: Actor) -> str:
    """On whose behalf the actor stops or resumes: a party's, or the operator's own (empty)."""
    return "" if actor.name == OPERATOR else party_signatory(agreement, actor).organisation


def check_combination(register: MutableRegister, agreement: Agreement, now: datetime) -> None:
    """Rejected where the recipient would receive what never goes together with what it has."""
    entries = (entry for versions in register.agreements.values() for entry in versions)
    found = next(clashes(agreement, entries, now), None)
    if found is not None:
        ours, other = agreement.shares[found.share].dataset, found.other.agreement.reference
        raise Rejected(COMBINATION, f"{ours} never goes with {found.dataset}, which {other} shares")
