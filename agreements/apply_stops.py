"""What stops an agreement, lifts a stop and ends it, and who may do that."""

from __future__ import annotations

from dataclasses import replace

from agreements.acts import Act, AgreementResumed, AgreementSuspended, AgreementTerminated
from agreements.apply_entries import change_signed, moved, organisation_of, versions_of
from agreements.codes import NOT_ENTITLED, UNKNOWN_OBJECT, WRONG_STATE
from agreements.lifecycle import Event, after
from agreements.mutable import OPERATOR, Circumstances, MutableRegister, Rejected, Rule
from agreements.snapshot import SIGNED, AgreementEntry, AgreementState, Ending, Suspension


def suspend(register: MutableRegister, act: AgreementSuspended, at: Circumstances) -> None:
    """Every signed version stops, whole or for some shares."""
    versions = versions_of(register, act.reference)
    organisation = organisation_of(versions[-1].agreement, at.actor)
    concerned = [entry for entry in versions if entry.state in SIGNED]
    if not concerned:
        raise Rejected(WRONG_STATE, f"{act.reference} is {versions[-1].state}")
    known = {share.id for entry in concerned for share in entry.agreement.shares}
    if unknown := set(act.shares) - known:
        raise Rejected(UNKNOWN_OBJECT, f"{act.reference} has no share {', '.join(sorted(unknown))}")
    shares = frozenset(act.shares) or None
    added = Suspension(at.position, at.time, at.actor.name, act.reason, shares, organisation)

    def suspended(entry: AgreementEntry) -> AgreementEntry:
        more = replace(entry, suspensions=(*entry.suspensions, added), version=at.version)
        return moved(more, Event.SUSPEND)

    change_signed(register, act.reference, suspended)


def resume(register: MutableRegister, act: AgreementResumed, at: Circumstances) -> None:
    """Lift what the actor's organisation ordered; the workers release what they held of shares that nothing stops now."""
    versions = versions_of(register, act.reference)
    organisation = organisation_of(versions[-1].agreement, at.actor)
    ordered = [s for entry in versions if entry.state in SIGNED for s in entry.suspensions]
    if not any(suspension.organisation == organisation for suspension in ordered):
        raise Rejected(WRONG_STATE, f"{act.reference} has no suspension that {at.actor.name} may lift")

    def resumed(entry: AgreementEntry) -> AgreementEntry:
        kept = tuple(s for s in entry.suspensions if s.organisation != organisation)
        fewer = replace(entry, suspensions=kept, version=at.version)
        return fewer if kept or entry.state is AgreementState.APPROVED else moved(fewer, Event.RESUME)

    change_signed(register, act.reference, resumed)


def terminate(register: MutableRegister, act: AgreementTerminated, at: Circumstances) -> None:
    """Every signed version ends for ever, and an open draft of the next is withdrawn with them."""
    versions = versions_of(register, act.reference)
    if at.actor.name == OPERATOR:
        raise Rejected(NOT_ENTITLED, "only a party ends an agreement; the operator may suspend it")
    organisation_of(versions[-1].agreement, at.actor)
    if all(after(entry.state, Event.TERMINATE) is None for entry in versions):
        raise Rejected(WRONG_STATE, f"{act.reference} is {versions[-1].state}; what was never signed is withdrawn")

    def ended(entry: AgreementEntry) -> AgreementEntry:
        if after(entry.state, Event.TERMINATE) is not None:
            ending = Ending(at.position, at.time, at.actor.name, act.reason)
            return moved(replace(entry, ending=ending, version=at.version), Event.TERMINATE)
        if after(entry.state, Event.WITHDRAW) is not None:
            return moved(replace(entry, version=at.version), Event.WITHDRAW)
        return entry

    register.agreements[act.reference] = tuple(ended(entry) for entry in versions)


RULES: dict[type[Act], Rule] = {
    AgreementSuspended: suspend,
    AgreementResumed: resume,
    AgreementTerminated: terminate,
}
"""Which function applies each act."""
