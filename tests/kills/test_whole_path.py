"""Worker and connector are killed (-9) at random moments of their loops while the store is written to.

Afterwards what every department holds equals the tables, each change was decided once, and the audit is verified.
"""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from broker.cluster.reader import Reader
from broker.settings import child_environment
from tests.kills.killing import Killer
from tests.kills.people import Writer
from tests.kills.proof import assert_right
from tests.kills.world import World, share_places, source_places

SOAK = child_environment().get("CONCORDAT_TEST_SOAK") == "1"
KILLS = 200 if SOAK else 20
KILLS_MAX = KILLS + 20
ABORTED, BEFORE_STATE = 5, 2

pytestmark = [
    pytest.mark.integration,
    pytest.mark.kills,
    pytest.mark.xdist_group("whole-path"),
    pytest.mark.timeout(7000 if SOAK else 400),
]


def test_kill_9_at_any_moment_loses_nothing_and_doubles_nothing(world: World, changes: Counter[str], tmp_path) -> None:
    killer, writers = Killer(world, tmp_path, 20261124), [Writer(world.postgresql.dsn, number) for number in (1, 2)]
    kills = killer.kills
    for writer in writers:
        writer.start()
    try:
        for number in itertools.count():
            if kills.killed >= KILLS:
                break
            killer.round(number)
        killer.await_at_work()
        while kills.killed < KILLS_MAX and (kills.aborted < ABORTED or kills.before_state < BEFORE_STATE):
            killer.aim(wanted_open=kills.aborted < ABORTED, wanted_behind=kills.before_state < BEFORE_STATE)
    finally:
        killer.close()
        for writer in writers:
            writer.finish()
            changes.update(writer.changes)
    happened = sum((writer.done for writer in writers), Counter())
    assert min(happened[kind] for kind in ("arrive", "move", "rename", "leave", "cross")) > 10, happened
    report = assert_right(world, changes)
    assert kills.aborted >= ABORTED, f"too few kills left an aborted range for this run to count: {kills}"
    assert kills.before_state >= BEFORE_STATE, f"too few kills fell between commit and state: {kills}"
    assert {"redact", "withdraw", "delete", "deny", "unchanged"} <= report["by_outcome"].keys()
    assert exposed(world) > 0
    assert sum(found["records"] for share in report["shares"] for found in share["exposed"]) > 0


def exposed(world: World) -> int:
    """Records that only a careless reader sees: those of transactions that kills left open."""
    with Reader(world.kafka.connection) as committed, Reader(world.kafka.connection, committed=False) as every:
        places = [*source_places(), *share_places()]
        return sum(sum(1 for _ in every.read(*place)) - sum(1 for _ in committed.read(*place)) for place in places)
