"""The time at which an act came to the register, by Kafka's clock, and how far the act's own claim may lie from it.

An act says when it was done, and its actor signs that; nobody but the actor vouches for it.  Kafka notes at every record when
it was appended (LogAppendTime), which no writer can choose.  TRUSTED-TIME: an act counts only if both are nearly the same,
so that nobody dates a notice back or an approval ahead.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

TOLERANCE = timedelta(minutes=5)
"""How far a claim may be from Kafka's time, either way: room for clocks that nobody keeps well and for a writer's own seconds,
and little beside the days and months that agreements reckon from an act."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Logged(NamedTuple):
    """A record of the register as Kafka has it.

    `appended_ms` is Kafka's own time of it in Unix milliseconds; None where the topic kept the writer's time instead.
    """

    position: int
    value: bytes | None
    appended_ms: int | None


def milliseconds(time: datetime) -> int:
    """An instant as Unix milliseconds."""
    return (time - _EPOCH) // _MILLISECOND


def too_far(claimed: datetime, appended_ms: int) -> str | None:
    """How far a claim is from Kafka's time, such as `3600.000 s behind`, if that is beyond the tolerance; None if it is near."""
    ahead_ms = milliseconds(claimed) - appended_ms
    if abs(ahead_ms) <= TOLERANCE // _MILLISECOND:
        return None
    return f"{abs(ahead_ms) / 1000:.3f} s {'ahead of' if ahead_ms > 0 else 'behind'}"
