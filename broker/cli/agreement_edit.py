"""`concordat agreement edit`: clauses of an agreement's file changed in place, with every comment kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agreements.compare import differences
from agreements.drafting.editing import edited, value_text
from agreements.text import parse
from broker.cli.acting import text_of
from broker.cli.output import Json, emit
from broker.register.codes import NO_SUCH, TEXT_FILE
from contracts.faults import Faults, Unavailable, Unusable


def edit(
    file: Annotated[Path, typer.Argument(help="An agreement's text.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="CLAUSE=VALUE", help="Such as `dates.end=2031-12-31`; may be repeated."),
    ] = None,
    *,
    new_version: Annotated[bool, typer.Option("--new-version", help="Also raise the version by one.")] = False,
    json: Json = False,
) -> None:
    """Change clauses of an agreement's file; comments, order and layout stay as they are.

    Example: concordat agreement edit DSA-2026-014.agreement.yaml dates.end=2031-12-31 --new-version
    """
    before = text_of(file)
    after = before
    if new_version and (version := value_text(before, "version")) is not None and version.isdecimal():
        changes = [*(changes or ()), f"version={int(version) + 1}"]
    for change in changes or ():
        clause, separator, value = change.partition("=")
        if not separator:
            raise Unusable(NO_SUCH.fault(f"a value in {change!r}: write CLAUSE=VALUE"))
        found = edited(after, clause.strip(), value.strip())
        if isinstance(found, Faults):
            raise Unusable(*(fault.in_file(str(file)) for fault in found.items))
        after = found
    try:
        file.write_text(after, encoding="utf-8")
    except OSError as error:
        raise Unavailable(TEXT_FILE.fault(f"{file}: {error.strerror}")) from error
    first, second = parse(before), parse(after)
    said = [] if isinstance(first, Faults) or isinstance(second, Faults) else differences(first, second)
    emit(
        {"file": str(file), "changes": [one.sentence for one in said]},
        json=json,
        table="\n".join(one.sentence for one in said),
    )
