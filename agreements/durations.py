"""Durations in ISO 8601, one spelling for each.

What the broker enforces is in days or shorter (`timedelta`), because a month has no fixed length; what it only records may
also be in years and months (`Duration`).  A spelling that is not the only one is refused with the one to write.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from typing import Annotated, Any

from pydantic import BeforeValidator

_EXACT = re.compile(r"P(?:(\d{1,7})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?")
_LONGEST = timedelta(days=36_525)
_LONGEST_MONTHS = 1_200
_CALENDAR = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})D)?")
_TOO_LONG = f"a duration is at most a hundred years: {_LONGEST_MONTHS} months, {_LONGEST.days} days"
"""What is reckoned from a day of an agreement (until 2999) then stays within the calendar, which ends with 9999."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time by the calendar: whole months and days."""

    months: int = 0
    days: int = 0

    def __str__(self) -> str:
        years, months = divmod(self.months, 12)
        parts = ((years, "Y"), (months, "M"), (self.days, "D"))
        return "P" + ("".join(f"{number}{unit}" for number, unit in parts if number) or "0D")

    def after(self, day: date) -> date:
        """The day that is so long after `day`; where a month is too short, its last day stands for the one that is missing."""
        years, month = divmod(day.year * 12 + day.month - 1 + self.months, 12)
        last = monthrange(years, month + 1)[1]
        return date(years, month + 1, min(day.day, last)) + timedelta(days=self.days)

    def at_most(self, other: Duration) -> bool:
        """Whether it is never longer than `other`, whenever both begin; months have no fixed length."""
        if self.months <= other.months and self.days <= other.days:
            return True
        return _days(self.months)[1] + self.days <= _days(other.months)[0] + other.days


def spell(length: timedelta) -> str:
    """The one spelling of a length of time, e.g. `P30D` or `PT1H30M`; whole seconds, not negative."""
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    clock = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if number)
    days = f"{length.days}D" if length.days else ""
    return "P" + ((days + (f"T{clock}" if clock else "")) or "0D")


def _read_exact(given: Any) -> timedelta:
    if isinstance(given, timedelta):
        length = given
        if length < timedelta(0) or length.microseconds:
            raise ValueError("a duration is not negative and has no fraction of a second")
    else:
        found = _match(_EXACT, given, "in days or shorter, such as P30D or PT12H")
        length = timedelta(days=found[0], hours=found[1], minutes=found[2], seconds=found[3])
        _only_spelling(given, spell(length))
    if not length:
        raise ValueError("a duration is longer than nothing")
    if length > _LONGEST:
        raise ValueError(_TOO_LONG)
    return length


def _read_calendar(given: Any) -> Duration:
    if isinstance(given, Duration):
        length = given
    else:
        found = _match(_CALENDAR, given, "such as P2Y, P6M or P30D")
        length = Duration(found[0] * 12 + found[1], found[2])
        _only_spelling(given, str(length))
    if length.months < 0 or length.days < 0 or length == Duration():
        raise ValueError("a duration is longer than nothing")
    if length.months > _LONGEST_MONTHS or length.days > _LONGEST.days:
        raise ValueError(_TOO_LONG)
    return length


def _match(pattern: re.Pattern[str], given: Any, wanted: str) -> list[int]:
    found = pattern.fullmatch(given) if isinstance(given, str) and given.isascii() else None
    if found is None:
        raise ValueError(f"not an ISO 8601 duration {wanted}")
    return [int(part or 0) for part in found.groups()]


def _only_spelling(given: str, spelling: str) -> None:
    if given != spelling:
        raise ValueError(f"this duration is written {spelling}")


@cache
def _days(months: int) -> tuple[int, int]:
    """The fewest and the most days that so many months have, wherever in the 400 years of the calendar they begin."""
    lengths = [monthrange(2000 + index // 12, index % 12 + 1)[1] for index in range(4_800)]
    ends = list(accumulate(lengths + lengths, initial=0))
    whole, rest = divmod(months, 4_800)
    spans = [ends[start + rest] - ends[start] for start in range(4_800)]
    return whole * ends[4_800] + min(spans), whole * ends[4_800] + max(spans)


ExactDuration = Annotated[timedelta, BeforeValidator(_read_exact)]
"""A model's field for what the broker enforces."""
CalendarDuration = Annotated[Duration, BeforeValidator(_read_calendar)]
"""A model's field for what parties promise each other."""
