"""The arguments that several verbs of `concordat agreement` have."""

from __future__ import annotations

from typing import Annotated

import typer

Reference = Annotated[str, typer.Argument(help="The agreement's reference, such as DSA-2026-014.")]
ContentHash = Annotated[
    str | None,
    typer.Option(help="Of the text that you looked at, as `show` prints it: refused where it is another by now."),
]
Reason = Annotated[str, typer.Option(help="Why, in words; it stands in the register for ever.")]
