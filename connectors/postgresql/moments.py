"""PostgreSQL's dates and times in text as the numbers that its binary forms are: years beyond Python's and infinities too.

`days` counts from 2000-01-01, `microseconds` from 1970-01-01T00:00:00Z.  Infinity is the greatest number of the binary form and
minus infinity the least, so that they stand at the ends of every order.
"""

from __future__ import annotations

import re

from connectors.postgresql.binary import Unrepresentable

DAYS = (-(1 << 31), (1 << 31) - 1)
"""Minus infinity and infinity as days."""
MICROSECONDS = (-(1 << 63), (1 << 63) - 1)
"""Minus infinity and infinity as microseconds."""
_MOMENT = re.compile(rb"(\d{4,7})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:\+00)?)?( BC)?")
_INFINITE = (b"-infinity", b"infinity")
_UNIX_DAYS = 10_957
"""From 1970-01-01 to 2000-01-01."""


def days(text: bytes) -> int:
    """A `date`; raises `Unrepresentable` for a text that is none."""
    return DAYS[_INFINITE.index(text)] if text in _INFINITE else _parts(text)[0] - _UNIX_DAYS


def microseconds(text: bytes) -> int:
    """A `timestamp`, or one with the zone UTC; raises `Unrepresentable` for a text that is none."""
    if text in _INFINITE:
        return MICROSECONDS[_INFINITE.index(text)]
    day, microsecond = _parts(text)
    return day * 86_400_000_000 + microsecond


def _parts(text: bytes) -> tuple[int, int]:
    """Days since 1970 and microseconds of the day."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise Unrepresentable("not a date or time in the style ISO")
    year, month, day, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:6])
    fraction = int((found[7] or b"").ljust(6, b"0"))
    whole = _day(1 - year if found[8] else year, month, day)
    return whole, ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction


def _day(year: int, month: int, day: int) -> int:
    """Days since 1970 in the Gregorian calendar, which is taken to have held always; the year 0 is 1 BC.

    A year is counted from March, so that its leap day is its last.
    """
    year -= month < 3
    of_months = (153 * ((month + 9) % 12) + 2) // 5  # March is month 0
    return year * 365 + year // 4 - year // 100 + year // 400 + of_months + day - 1 - 719_468
