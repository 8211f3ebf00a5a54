"""What `concordat connector status` shows: one row for each dataset of each connector."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from broker.intake.positions import Stored
from contracts import topics

STATUS = ("name", "topic", "changes", "written", "age_seconds", "newest", "lag_seconds", "lag_bytes", "alarms")
"""The members of a row, in their order."""


def status_rows(stored: Stored, now_ms: int) -> Iterator[dict[str, Any]]:
    """The rows of one connector: a dataset that has no change yet is not among them; without any, one row without topic."""
    standing = stored.standing
    for topic, numbers in sorted(stored.sequences.items()) or [("", {})]:
        dataset = topics.dataset_of(topic) or ""
        behind_ms = standing.behind_ms.get(dataset)
        yield {
            "name": stored.connector,
            "topic": topic,
            "changes": sum(numbers.values()),
            "written": _moment(stored.written_ms),
            "age_seconds": round((now_ms - stored.written_ms) / 1000, 1),
            "newest": _moment(standing.newest_ms.get(dataset)),
            "lag_seconds": None if behind_ms is None else behind_ms / 1000,
            "lag_bytes": standing.lag_bytes,
            "paused": stored.paused,
            "alarms": list(standing.alarms),
        }


def shown(value: object) -> object:
    """A member of a row as a table shows it."""
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else value


def _moment(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
