"""Acts that stop an agreement, wholly or in part, and lift a stop; `broker.register.stop` waits until they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from agreements.acts import (
    AgreementResumed,
    AgreementSuspended,
    NewSchema,
    ShareView,
    SuspendedField,
)
from agreements.model import Share
from agreements.rules.stops import changed_views, without
from agreements.selection import Selection, select
from agreements.signing import Signer
from agreements.snapshot import SIGNED, AgreementEntry, Snapshot, Suspension
from broker import clock
from broker.cluster.client import Connection
from broker.policy.compile import compile_plan
from broker.register.agreeing import entry_of
from broker.register.append import Appended, Deed, act
from broker.register.codes import NO_SUCH
from broker.register.publishing import schema_ids
from contracts import topics
from contracts.faults import Faults, Refused

Views = tuple[tuple[ShareView, ...], tuple[NewSchema, ...]]


def suspend(
    connection: Connection,
    signer: Signer,
    reference: str,
    *,
    reason: str,
    only: Iterable[str] = (),
) -> Appended:
    """Stop an agreement, or what `only` names of it (`agreements.selection`), as it is resolved now.

    Raises `Refused` for a name that means nothing in a signed version.
    """
    asked = tuple(only)

    def decide(snapshot: Snapshot) -> list[Deed]:
        signed = _signed(snapshot, reference)
        found = select(signed, asked, lambda share: _key_fields(snapshot, share)) if asked else Selection((), ())
        shares = frozenset(found.shares) if asked else None
        added = Suspension(-1, clock.now(), signer.actor, reason, shares, fields=found.fields)
        views, schemas = _views(signed, lambda entry: replace(entry, suspensions=(*entry.suspensions, added)), snapshot)
        fields = tuple(SuspendedField(share, path) for share, path in found.fields)
        suspended = AgreementSuspended(reference, reason, found.shares, fields, asked, views, schemas)
        return [Deed(suspended, signer)]

    return act(connection, decide)


def resume(connection: Connection, signer: Signer, reference: str) -> Appended:
    """Lift every suspension that the signer's organisation ordered; suspended fields leave again."""

    def decide(snapshot: Snapshot) -> list[Deed]:
        signatory = snapshot.signatory(signer.actor.removeprefix("signatory/"))
        organisation = signatory.organisation if signatory is not None else ""
        signed = _signed(snapshot, reference)
        views, schemas = _views(signed, lambda entry: without(entry, organisation), snapshot)
        return [Deed(AgreementResumed(reference, views, schemas), signer)]

    return act(connection, decide)


def _signed(snapshot: Snapshot, reference: str) -> list[AgreementEntry]:
    entry_of(snapshot, reference)
    return [entry for entry in snapshot.agreements[reference] if entry.state in SIGNED]


def _key_fields(snapshot: Snapshot, share: Share) -> Sequence[str]:
    contract = snapshot.contract(share.dataset, share.contract)
    return () if contract is None else contract.contract.key


def _views(
    signed: Sequence[AgreementEntry], change: Callable[[AgreementEntry], AgreementEntry], snapshot: Snapshot
) -> Views:
    """The view schema of every share whose fields a change of its suspensions changes."""
    places: list[tuple[int, str]] = []
    wanted: list[tuple[str, str]] = []
    for entry in signed:
        for share in changed_views(entry, change(entry)):
            contract = snapshot.contract(share.dataset, share.contract)
            if contract is None:
                raise Refused(NO_SUCH.fault(f"a contract for {share.dataset} of major version {share.contract}"))
            plan = compile_plan(entry.agreement, entry.content_hash, share, contract.contract)
            if isinstance(plan, Faults):
                raise Refused(*plan.items)
            places.append((entry.agreement.version, share.id))
            wanted.append((f"{topics.share(entry.agreement.reference, share.id)}-value", plan.view_text))
    identifiers, new = schema_ids(wanted, snapshot)
    return tuple(ShareView(*place, number) for place, number in zip(places, identifiers, strict=True)), new
