"""Whole days of an agreement as instants: Europe/London, the end day included."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_LONDON = ZoneInfo("Europe/London")


def start_of(day: date) -> datetime:
    """The first instant of a day, in UTC."""
    return datetime.combine(day, time(), _LONDON).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The instant at which a day is over, exclusive: the first of the next day, in UTC."""
    return start_of(day + timedelta(days=1))


def day_of(instant: datetime) -> date:
    """The day in London on which an instant lies."""
    return instant.astimezone(_LONDON).date()
