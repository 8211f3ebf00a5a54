"""What the kit tells a child to do, and what it hears back; both travel as JSON."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from connectors.conformance.harness import Harness
from connectors.protocol import Connector

CRASHED = 86
"""The exit status of a child that died where it was told."""
STILL_WRITING = -1
"""The kit has not yet written everything: go on, however long nothing comes."""


class Step(StrEnum):
    """Where a child can be told to die."""

    IN_OPEN = "in open"
    AFTER_OPEN = "after open"
    IN_POLL = "in poll"
    BEFORE_COMMIT = "after poll, before the commit"
    IN_COMMIT = "in the commit"
    AFTER_COMMIT = "after the commit, before durable"
    IN_DURABLE = "in durable"
    AFTER_DURABLE = "after durable"


@dataclass(frozen=True, slots=True)
class Job:
    """What a child is to do; travels as JSON."""

    harness: str
    task: str
    options: dict[str, Any]
    sink: str
    result: str
    expected_file: str
    """A file with the number of changes that the sink should hold at the end, or STILL_WRITING."""
    expected: int = 0
    """PEEK: how many changes should come."""
    patience_seconds: float = 5.0
    quiet_seconds: float = 0.2
    crash_step: str | None = None
    crash_count: int = 1
    """The child dies the n-th time it comes to the step (IN_…: at the n-th call made inside it)."""
    slow_seconds: float = 0.0
    """How long each commit takes."""
    position: Any = None
    """PEEK: where to begin."""


@dataclass(slots=True)
class Outcome:
    """What a child found.  `refused` are the codes of a `Failure` that ended it, `raised` any other exception."""

    refused: list[str] = field(default_factory=list)
    raised: str | None = None
    found: Any = None


POLL_SECONDS = 0.01
"""How long a child's polls may take."""
_POLLS_MIN = 2


def load(path: str) -> Any:
    """The object at `MODULE:NAME`."""
    module, _, name = path.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def connector_of(job: Job) -> Connector:
    """The connector to prove."""
    return harness_of(job).connect(job.options)


def harness_of(job: Job) -> type[Harness]:
    """The harness that knows the connector."""
    found: type[Harness] = load(job.harness)
    return found


class Waiting:
    """Decides when a child has seen enough: all that was expected and then a quiet time, or too long without a change."""

    def __init__(self, job: Job, expected: Callable[[], int]) -> None:
        self._job, self._expected = job, expected
        self.moved()

    def moved(self) -> None:
        """A change has come."""
        self._polls = 0
        self._since = time.monotonic()

    def goes_on(self, count: int) -> bool:
        """Whether to poll once more."""
        expected = self._expected()
        if expected == STILL_WRITING:
            self.moved()
            return True
        self._polls += 1
        enough = self._job.quiet_seconds if count >= expected else self._job.patience_seconds
        return self._polls <= _POLLS_MIN or time.monotonic() - self._since < enough
