"""How every command speaks: tables for people, one JSON document for programs, faults with codes, exit statuses.

Results go to standard output; progress, logs and faults go to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console, Group
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from contracts.faults import Failure, Fault

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")]

errors = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
_UNWRAPPED_CHARACTERS = 400
"""How wide a line may be where no terminal has an edge: a table in a file or a pipe is not folded."""
results = Console(
    highlight=False, soft_wrap=True, emoji=False, width=None if sys.stdout.isatty() else _UNWRAPPED_CHARACTERS
)


def emit(document: Any, *, json: bool, table: Table | Group | str | None = None) -> None:
    """Print a result: `document` as JSON for programs, or `table` (or its text) for people."""
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
        sys.stdout.flush()
    elif table is not None:
        results.print(table)


def write(text: str) -> None:
    """Print a document's own text to the character: `results` would fold, expand and decorate it."""
    sys.stdout.write(text)
    sys.stdout.flush()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table for people; every cell is shown as plain text, never as markup."""
    made = Table(title=title, title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell).replace("[", r"\[") for cell in row))
    return made


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, where a person watches; gives what is told of so much done, of so much."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=max(total, 1))


def print_faults(faults: Iterable[Fault], *, json: bool) -> None:
    """Print faults: one line each on standard error, or a JSON list on standard output."""
    found = list(faults)
    if json:
        emit([fault.document() for fault in found], json=True)
        return
    for fault in found:
        errors.print(str(fault), markup=False)
        errors.print(f"  {fault.code.remedy}", markup=False)


def end(failure: Failure, *, json: bool) -> typer.Exit:
    """Print what ended the work and give the exit to raise: `raise end(failure, json=json)`."""
    print_faults(failure.faults, json=json)
    return typer.Exit(failure.exit_status)
