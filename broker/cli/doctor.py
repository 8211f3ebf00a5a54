"""`concordat doctor`: what is here, what is missing, what to do."""

from __future__ import annotations

from dataclasses import asdict

import typer

from broker.cli.output import Json, emit, results, table
from broker.doctor import State, examine, shown
from broker.settings import load

_MARKS = {
    State.GOOD: "good",
    State.ABSENT: "-",
    State.WARNING: "warning",
    State.WRONG: "WRONG",
    State.UNREACHABLE: "UNREACHABLE",
}


def command(*, json: Json = False) -> None:
    """Look at this machine, its settings and its Kafka; changes nothing.

    Exit status 0: ready, with warnings where a cluster may lose what must be kept.  1: something is wrong.  4: Kafka is configured and cannot be reached.

    Example: concordat doctor --json
    """
    settings = load()
    findings = list(examine(settings))
    settled = shown(settings)
    states = {finding.state for finding in findings}
    status = 4 if State.UNREACHABLE in states else 1 if State.WRONG in states else 0
    if json:
        document = {
            "ready": status == 0,
            "findings": [asdict(finding) for finding in findings],
            "settings": [asdict(setting) for setting in settled],
        }
        emit(document, json=True)
    else:
        rows = [[finding.subject, _MARKS[finding.state], finding.found, finding.remedy] for finding in findings]
        results.print(table("this machine", ["", "", "found", "what to do"], rows))
        rows = [[setting.name, setting.value, setting.origin] for setting in settled]
        results.print(table("settings in force", ["setting", "value", "origin"], rows))
    raise typer.Exit(status)
