"""One store under proof: what was written to it, the sink that its connector fills, and the children that do it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from connectors.conformance import sink
from connectors.conformance.harness import Capability, Harness, Write
from connectors.conformance.jobs import CRASHED, STILL_WRITING, Job, Step
from connectors.conformance.judge import Expected, Finding, expected, judge
from connectors.conformance.nursery import Nursery
from contracts.change import Op, Row

_LIMIT_SECONDS = 60.0
_START_SECONDS = 5.0
"""How long a child may take to open, at least."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended."""

    crashed: bool
    refused: tuple[str, ...]
    raised: str | None
    found: Any

    @property
    def trouble(self) -> str | None:
        """Why the child could not do its work; None where it could, or died as it was told."""
        if self.refused:
            return f"it refused with {', '.join(self.refused)}"
        return self.raised


class World:
    """A context manager; `harness` is started in it and stopped at its end."""

    def __init__(self, harness: Harness, path: str, nursery: Nursery, writable: frozenset[Capability]) -> None:
        self.harness = harness
        self.writable = writable
        """What may be written: the capabilities without the promises that are broken already."""
        self.expected: list[Expected] = []
        self.rows: dict[int, Row] = {}
        self._path, self._nursery = path, nursery
        self._sink = harness.directory.parent / f"{harness.directory.name}.sink"
        self._expected = self._sink.with_suffix(".expected")
        self._counted = 0, 0
        self._random = random.Random(harness.directory.name)  # noqa: S311 - the same writes in every run
        self._number = self._identifier = self._children = 0

    def __enter__(self) -> Self:
        try:
            self.harness.start()
        except BaseException:
            self.harness.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.harness.stop()

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, writes: Sequence[Write]) -> None:
        """One transaction."""
        self.harness.write(writes)
        self.expected += expected(writes)
        for write in writes:
            if write.was is not None:
                del self.rows[write.was["id"]]
            if write.row is not None:
                self.rows[write.row["id"]] = write.row

    def create(self, count: int, *, large: Callable[[int], str | None] = lambda _: None) -> list[Write]:
        """New rows."""
        return [Write(Op.CREATE, self._row(self._new(), large(i))) for i in range(count)]

    def update(self, identifier: int) -> Write:
        """A row with a new name, and nothing else new."""
        was = self.rows[identifier]
        return Write(Op.UPDATE, {**was, "name": self._name(identifier)}, was)

    def move(self, identifier: int) -> Write:
        """A row under a new key."""
        was = self.rows[identifier]
        return Write(Op.UPDATE, {**was, "id": self._new(), "name": self._name(identifier)}, was)

    def delete(self, identifier: int) -> Write:
        """A row that goes."""
        return Write(Op.DELETE, None, self.rows[identifier])

    def mix(self, count: int) -> list[Write]:
        """One transaction of whatever may be written, each row at most once."""
        touched = self._random.sample(sorted(self.rows), min(count, len(self.rows)))
        kinds = [
            make
            for needs, make in (
                (Capability.UPDATES, self.update),
                (Capability.DELETES, self.delete),
                (Capability.KEY_CHANGES, self.move),
            )
            if needs in self.writable
        ]
        changes = [kinds[i % len(kinds)](key) for i, key in enumerate(touched)] if kinds else []
        return [*changes, *self.create(count)]

    def _row(self, identifier: int, large: str | None) -> Row:
        return {"id": identifier, "name": self._name(identifier), "large": large}

    def _new(self) -> int:
        self._identifier += 1
        return self._identifier

    def _name(self, identifier: int) -> str:
        """A text that no other row has, and that is not easy to carry."""
        self._number += 1
        return _NAMES[self._number % len(_NAMES)].format(identifier, self._number)

    # -- reading -----------------------------------------------------------------------------------------------------

    def carry(self, crash: Step | None = None, count: int = 1) -> Ended:
        """Let a child carry everything into the sink; with `crash` it dies at that step, the `count`-th time."""
        self._expect(len(self.expected))
        return self.ended(*self._start("carry", crash_step=crash, crash_count=count))

    def live(
        self,
        *transactions: Callable[[], Sequence[Write]],
        slow_seconds: float = 0.0,
        between: Callable[[], None] | None = None,
    ) -> Ended:
        """Write transactions while one child reads, which has read everything written before.

        `between` is called after the first of them.
        """
        began = len(self.expected)
        self._expect(STILL_WRITING)
        child, result = self._start("carry", slow_seconds=slow_seconds)
        self._await(result, lambda: Path(f"{result}.open").exists() and self._count() >= began)
        for number, transaction in enumerate(transactions):
            self.write(transaction())
            if Capability.EVERY_CHANGE not in self.writable:
                self._await(result, lambda: self._count() >= len(self.expected))
            if number == 0 and between is not None:
                between()
        self._expect(len(self.expected))
        return self.ended(child, result)

    def _expect(self, count: int) -> None:
        """Tell the child how many changes to wait for."""
        scratch = self._expected.with_suffix(".new")
        scratch.write_text(str(count))
        scratch.replace(self._expected)

    def _await(self, result: Path, condition: Callable[[], bool]) -> None:
        """Wait for a condition, as long as the harness has patience and the child has not ended."""
        end = time.monotonic() + max(self.harness.patience_seconds, _START_SECONDS)
        while time.monotonic() < end and not condition() and not result.exists():
            time.sleep(0.005)

    def _count(self) -> int:
        """How many changes the sink holds; it is read again only when it has grown."""
        size = self._sink.stat().st_size if self._sink.exists() else 0
        if size != self._counted[0]:
            self._counted = size, sum(len(commit.records) for commit in self.commits)
        return self._counted[1]

    def ask(self, task: str, position: Any = None, expected: int = 0) -> Ended:
        """A child that does something else than carrying."""
        return self.ended(*self._start(task, position=position, expected=expected))

    def ended(self, child: int, result: Path) -> Ended:
        """How a child ended."""
        status = self._nursery.wait(child, _LIMIT_SECONDS)
        if status == CRASHED:
            return Ended(crashed=True, refused=(), raised=None, found=None)
        if status != 0:
            how = f"it did not end within {_LIMIT_SECONDS:.0f} s" if status == -1 else f"it ended with status {status}"
            return Ended(crashed=False, refused=(), raised=how, found=None)
        outcome = json.loads(result.read_text())
        with suppress(OSError):
            result.unlink()
        return Ended(False, tuple(outcome["refused"]), outcome["raised"], outcome["found"])

    def _start(self, task: str, **more: Any) -> tuple[int, Path]:
        self._children += 1
        result = self._sink.with_suffix(f".{self._children}")
        job = Job(
            harness=self._path,
            task=task,
            options=dict(self.harness.options()),
            sink=str(self._sink),
            expected_file=str(self._expected),
            result=str(result),
            patience_seconds=self.harness.patience_seconds,
            quiet_seconds=self.harness.quiet_seconds,
            **more,
        )
        return self._nursery.start(job), result

    # -- judging -----------------------------------------------------------------------------------------------------

    @property
    def commits(self) -> list[sink.Commit]:
        """What the sink holds now."""
        return sink.read(self._sink)

    @property
    def position(self) -> Any:
        """The last committed position, or None."""
        commits = self.commits
        return commits[-1].position if commits else None

    def findings(self) -> list[Finding]:
        """What is wrong with the sink."""
        records = [record for commit in self.commits for record in commit.records]
        return judge(self.expected, records, operations=Capability.OPERATIONS in self.writable)


_NAMES = (
    "row {} number {}",
    'Zoë "{}", no. {}',
    "line {}\nline {}; 'quoted', and, commas",
    "<{}&{}> \\ 漢字 🚢",
)
