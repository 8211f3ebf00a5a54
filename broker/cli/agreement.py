"""`concordat agreement`: data-sharing agreements, from the first text to the last day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Group

from agreements import text
from agreements.compare import differences
from agreements.content_keys import content_key, pseudonym_key
from broker import clock
from broker.cli import agreement_explain, agreement_schema, agreement_simulate, agreement_umbrella
from broker.cli.acting import OperatorKey, cluster, operator, said
from broker.cli.agreement_check import check
from broker.cli.agreement_edit import edit
from broker.cli.agreement_end import certify, terminate, waive
from broker.cli.agreement_inventory import duplicates, express, extract, import_, list_
from broker.cli.agreement_named import Wanted, named
from broker.cli.agreement_new import new
from broker.cli.agreement_sign import review, sign, submit, withdraw
from broker.cli.agreement_stop import resume, suspend
from broker.cli.agreement_terms import Reference
from broker.cli.agreement_undertakings import acknowledge, attest, reviewed
from broker.cli.agreement_view import (
    entry_table,
    history_rows,
    shown_document,
    stages_table,
)
from broker.cli.output import Json, emit, table, write
from broker.keys import installed
from broker.register import commands
from broker.register.codes import NO_SUCH
from broker.register.follow import read_snapshot
from broker.register.history import history_of
from broker.settings import load
from contracts.faults import Refused

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
_VERBS: tuple[Callable[..., None], ...] = (
    *(new, edit, check, submit, review, withdraw, sign),
    *(acknowledge, attest, reviewed),
    *(suspend, resume, terminate, certify, waive),
    *(duplicates, extract, express),
)
for verb in _VERBS:
    app.command()(verb)
app.command(name="list")(list_)
app.command(name="import")(import_)
app.command(name="simulate")(agreement_simulate.command)
app.command(name="explain")(agreement_explain.command)
app.command(name="flatten")(agreement_umbrella.command)
app.command(name="schema")(agreement_schema.command)


@app.command()
def show(
    reference: Reference,
    *,
    as_text: Annotated[bool, typer.Option("--text", help="The agreement's text alone.")] = False,
    json: Json = False,
) -> None:
    """Show an agreement: state, signatures, shares; or its text.

    Example: concordat agreement show DSA-2026-014
    """
    snapshot = read_snapshot(cluster())
    entry = snapshot.agreement(reference)
    if entry is None:
        raise Refused(NO_SUCH.fault(f"the agreement {reference}"))
    if as_text and not json:
        write(text.render(entry.document))
    else:
        document = shown_document(entry, snapshot, clock.now())
        emit(document, json=json, table=entry_table(entry, snapshot, clock.now()))


@app.command()
def history(reference: Reference, *, json: Json = False) -> None:
    """Show every act on an agreement, by whom and when, and how long each stage of the newest version took.

    Example: concordat agreement history DSA-2026-014
    """
    found = history_of(cluster(), f"agreement/{reference}", f"simulation/{reference}")
    if not found:
        raise Refused(NO_SUCH.fault(f"the agreement {reference}"))
    rows = history_rows(found)
    document = [{"position": p, "time": t, "act": a, "actor": w, "detail": d} for p, t, a, w, d in rows]
    columns = ("position", "time", "act", "by", "detail")
    shown = table(reference, columns, rows)
    entry = read_snapshot(cluster()).agreement(reference)
    emit(document, json=json, table=shown if entry is None else Group(shown, stages_table(entry)))


@app.command()
def diff(
    first: Wanted,
    second: Wanted,
    *,
    json: Json = False,
) -> None:
    """Say in plain English, clause by clause, what the second agreement changes of the first.

    Example: concordat agreement diff DSA-2026-014 DSA-2026-014.agreement.yaml
    """
    found = differences(named(first).agreement, named(second).agreement)
    names = ("clause", "before", "after", "sentence")
    document = [{name: getattr(one, name) for name in names} for one in found]
    shown = table("Differences", ("clause", "what changes"), [(one.clause, one.sentence) for one in found])
    emit(document, json=json, table=shown if found else "no difference in meaning")


@app.command(name="rotate-key")
def rotate_key(
    reference: Reference,
    *,
    share: Annotated[
        str | None, typer.Option(help="The content key of this share; otherwise the agreement's tokens.")
    ] = None,
    key: OperatorKey = None,
    json: Json = False,
) -> None:
    """Make a new version of an agreement's key; the events decided from then on are shaped with it.

    Tokens made before and after cannot be joined.  Refused where a share of an entity dataset uses the key.

    Example: concordat agreement rotate-key DSA-2026-014
    """
    identifier = content_key(reference, share) if share else pseudonym_key(reference)
    settings = load()
    appended = commands.rotate_key(cluster(settings), operator(key), identifier, installed(settings))
    version = appended.snapshot.key_versions[identifier]
    emit(said(appended, key=identifier, version=version), json=json, table=f"{identifier} has version {version}")
