"""Which quarantined records may be decided again."""

from agreements.snapshot import Job, JobKind, Snapshot
from broker.delivery.quarantine import stands

PLACE = ("source.flow", 0, 7)


def waits(snapshot, quarantined_at, before=None):
    return stands(snapshot, PLACE, quarantined_at, before)


def asked(*positions, offset=7):
    return Snapshot(jobs=tuple(Job(p, JobKind.REPLAY, "flow", partition=0, offset=offset) for p in positions))


def test_a_quarantined_record_waits_until_it_is_asked_for():
    assert waits(Snapshot(), 3)
    assert waits(asked(5, offset=8), 3)
    assert not waits(asked(5), 3)


def test_a_record_whose_replay_was_quarantined_again_waits_again():
    assert waits(asked(5), 5)
    assert not waits(asked(5, 9), 5)


def test_a_discarded_record_does_not_wait():
    assert not waits(Snapshot(discarded=frozenset({PLACE})), 3)


def test_a_worker_asks_whether_a_record_stood_when_its_replay_was_asked_for():
    assert waits(asked(5), 3, before=5)
    assert not waits(asked(5, 9), 3, before=9), "the first replay has decided it"
    assert waits(asked(5, 9), 5, before=9), "the first replay has quarantined it again"
