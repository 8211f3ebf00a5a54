"""BOUNDED-STOP: a worker decides under a register position only with the routes of that position, whatever fails on the way."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from agreements.snapshot import Suspension
from broker import clock
from broker.cluster.client import Abortable
from broker.delivery import worker as module
from broker.delivery.codes import REGISTER_BEHIND
from broker.delivery.conditions import Conditions
from broker.delivery.routes import Routes, compile_coverage
from broker.delivery.worker import Worker
from broker.policy.reference import ReferenceEngine
from broker.proofs.world import DATASET, KEYS, NOW, agreement, entry_of, snapshot_of
from contracts.faults import Unavailable

SUSPENSION = Suspension(11, NOW, "signatory/y", "stop", None, "provider")
BEFORE = snapshot_of([entry_of(agreement())])
AFTER = replace(
    snapshot_of([entry_of(agreement(), suspensions=(SUSPENSION,))]),
    position=BEFORE.position + 5,
    key_versions={"pseudonym/DSA-PROOF": 2},
)
"""The agreement is suspended, and a key is renewed, so the engine is to be made again."""
PARTS = ("TransactionalProducer", "GroupConsumer", "Takeover", "Rederiver", "Replays", "Limits", "Planner", "SentState")


class World:
    """A worker between its register and its routes, which are real; what touches Kafka is not there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
        for part in PARTS:
            monkeypatch.setattr(module, part, MagicMock())
        module.GroupConsumer.return_value.consume.return_value = []  # type: ignore[attr-defined]
        self.consumer = module.GroupConsumer.return_value  # type: ignore[attr-defined]
        monkeypatch.setattr(clock, "now", lambda: NOW)
        self.snapshot, self.keys_read_max = BEFORE, 100
        self.decided: list[tuple[int, int]] = []
        self.routes = Routes(compile_coverage, self.engine, lambda _: 1)
        self.worker = Worker(
            MagicMock(),
            SimpleNamespace(worker="w", directory=tmp_path, transactional_id="w"),
            SimpleNamespace(catch_up=lambda: self.snapshot),
            lambda _: self.routes,
            self.ground,
            Conditions(),
            trip=lambda *_: None,
        )

    def engine(self, snapshot, entry, plans):
        self.keys_read_max -= 1
        if self.keys_read_max < 0:
            raise Unavailable(REGISTER_BEHIND.fault("the key cannot be read"))
        return ReferenceEngine(entry, plans, snapshot.schemas, KEYS)

    def ground(self, snapshot, now):
        """Asked for whenever something is about to be decided: under which position, and with how many suspensions."""
        (coverage,) = self.routes.by_dataset[DATASET].coverages
        self.decided.append((snapshot.position, len(coverage.entry.suspensions)))
        return MagicMock()


@pytest.fixture
def world(monkeypatch, tmp_path):
    made = World(monkeypatch, tmp_path)
    made.worker._turn()
    assert made.decided == [(BEFORE.position, 0)]
    return made


def test_nothing_is_decided_until_the_routes_of_a_new_position_are_made(world):
    world.snapshot, world.keys_read_max = AFTER, 0
    for _ in range(3):
        with pytest.raises(Unavailable, match="cannot be read"):
            world.worker._turn()
    assert len(world.decided) == 1
    world.keys_read_max = 100
    world.worker._turn()
    assert world.decided[1:] == [(AFTER.position, 1)]


def test_what_follows_the_routes_is_tried_again_too(world, monkeypatch):
    world.snapshot = replace(AFTER, contracts={**AFTER.contracts, "another": AFTER.contracts[DATASET]})
    world.consumer.subscribe.side_effect = [Abortable("not now"), None]
    with pytest.raises(Abortable):
        world.worker._turn()
    world.worker._turn()
    assert world.decided[1:] == [(AFTER.position, 1)]
    wanted = (("source.another", f"source.{DATASET}"),)
    assert [call.args for call in world.consumer.subscribe.call_args_list[1:]] == [wanted, wanted]


def test_routes_that_cannot_be_made_leave_the_ones_before_as_they_were(world):
    before = dict(world.routes.by_dataset)
    other = replace(AFTER, contracts={**AFTER.contracts, "another": AFTER.contracts[DATASET]})
    world.keys_read_max = 1  # enough for the first dataset
    with pytest.raises(Unavailable):
        world.routes.renew(other, NOW)
    assert world.routes.by_dataset == before
    assert world.routes._made[DATASET][1] is before[DATASET]
