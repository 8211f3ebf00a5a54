"""A limit that was reached suspends an agreement where the version in force says so, and no other version."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import msgspec
import pytest

from agreements.model import Limits as Clause
from agreements.snapshot import Snapshot
from broker import clock
from broker.delivery.counters import Reached, Tallies, Tally
from broker.delivery.limits import Limits
from broker.pipeline import Outgoing
from broker.proofs.world import DATASET, NOW, REFERENCE, agreement, entry_of
from broker.register import limiting
from contracts import topics

PLACE = (topics.source(DATASET), 0)
TURN = NOW + timedelta(hours=3)
COUNTED = Outgoing(
    topics.COUNTERS,
    0,
    f"{PLACE[0]}/0".encode(),
    msgspec.json.encode(
        Tallies(1, {REFERENCE: Tally("2026-06-01", 5, {"events_per_day": Reached("2026-06-01", 5)})}),
    ),
)
SAID = pytest.mark.parametrize(("present", "coming", "trips"), [("suspend", "deny", True), ("deny", "suspend", False)])


def register(present, coming):
    """Two signed versions, of which the second has not begun."""

    def version(number, said):
        return entry_of(agreement(version=number, limits=Clause(events_per_day=5, when_reached=said)), position=number)

    versions = (replace(version(1, present), ends_at=TURN), replace(version(2, coming), starts_at=TURN))
    return Snapshot(9, agreements={REFERENCE: versions})


@SAID
def test_a_worker_trips_only_what_the_version_in_force_says(present, coming, trips):
    tripped = []
    limits = Limits(None, lambda *said: tripped.append(said))
    limits.committed([SimpleNamespace(records=(COUNTED,))])
    limits.trip(register(present, coming), NOW, [PLACE])
    assert tripped == ([(REFERENCE, "events_per_day", "2026-06-01")] if trips else [])


@SAID
def test_the_act_is_written_only_where_the_version_in_force_says_so(monkeypatch, present, coming, trips):
    written = []
    monkeypatch.setattr(limiting, "act", lambda _, decide: written.extend(decide(register(present, coming))))
    monkeypatch.setattr(clock, "now", lambda: NOW)
    limiting.reach_limit(None, None, REFERENCE, limit="events_per_day", period="2026-06-01")
    assert len(written) == trips
