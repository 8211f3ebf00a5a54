"""`concordat explain CODE`: what an error code means and what to do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from broker.cli.output import Json, emit
from broker.codes import UNKNOWN_CODE, every_code, sentence
from contracts.faults import Unusable


def command(
    code: Annotated[str, typer.Argument(help="The code at the start of an error line.")],
    *,
    json: Json = False,
) -> None:
    """Print the cause, the effect and the remedy of an error code.

    Example: concordat explain KAF-001
    """
    found = every_code().get(code.strip().rstrip(":").upper())
    if found is None:
        raise Unusable(UNKNOWN_CODE.fault(f"there is no code {code!r}"))
    parts = {"Cause": found.cause, "Effect": found.effect, "Remedy": found.remedy}
    lines = [f"{name + ':':8}{sentence(part)}" for name, part in parts.items()]
    text = "\n".join([f"{found.identifier} {found.name}", "", *lines])
    emit(asdict(found), json=json, table=text)
