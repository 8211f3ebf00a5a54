"""Workers that are paused, replaced and killed: nothing is lost, nothing comes twice, and nothing flows after a stop."""

import random
import signal
import threading
from collections import Counter

import pytest

from broker.audit.leaf import DELIVERED, delivered_digest
from broker.cluster.reader import Reader
from broker.delivery.supervisor import Ending
from tests.integration.delivery.bench import Bench, wait_for
from tests.integration.delivery.test_worker import assert_chained

pytestmark = pytest.mark.integration


@pytest.fixture
def bench(kafka, tmp_path):
    made = []

    def make(**arguments):
        made.append(Bench(kafka, tmp_path, **arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


def assert_delivered_as_decided(b):
    """AUDIT-WITH-DELIVERY and ONE-DECISION, counted from the topics: every share record has its leaf and every leaf its
    record, every visible source record one live decision per agreement, and the chain has no gap.
    """
    for partition in range(b.partitions):
        segments = b.segments(partition)
        assert_chained(segments)
        leaves = [leaf for segment in segments for leaf in segment.opened]
        source = [message.offset for message in b.read(b.source, partition)]
        for port, topic in b.shares.items():
            mine = [leaf for leaf in leaves if leaf.recipient.agreement == b.references[port]]
            told = Counter(leaf.recipient.delivered for leaf in mine if leaf.recipient.outcome in DELIVERED)
            assert told == Counter(delivered_digest(m.key, m.value) for m in b.read(topic, partition))
            assert [leaf.auditor.offset for leaf in mine if leaf.auditor.mode == "live"] == source
    for port in b.shares:
        if b.kind == "entity":
            assert b.view(port) == b.expected_view(port)


def test_a_paused_worker_that_wakes_up_is_fenced_and_repeats_nothing(bench):
    b = bench(kind="event", partitions=1)
    paused = b.start("one", inside_seconds=2, transaction_timeout_milliseconds=4_000)
    b.write(*(("a", "LHR", n) for n in range(50)))
    inside = b.directory / "one" / "inside"
    wait_for(inside.exists, "an open transaction")
    paused.send_signal(signal.SIGSTOP)
    b.start("two")
    b.await_decided()
    b.write(("b", "LHR", 99))
    paused.send_signal(signal.SIGCONT)
    assert paused.wait(90) in (Ending.FENCED, Ending.CLIENT_FATAL)
    b.await_decided()
    assert len(b.read(b.shares["LHR"])) == 51
    assert_delivered_as_decided(b)


def test_a_worker_whose_member_is_replaced_ends_at_once(bench):
    """Librdkafka says it once and is silent for ever: a live process that does nothing."""
    b = bench(kind="event")
    first = b.start("one")
    b.write(("a", "LHR", 1))
    b.await_decided()
    twin = b.directory / "twin"
    twin.mkdir()
    for name in ("identity.json", "worker.key"):
        (twin / name).write_bytes((b.directory / "one" / name).read_bytes())
    b.start("twin")
    assert first.wait(90) in (Ending.FENCED, Ending.CLIENT_FATAL)
    b.write(("b", "LHR", 2))
    b.await_decided()
    assert_delivered_as_decided(b)


def test_nothing_flows_after_a_confirmed_stop_although_a_worker_was_paused_in_a_transaction(bench):
    b = bench(kind="entity", partitions=2)
    paused = b.start("one", inside_seconds=2, transaction_timeout_milliseconds=4_000)
    for partition in (0, 1):
        b.write(*((f"k{n}", "LHR", n) for n in range(20)), partition=partition)
    wait_for((b.directory / "one" / "inside").exists, "an open transaction")
    paused.send_signal(signal.SIGSTOP)
    b.start("two")
    b.await_acknowledged(b.suspend("LHR"))
    ends = exposed_ends(b)
    paused.send_signal(signal.SIGCONT)
    for partition in (0, 1):
        b.write(("new", "LHR", 1), ("k1", "MAN", 1), partition=partition)
    paused.wait(90)
    b.await_decided()
    assert exposed_ends(b) == ends, "not even an aborted record may appear after the stop"
    b.await_acknowledged(b.resume("LHR"))
    for partition in (0, 1):
        b.write(("k2", "LHR", 3), partition=partition)
    b.await_decided()
    wait_for(lambda: b.view("LHR") == b.expected_view("LHR"), "the view after the stop")


def exposed_ends(b):
    """The last record of each share partition that a careless reader can see."""
    found = [b.read(b.shares["LHR"], partition, committed=False) for partition in range(b.partitions)]
    return [messages[-1].offset if messages else -1 for messages in found]


@pytest.mark.kills
def test_kill_9_within_a_transaction_and_after_it_beside_aborted_source_records_loses_and_doubles_nothing(bench, kafka):
    """What tests/kills does not have: stores that abort, and long stays where a kill rarely falls."""
    b = bench(kind="entity", partitions=2)
    chance = random.Random(20261124)
    stop = threading.Event()

    def feed():
        while not stop.wait(chance.uniform(0.005, 0.03)):
            partition = chance.randrange(2)
            changes = [
                (f"k{chance.randrange(40)}", chance.choice(["LHR", "MAN", "JFK", None]), chance.randrange(6))
                for _ in range(chance.randrange(1, 8))
            ]
            b.write(*changes, partition=partition, abort=chance.random() < 0.1)

    feeder = threading.Thread(target=feed)
    feeder.start()
    kills = before_state = aborted = 0
    try:
        with Reader(kafka) as committed, Reader(kafka, committed=False) as every:
            while kills < 5 or (kills < 20 and (aborted < 2 or before_state < 1)):
                kills += 1
                at_commit, left_open = kill_one(b, committed, every, chance)
                before_state += at_commit
                aborted += left_open
    finally:
        stop.set()
        feeder.join()
    b.start("one")
    b.await_decided()
    assert_delivered_as_decided(b)
    assert aborted >= 2, "too few kills left an aborted range for this run to count"
    assert before_state >= 1, "too few kills fell between commit and state for this run to count"


def kill_one(b, committed, every, chance):
    """Start a worker, kill it at a random moment of its loop; whether it stood between commit and state, and whether it
    left a transaction open, which its successor aborts.
    """
    worker = b.start("one", inside_seconds=0.1, after_seconds=0.06)
    partition = chance.randrange(2)
    start = committed.stable_end(b.shares["LHR"], partition)
    wait_for(lambda: committed.stable_end(b.shares["LHR"], partition) > start, "it works", 30)
    moment = threading.Event()
    moment.wait(chance.uniform(0, 0.5))
    worker.kill()
    worker.wait()
    at_commit = (b.directory / "one" / "committed").exists()
    moment.wait(0.1)  # markers of what was committed are in place; what is open stays so until its successor starts
    left_open = any(
        every.stable_end(b.shares[port], p) > committed.stable_end(b.shares[port], p)
        for port in b.shares
        for p in (0, 1)
    )
    return at_commit, left_open
