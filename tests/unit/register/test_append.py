"""What is committed to the register, and what is said to have been done."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import MagicMock

import pytest

from agreements import acts
from agreements.append_time import TOLERANCE, milliseconds
from broker.cluster.client import Fenced, Message
from broker.register import append
from broker.register.append import Deed
from contracts import topics
from contracts.faults import Refused, Unavailable
from tests.registers import enrolled, signer

STARTED = enrolled()
"""Only read."""
NOW_MS = milliseconds(STARTED.time)
NONE, MILLISECOND = timedelta(), timedelta(milliseconds=1)
OPERATOR = signer("operator")
DEEDS = [Deed(acts.WorkerEnrolled(name, signer(name).public_key), OPERATOR) for name in ("w1", "w2")]


def ended(appended, **abort):
    """How the writer ended its transaction, given what Kafka has said of its acts, and what it raised."""
    producer = MagicMock(**{"appended.return_value": appended, **abort})
    try:
        append._commit(producer, DEEDS, [b"one", b"two"], STARTED.time)
    except (Unavailable, Fenced) as raised:
        fault = raised
    else:
        fault = None
    return [call[0] for call in producer.method_calls if call[0] in ("abort", "commit")], fault


@pytest.mark.parametrize(
    ("appended", "code"),
    [
        ([], "KAF-001"),
        ([NOW_MS], "KAF-001"),
        ([NOW_MS] * 3, "KAF-001"),
        ([NOW_MS, None], "REG-015"),
        ([NOW_MS, NOW_MS - TOLERANCE // MILLISECOND - 1], "REG-014"),
    ],
)
def test_acts_are_committed_only_when_kafka_has_said_its_time_of_each(appended, code):
    calls, fault = ended(appended)
    assert (calls, [one.code.identifier for one in fault.faults]) == (["abort"], [code])


def test_acts_of_which_kafka_has_said_its_time_are_committed():
    assert ended([NOW_MS, NOW_MS - TOLERANCE // MILLISECOND]) == (["commit"], None)


def test_a_writer_that_was_fenced_before_kafka_answered_learns_that_it_was():
    calls, fault = ended([], **{"abort.side_effect": Fenced("another writer")})
    assert (calls, type(fault)) == (["abort"], Fenced)


def read_again(*places):
    """What a reader finds of our two records, each at a place: which of the two, and Kafka's time of it after ours."""
    register = enrolled()
    values = append._records(DEEDS, register.snapshot, register.time)
    started, tail = register.time, []
    for number, late in places:
        register.time = started + late
        register.add(values[number])
        tail.append(Message(topics.REGISTER, 0, register.snapshot.position, 0, None, values[number]))
    return append._positions_of(values, tail, register.alarms), [message.offset for message in tail]


def test_what_is_found_again_and_counts_is_done():
    found, offsets = read_again((0, NONE), (1, NONE))
    assert list(found) == offsets
    assert read_again((0, NONE))[0] == ()


def test_what_is_found_again_and_is_ignored_is_not_done():
    with pytest.raises(Refused, match="AGR-090"):
        read_again((0, NONE), (1, TOLERANCE * 2))


def test_a_copy_of_ours_that_somebody_appended_takes_nothing_from_it():
    found, offsets = read_again((0, NONE), (0, NONE), (1, NONE), (1, TOLERANCE * 2))
    assert list(found) == [offsets[0], offsets[2]]
    late_first, offsets = read_again((0, TOLERANCE * 2), (1, NONE), (0, NONE))
    assert list(late_first) == [offsets[2], offsets[1]]
