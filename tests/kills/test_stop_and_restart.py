"""An agreement is stopped through the command while everything runs; and Kafka itself goes away and comes back."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from broker.cluster.reader import Reader
from tests.kills.people import Writer
from tests.kills.proof import assert_right, await_decided
from tests.kills.world import SHARES, World, share_places
from tests.servers import until

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("whole-path")]

STOPPED = "DSA-2026-102"


def ends(world: World, share: str, *, committed: bool) -> list[int]:
    with Reader(world.kafka.connection, committed=committed) as reader:
        return [reader.stable_end(*place) for place in share_places() if place[0] == SHARES[share]]


def acted(world: World, verb: str, *more: str) -> dict:
    who = ("--as", "home-office.senior-information-risk-owner", "--key", str(world.key_file))
    return json.loads(world.command("agreement", verb, STOPPED, *who, *more, "--json").stdout)


def test_a_suspension_is_confirmed_and_nothing_flows_after_it(world: World, changes: Counter[str]) -> None:
    writer = Writer(world.postgresql.dsn, 11)
    writer.start()
    try:
        before = sum(ends(world, "taxpayers", committed=True))
        until(lambda: sum(ends(world, "taxpayers", committed=True)) > before)
        stop = acted(world, "suspend", "--reason", "a test")["stop"]
        at_confirmation, others = ends(world, "taxpayers", committed=False), ends(world, "residents", committed=True)
        assert stop["confirmed"]
        assert stop["seconds"] < stop["worst_case_seconds"]
        until(lambda: sum(ends(world, "residents", committed=True)) > sum(others) + 20)
    finally:
        writer.finish()
        changes.update(writer.changes)
    await_decided(world, changes)
    assert ends(world, "taxpayers", committed=False) == at_confirmation, "not even an aborted record may follow"
    assert acted(world, "resume")["stop"]["confirmed"]
    until(lambda: sum(ends(world, "taxpayers", committed=True)) > sum(at_confirmation))
    assert_right(world, changes)


def test_kafka_goes_away_and_comes_back_and_nothing_is_lost_or_doubled(world: World, changes: Counter[str]) -> None:
    servers = world.kafka.connection.bootstrap_servers
    world.await_ready(200)
    writer = Writer(world.postgresql.dsn, 12)
    writer.start()
    try:
        before = sum(ends(world, "residents", committed=True))
        until(lambda: sum(ends(world, "residents", committed=True)) > before)
        world.kafka.stop()
        world.await_ready(503)
        world.kafka.start()
        assert world.kafka.connection.bootstrap_servers == servers
        world.await_ready(200)
        after = sum(ends(world, "residents", committed=True))
        until(lambda: sum(ends(world, "residents", committed=True)) > after, 60)
    finally:
        writer.finish()
        changes.update(writer.changes)
    assert_right(world, changes)
