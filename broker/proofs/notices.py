"""Proofs of the clauses by which whoever was delivered a record hears of its correction, erasure or change of identity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from agreements.acts import NoticeAcknowledged, NoticeIssued
from agreements.acts.notices import Telling
from agreements.instants import day_of, end_of
from agreements.mutable import Actor, Circumstances, MutableRegister, Rejected
from agreements.notices import CaseState, NoticeCase, NoticeKind
from agreements.promises import AfterDelivery
from agreements.rules import notices as apply_notices
from agreements.snapshot import AgreementState, Signatory, Snapshot
from broker.notices.receivers import Receiver, receivers
from broker.proofs.proof import Proof, Proofs, equal, first
from broker.proofs.world import (
    DATASET,
    IDENTIFIER,
    KEYS,
    NOW,
    PROVIDER,
    RECIPIENT,
    REFERENCE,
    SHARE,
    agreement,
    deliver,
    entry_of,
    snapshot_of,
)
from contracts.faults import Faults

_TODAY = day_of(NOW)
_SOON, _USUAL = _TODAY + timedelta(days=5), _TODAY + timedelta(days=30)


def _answered(clause: str, *kinds: NoticeKind) -> Proof:
    def proof() -> str:
        return first(*(_told_and_followed(clause, kind) for kind in kinds))

    return proof


def _told_and_followed(clause: str, kind: NoticeKind) -> str:
    """Whoever was delivered the record is found though the agreement has ended, and is waited for as the clause says."""
    said = AfterDelivery.model_validate({clause: {"acknowledge_within": "P5D"}})
    with_clause, without = _ended(said), _ended(AfterDelivery())
    if isinstance(with_clause, Faults) or isinstance(without, Faults):
        return "the agreement does not compile"
    seen = deliver(agreement(after_delivery=said))
    key = seen.record.key if seen.record is not None and seen.record.key is not None else b""

    def found(identifier: str) -> tuple[Receiver, ...]:
        return receivers(seen.segments, with_clause, DATASET, [{"id": identifier}], KEYS).found

    return first(
        equal(found(IDENTIFIER), (Receiver(REFERENCE, SHARE, RECIPIENT, (key.decode(),)),)),
        equal(found("B654321"), ()),
        equal(_days(with_clause, kind), {_SOON}),
        equal(_days(without, kind), {_USUAL}),
        equal(_states(with_clause, kind), ["open", "overdue", "complete", "partially-executed"]),
    )


def _ended(said: AfterDelivery) -> Snapshot | Faults:
    entry = replace(entry_of(agreement(after_delivery=said)), state=AgreementState.TERMINATED)
    return snapshot_of([entry])


def _days(snapshot: Snapshot, kind: NoticeKind) -> set[date]:
    """The last days to answer that the register takes."""
    return {day for day in (_SOON, _USUAL) if _issued(snapshot, kind, day) is not None}


def _states(snapshot: Snapshot, kind: NoticeKind) -> list[CaseState]:
    """What a case is: asked now, asked too late, done, refused."""
    case = _issued(snapshot, kind, _SOON)
    if case is None:
        return []
    late = end_of(_SOON)
    return [
        case.state(NOW),
        case.state(late),
        *(_reply(snapshot, case, refused).state(late) for refused in (None, "No.")),
    ]


def _issued(snapshot: Snapshot, kind: NoticeKind, day: date) -> NoticeCase | None:
    register = MutableRegister(snapshot)
    telling = Telling(REFERENCE, SHARE, RECIPIENT, day, "00" * 32)
    return _done(register, apply_notices.issue, NoticeIssued(1, kind, DATASET, (telling,)), PROVIDER)


def _reply(snapshot: Snapshot, case: NoticeCase, refused: str | None) -> NoticeCase:
    register = MutableRegister(replace(snapshot, notices={1: case}))
    reply = NoticeAcknowledged(1, REFERENCE, SHARE, refused)
    return _done(register, apply_notices.acknowledge, reply, RECIPIENT) or case


def _done(
    register: MutableRegister, rule: Callable[..., None], act: NoticeIssued | NoticeAcknowledged, by: str
) -> NoticeCase | None:
    somebody = Signatory("somebody", by, "Owner", "00" * 32, NOW)
    try:
        rule(
            register,
            act,
            Circumstances(10, NOW, Actor("signatory/somebody", "00" * 32, by, somebody), 1, is_stamped=True),
        )
    except Rejected:
        return None
    return register.notices.get(1)


PROOFS: Proofs = {
    "after_delivery.corrections": _answered("corrections", NoticeKind.CORRECTED),
    "after_delivery.erasures": _answered("erasures", NoticeKind.ERASED, NoticeKind.RESTRICTED),
    "after_delivery.identity_changes": _answered("identity_changes", NoticeKind.MERGED, NoticeKind.SPLIT),
}
