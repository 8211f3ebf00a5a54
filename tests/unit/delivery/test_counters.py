"""The counts behind limits: a slow twin, several partitions, people exactly and by a sketch, and what each word does."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agreements.model import Delivery, Limits
from agreements.snapshot import Standing
from broker.delivery.counters import Counters, Ledger, period_of
from broker.policy import people
from broker.policy.decision import Evaluated, SourceRecord
from broker.policy.limits import EVENTS, LIMITS, SUBJECTS, Counted, Meter
from broker.policy.people import Exact, Sketch
from broker.proofs.world import REFERENCE, agreement, entry_of

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PLACES = [("source.a", 0), ("source.a", 1), ("source.b", 0)]


def entry(**limits):
    return entry_of(agreement(limits=Limits(**limits)))


def record(person, offset=0):
    return Evaluated(SourceRecord(offset, 0, b"k", b"v"), None, None, person, (), (), b"k")


def deliver(counters, one, place, persons, now=NOW):
    """What a worker does with a batch: how many are let out, and the counts committed."""
    ledger = Ledger(counters, now)
    meter = Meter(ledger.allowance(one, place))
    let_out = [person for offset, person in enumerate(persons) if meter.refusal(record(person, offset)) is None]
    commit(counters, ledger, place, meter.counted(), one)
    return let_out


def commit(counters, ledger, place, counted, one):
    records = list(ledger.count(place, counters.number(place) + 1, {REFERENCE: counted}, {REFERENCE: one}))
    for key, value in records:
        counters.take(key, value)
    return records


days = st.integers(0, 40)
batches = st.lists(
    st.tuples(st.sampled_from(PLACES), st.lists(st.sampled_from("abcdefgh"), max_size=6), days), max_size=15
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(batches, st.integers(1, 12), st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_sum_of_the_partitions_is_the_slow_twin(story, events_limit, people_limit, chance):
    """The twin keeps one count of everything; the records are read by another, who gets old ones again."""
    one = entry(events_per_day=events_limit, distinct_subjects_per_month=people_limit)
    counters, log = Counters(), []
    events, persons, reached = {}, {}, set()
    for place, batch, number in sorted(story, key=lambda found: found[2]):
        now = NOW + timedelta(days=number)
        period = period_of(now)
        ledger = Ledger(counters, now)
        meter = Meter(ledger.allowance(one, place))
        for offset, person in enumerate(batch):
            known = persons.setdefault(period.month, set())
            if {period.day, period.month} & reached:
                expected = True
            elif events.get(period.day, 0) >= events_limit:
                expected = reached.add(period.day) is None
            elif len(known | {person}) > people_limit:
                expected = reached.add(period.month) is None
            else:
                expected = False
                events[period.day] = events.get(period.day, 0) + 1
                known.add(person)
            assert (meter.refusal(record(person, offset)) is not None) is expected
        log += commit(counters, ledger, place, meter.counted(), one)
        assert counters.events(REFERENCE, period) == events.get(period.day, 0)
        assert counters.people(REFERENCE, period).count() == len(persons.get(period.month, ()))
    other = Counters()
    for key, value in [*log, *(chance.sample(log, len(log) // 2))]:
        other.take(key, value)
    for _, _, number in story:
        period = period_of(NOW + timedelta(days=number))
        assert other.events(REFERENCE, period) == counters.events(REFERENCE, period)
        assert other.people(REFERENCE, period).count() == counters.people(REFERENCE, period).count()
        assert other.reached(one, period) == counters.reached(one, period)


def test_no_more_is_delivered_than_a_limit_allows():
    one, counters = entry(events_per_day=5), Counters()
    assert len(deliver(counters, one, PLACES[0], "aaa")) == 3
    assert len(deliver(counters, one, PLACES[1], "aaaa")) == 2
    assert deliver(counters, one, PLACES[0], "b") == []
    assert counters.reached(one, period_of(NOW)) == (PLACES[1], "events_per_day")
    higher = entry(events_per_day=6)
    assert counters.reached(higher, period_of(NOW)) is None, "a new version with a higher limit goes on"
    assert deliver(counters, higher, PLACES[0], "bb") == ["b"]
    assert deliver(counters, one, PLACES[0], "b", NOW + timedelta(days=1)) == ["b"]
    assert deliver(counters, one, PLACES[0], "b", NOW) == [], "a clock that is set back forgets nothing"


def test_the_day_is_that_of_london():
    one, counters = entry(events_per_day=1), Counters()
    assert deliver(counters, one, PLACES[0], "a", datetime(2026, 6, 1, 22, 59, tzinfo=UTC)) == ["a"]
    assert deliver(counters, one, PLACES[0], "a", datetime(2026, 6, 1, 23, 0, tzinfo=UTC)) == ["a"]


def test_a_person_counts_once_a_month_however_often_and_wherever():
    one, counters = entry(distinct_subjects_per_month=2), Counters()
    assert deliver(counters, one, PLACES[0], "abab") == list("abab")
    assert deliver(counters, one, PLACES[2], "ba") == ["b", "a"]
    assert deliver(counters, one, PLACES[1], "acb") == ["a"], "from the third person on everything stops"
    assert deliver(counters, one, PLACES[0], "a") == []
    assert deliver(counters, one, PLACES[0], "c", NOW + timedelta(days=30)) == ["c"]


def test_a_record_that_names_nobody_counts_as_a_person_of_its_own():
    one, counters = entry(distinct_subjects_per_month=2), Counters()
    assert deliver(counters, one, PLACES[0], [None, None, None]) == [None, None]


def test_no_record_of_the_topic_names_a_person():
    one, counters = entry(distinct_subjects_per_month=9, events_per_day=9), Counters()
    ledger = Ledger(counters, NOW)
    meter = Meter(ledger.allowance(one, PLACES[0]))
    assert meter.refusal(record("s2026.canary")) is None
    assert meter.verdict() == "events_per_day 1/9; distinct_subjects_per_month 1/9"
    records = commit(counters, ledger, PLACES[0], meter.counted(), one)
    assert len(records) == 2
    assert all(b"canary" not in key + value for key, value in records)
    other = entry_of(agreement(reference="DSA-OTHER", limits=Limits(distinct_subjects_per_month=9)))
    elsewhere = Ledger(counters, NOW).allowance(other, PLACES[0]).digest(record("s2026.canary"))
    assert elsewhere not in meter.counted().people, "two agreements' digests cannot be joined"


def test_partitions_of_one_transaction_see_each_other():
    one, counters = entry(events_per_day=3), Counters()
    ledger = Ledger(counters, NOW)
    for place, expected in ((PLACES[0], 2), (PLACES[1], 1)):
        meter = Meter(ledger.allowance(one, place))
        assert [meter.refusal(record("a")) for _ in range(2)].count(None) == expected
        list(ledger.count(place, 1, {REFERENCE: meter.counted()}, {REFERENCE: one}))
    assert counters.number(PLACES[0]) == 0, "nothing is counted before it is committed"


def test_nothing_is_written_where_nothing_was_counted():
    one = entry(events_per_day=3)
    assert list(Ledger(Counters(), NOW).count(PLACES[0], 1, {REFERENCE: Counted()}, {REFERENCE: one})) == []
    assert Ledger(Counters(), NOW).allowance(entry_of(agreement()), PLACES[0]) is None


@pytest.mark.parametrize(
    ("said", "suspended", "expected"),
    [
        ("hold", "drop", Standing.HELD),
        ("deny", "hold", Standing.DROPPED),
        ("suspend", "hold", Standing.HELD),
        ("suspend", "drop", Standing.DROPPED),
    ],
)
def test_what_is_beyond_a_limit_becomes_what_the_agreement_says(said, suspended, expected):
    made = agreement(limits=Limits(events_per_day=1, when_reached=said), delivery=Delivery(when_suspended=suspended))
    counters = Counters()
    assert Ledger(counters, NOW).allowance(entry_of(made), PLACES[0]).stopped is expected
    deliver(counters, entry_of(made), PLACES[0], "ab")
    assert Ledger(counters, NOW).reached(entry_of(made)) == EVENTS
    assert {LIMITS["events_per_day"], LIMITS["distinct_subjects_per_month"]} == {EVENTS, SUBJECTS}


def digests(count, salt=b""):
    return [sha256(salt + b"%d" % number).digest()[:16] for number in range(count)]


@pytest.mark.parametrize("count", [1_000, 12_000, 40_000, 100_000])
def test_a_sketch_is_as_near_as_it_says(count):
    """Three standard errors of 0.81 %, and what linear counting and the raw estimate differ by where they meet."""
    sketch = Sketch()
    for digest in digests(count):
        sketch.add(digest)
    assert abs(sketch.count() - count) <= 0.03 * count
    assert sketch.count_with(digests(1)[0]) == sketch.count()
    assert Sketch(sketch.registers()).count() == sketch.count()


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=200), st.lists(st.integers(0, 300), max_size=200))
def test_counts_made_apart_add_up_to_that_of_all(first, second):
    def counted(base, numbers):
        for number in numbers:
            before = base.count_with(digests(301)[number])
            base.add(digests(301)[number])
            assert base.count() == before
        return base

    apart = counted(Sketch(), first).merged(counted(Sketch(), second).registers())
    together = counted(Sketch(), random.Random(1).sample(first + second, len(first + second)))
    assert apart.registers() == together.registers()
    assert counted(Exact(frozenset()), first).count() == len(set(first))


def test_above_the_exact_number_partitions_go_on_with_sketches(monkeypatch):
    monkeypatch.setattr("broker.delivery.counters.EXACT_MAX", 50)
    one, counters = entry(distinct_subjects_per_month=10_000), Counters()
    for number in range(40):
        deliver(counters, one, PLACES[number % 3], [f"p{n}" for n in range(10 * number, 10 * number + 10)])
    found = counters.people(REFERENCE, period_of(NOW))
    assert isinstance(found, Sketch)
    assert abs(found.count() - 400) <= 12
    assert isinstance(counters.people(REFERENCE, period_of(NOW + timedelta(days=40))), Exact)
    assert people.EXACT_MAX == 10_000
    assert replace(Counted(), events=1).plus(Counted(2)) == Counted(3)
