"""`concordat agreement`: data-sharing agreements, from the first text to the last day."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agreements import text
from agreements.apply_signatures import missing_offices
from agreements.compare import differences
from agreements.content_keys import content_key, pseudonym_key
from broker import clock
from broker.cli import agreement_explain, agreement_simulate
from broker.cli.acting import As, Key, OperatorKey, cluster, operator, said, signatory, text_of
from broker.cli.agreement_check import File, check, checked
from broker.cli.agreement_named import Wanted, named
from broker.cli.agreement_view import (
    entry_document,
    entry_table,
    history_rows,
    shown_document,
    stop_text,
)
from broker.cli.output import Json, emit, table, write
from broker.keys import installed
from broker.register import commands
from broker.register.append import Appended
from broker.register.codes import NO_SUCH, NOT_CONFIRMED
from broker.register.follow import read_snapshot
from broker.register.history import history_of
from broker.register.template import TEMPLATE
from broker.settings import load
from contracts.faults import AnswerIsNo, Refused

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
app.command(name="simulate")(agreement_simulate.command)
app.command(name="explain")(agreement_explain.command)

Reference = Annotated[str, typer.Argument(help="The agreement's reference, such as DSA-2026-014.")]
Reason = Annotated[str, typer.Option(help="Why, in words; it stands in the register for ever.")]


@app.command()
def new(
    *, output: Annotated[Path | None, typer.Option(help="Default: standard output.")] = None, json: Json = False
) -> None:
    """Print a complete agreement to start from.

    Example: concordat agreement new --output DSA-2027-001.agreement.yaml
    """
    if output is not None:
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(TEMPLATE)
        except OSError as error:
            raise Refused(NO_SUCH.fault(f"{output}: {error.strerror}")) from error
    if json:
        emit({"file": None if output is None else str(output), "text": TEMPLATE}, json=True)
    elif output is None:
        write(TEMPLATE)


app.command()(check)


@app.command()
def submit(file: File, *, as_: As, key: Key, json: Json = False) -> None:
    """Submit an agreement for signature.  Who submits it is its drafter.

    Example: concordat agreement submit DSA-2026-014.agreement.yaml --as sam-lee --key sam.key
    """
    document = text_of(file)
    appended = commands.submit(cluster(), signatory(as_, key), document, str(file))
    agreement = checked(file)
    _show_entry(appended, agreement.reference, json=json)


@app.command()
def sign(reference: Reference, *, as_: As, key: Key, json: Json = False) -> None:
    """Sign the newest version.  The last signature that its text asks for puts it in force on its first day.

    Example: concordat agreement sign DSA-2026-014 --as jane-doe --key jane.key
    """
    settings = load()
    keys = installed(settings)
    appended = commands.sign_agreement(cluster(settings), signatory(as_, key), reference, keys)
    _show_entry(appended, reference, json=json)


@app.command(name="list")
def list_(*, json: Json = False) -> None:
    """List the newest version of every agreement.

    Example: concordat agreement list
    """
    snapshot, now = read_snapshot(cluster()), clock.now()
    entries = [versions[-1] for _, versions in sorted(snapshot.agreements.items())]
    rows = [
        (
            e.agreement.reference,
            e.agreement.version,
            e.state,
            e.recipient,
            e.agreement.dates.start,
            e.agreement.dates.end,
        )
        for e in entries
    ]
    columns = ("reference", "version", "state", "recipient", "start", "end")
    document = [entry_document(entry, snapshot, now) for entry in entries]
    emit(document, json=json, table=table("Agreements", columns, rows))


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
        write(text.render(entry.agreement))
    else:
        document = shown_document(entry, snapshot, clock.now())
        emit(document, json=json, table=entry_table(entry, snapshot, clock.now()))


@app.command()
def history(reference: Reference, *, json: Json = False) -> None:
    """Show every act on an agreement, by whom and when.

    Example: concordat agreement history DSA-2026-014
    """
    found = history_of(cluster(), f"agreement/{reference}", f"simulation/{reference}")
    if not found:
        raise Refused(NO_SUCH.fault(f"the agreement {reference}"))
    rows = history_rows(found)
    document = [{"position": p, "time": t, "act": a, "actor": w, "detail": d} for p, t, a, w, d in rows]
    columns = ("position", "time", "act", "by", "detail")
    emit(document, json=json, table=table(reference, columns, rows))


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


@app.command()
def suspend(
    reference: Reference,
    *,
    as_: As,
    key: Key,
    reason: Reason = "not given",
    only: Annotated[list[str] | None, typer.Option(help="A share to stop; may be given again.  Default: all.")] = None,
    json: Json = False,
) -> None:
    """Stop an agreement, or some of its shares, and wait until every worker has confirmed it.

    Example: concordat agreement suspend DSA-2026-014 --as jane-doe --key jane.key --reason "breach reported"
    """
    began = clock.monotonic_seconds()
    connection = cluster()
    who = signatory(as_, key)
    appended = commands.suspend(connection, who, reference, reason=reason, shares=only or ())
    _await(appended, reference, began, json=json)


@app.command()
def resume(reference: Reference, *, as_: As, key: Key, json: Json = False) -> None:
    """Lift the suspensions that the signatory's organisation ordered.  Held records are then decided and delivered.

    Example: concordat agreement resume DSA-2026-014 --as jane-doe --key jane.key
    """
    began = clock.monotonic_seconds()
    appended = commands.resume(cluster(), signatory(as_, key), reference)
    _await(appended, reference, began, json=json)


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


@app.command()
def terminate(reference: Reference, *, as_: As, key: Key, reason: Reason = "not given", json: Json = False) -> None:
    """End an agreement for ever, and wait until every worker has confirmed it.

    Example: concordat agreement terminate DSA-2026-014 --as jane-doe --key jane.key --reason "purpose achieved"
    """
    began = clock.monotonic_seconds()
    appended = commands.terminate(cluster(), signatory(as_, key), reference, reason=reason)
    _await(appended, reference, began, json=json)


def _show_entry(appended: Appended, reference: str, *, json: bool) -> None:
    entry = appended.snapshot.agreement(reference)
    if entry is None:
        raise Refused(NO_SUCH.fault(f"the agreement {reference}"))
    missing = [f"{office} of {organisation}" for organisation, office in missing_offices(entry)]
    document = said(appended, **entry_document(entry, appended.snapshot, clock.now()), missing=missing)
    waiting = f"; still to sign: {', '.join(missing)}" if missing else ""
    shown = f"{reference} version {entry.agreement.version} is {entry.state}{waiting}"
    emit(document, json=json, table=shown)


def _await(appended: Appended, reference: str, began: float, *, json: bool) -> None:
    entry = appended.snapshot.agreement(reference)
    if entry is None:
        raise Refused(NO_SUCH.fault(f"the agreement {reference}"))
    settings = load()
    stop = commands.await_stop(
        cluster(settings),
        appended.positions[-1],
        [share.dataset for share in entry.agreement.shares],
        began_at=began,
        age_milliseconds_max=settings.snapshot_age_milliseconds_max,
    )
    document = said(appended, reference=reference, state=entry.state, stop=stop)
    emit(document, json=json, table=f"{reference} is {entry.state}\n{stop_text(stop)}")
    if not stop.confirmed and stop.workers:
        raise AnswerIsNo(NOT_CONFIRMED.fault(f"{reference}: {', '.join(stop.unconfirmed)}"))
