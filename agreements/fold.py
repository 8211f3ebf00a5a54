"""The fold: from the records of the register to a snapshot.  It is the guard (decision 21).

    split -> decode -> same register? -> actor known? -> signature -> time -> expected version -> the act's own rules -> applied

Every reader folds every record itself and comes to the same snapshot and fingerprint.  A record that fails at any step is
ignored altogether and becomes an `Alarm`; only the position moves on.  No I/O, no clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from agreements import acts
from agreements.append_time import Logged, too_far
from agreements.codes import BAD_SIGNATURE, NOT_AN_ACT, NOT_ENTITLED, STALE
from agreements.mutable import OPERATOR, WORKER, Actor, Circumstances, MutableRegister, Rejected
from agreements.rules.every import RULES
from agreements.signing import ACT_DOMAIN, verifies
from agreements.snapshot import Snapshot
from agreements.time_codes import NOT_STAMPED, UNTIMELY
from contracts.faults import Fault


@dataclass(frozen=True, slots=True)
class Alarm:
    """A record of the register that was ignored, and why.  `actor` is who it claims to be by, unproved."""

    position: int
    fault: Fault
    actor: str | None


class Folded(NamedTuple):
    """The snapshot after some records, and an alarm for each one that was ignored."""

    snapshot: Snapshot
    alarms: tuple[Alarm, ...]


def fold(snapshot: Snapshot, logged: Logged) -> Folded:
    """Fold one record."""
    return fold_batch(snapshot, (logged,))


def fold_batch(snapshot: Snapshot, records: Iterable[Logged]) -> Folded:
    """Fold records in the order of their offsets; the same as one by one, without a copy for each.

    Raises `ValueError` for an offset that is not after the last one.
    """
    register = MutableRegister(snapshot)
    alarms: list[Alarm] = []
    for logged in records:
        if logged.position <= register.position:
            raise ValueError(f"offset {logged.position} does not follow {register.position}")
        statement: acts.Statement | None = None
        try:
            record, statement = _read(logged.value)
            _apply(register, logged, record, statement)
        except Rejected as rejected:
            alarms.append(Alarm(logged.position, rejected.fault, None if statement is None else statement.actor))
        else:
            register.fingerprint = _chained(register.fingerprint, logged)
            if register.stamped_since is None and logged.appended_ms is not None:
                register.stamped_since = logged.position
        register.position = logged.position
    return Folded(register.freeze(), tuple(alarms))


def _read(value: bytes | None) -> tuple[acts.Record, acts.Statement]:
    try:
        record = acts.split(value or b"")
        return record, acts.read_statement(record.statement)
    except ValueError as error:
        raise Rejected(NOT_AN_ACT, str(error)) from error


def _apply(register: MutableRegister, logged: Logged, record: acts.Record, statement: acts.Statement) -> None:
    act, position = statement.act, logged.position
    actor = _actor(register, statement)
    if not verifies(actor.public_key, ACT_DOMAIN, record.statement, record.signature):
        raise Rejected(BAD_SIGNATURE, f"the act at {position} claims to be by {statement.actor}")
    if actor.name.startswith(WORKER) and not isinstance(act, acts.LimitReached):
        raise Rejected(NOT_ENTITLED, f"{actor.name} may say that a limit was reached, and nothing else")
    _check_time(register, logged, statement)
    subject = act.subject()
    version = register.versions.get(subject) or 0
    if statement.expects != version:
        raise Rejected(STALE, f"{subject} has version {version}, the act expects {statement.expects}")
    is_stamped = logged.appended_ms is not None
    RULES[type(act)](register, act, Circumstances(position, statement.time, actor, version + 1, is_stamped))
    register.versions[subject] = version + 1


def _check_time(register: MutableRegister, logged: Logged, statement: acts.Statement) -> None:
    """TRUSTED-TIME: the claim is near Kafka's time.  Records without it count only before the first act that has it."""
    if logged.appended_ms is None:
        if register.stamped_since is not None:
            since = f"acts are stamped by Kafka since {register.stamped_since}"
            raise Rejected(NOT_STAMPED, f"the act at {logged.position} by {statement.actor}; {since}")
        return
    if far := too_far(statement.time, logged.appended_ms):
        claimed = f"the act at {logged.position} by {statement.actor} claims {statement.time.isoformat()}"
        raise Rejected(UNTIMELY, f"{claimed}, {far} Kafka's time of its record")


def _actor(register: MutableRegister, statement: acts.Statement) -> Actor:
    act = statement.act
    first = isinstance(act, acts.RegisterInitialised) and register.operator_key is None
    key = act.operator_key if first and isinstance(act, acts.RegisterInitialised) else register.operator_key
    if key is None or statement.register != key:
        raise Rejected(NOT_AN_ACT, "the act is not one of this register")
    return (
        Actor(OPERATOR, key, None, None) if first and statement.actor == OPERATOR else register.actor(statement.actor)
    )


def _chained(fingerprint: str, logged: Logged) -> str:
    """The next link of the hash chain over accepted acts: SHA-256(previous, offset, SHA-256(record), Kafka's time).

    Numbers are 8 bytes, big-endian; a record without Kafka's time has none in its link.
    """
    link = hashlib.sha256(bytes.fromhex(fingerprint))
    link.update(logged.position.to_bytes(8, "big"))
    link.update(hashlib.sha256(logged.value or b"").digest())
    if logged.appended_ms is not None:
        link.update(logged.appended_ms.to_bytes(8, "big", signed=True))
    return link.hexdigest()
