"""`concordat agreement suspend` and `resume`: acts that stop what flows and lift it, with the measured time."""

from __future__ import annotations

from typing import Annotated

import typer

from agreements.endings import last_approved
from agreements.umbrella.under import standing_under
from broker import clock
from broker.cli.acting import As, Key, cluster, said, signatory
from broker.cli.agreement_terms import Reason, Reference
from broker.cli.agreement_view import stop_text
from broker.cli.output import Json, emit
from broker.register import commands
from broker.register.append import Appended
from broker.register.codes import NOT_CONFIRMED
from broker.settings import load
from contracts.faults import AnswerIsNo

ONLY = "share=ID, purpose=P, dataset=D, field=PATH or recipient=ORG; may be given again.  Default: everything."


def suspend(
    reference: Reference,
    *,
    as_: As,
    key: Key,
    reason: Reason = "not given",
    only: Annotated[list[str] | None, typer.Option(metavar="KIND=NAME", help=ONLY)] = None,
    json: Json = False,
) -> None:
    """Stop an agreement, or a part of it, and wait until every worker has confirmed it.

    Without a suspended field the records go on; a department's rows lose the field as they are derived again.

    Example: concordat agreement suspend DSA-2026-014 --as jane-doe --key jane.key --reason "breach reported"
    """
    began = clock.monotonic_seconds()
    connection = cluster()
    who = signatory(as_, key)
    appended = commands.suspend(connection, who, reference, reason=reason, only=only or ())
    show_stop(appended, reference, began, json=json)


def resume(reference: Reference, *, as_: As, key: Key, json: Json = False) -> None:
    """Lift the suspensions that the signatory's organisation ordered.  Held records are then decided and delivered.

    Example: concordat agreement resume DSA-2026-014 --as jane-doe --key jane.key
    """
    began = clock.monotonic_seconds()
    appended = commands.resume(cluster(), signatory(as_, key), reference)
    show_stop(appended, reference, began, json=json)


def show_stop(appended: Appended, reference: str, began: float, *, json: bool) -> None:
    """Wait until every worker has confirmed the act, and print what was seen; raises `AnswerIsNo` where one has not."""
    versions = appended.snapshot.agreements[reference]
    entry = last_approved(versions) or versions[-1]
    settings = load()
    stopped = (*versions, *standing_under(appended.snapshot.agreements.values(), reference))
    stop = commands.await_stop(
        cluster(settings),
        appended.positions[-1],
        sorted({share.dataset for one in stopped for share in one.shares}),
        began_at=began,
        age_milliseconds_max=settings.snapshot_age_milliseconds_max,
    )
    document = said(appended, reference=reference, state=entry.state, stop=stop)
    emit(document, json=json, table=f"{reference} is {entry.state}\n{stop_text(stop)}")
    if not stop.confirmed and stop.workers:
        raise AnswerIsNo(NOT_CONFIRMED.fault(f"{reference}: {', '.join(stop.unconfirmed)}"))
