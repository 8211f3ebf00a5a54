"""What a worker may do to the register, and nothing else: suspend an agreement whose text says so, at a limit that it names."""

from __future__ import annotations

from dataclasses import replace

from agreements.acts import Act, LimitReached
from agreements.codes import BAD_TERMS, NOT_ENTITLED, WRONG_STATE
from agreements.lifecycle import Event
from agreements.model import Side
from agreements.mutable import WORKER, Circumstances, MutableRegister, Rejected, Rule
from agreements.rules.entries import moved, versions_of
from agreements.snapshot import SIGNED, AgreementEntry, Suspension
from agreements.standing import version_at


def reach(register: MutableRegister, act: LimitReached, at: Circumstances) -> None:
    """The version in force says whether the limit suspends; then every signed version is, as by any suspension.

    The provider alone lifts it, whose data it is.
    """
    if not at.actor.name.startswith(WORKER):
        raise Rejected(NOT_ENTITLED, "only a worker says that a limit was reached")
    asked = [entry for entry in _asked(versions_of(register, act.reference), at) if entry.shares]
    if not asked:
        raise Rejected(WRONG_STATE, f"{act.reference} delivers nothing: it is not in force, or no DSA")
    limits = [entry.agreement.limits for entry in asked]
    if all(getattr(one, act.limit) is None or one.when_reached != "suspend" for one in limits):
        raise Rejected(BAD_TERMS, f"{act.reference} is not suspended at {act.limit}")
    if any(held.limit == act.limit for entry in asked for held in entry.suspensions):
        raise Rejected(WRONG_STATE, f"{act.reference} is suspended at {act.limit} already")
    provider = asked[-1].agreement.party(Side.PROVIDER).organisation
    reason = f"{act.limit} was reached in {act.period}"
    added = Suspension(at.position, at.time, at.actor.name, reason, organisation=provider, limit=act.limit)

    def suspended(entry: AgreementEntry) -> AgreementEntry:
        return moved(replace(entry, suspensions=(*entry.suspensions, added), version=at.version), Event.SUSPEND)

    register.agreements[act.reference] = tuple(
        suspended(entry) if entry.state in SIGNED else entry for entry in versions_of(register, act.reference)
    )


def _asked(versions: tuple[AgreementEntry, ...], at: Circumstances) -> list[AgreementEntry]:
    """The version in force; for a record without Kafka's time every signed one, as when such records were written."""
    if not at.is_stamped:
        return [entry for entry in versions if entry.state in SIGNED]
    in_force = version_at(versions, at.time)
    return [] if in_force is None else [in_force]


RULES: dict[type[Act], Rule] = {LimitReached: reach}
