"""The worker on a real Kafka: both kinds of data, quarantine, suspension, jobs, and two workers."""

import json

import pytest

from broker.cluster.admin import Admin
from broker.cluster.objects import TopicSpec
from tests.integration.delivery.bench import Bench, wait_for
from tests.integration.delivery.scenario import key_of

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


def outcomes(bench, port, partition=0):
    reference = bench.references[port]
    return [(offset, outcome, mode) for outcome, r, offset, mode in bench.decisions(partition) if r == reference]


def test_an_entitys_view_is_its_agreement_applied_to_the_source(bench):
    b = bench(kind="entity")
    b.start()
    b.write(("a", "LHR", 1), ("b", "MAN", 1), ("c", "JFK", 1))
    b.await_decided()
    b.write(("a", "LHR", 1), ("a", "LHR", 2), ("b", "LHR", 2), ("c", None, None))
    b.write(("a", "LHR", 99), abort=True)
    b.write(("a", None, None), ("b", "JFK", 3))
    b.await_decided()
    for port in ("LHR", "MAN"):
        assert b.view(port) == b.expected_view(port)
    lhr = {key_of(b.references["LHR"], key) for key in (b"a", b"b")}
    assert {m.key for m in b.read(b.shares["LHR"])} == lhr, "a key never sent is never mentioned"
    named = [outcome for _, outcome, _ in outcomes(b, "LHR")]
    assert named == ["redact", "deny", "deny", "unchanged", "redact", "redact", "deny", "delete", "withdraw"]
    assert b.read(b.shares["MAN"])[-1].value is None


def test_events_flow_once_and_a_bad_record_stands_aside_with_its_leaf(bench):
    b = bench(kind="event")
    b.write(("a", "LHR", 1), ("b", b"not json", 0), ("c", "BOOM", 0), (None, "LHR", 0), ("d", "LHR", 2))
    b.start()
    b.await_decided()
    assert len(b.read(b.shares["LHR"])) == 2
    entries = b.quarantine()
    assert [(e.offset, e.reasons[0].code) for e in entries] == [
        (1, "malformed"),
        (2, "policy-failed"),
        (3, "malformed"),
    ]
    assert [d for d in b.decisions() if d[0] == "quarantine"] == [("quarantine", "", o, "live") for o in (1, 2, 3)]
    first = b.segments()[0].header
    assert (first.previous, first.start, first.number) == ("", 0, 0)


def test_a_held_suspension_delivers_nothing_then_exactly_what_was_held(bench):
    b = bench(kind="event", when="hold")
    b.start()
    b.write(("a", "LHR", 1))
    b.await_decided()
    b.await_acknowledged(b.suspend("LHR"))
    end = b.read(b.shares["LHR"], committed=False)[-1].offset
    b.write(("b", "LHR", 2), ("c", "MAN", 2), ("d", "LHR", 3))
    b.await_decided()
    assert b.read(b.shares["LHR"], committed=False)[-1].offset == end
    b.await_acknowledged(b.resume("LHR"))
    b.write(("e", "LHR", 4))
    wait_for(lambda: len(b.read(b.shares["LHR"])) == 4, "the held records")
    b.await_decided()
    notes = sorted(m.value for m in b.read(b.shares["LHR"]))
    assert notes == [b'{"port": "LHR", "note": %d}' % n for n in (1, 2, 3, 4)]
    released = [offset for offset, outcome, mode in outcomes(b, "LHR") if mode == "release"]
    assert len(released) == 2
    assert len(b.read(b.shares["MAN"])) == 1


@pytest.mark.parametrize("kind", ["event", "entity"])
def test_under_an_embargo_records_come_late_and_in_order(bench, kind):
    b = bench(kind=kind, embargo_seconds=2)
    b.start()
    b.write(("a", "LHR", 1), ("b", "LHR", 1))
    b.write(("a", "LHR", 2), ("b", None, None))
    b.await_decided()
    source = b.read(b.source)
    if kind == "entity":
        wait_for(lambda: b.view("LHR") == b.expected_view("LHR"), "the view")
    else:
        wait_for(lambda: len(b.read(b.shares["LHR"])) == 3, "the records that are due")
    recorded = {m.offset: m.timestamp_ms for m in source}
    decided = [(s.header.decided_ms, leaf) for s in b.segments() for leaf in s.opened]
    released = [(at, leaf.auditor.offset) for at, leaf in decided if leaf.recipient.outcome == "redact"]
    assert {leaf.auditor.mode for _, leaf in decided if leaf.recipient.outcome == "redact"} == {"release"}
    assert released == sorted(released)
    assert all(at >= recorded[offset] + 2_000 for at, offset in released)


@pytest.mark.parametrize("when", ["hold", "drop"])
def test_an_entitys_view_is_whole_again_after_a_suspension(bench, when):
    b = bench(kind="entity", when=when)
    b.start()
    b.write(("a", "LHR", 1), ("b", "LHR", 1), ("c", "JFK", 1))
    b.await_decided()
    b.await_acknowledged(b.suspend("LHR"))
    b.write(("a", None, None), ("b", "LHR", 2), ("b", "LHR", 3), ("c", "LHR", 2), ("d", "LHR", 1), ("d", None, None))
    b.await_decided()
    b.resume("LHR")
    b.write(("e", "LHR", 1))
    wait_for(lambda: b.view("LHR") == b.expected_view("LHR"), "the view")
    d = key_of(b.references["LHR"], b"d")
    assert d not in {m.key for m in b.read(b.shares["LHR"])}


