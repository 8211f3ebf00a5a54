"""What becomes of an exception that nobody foresaw: one line with a code, and its call stack in a private file.

Neither the line nor the file holds the exception's message or any variable, because those may carry personal data or secrets.
"""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from broker import clock
from broker.codes import UNEXPECTED
from contracts.faults import Failure, Fault


def as_fault(error: BaseException) -> Fault:
    """The fault to print.  Writes the call stack to `unexpected.log` in the state directory where that is possible."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "no known place"
    kept = _keep(error)
    looking = f"; the call stack is in {kept}" if kept else ""
    return UNEXPECTED.fault(f"{type(error).__name__} at {place}{looking}")


def _keep(error: BaseException) -> Path | None:
    try:
        from broker.settings import load  # noqa: PLC0415 - settings may be what is broken

        log = load().directory / "unexpected.log"
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write("".join(_lines(error)))
    except (OSError, Failure, ValueError):
        return None
    return log


def _lines(error: BaseException) -> list[str]:
    lines = [f"{clock.now().isoformat()} process {os.getpid()}\n"]
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}\n")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}\n"
            for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return lines
