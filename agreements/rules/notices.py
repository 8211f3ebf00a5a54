"""What acts on notices do, and who may do them."""

from __future__ import annotations

from dataclasses import replace

from agreements.acts import Act, NoticeAcknowledged, NoticeClosed, NoticeIssued
from agreements.acts.notices import Telling
from agreements.codes import ALREADY_THERE, NOT_ENTITLED, UNKNOWN_OBJECT, WRONG_STATE
from agreements.instants import day_of
from agreements.mutable import Circumstances, MutableRegister, Rejected, Rule
from agreements.notice_codes import DEADLINE
from agreements.notices import Answer, CaseState, Closing, NoticeCase, Told, answer_by, promising
from agreements.rules.entries import versions_of


def issue(register: MutableRegister, act: NoticeIssued, at: Circumstances) -> None:
    """The owner opens a case.  Each notice is to somebody who has had a share of the dataset, under its own deadline."""
    contract = register.contract(act.dataset)
    if contract is None:
        raise Rejected(UNKNOWN_OBJECT, f"the dataset {act.dataset}")
    owner = contract.contract.owner
    _only_of(owner, at, f"only {owner} tells what has become of records of {act.dataset}")
    if act.number != len(register.notices) + 1:
        raise Rejected(ALREADY_THERE, f"notice {act.number} where {len(register.notices) + 1} is the next")
    if len({(told.reference, told.share) for told in act.told}) != len(act.told):
        raise Rejected(ALREADY_THERE, f"a share is told twice in notice {act.number}")
    told = tuple(_told(register, act, one, at) for one in act.told)
    register.notices[act.number] = NoticeCase(
        act.number, act.kind, act.dataset, owner, at.actor.name, at.time, at.position, told, act.unsearched
    )


def acknowledge(register: MutableRegister, act: NoticeAcknowledged, at: Circumstances) -> None:
    """A recipient answers one of the notices to it.  A refusal may be taken back; what was done stays done."""
    case = _case(register, act.number)
    told = next((one for one in case.told if (one.reference, one.share) == (act.reference, act.share)), None)
    if told is None:
        raise Rejected(UNKNOWN_OBJECT, f"notice {act.number} about {act.reference} {act.share}")
    _only_of(told.recipient, at, f"only {told.recipient} answers notice {act.number} about {act.reference}")
    if told.is_done:
        raise Rejected(WRONG_STATE, f"notice {act.number} about {act.reference} {act.share} was answered: done")
    answered = replace(told, answer=Answer(act.refused, at.actor.name, at.time, at.position))
    told_now = tuple(answered if one is told else one for one in case.told)
    register.notices[act.number] = replace(case, told=told_now)


def close(register: MutableRegister, act: NoticeClosed, at: Circumstances) -> None:
    """The owner ends a case in which an answer is overdue; who has not answered stays named in it."""
    case = _case(register, act.number)
    _only_of(case.organisation, at, f"only {case.organisation} closes notice {act.number}")
    state = case.state(at.time)
    if state is not CaseState.OVERDUE:
        raise Rejected(WRONG_STATE, f"notice {act.number} is {state}: only one that is overdue is closed")
    closing = Closing(act.reason, at.actor.name, at.time, at.position)
    register.notices[act.number] = replace(case, closing=closing)


def _told(register: MutableRegister, act: NoticeIssued, one: Telling, at: Circumstances) -> Told:
    """A notice as the case keeps it; rejected where the share never was that recipient's, or the day is not the clause's."""
    versions = versions_of(register, one.reference)
    promised = promising(versions)
    shared = any(
        entry.was_signed and entry.recipient == one.recipient
        for entry in versions
        for share in entry.shares
        if (share.id, share.dataset) == (one.share, act.dataset)
    )
    if promised is None or not shared:
        raise Rejected(UNKNOWN_OBJECT, f"a share {one.share} of {act.dataset} to {one.recipient} under {one.reference}")
    due = answer_by(promised.agreement, act.kind, day_of(at.time))
    if one.answer_by != due:
        raise Rejected(DEADLINE, f"{one.reference} is to be answered by {due}, not {one.answer_by}")
    return Told(one.reference, one.share, one.recipient, one.answer_by, one.digest)


def _case(register: MutableRegister, number: int) -> NoticeCase:
    case = register.notices.get(number)
    if case is None:
        raise Rejected(UNKNOWN_OBJECT, f"notice {number}")
    return case


def _only_of(organisation: str, at: Circumstances, otherwise: str) -> None:
    if at.actor.signatory is None or at.actor.organisation != organisation:
        raise Rejected(NOT_ENTITLED, otherwise)


RULES: dict[type[Act], Rule] = {NoticeIssued: issue, NoticeAcknowledged: acknowledge, NoticeClosed: close}
"""Which function applies each act."""
