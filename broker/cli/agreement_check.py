"""`concordat agreement check`: an agreement's text held against what it must say, and every mechanism that it needs proved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from agreements import text
from agreements.checks import problems
from agreements.model import Agreement
from agreements.umbrella.meet import Effective, flatten
from agreements.umbrella.under import what_holds
from broker.cli.acting import cluster, text_of
from broker.cli.agreement_umbrella import Under, origin_words, under_file
from broker.cli.output import Json, emit, print_faults, table, write
from broker.policy.compile import filter_faults
from broker.proofs.prove import ProvedLine, proved_report, unproven
from broker.register import commands
from broker.register.follow import read_snapshot
from contracts.faults import AnswerIsNo, Faults, Unusable

File = Annotated[Path, typer.Argument(help="An agreement's text.")]


def check(
    file: File,
    *,
    registered: Annotated[bool, typer.Option(help="Also against the register: parties, contracts, plans.")] = False,
    under: Under = None,
    json: Json = False,
) -> None:
    """Check an agreement and show by what each clause is kept, with each mechanism proved on a made-up event.

    Example: concordat agreement check DSA-2026-014.agreement.yaml
    """
    agreement, document_text = parsed(file), text_of(file)
    places, meant = text.places(document_text), text.check(document_text)
    found = (*(meant.items if isinstance(meant, Faults) else ()), *filter_faults(agreement, places))
    if registered and not found:
        found = commands.submission_faults(agreement, read_snapshot(cluster()), places)
    if found:
        raise AnswerIsNo(*(fault.in_file(str(file)) for fault in found))
    holds, note = _under(agreement, document_text, under, registered=registered)
    if isinstance(holds, Faults):
        raise AnswerIsNo(*holds.in_file(str(file)).items)
    report, faults = proved_report(holds.agreement), unproven(holds.agreement)
    document = {
        "file": str(file),
        "reference": agreement.reference,
        "version": agreement.version,
        "content_hash": text.content_hash(agreement),
        "notes": [note] if note else [],
        "faults": [fault.document() for fault in faults],
        "clauses": _documents(report, holds),
    }
    title = f"{agreement.reference} version {agreement.version}, {document['content_hash']}"
    emit(document, json=json, table=_table(title, report, holds))
    if note and not json:
        write(f"{note}\n")
    if faults:
        if not json:
            print_faults(faults, json=False)
        raise typer.Exit(AnswerIsNo.exit_status)


def _under(
    agreement: Agreement, document: str, under: Path | None, *, registered: bool
) -> tuple[Effective | Faults, str]:
    """What holds under the umbrella that is at hand; without one the agreement's own text, and a note that says so."""
    if under is not None:
        holds = under_file(agreement, document, under)
        if isinstance(holds, Faults):
            return holds, ""
        found = [problem.code.fault(problem.message) for problem in problems(flatten(holds))]
        return (Faults(tuple(found)) if found else holds), ""
    if agreement.under is None:
        return Effective(agreement, {}), ""
    if registered:
        return what_holds(read_snapshot(cluster()).agreements.get, agreement, text.places(document)), ""
    above = f"{agreement.under.reference} version {agreement.under.version}"
    return Effective(
        agreement, {}
    ), f"that it only narrows {above} is checked when it is submitted, or here with --under FILE"


def parsed(file: Path) -> Agreement:
    """The agreement; a fault of form is wrong usage."""
    agreement = text.parse(text_of(file), str(file))
    if isinstance(agreement, Faults):
        raise Unusable(*agreement.items)
    return agreement


def checked(file: Path) -> Agreement:
    """The agreement; a fault of form is wrong usage, one of meaning is the answer no."""
    parsed(file)
    found = text.check(text_of(file), str(file))
    if isinstance(found, Faults):
        raise AnswerIsNo(*found.items)
    return found


def _documents(report: Sequence[ProvedLine], holds: Effective) -> list[dict[str, Any]]:
    """The clause report as programs read it; `proved` is null where there is nothing to run."""
    return [
        {
            "clause": proved.line.clause,
            "class": proved.line.clause_class,
            "mechanism": proved.line.mechanism,
            "shown_by": proved.line.shown_by,
            "proved": proved.proved,
            "from": origin_words(holds.origin(proved.line.clause)),
        }
        for proved in report
    ]


def _table(title: str, report: Sequence[ProvedLine], holds: Effective) -> Table:
    """The clause report for people."""
    words = {True: "yes", False: "NO", None: ""}
    rows = [
        (
            line.clause,
            line.clause_class,
            line.mechanism,
            line.shown_by,
            words[is_proved],
            origin_words(holds.origin(line.clause)),
        )
        for line, is_proved, _ in report
    ]
    return table(title, ("clause", "class", "by", "shown by", "proved", "from"), rows)
