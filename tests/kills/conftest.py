"""One world for all tests of the whole path: it is made once, and each test leaves it right and running."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from tests.kills.people import CROSSING, RESIDENCES, TRAVELLER, crossing, traveller
from tests.kills.proof import await_decided
from tests.kills.world import CONNECTOR, SERVICE, WORKER, World

FIRST_PEOPLE = 200


@pytest.fixture(scope="session")
def changes() -> Counter[str]:
    """How many changes have been made in the store, by dataset; every test adds its own."""
    return Counter()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, changes: Counter[str]) -> Iterator[World]:
    chance = random.Random(1)
    with World(tmp_path_factory.mktemp("kills")) as made:
        with psycopg.connect(made.postgresql.dsn) as session:
            for number in range(FIRST_PEOPLE):
                row = traveller(number, chance.choice(RESIDENCES))
                session.execute(TRAVELLER, row)
                session.execute(CROSSING, crossing(number, row["reference"], chance))
        changes.update(travellers=FIRST_PEOPLE, crossings=FIRST_PEOPLE)
        for name in (SERVICE, WORKER, CONNECTOR):
            made.start(name)
        await_decided(made, changes)
        yield made
