"""What an agreement would do, simulated over everything that has happened, is what stands on its share topic."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from broker.cluster.reader import Reader
from broker.demonstration.stores import EXAMPLES
from tests.kills.people import Writer
from tests.kills.proof import await_decided
from tests.kills.world import PARTITIONS, SHARES, World
from tests.servers import until

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("whole-path")]


def test_simulated_counts_equal_the_records_on_the_share_topics(world: World, changes: Counter[str]) -> None:
    writer = Writer(world.postgresql.dsn, 21)
    writer.start()
    try:
        until(lambda: min(writer.done[kind] for kind in ("move", "leave", "cross")) > 5)
    finally:
        writer.finish()
        changes.update(writer.changes)
    await_decided(world, changes)
    who = ("--as", "home-office.senior-information-risk-owner", "--key", str(world.key_file))
    file = EXAMPLES / "agreements" / "DSA-2026-101.agreement.yaml"
    done = world.command("agreement", "simulate", str(file), *who, "--json")
    report = json.loads(done.stdout)
    assert report["records"] == sum(changes.values())
    assert sum(report["quarantined"].values()) == world.quarantined
    by_share = {share["share"]: share for share in report["shares"]}
    for name in ("residents", "departures"):
        with Reader(world.kafka.connection) as reader:
            records = [m for p in range(PARTITIONS) for m in reader.read(SHARES[name], p)]
        outcomes = Counter(by_share[name]["by_outcome"])
        assert outcomes["permit"] + outcomes["redact"] == sum(m.value is not None for m in records) > 0
        assert outcomes["withdraw"] + outcomes["delete"] == sum(m.value is None for m in records)
        assert by_share[name]["delivered"] == len(records)
    assert by_share["residents"]["by_outcome"]["withdraw"] > 0
    history = world.command("agreement", "history", "DSA-2026-101").stdout
    assert "agreement.simulated" in history
    explained = json.loads(
        world.command("agreement", "explain", str(file), "--event", "travellers/0/0", "--json").stdout
    )
    assert explained[0]["share"] == "residents"
    assert all("source" not in one for one in explained[0]["decided"])
    assert "CANARY" not in json.dumps(explained)
