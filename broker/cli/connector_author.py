"""`concordat connector new` and `conformance`: for those who write a connector."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from broker.cli.output import Json, emit, table
from connectors.conformance import PROMISES, Report, Verdict, kit
from connectors.conformance.codes import PROMISE_BROKEN
from connectors.conformance.new import write
from contracts.faults import AnswerIsNo


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new connector: lower-case letters, digits and _.")],
    *,
    directory: Annotated[Path, typer.Option(help="Where its project is written.")] = Path(),
    json: Json = False,
) -> None:
    """Write a new connector to begin from: a project that passes the conformance kit as it is.

    Example: concordat connector new lighthouse
    """
    paths = [str(path) for path in write(name, directory)]
    emit(
        {"name": name, "files": paths}, json=json, table=table(f"Connector {name}", ("file",), [[one] for one in paths])
    )


def conformance(
    connector: Annotated[str, typer.Argument(metavar="MODULE:CLASS", help="The connector, or its harness.")],
    *,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="For the harness.")] = None,
    json: Json = False,
) -> None:
    """Prove a connector: crash it at every step, on stores that its harness makes.  Exit status 1 when a promise is broken.

    Example: concordat connector conformance connectors.memory:MemoryConnector
    """
    if "" not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    report = kit.report(connector, _settings(settings or []))
    says = {promise.name: promise.says for promise in PROMISES}
    document = {
        "connector": report.connector,
        "passed": not report.broken,
        "promises": [{**asdict(outcome), "says": says[outcome.promise]} for outcome in report.outcomes],
    }
    emit(document, json=json, table=_table(report))
    if report.broken and json:
        raise typer.Exit(AnswerIsNo.exit_status)
    if report.broken:
        raise AnswerIsNo(*(PROMISE_BROKEN.fault(f"{one.promise}: {one.evidence}") for one in report.broken))


def _table(report: Report) -> Table:
    rows = [
        (
            outcome.promise,
            outcome.verdict.upper() if outcome.verdict is Verdict.BROKEN else outcome.verdict,
            outcome.evidence,
        )
        for outcome in report.outcomes
    ]
    return table(report.connector, ("promise", "outcome", "evidence"), rows)


def _settings(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if any(not separator for _, separator, _ in pairs):
        raise typer.BadParameter("--set takes NAME=VALUE")
    return {name: value for name, _, value in pairs}
