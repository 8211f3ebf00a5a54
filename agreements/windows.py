"""The hours of the day in which records are delivered, as instants: Europe/London, also where its clocks change.

A window belongs to the day on which it opens; one that closes at an earlier hour than it opens ends on the next day.  A
time of day that a change of clocks skips is that much after the last one before it; one that comes twice is the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agreements.model import Window

_LONDON = ZoneInfo("Europe/London")
_DAY = timedelta(days=1)
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS_AHEAD = 9
"""A window of one day a week opens again within eight days."""


def is_open(window: Window, now: datetime) -> bool:
    """Whether the window is open at `now`: from the instant at which it opens, until that at which it closes."""
    return any(opens <= now < closes for opens, closes in _openings(window, now))


def next_change(window: Window, now: datetime) -> datetime:
    """The first instant after `now` at which a window opens or closes."""
    return min(moment for opening in _openings(window, now) for moment in opening if moment > now)


def _openings(window: Window, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """When the window opens and closes on the days about `now`."""
    opens, closes = time.fromisoformat(window.opens), time.fromisoformat(window.closes)
    today = now.astimezone(_LONDON).date()
    for number in range(-1, _DAYS_AHEAD):
        day = today + number * _DAY
        if not window.days or _NAMES[day.weekday()] in window.days:
            yield _instant(day, opens), _instant(day if opens < closes else day + _DAY, closes)


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, _LONDON).astimezone(UTC)
