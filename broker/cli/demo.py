"""`concordat demo`: the main job on embedded servers and real input, and its proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broker.cli.output import Json, emit, errors, print_faults
from broker.codes import ASSERTION_FAILED
from broker.demonstration.show import Show
from broker.demonstration.story import demonstrate
from broker.settings import load


def command(
    *,
    directory: Annotated[Path, typer.Option(help="Where its state and its evidence go.")] = Path("demonstration"),
    keep: Annotated[bool, typer.Option("--keep", help="Leave the servers' data, to look at.")] = False,
    json: Json = False,
) -> None:
    """Run the whole product on this machine, check everything it claims, and write the evidence.

    Nothing outside DIRECTORY and your cache is touched.  Exit status 1 when an assertion failed.

    Example: concordat demo --directory /tmp/demonstration --json
    """
    with Show(errors, quiet=json) as show:
        report = demonstrate(load(), directory, show, keep=keep)
    evidence = directory / "evidence" / "report.json"
    emit(report, json=json, table=f"the evidence is in {evidence}")
    failed = [made for made in report["assertions"] if not made["passed"]]
    if failed:
        faults = [ASSERTION_FAILED.fault(f"{made['name']}: {made['detail']}") for made in failed]
        if not json:
            print_faults(faults, json=False)
        raise typer.Exit(1)
