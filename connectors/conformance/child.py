"""What most children do: run the connector as the runtime would, and die where they are told.

The numbers are those of the promises in `connectors.protocol`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.conformance.jobs import CRASHED, POLL_SECONDS, Job, Step, Waiting, connector_of, harness_of
from connectors.conformance.sink import SCHEMAS, Writer
from connectors.protocol import Away, Batch, Connector, Position
from connectors.written import WritesEnvelopes

_TRIES_SECONDS = 0.05


def carry(job: Job) -> None:
    """Be the runtime: carry what the store has into the sink until it holds `expected` changes and no more come."""
    crash, connector = _Crash(job), connector_of(job)
    contract = harness_of(job).contract()
    if isinstance(connector, WritesEnvelopes):
        connector.write_with({contract.dataset: SCHEMAS})
    sink = Writer(Path(job.sink), contract)
    waiting = Waiting(job, lambda: int(Path(job.expected_file).read_text()))
    try:
        _open(connector, crash, sink)  # 1
        Path(f"{job.result}.open").touch()
        while waiting.goes_on(sink.count):
            try:
                with crash.inside(Step.IN_POLL):
                    batch = connector.poll(POLL_SECONDS)
                if batch is None:
                    continue
                if batch.changes:
                    waiting.moved()
                _commit(job, connector, crash, sink, batch)
            except Away:
                _reopen(connector, crash, sink, waiting)
    finally:
        connector.close()


def _commit(job: Job, connector: Connector, crash: _Crash, sink: Writer, batch: Batch) -> None:
    last = sink.position
    line = sink.line(batch)
    if batch.changes:
        if crash.is_for(Step.BEFORE_COMMIT):  # it dies while it waits for the commit
            _wait(0.001, connector, last)
        crash.here(Step.BEFORE_COMMIT)
        if crash.at(Step.IN_COMMIT):
            sink.tear(line)
            os._exit(CRASHED)
        _wait(job.slow_seconds, connector, last)
    sink.commit(line, batch)  # 2
    if batch.changes:
        crash.here(Step.AFTER_COMMIT)
    with crash.inside(Step.IN_DURABLE):
        connector.durable(batch.position)  # 3
    if batch.changes:
        crash.here(Step.AFTER_DURABLE)


def _wait(seconds: float, connector: Connector, last: Any) -> None:
    """A commit that takes its time: meanwhile the runtime repeats the last durable position to keep the session alive."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(seconds, 0.02))
        if last is not None:
            connector.durable(Position(last))


def _open(connector: Connector, crash: _Crash, sink: Writer) -> None:
    with crash.inside(Step.IN_OPEN):
        connector.open(None if sink.position is None else Position(sink.position))  # 1 and 4
    crash.here(Step.AFTER_OPEN)


def _reopen(connector: Connector, crash: _Crash, sink: Writer, waiting: Waiting) -> None:
    """The store is away: open again, with pauses, for as long as the job has patience."""
    while True:
        time.sleep(_TRIES_SECONDS)
        try:
            _open(connector, crash, sink)
        except Away:
            if not waiting.goes_on(sink.count):
                raise
        else:
            return


class _Crash:
    """Counts how often each step is reached, and ends the process at the one it is told."""

    def __init__(self, job: Job) -> None:
        self._step, self._left = job.crash_step, job.crash_count

    def is_for(self, step: Step) -> bool:
        """Whether the child dies at `step`, now or later."""
        return step == self._step

    def at(self, step: Step) -> bool:
        """Whether this is the time to die at `step`."""
        if step != self._step:
            return False
        self._left -= 1
        return self._left == 0

    def here(self, step: Step) -> None:
        """Die, when it is the time: nothing is flushed, closed or unwound."""
        if self.at(step):
            os._exit(CRASHED)

    @contextmanager
    def inside(self, step: Step) -> Iterator[None]:
        """Die inside a call of the connector, at the n-th call that it makes itself."""
        if step != self._step:
            yield
            return
        sys.setprofile(lambda _frame, event, _argument: self.here(step) if "call" in event else None)
        try:
            yield
        finally:
            sys.setprofile(None)
