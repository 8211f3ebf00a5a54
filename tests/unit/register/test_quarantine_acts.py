"""Which quarantined records may be decided again."""

from agreements.snapshot import Job, JobKind, Snapshot
from broker.delivery.quarantine import Quarantined
from broker.register.enrolment import waits

PLACE = ("source.flow", 0, 7)


def entry(register_position):
    return Quarantined("flow", *PLACE, 7, (), "live", 0, register_position, "worker-1", sealed=False, content=b"")


def asked(*positions, offset=7):
    return Snapshot(jobs=tuple(Job(p, JobKind.REPLAY, "flow", partition=0, offset=offset) for p in positions))


def test_a_quarantined_record_waits_until_it_is_asked_for():
    assert waits(Snapshot(), entry(3))
    assert waits(asked(5, offset=8), entry(3))
    assert not waits(asked(5), entry(3))


def test_a_record_whose_replay_was_quarantined_again_waits_again():
    assert waits(asked(5), entry(5))
    assert not waits(asked(5, 9), entry(5))


def test_a_discarded_record_does_not_wait():
    assert not waits(Snapshot(discarded=frozenset({PLACE})), entry(3))
