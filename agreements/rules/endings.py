"""What ends an agreement and closes it, and who may do that.

An ordinary end respects the notice of the text; a party can always suspend at once, and end at once when it says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from agreements.acts import Act, AgreementCertified, AgreementTerminated, CertificateWaived
from agreements.codes import NOT_ENTITLED, WRONG_STATE
from agreements.endings import is_closing, last_approved
from agreements.instants import end_of
from agreements.lifecycle import Event, after
from agreements.lifecycle_codes import NOTICE
from agreements.mutable import OPERATOR, Circumstances, MutableRegister, Rejected, Rule
from agreements.rules.entries import moved, organisation_of, party_signatory, versions_of
from agreements.snapshot import SIGNED, AgreementEntry, Certificate, Ending, Waiver


def terminate(register: MutableRegister, act: AgreementTerminated, at: Circumstances) -> None:
    """Every signed version ends for ever, and an open draft of the next is withdrawn with them."""
    versions = versions_of(register, act.reference)
    if at.actor.name == OPERATOR:
        raise Rejected(NOT_ENTITLED, "only a party ends an agreement; the operator may suspend it")
    organisation_of(versions[-1].agreement, at.actor)
    signed = [entry for entry in versions if entry.state in SIGNED]
    if all(at.time >= entry.ends_at for entry in signed):
        raise Rejected(WRONG_STATE, f"{act.reference} is {versions[-1].state}; what was never signed is withdrawn")
    ends_at = _end(act, signed, at)
    ending = Ending(at.position, at.time, at.actor.name, act.reason)

    def ended(entry: AgreementEntry) -> AgreementEntry:
        if entry.state in SIGNED and (ends_at is None or entry.starts_at >= ends_at):
            return moved(replace(entry, ending=ending, version=at.version), Event.TERMINATE)
        if entry.state in SIGNED and ends_at is not None:
            return replace(entry, ending=ending, ends_at=min(entry.ends_at, ends_at), version=at.version)
        if after(entry.state, Event.WITHDRAW) is not None:
            return moved(replace(entry, version=at.version), Event.WITHDRAW)
        return entry

    register.agreements[act.reference] = tuple(ended(entry) for entry in versions)


def certify(register: MutableRegister, act: AgreementCertified, at: Circumstances) -> None:
    """The recipient's certificate closes an agreement that is over."""
    versions, last = _closing(register, act.reference, at)
    signatory = party_signatory(last.agreement, at.actor)
    if signatory.organisation != last.recipient:
        raise Rejected(
            NOT_ENTITLED, f"only {last.recipient}, which received the data, certifies that they are destroyed"
        )
    certificate = Certificate(at.position, at.time, signatory.identifier, act.statement, act.document_hash)
    closed = moved(replace(last, certificate=certificate, version=at.version), Event.CLOSE)
    register.agreements[act.reference] = tuple(closed if entry is last else entry for entry in versions)


def waive(register: MutableRegister, act: CertificateWaived, at: Circumstances) -> None:
    """Both sides, in the same words, close an agreement without a certificate."""
    versions, last = _closing(register, act.reference, at)
    signatory = party_signatory(last.agreement, at.actor)
    if any(waiver.organisation == signatory.organisation for waiver in last.waivers):
        raise Rejected(WRONG_STATE, f"{signatory.organisation} has agreed already; the other side has yet to")
    if any(waiver.statement != act.statement for waiver in last.waivers):
        raise Rejected(WRONG_STATE, f"the other side has agreed to other words: {last.waivers[0].statement}")
    said = Waiver(at.position, at.time, signatory.identifier, signatory.organisation, act.statement)
    changed = replace(last, waivers=(*last.waivers, said), version=at.version)
    if len(changed.waivers) == len(last.agreement.parties):
        changed = moved(changed, Event.CLOSE)
    register.agreements[act.reference] = tuple(changed if entry is last else entry for entry in versions)


def earliest_last_day(versions: Iterable[AgreementEntry], now: datetime) -> date | None:
    """The first last day that respects the notice of the signed versions; None where there is no notice."""
    notice = _notice(entry for entry in versions if entry.state in SIGNED)
    if notice is None:
        return None
    day = (now + notice).date() - timedelta(days=1)
    return day if end_of(day) >= now + notice else day + timedelta(days=1)


def _notice(signed: Iterable[AgreementEntry]) -> timedelta | None:
    notices = (entry.agreement.termination.notice for entry in signed)
    return max((notice for notice in notices if notice is not None), default=None)


def _end(act: AgreementTerminated, signed: list[AgreementEntry], at: Circumstances) -> datetime | None:
    """The instant at which the agreement ends, None for now; rejected where it would not respect the notice."""
    notice = _notice(signed)
    if act.last_day is None:
        if notice is not None and not act.at_once:
            raise Rejected(NOTICE, f"{act.reference} has a notice of {notice.days} days: name a last day")
        return None
    if act.last_day > max(entry.agreement.dates.end for entry in signed):  # also a day that the calendar ends with
        raise Rejected(WRONG_STATE, f"{act.reference} ends before {act.last_day} is over as it is")
    ends_at = end_of(act.last_day)
    earliest = at.time + (notice or timedelta())
    if act.at_once or ends_at <= at.time or ends_at < earliest:
        raise Rejected(NOTICE, f"{act.reference} cannot end with {act.last_day}; the notice runs until {earliest}")
    if all(entry.ends_at <= ends_at for entry in signed):
        raise Rejected(WRONG_STATE, f"{act.reference} ends before {act.last_day} is over as it is")
    return ends_at


def _closing(
    register: MutableRegister, reference: str, at: Circumstances
) -> tuple[tuple[AgreementEntry, ...], AgreementEntry]:
    versions = versions_of(register, reference)
    last = last_approved(versions)
    if last is None or not is_closing(versions, at.time):
        raise Rejected(WRONG_STATE, f"{reference} is not closing: it is not over, or no certificate is outstanding")
    return versions, last


RULES: dict[type[Act], Rule] = {AgreementTerminated: terminate, AgreementCertified: certify, CertificateWaived: waive}
"""Which function applies each act."""
