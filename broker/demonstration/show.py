"""What the demonstration shows people: live counts on a terminal, a line per scene otherwise, tables at the end."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from broker.audit.leaf import OUTCOMES
from broker.demonstration.assertions import Assertion
from broker.demonstration.oracle import EXPECTED
from broker.demonstration.scenes import FieldLine
from broker.demonstration.tally import QUARANTINED, Tally


class Show:
    """Writes to standard error, so that standard output stays one JSON document.  `quiet` shows scenes alone."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console, self._quiet = console, quiet
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._quiet:
            self._live = Live(console=self._console, transient=True, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def scene(self, text: str) -> None:
        """What happens now."""
        self._console.print(text, markup=False)

    def fetched(self, done: int, total: int) -> None:
        """How many of Kafka's programs are here; said now and then, the first time on a machine alone."""
        if done in (1, total) or done % 10 == 0:
            self.scene(f"  fetching Apache Kafka, once for this machine: {done} of {total} files")

    def look(self, tally: Tally) -> None:
        """Show the counts as they are now, on a terminal."""
        if self._live is not None:
            self._live.update(counts(tally))

    def fields(self, lines: Sequence[FieldLine]) -> None:
        """One source record beside what each department received, and why each field is missing."""
        departments = sorted({name for line in lines for name in line.why})
        table = Table(title="one traveller's record, and what became of each field", title_justify="left")
        for column in ("field", "in the store"):
            table.add_column(column, overflow="fold")
        for department in departments:
            table.add_column(f"{department}\n{_text(lines[0].clauses[department])}", overflow="fold")
        for line in lines:
            cells = [_cell(line, department) for department in departments]
            table.add_row(line.field, _text(line.source), *cells)
        self._print(table)

    def rows(self, title: str, rows: Sequence[dict[str, Any]]) -> None:
        """A table of rows that have the same names."""
        table = Table(title=title, title_justify="left")
        for column in rows[0] if rows else ():
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(_text(value) for value in row.values()))
        self._print(table)

    def ended(self, tally: Tally, made: Sequence[Assertion], seconds: dict[str, float]) -> None:
        """The counts, each assertion and how long each part took."""
        self._print(counts(tally))
        for one in made:
            mark = "held  " if one.passed else "FAILED"
            self._console.print(f"{mark} {one.name}: {one.detail}", markup=False)
        self._console.print(", ".join(f"{name} {value:g} s" for name, value in seconds.items()), markup=False)

    def _print(self, table: Table) -> None:
        if not self._quiet:
            self._console.print(table)


def counts(tally: Tally) -> Table:
    """Decisions by outcome and share; one column for each share, below its department, so that it fits a terminal."""
    table = Table(title="decisions", title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("")
    for one in EXPECTED:
        words = one.department.replace("-", "-\n")
        table.add_column(f"{one.share}\n{words}", justify="right")
    for outcome in (name for name in OUTCOMES if name != "quarantine"):
        found = [tally.by_share[one.reference, one.share][outcome] for one in EXPECTED]
        table.add_row(outcome, *(str(count) if count else "" for count in found))
    table.caption = f"kept aside: {tally.by_share[QUARANTINED]['quarantine']}"
    table.caption_justify = "left"
    return table


def _cell(line: FieldLine, department: str) -> str:
    """What it received under this name, and why in that form."""
    received = _text(line.received[department]) if department in line.received else "-"
    return f"{received}  ({_text(line.why[department])})"


def _text(value: Any) -> str:
    return "" if value is None else str(value).replace("[", r"\[")
