"""What each department must hold, from the PostgreSQL tables, by filters and treatments written here by hand.

Nothing of `broker.policy` is used, and no agreement is read.  A token cannot be foretold without the keys, so tokens are
compared by their structure: what hangs together by a person's reference in the tables must hang together by one
token in the topics, in one share and across the two shares of one agreement, and in no other way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

Row = dict[str, Any]
Structure = Counter


def departs(row: Row) -> bool:
    sure = row["match_confidence"] is not None and row["match_confidence"] >= 0.6
    return _kept(row) and row["direction"] == "outbound" and row["port"] in ("EWR", "JFK") and sure


def arrives(row: Row) -> bool:
    return _kept(row) and row["direction"] == "inbound" and row["port"] in ("ATL", "BOS", "FLL", "MCO", "MIA")


def _kept(row: Row) -> bool:
    """The one promise of the contract that these tests break: nine digits."""
    number = row["document_number"]
    return number is None or (len(number) == 9 and number.isdigit() and number.isascii())


def departure(row: Row) -> tuple:
    """What a department reads of a departure, its tokens aside."""
    hidden = "*" * (len(row["document_number"]) - 3) + row["document_number"][-3:]
    return row["direction"], row["port"], row["crossed_at"].astimezone(UTC).date(), hidden


def arrival(row: Row) -> tuple:
    at = row["crossed_at"].astimezone(UTC)
    return row["movement_id"], row["port"], datetime(at.year, at.month, at.day, at.hour, tzinfo=UTC)


def resident(row: Row) -> tuple:
    born: date = row["date_of_birth"]
    return row["given_name"][0], row["family_name"], born.year, row["postcode"].split(" ")[0]


def taxpayer(row: Row) -> tuple:
    return row["family_name"], row["date_of_birth"].isoformat()[:7], "*" * len(row["email"]), row["residence"]


def expected_of_agreement_101(travellers: Iterable[Row], crossings: Iterable[Row]) -> Structure:
    """Residents and departures together: per person what is held of them, without saying who it is."""
    return _joined(
        ((row["reference"], resident(row)) for row in travellers if row["residence"] == "resident"),
        ((row["traveller_reference"], departure(row)) for row in crossings if departs(row)),
    )


def held_of_agreement_101(residents: Iterable[Row], departures: Iterable[Row]) -> Structure:
    names = ("given_name", "family_name", "date_of_birth", "postcode")
    return _joined(
        ((row["reference"], tuple(row[name] for name in names)) for row in residents),
        (
            (row["traveller_reference"], (row["direction"], row["port"], row["crossed_at"], row["document_number"]))
            for row in departures
        ),
    )


def expected_of_agreement_102(travellers: Iterable[Row]) -> Structure:
    qualifying = (row for row in travellers if row["residence"] in ("resident", "temporary"))
    return _joined(((row["reference"], taxpayer(row)) for row in qualifying), ())


def held_of_agreement_102(taxpayers: Iterable[Row]) -> Structure:
    names = ("family_name", "date_of_birth", "email", "residence")
    return _joined(((row["reference"], tuple(row[name] for name in names)) for row in taxpayers), ())


def expected_of_agreement_103(crossings: Iterable[Row]) -> Structure:
    return _joined((), ((row["traveller_reference"], arrival(row)) for row in crossings if arrives(row)))


def held_of_agreement_103(arrivals: Iterable[Row]) -> Structure:
    names = ("movement_id", "port", "crossed_at")
    return _joined((), ((row["traveller_reference"], tuple(row[name] for name in names)) for row in arrivals))


def decided_for(share: str) -> tuple[str, Callable[[Row], bool]]:
    """The dataset and the filter of an event share: each qualifying event is delivered exactly once."""
    return {"departures": ("crossings", departs), "arrivals": ("crossings", arrives)}[share]


def _joined(entities: Iterable[tuple[Any, tuple]], events: Iterable[tuple[Any, tuple]]) -> Structure:
    """How often each shape stands there: a person's views, and the multiset of their events."""
    views: defaultdict[Any, list[tuple]] = defaultdict(list)
    happened: defaultdict[Any, Counter[tuple]] = defaultdict(Counter)
    for who, view in entities:
        views[who].append(view)
    for who, event in events:
        happened[who][event] += 1
    people = views.keys() | happened.keys()
    return Counter((tuple(sorted(views[who])), frozenset(happened[who].items())) for who in people)
