"""What stops an agreement and lifts a stop, and who may do that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from agreements.acts import Act, AgreementResumed, AgreementSuspended
from agreements.codes import BAD_SCHEMA, UNKNOWN_OBJECT, WRONG_STATE
from agreements.entries import is_under
from agreements.lifecycle import Event
from agreements.model import Share
from agreements.mutable import Circumstances, MutableRegister, Rejected, Rule
from agreements.rules.entries import moved, organisation_of, versions_of
from agreements.snapshot import SIGNED, AgreementEntry, AgreementState, Job, JobKind, Suspension
from contracts import topics
from contracts.model import Kind


def suspend(register: MutableRegister, act: AgreementSuspended, at: Circumstances) -> None:
    """Every signed version stops, whole, for some shares, or for single fields of them."""
    versions = versions_of(register, act.reference)
    organisation = organisation_of(versions[-1].agreement, at.actor)
    concerned = [entry for entry in versions if entry.state in SIGNED]
    if not concerned:
        raise Rejected(WRONG_STATE, f"{act.reference} is {versions[-1].state}")
    _check_named(act, concerned)
    fields = tuple((field.share, field.path) for field in act.fields)
    shares = frozenset(act.shares) if act.shares or fields else None
    added = Suspension(at.position, at.time, at.actor.name, act.reason, shares, organisation, fields)

    def suspended(entry: AgreementEntry) -> AgreementEntry:
        more = replace(entry, suspensions=(*entry.suspensions, added), version=at.version)
        return moved(more, Event.SUSPEND)

    _change(register, act, at, suspended)


def resume(register: MutableRegister, act: AgreementResumed, at: Circumstances) -> None:
    """Lift what the actor's organisation ordered; the workers release what they held of shares that nothing stops now."""
    versions = versions_of(register, act.reference)
    organisation = organisation_of(versions[-1].agreement, at.actor)
    ordered = [s for entry in versions if entry.state in SIGNED for s in entry.suspensions]
    if not any(suspension.organisation == organisation for suspension in ordered):
        raise Rejected(WRONG_STATE, f"{act.reference} has no suspension that {at.actor.name} may lift")

    def resumed(entry: AgreementEntry) -> AgreementEntry:
        kept = without(entry, organisation)
        fewer = replace(kept, version=at.version)
        return fewer if kept.suspensions or entry.state is AgreementState.APPROVED else moved(fewer, Event.RESUME)

    _change(register, act, at, resumed)


def without(entry: AgreementEntry, organisation: str) -> AgreementEntry:
    """A version without the suspensions that one organisation ordered (empty: the operator)."""
    return replace(entry, suspensions=tuple(s for s in entry.suspensions if s.organisation != organisation))


def changed_views(before: AgreementEntry, now: AgreementEntry) -> tuple[Share, ...]:
    """The shares, as they are to be delivered now, of which other fields leave than before: each needs another view schema."""
    return tuple(now.effective(share) for share in before.shares if before.effective(share) != now.effective(share))


def _check_named(act: AgreementSuspended, concerned: Sequence[AgreementEntry]) -> None:
    """Every share and field that the act names is one of a signed version."""
    fields = {(share.id, path) for entry in concerned for share in entry.agreement.shares for path in share.fields}
    if unknown := set(act.shares) - {share for share, _ in fields}:
        raise Rejected(UNKNOWN_OBJECT, f"{act.reference} has no share {', '.join(sorted(unknown))}")
    for named in act.fields:
        if not any(share == named.share and is_under(path, frozenset([named.path])) for share, path in fields):
            raise Rejected(UNKNOWN_OBJECT, f"{act.reference} has no field {named.path} in a share {named.share}")


def _change(
    register: MutableRegister,
    act: AgreementSuspended | AgreementResumed,
    at: Circumstances,
    change: Callable[[AgreementEntry], AgreementEntry],
) -> None:
    """Change every signed version; rows of entities are derived again where other fields leave from now on."""
    versions = versions_of(register, act.reference)
    changed = {entry.agreement.version: change(entry) for entry in versions if entry.state in SIGNED}
    moving: dict[tuple[int, str], Share] = {}
    for entry in versions:
        now = changed.get(entry.agreement.version, entry)
        moving |= {(entry.agreement.version, share.id): share for share in changed_views(entry, now)}
    given = {(view.agreement_version, view.share): view.view_schema for view in act.views}
    if given.keys() != moving.keys() or len(given) != len(act.views):
        raise Rejected(BAD_SCHEMA, f"{act.reference}: a view schema for each share whose fields change, and no other")
    used = [(f"{topics.share(act.reference, share)}-value", number) for (_, share), number in given.items()]
    register.check_schemas(act.schemas, used)
    register.add_schemas(act.schemas)
    for number, entry in changed.items():
        views = {share: schema for (version, share), schema in given.items() if version == number}
        changed[number] = replace(entry, view_schemas={**entry.view_schemas, **views}) if views else entry
    register.agreements[act.reference] = tuple(changed.get(entry.agreement.version, entry) for entry in versions)
    kind = JobKind.CORRECTION if isinstance(act, AgreementSuspended) else JobKind.BACKFILL
    for share in {share.id: share for share in moving.values()}.values():
        if _is_entity(register, share):
            register.jobs.append(Job(at.position, kind, share.dataset, act.reference, share.id))


def _is_entity(register: MutableRegister, share: Share) -> bool:
    contract = register.contract(share.dataset, share.contract)
    return contract is not None and contract.contract.kind is Kind.ENTITY


RULES: dict[type[Act], Rule] = {
    AgreementSuspended: suspend,
    AgreementResumed: resume,
}
"""Which function applies each act."""
