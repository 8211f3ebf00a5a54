"""What happens in the store: people come, move, change and go, and cross the border.  Every value is a canary.

A writer is a thread with people of its own, so that two never wait for each other.  `changes` counts what a
faithful connector has to put on each source topic: two for a changed key, none for a transaction that was rolled back.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

RESIDENCES = ("resident", "temporary", "visitor")
PORTS = ("EWR", "JFK", "MIA", "BOS", "LGA")
_START = datetime(2013, 1, 1, 12, tzinfo=UTC)

TRAVELLER = (
    "INSERT INTO travellers VALUES (%(reference)s, %(given_name)s, %(family_name)s, %(date_of_birth)s, %(nationality)s,"
    " %(document_number)s, %(email)s, %(postcode)s, %(residence)s, %(watch_note)s)"
)
CROSSING = (
    "INSERT INTO crossings VALUES (%(crossing_id)s, %(traveller_reference)s, %(movement_id)s, %(direction)s, %(port)s,"
    " %(crossed_at)s, %(document_number)s, %(match_confidence)s, %(officer_note)s)"
)


def traveller(number: int, residence: str) -> dict[str, Any]:
    """A person nobody else is: each of the values is found nowhere but where it was put."""
    return {
        "reference": f"TR-CANARY-{number:07d}",
        "given_name": f"Zephyrine{number:07d}",
        "family_name": f"Quibberwick{number:07d}",
        "date_of_birth": date(1801, 1, 1) + timedelta(days=number % 20_000),
        "nationality": "GB",
        "document_number": f"{730_000_000 + number}",
        "email": f"canary{number:07d}@quibberwick.example",
        "postcode": "SW1A 2AA",
        "residence": residence,
        "watch_note": f"canary-note-{number:07d}",
    }


def crossing(number: int, reference: str, chance: random.Random) -> dict[str, Any]:
    return {
        "crossing_id": f"CR-CANARY-{number:07d}",
        "traveller_reference": reference,
        "movement_id": f"MV-{number % 50}",
        "direction": chance.choice(("inbound", "outbound")),
        "port": chance.choice(PORTS),
        "crossed_at": _START + timedelta(minutes=37 * (number % 5000)),
        "document_number": f"{830_000_000 + number}",
        "match_confidence": chance.choice((0.2, 0.7, 0.9, None)),
        "officer_note": f"canary-officer-{number:07d}",
    }


class Writer(threading.Thread):
    """Writes small transactions until told to finish."""

    def __init__(self, dsn: str, number: int, pause_seconds: float = 0.04) -> None:
        super().__init__(name=f"writer-{number}", daemon=True)
        self.changes: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        """How often each kind of thing happened."""
        self._dsn, self._pause_seconds = dsn, pause_seconds
        self._chance = random.Random(number)
        self._next = number * 100_000
        self._people: list[str] = []
        self._finished = threading.Event()
        self._fault: BaseException | None = None

    def run(self) -> None:
        try:
            with psycopg.connect(self._dsn) as session:
                while not self._finished.wait(self._chance.uniform(0, 2 * self._pause_seconds)):
                    self._transaction(session)
        except BaseException as fault:  # noqa: BLE001 - told in `finish`
            self._fault = fault

    def finish(self) -> None:
        """Stop, and say what went wrong if anything did."""
        self._finished.set()
        self.join(90)
        assert not self.is_alive()
        if self._fault is not None:
            raise self._fault

    def _transaction(self, session: psycopg.Connection) -> None:
        people, changes, done = list(self._people), Counter(), Counter()
        for _ in range(self._chance.randrange(1, 6)):
            kind = self._chance.choices(("arrive", "move", "rename", "note", "leave", "cross"), (4, 4, 1, 1, 1, 5))[0]
            if kind == "arrive" or not people:
                kind = "arrive"
            getattr(self, f"_{kind}")(session, people, changes)
            done[kind] += 1
        if self._chance.random() < 0.1:
            session.rollback()
            return
        session.commit()
        self._people = people
        self.changes += changes
        self.done += done

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _arrive(self, session, people, changes) -> None:
        row = traveller(self._number(), self._chance.choice(RESIDENCES))
        session.execute(TRAVELLER, row)
        people.append(row["reference"])
        changes["travellers"] += 1

    def _move(self, session, people, changes) -> None:
        values = [self._chance.choice(RESIDENCES), self._chance.choice(people)]
        session.execute("UPDATE travellers SET residence = %s WHERE reference = %s", values)
        changes["travellers"] += 1

    def _note(self, session, people, changes) -> None:
        values = [f"canary-note-{self._number():07d}", self._chance.choice(people)]
        session.execute("UPDATE travellers SET watch_note = %s WHERE reference = %s", values)
        changes["travellers"] += 1

    def _rename(self, session, people, changes) -> None:
        """The person's key changes: to every department one leaves and another comes."""
        place = self._chance.randrange(len(people))
        old, people[place] = people[place], f"TR-CANARY-{self._number():07d}"
        session.execute("UPDATE travellers SET reference = %s WHERE reference = %s", [people[place], old])
        changes["travellers"] += 2

    def _leave(self, session, people, changes) -> None:
        gone = people.pop(self._chance.randrange(len(people)))
        session.execute("DELETE FROM travellers WHERE reference = %s", [gone])
        changes["travellers"] += 1

    def _cross(self, session, people, changes) -> None:
        session.execute(CROSSING, crossing(self._number(), self._chance.choice(people), self._chance))
        changes["crossings"] += 1


def table(dsn: str, name: str) -> list[dict[str, Any]]:
    """The rows as they are now."""
    with psycopg.connect(dsn, row_factory=dict_row) as session:
        return session.execute(f"SELECT * FROM {name}").fetchall()
