"""`concordat provision`: topics, users and access rules on Kafka, as the register says."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from agreements.snapshot import Snapshot
from broker import clock
from broker.cli.output import Json, emit, errors, table
from broker.cluster import provision
from broker.cluster.admin import Admin
from broker.cluster.codes import PROVISION_PROBLEM
from broker.cluster.connect import connection
from broker.cluster.plan import Problem, Step
from broker.cluster.plan import plan as steps_to
from broker.register.follow import read_snapshot
from broker.settings import Settings, load
from contracts import topics
from contracts.faults import AnswerIsNo

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)

Prune = Annotated[
    bool,
    typer.Option(
        "--prune",
        help="Also remove users, source and share topics that the register does not know, and empty terminated shares.",
    ),
]


@app.command()
def plan(*, prune: Prune = False, json: Json = False) -> None:
    """Show what differs between Kafka and the register; changes nothing.

    Example: concordat provision plan
    """
    settings = load()
    steps = _steps(Admin(connection(settings)), settings, prune=prune)
    _show(steps, "to do", json=json)


@app.command()
def apply(
    *,
    prune: Prune = False,
    rotate: Annotated[list[str] | None, typer.Option(help="Give this principal a new password; repeatable.")] = None,
    json: Json = False,
) -> None:
    """Do what `plan` shows.  Access that no agreement in force gives is taken away first.

    New passwords are written to `credentials/<principal>.json` in the state directory, and shown nowhere.
    Exit status 1 when something is left that cannot be mended this way.

    Example: concordat provision apply --rotate work-and-pensions
    """
    settings = load()
    admin = Admin(connection(settings))
    steps = _steps(admin, settings, prune=prune)
    written = [*provision.apply(steps, admin, settings)]
    written += [provision.rotate(principal, admin, settings) for principal in rotate or ()]
    for path in written:
        errors.print(f"credential written: {path}", markup=False)
    _show(steps, "done", json=json)
    if problems := [step for step in steps if isinstance(step, Problem)]:
        raise AnswerIsNo(*(PROVISION_PROBLEM.fault(f"{step.subject}: {step.message}") for step in problems))


def _steps(admin: Admin, settings: Settings, *, prune: bool) -> tuple[Step, ...]:
    """The register as it is now, or an empty one where there is none yet, against Kafka as it is now."""
    observed = provision.observe(admin, records=prune)
    snapshot = read_snapshot(connection(settings)) if topics.REGISTER in observed.topics else Snapshot()
    return steps_to(snapshot, observed, provision.shape(settings), clock.now(), prune=prune)


def _show(steps: tuple[Step, ...], title: str, *, json: bool) -> None:
    emit(
        {"steps": [_document(step) for step in steps], "differences": len(steps)},
        json=json,
        table=table(title, ["step"], [[step] for step in steps]) if steps else "Kafka is as the register says",
    )


def _document(step: Step) -> dict[str, Any]:
    return {"step": type(step).__name__, "text": str(step), **asdict(step)}
