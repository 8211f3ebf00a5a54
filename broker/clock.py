"""The only reader of the clock.  Everything that decides takes the time as an argument."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)


def now_ms() -> int:
    """The present time in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def monotonic_seconds() -> float:
    """Seconds on a clock that never goes back; only differences mean something."""
    return time.monotonic()
