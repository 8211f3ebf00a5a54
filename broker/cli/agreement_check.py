"""`concordat agreement check`: an agreement's text held against what it must say, and every mechanism that it needs proved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from agreements import text
from agreements.model import Agreement
from broker.cli.acting import cluster, text_of
from broker.cli.output import Json, emit, print_faults, table
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
    json: Json = False,
) -> None:
    """Check an agreement and show by what each clause is kept, with each mechanism proved on a made-up event.

    Example: concordat agreement check DSA-2026-014.agreement.yaml
    """
    agreement, document_text = parsed(file), text_of(file)
    places, meant = text.places(document_text), text.check(document_text)
    found = (*(meant.items if isinstance(meant, Faults) else ()), *filter_faults(agreement, places))
    if registered and not found:
        found = commands.register_faults(agreement, read_snapshot(cluster()), places)
    if found:
        raise AnswerIsNo(*(fault.in_file(str(file)) for fault in found))
    report, faults = proved_report(agreement), unproven(agreement)
    document = {
        "file": str(file),
        "reference": agreement.reference,
        "version": agreement.version,
        "content_hash": text.content_hash(agreement),
        "faults": [fault.document() for fault in faults],
        "clauses": _documents(report),
    }
    title = f"{agreement.reference} version {agreement.version}, {document['content_hash']}"
    emit(document, json=json, table=_table(title, report))
    if faults:
        if not json:
            print_faults(faults, json=False)
        raise typer.Exit(AnswerIsNo.exit_status)


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


def _documents(report: Sequence[ProvedLine]) -> list[dict[str, Any]]:
    """The clause report as programs read it; `proved` is null where there is nothing to run."""
    return [
        {
            "clause": proved.line.clause,
            "class": proved.line.clause_class,
            "mechanism": proved.line.mechanism,
            "shown_by": proved.line.shown_by,
            "proved": proved.proved,
        }
        for proved in report
    ]


def _table(title: str, report: Sequence[ProvedLine]) -> Table:
    """The clause report for people."""
    words = {True: "yes", False: "NO", None: ""}
    rows = [
        (line.clause, line.clause_class, line.mechanism, line.shown_by, words[is_proved])
        for line, is_proved, _ in report
    ]
    return table(title, ("clause", "class", "by", "shown by", "proved"), rows)
