"""Everything that a child can be told to do."""

from __future__ import annotations

import dataclasses
import json
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connectors.conformance.child import carry
from connectors.conformance.jobs import POLL_SECONDS, Job, Outcome, Waiting, connector_of, harness_of
from connectors.conformance.sink import Writer
from connectors.protocol import Position, Signal
from contracts.faults import Failure, Refused


def run(job: Job) -> int:
    """Do a job in this process; the status to end it with."""
    outcome = Outcome()
    try:
        outcome.found = _TASKS[job.task](job)
    except Failure as failure:
        outcome.refused = [fault.code.identifier for fault in failure.faults] or ["without a fault"]
    except Exception as error:  # noqa: BLE001 - whatever a connector raises is a finding
        last = traceback.extract_tb(error.__traceback__)[-1]
        outcome.raised = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}: {error}"[:300]
    Path(job.result).write_text(json.dumps(dataclasses.asdict(outcome), default=repr))
    return 0


def _peek(job: Job) -> list[Any]:
    """Read on from a position without committing anything: what came, and after how many changes each position stood."""
    connector = connector_of(job)
    shown = Writer(Path(job.sink), harness_of(job).contract())
    waiting = Waiting(job, lambda: job.expected)
    found: list[Any] = []
    count = 0
    try:
        connector.open(None if job.position is None else Position(job.position))
        while waiting.goes_on(count):
            batch = connector.poll(POLL_SECONDS)
            if batch is not None and batch.changes:
                waiting.moved()
                count += len(batch.changes)
                found.append(json.loads(shown.line(batch)))
    finally:
        connector.close()
    return found


def _check(job: Job) -> Any:
    report = connector_of(job).check()
    return {"passed": report.passed, "faults": [str(fault) for fault in report.faults]}


def _close(job: Job) -> None:
    """Close before open, twice after it, and open again on the same object."""
    connector = connector_of(job)
    connector.close()
    for _ in range(2):
        connector.open(None if job.position is None else Position(job.position))
        connector.close()
        connector.close()


def _idle(job: Job) -> list[float]:
    """How long polls of a quarter of a second and of none take when nothing happens."""
    connector = connector_of(job)
    connector.open(None if job.position is None else Position(job.position))
    found = []
    for seconds in (0.25, 0.0):
        began = time.monotonic()
        connector.poll(seconds)
        found.append(time.monotonic() - began)
    connector.close()
    return found


def _signal(job: Job) -> bool:
    """Whether a signal that nobody knows is refused."""
    connector = connector_of(job)
    with suppress(Refused):
        connector.signal(Signal("no-such-signal-in-any-connector"))
        return False
    return True


def _options(job: Job) -> list[str]:
    """What an option that does not exist leads to: the messages of the refusal; empty when it was taken."""
    model = harness_of(job).connector.options_model
    try:
        model.model_validate({**job.options, "no_such_option": "1"})
    except ValidationError as error:
        return [one["type"] for one in error.errors(include_input=False, include_url=False)]
    return []


_TASKS: dict[str, Callable[[Job], Any]] = {
    "carry": carry,
    "peek": _peek,
    "check": _check,
    "close": _close,
    "idle": _idle,
    "signal": _signal,
    "options": _options,
}