def test_a_new_agreement_over_an_entity_is_loaded_and_events_are_not(bench):
    for kind, expected in (("entity", True), ("event", False)):
        b = bench(kind=kind)
        late = b.description["shares"].pop(0)
        b.act()
        b.start(name=kind)
        b.write(("a", "LHR", 1), ("a", "LHR", 2), ("b", "LHR", 1), ("b", None, None))
        b.await_decided()
        b.description["shares"].insert(0, late)
        b.await_acknowledged(b.act(kind="backfill", reference=late["reference"], share="flow"))
        b.write(("c", "LHR", 1))
        b.await_decided()
        if expected:
            wait_for(lambda b=b: b.view("LHR") == b.expected_view("LHR"), "the loaded view")
            assert len(b.read(b.shares["LHR"])) == 2
        else:
            assert len(b.read(b.shares["LHR"])) == 1
        b.close()


def test_a_replayed_record_is_decided_again_once(bench):
    b = bench(kind="event")
    b.write(("a", b"not json", 0), ("b", "LHR", 1))
    b.start()
    b.await_decided()
    b.act(kind="replay", partition=0, offset=0)
    wait_for(lambda: len(b.quarantine()) == 2, "the replay")
    assert [(e.offset, e.mode) for e in b.quarantine()] == [(0, "live"), (0, "replay")]
    position = b.act(kind="replay", partition=0, offset=1)  # delivered already: the register cannot know
    wait_for(lambda: "replay_refused" in b.log(), "the refusal")
    said = next(line for line in b.log().splitlines() if "replay_refused" in line)
    assert all(told in said for told in ("DEL-014", "offset=1 ", f"position={position} "))
    b.act(kind="replay", partition=0, offset=0)
    wait_for(lambda: len(b.quarantine()) == 3, "the next replay")
    assert len(b.read(b.shares["LHR"])) == 1


def test_a_share_without_its_topic_holds_its_dataset_back_and_no_other(bench, kafka):
    b = bench(kind="event")
    missing = {"reference": f"{b.dataset}-NEW".upper(), "dataset": b.dataset, "port": "LHR"}
    b.description["shares"].append(missing)
    b.act()
    b.start()
    b.write(("a", "LHR", 1))
    wait_for(lambda: "dataset_blocked" in b.log(), "the alarm")
    assert b.decided() == 0
    Admin(kafka).create_topics([TopicSpec(f"share.{missing['reference'].lower()}.flow", 1, 1, {})])
    b.await_decided()
    assert len(b.read(b.shares["LHR"])) == 1


def test_two_workers_share_the_partitions_and_hand_them_over(bench):
    b = bench(kind="entity", partitions=2)
    first = b.start("one")
    for partition in (0, 1):
        b.write(("a", "LHR", 1), ("b", "MAN", 1), partition=partition)
    b.await_decided()
    b.start("two")
    workers = set()

    def both():
        for partition in (0, 1):
            b.write(("a", "LHR", len(b.events)), ("b", "LHR", len(b.events)), partition=partition)
        b.await_decided()
        workers.update(segment.header.worker for p in (0, 1) for segment in b.segments(p)[-1:])
        return len(workers) == 2

    wait_for(both, "both workers at work")
    first.terminate()
    assert first.wait(20) == 0
    for partition in (0, 1):
        b.write(("b", None, None), ("c", "LHR", 7), partition=partition)
    b.await_decided()
    for port in ("LHR", "MAN"):
        assert b.view(port) == b.expected_view(port)
    for partition in (0, 1):
        assert_chained(b.segments(partition))


def assert_chained(segments):
    """Headers are numbered densely, each names the one before, and positions join without a gap."""
    position, previous = segments[0].header.start, ""
    for number, segment in enumerate(segments):
        assert (segment.header.number, segment.header.previous, segment.header.start) == (number, previous, position)
        position, previous = segment.header.end, segment.segment.signed.hash


def test_two_workers_stop_at_a_limit_and_a_higher_one_releases_what_waited(bench):
    """What each worker may exceed the limit by is what it delivers in one transaction: here ten records."""
    b = bench(kind="event", partitions=2, limits={"events_per_day": 40, "when_reached": "suspend"})
    for name in ("one", "two"):
        b.start(name, transaction_events_max=10)
    for number in range(60):
        b.write((f"k{number}", "LHR", number), partition=number % 2)
    b.await_decided()

    def delivered():
        return sum(len(b.read(b.shares["LHR"], partition)) for partition in (0, 1))

    stopped = delivered()
    assert 40 <= stopped <= 40 + 10
    named = [leaf for partition in (0, 1) for segment in b.segments(partition) for leaf in segment.opened]
    beyond = [leaf for leaf in named if [r.code for r in leaf.recipient.reasons] == ["limit-events"]]
    assert len(beyond) >= 60 - stopped
    assert {leaf.recipient.outcome for leaf in beyond} == {"hold"}
    tripped = b.register.with_suffix(".tripped")
    wait_for(tripped.exists, "the breaker")
    assert {line.split('"')[3] for line in tripped.read_text().splitlines()} == {"events_per_day"}
    for share in b.description["shares"]:
        share["limits"] = {"events_per_day": 1000}
    b.act()
    wait_for(lambda: delivered() == 60, "what waited")
    notes = sorted(json.loads(m.value)["note"] for p in (0, 1) for m in b.read(b.shares["LHR"], p))
    assert notes == list(range(60)), "each once"
