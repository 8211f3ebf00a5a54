"""What each department should hold, computed from the stores' tables by hand.

NOT-THE-ENGINE: nothing here comes from `broker.policy` or reads an agreement.  The filters and treatments below say again, in
plain Python over table rows, what the example agreements say, so that a fault of the engine cannot hide in its own proof.
A value that the policy makes unreadable (a token, a ciphertext) is left out; how many different ones there are is compared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

Row = Mapping[str, Any]
Clear = tuple[Any, ...]
_INWARD = re.compile(r"[0-9][ABD-HJLNP-UW-Z]{2}")
_OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?")


@dataclass(frozen=True, slots=True)
class Expected:
    """One share: whose it is, its dataset, which rows qualify, and the readable columns of what is received."""

    reference: str
    share: str
    department: str
    dataset: str
    qualifies: Callable[[Row], bool]
    clear: Callable[[Row], Clear]
    """From a table row to the readable part of what the department should hold."""
    columns: tuple[str, ...]
    """The names of those in what it receives."""
    unreadable: tuple[str, ...] = ()
    """Received as tokens or ciphertexts."""

    @property
    def topic(self) -> str:
        """Where the department reads it."""
        return f"share.{self.reference.lower()}.{self.share}"

    def rows(self, table: list[dict[str, Any]]) -> Counter[Clear]:
        """What should be held, as often as it should be, given the table as it is now."""
        return Counter(self.clear(row) for row in table if self.qualifies(row))


def _kept(row: Row) -> bool:
    """The one promise of the crossings' contract that the demonstration breaks: nine digits."""
    return row["document_number"] is None or re.fullmatch("[0-9]{9}", row["document_number"]) is not None


def _departure(row: Row) -> bool:
    sure = row["match_confidence"] is not None and row["match_confidence"] >= 0.6
    return _kept(row) and row["direction"] == "outbound" and row["port"] in ("EWR", "JFK") and sure


def _arrival(row: Row) -> bool:
    return _kept(row) and row["direction"] == "inbound" and row["port"] in ("ATL", "BOS", "FLL", "MCO", "MIA")


def _disrupted(row: Row) -> bool:
    delay = row["arrival_delay_minutes"]
    return bool(row["cancelled"]) or (delay is not None and delay > 60)


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _band(number: int | None, width: int) -> int | None:
    return None if number is None else number - number % width


def _stars(text: str | None, first: int, last: int) -> str | None:
    if text is None:
        return None
    if len(text) <= first + last:
        return "*" * len(text)
    return text[:first] + "*" * (len(text) - first - last) + (text[-last:] if last else "")


def _district(postcode: str | None) -> str | None:
    outward, _, inward = (postcode or "").partition(" ")
    return outward if _OUTWARD.fullmatch(outward) and _INWARD.fullmatch(inward) else None


def _initial(name: str | None) -> str | None:
    return None if name is None else name[:1]


def _month(born: date | None) -> str | None:
    return None if born is None else f"{born:%Y-%m}"


def _same(*columns: str) -> Callable[[Row], Clear]:
    return lambda row: tuple(row[column] for column in columns)


_PORT = ("code", "name", "city", "subdivision", "country", "latitude", "longitude", "elevation_feet", "time_zone")

EXPECTED = (
    Expected(
        "DSA-2026-101",
        "departures",
        "work-and-pensions",
        "crossings",
        _departure,
        lambda row: (row["direction"], row["port"], _day(row["crossed_at"]), _stars(row["document_number"], 0, 3)),
        ("direction", "port", "crossed_at", "document_number"),
        ("traveller_reference",),
    ),
    Expected(
        "DSA-2026-101",
        "residents",
        "work-and-pensions",
        "travellers",
        lambda row: row["residence"] == "resident",
        lambda row: (
            _initial(row["given_name"]),
            row["family_name"],
            row["date_of_birth"].year,
            _district(row["postcode"]),
        ),
        ("given_name", "family_name", "date_of_birth", "postcode"),
        ("reference",),
    ),
    Expected(
        "DSA-2026-102",
        "taxpayers",
        "revenue-and-customs",
        "travellers",
        lambda row: row["residence"] in ("resident", "temporary"),
        lambda row: (
            row["family_name"],
            _month(row["date_of_birth"]),
            _stars(row["email"], 0, 0),
            row["residence"],
        ),
        ("family_name", "date_of_birth", "email", "residence"),
        ("reference", "document_number"),
    ),
    Expected(
        "DSA-2026-103",
        "arrivals",
        "health-security",
        "crossings",
        _arrival,
        lambda row: (row["movement_id"], row["port"], _hour(row["crossed_at"])),
        ("movement_id", "port", "crossed_at"),
        ("crossing_id", "traveller_reference"),
    ),
    Expected("DSA-2026-104", "ports", "health-security", "ports", lambda _: True, _same(*_PORT), _PORT),
    Expected(
        "DSA-2026-104",
        "movements",
        "health-security",
        "movements",
        lambda row: row["distance_miles"] >= 1000 and not row["cancelled"],
        lambda row: (
            row["movement_id"],
            row["carrier"],
            _stars(row["aircraft"], 1, 2),
            row["origin"],
            row["destination"],
            _hour(row["scheduled_at"]),
            row["air_minutes"],
            _band(row["distance_miles"], 500),
        ),
        (
            *("movement_id", "carrier", "aircraft", "origin", "destination", "scheduled_at"),
            *("air_minutes", "distance_miles"),
        ),
    ),
    Expected(
        "DSA-2026-105",
        "delays",
        "revenue-and-customs",
        "movements",
        _disrupted,
        lambda row: (
            row["carrier"],
            row["flight_number"],
            row["origin"],
            _day(row["scheduled_at"]),
            _band(row["arrival_delay_minutes"], 30),
            row["cancelled"],
        ),
        ("carrier", "flight_number", "origin", "scheduled_at", "arrival_delay_minutes", "cancelled"),
    ),
)
"""Every share of the example agreements."""

IDENTIFYING = {
    "travellers": ("reference", "document_number", "email"),
    "crossings": ("crossing_id", "traveller_reference", "document_number"),
}
"""Columns whose values no department may find anywhere in what it receives: not in keys, headers or values."""
