"""A suspended field leaves the rows that were sent at the soonest: no window, no embargo and no limit makes it stay."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agreements.model import Delivery, Limits, Window
from agreements.snapshot import Job, JobKind, Suspension
from broker.cluster.client import Message
from broker.delivery import planner
from broker.proofs.world import CONTRACT, DATASET, NOW, REFERENCE, ROW, SHARE, agreement, entry_of, share, snapshot_of
from contracts import topics
from contracts.change import Envelope, Op, Origin
from contracts.model import Kind
from contracts.wire import AvroSchema, EnvelopeCodec, unframe
from tests.live_worker import LiveWorker

PEOPLE = replace(CONTRACT, kind=Kind.ENTITY)
TOPIC = topics.share(REFERENCE, SHARE)
CODEC = EnvelopeCodec(PEOPLE, 1, 2)
OPEN = Window(opens="13:00", closes="14:00")  # it is one o'clock in London
CLOSED = NOW + timedelta(hours=2)
TOMORROW = NOW + timedelta(days=1)
FIELD = Suspension(10, NOW, "signatory/x", "wrong data", frozenset(), "recipient", ((SHARE, "note"),))
LEVEL = replace(FIELD, position=12, fields=((SHARE, "level"),))
WHOLE = Suspension(11, NOW, "signatory/y", "stop", None, "provider")


def register(*suspensions, jobs=(), position=None, **clauses):
    made = agreement(share({"note": "keep", "level": "keep", "at": "keep"}, rows="level > 0"), **clauses)
    found = snapshot_of([entry_of(made, suspensions=suspensions)], PEOPLE)
    number = 3 + sum({"note": 1, "level": 2}[path] for path in withheld(suspensions))
    (entry,) = found.agreements[REFERENCE]
    agreements = {REFERENCE: (replace(entry, view_schemas={SHARE: number}),)}
    schemas = {1: found.schemas[1], 2: found.schemas[2], number: replace(found.schemas[3], identifier=number)}
    position = 9 + len(suspensions) if position is None else position
    return replace(found, schemas=schemas, agreements=agreements, position=position, jobs=jobs)


def withheld(suspensions):
    return {path for one in suspensions for _, path in one.fields}


def job(position, kind):
    return Job(position, kind, DATASET, REFERENCE, SHARE)


def row(identifier, note, level=7):
    return {**ROW, "id": identifier, "note": note, "level": level}


class Story:
    """A worker, and changes that come to it."""

    def __init__(self, **clauses):
        self.clauses = clauses
        self.worker = LiveWorker(register(**clauses), DATASET)

    def act(self, *suspensions, jobs=(), position=None):
        """From now on these suspensions stand, and these jobs have been asked for; what acts registered before stays."""
        found = register(*suspensions, jobs=jobs, position=position, **self.clauses)
        self.worker.snapshot = replace(found, schemas={**self.worker.snapshot.schemas, **found.schemas})

    def write(self, after, now=NOW):
        offset = self.worker.owned[0].offset
        origin = Origin("store", DATASET, "p", offset, None, snapshot=False)
        value = CODEC.encode(Envelope(Op.CREATE, None, after, origin, int(now.timestamp() * 1000), ()))
        message = Message(self.worker.topic, 0, offset, int(now.timestamp() * 1000), CODEC.encode_key(after), value)
        self.worker.source[0].append(message)
        self.worker.live(0, [message], now)

    def suspend(self, now, *more):
        self.act(FIELD, *more, jobs=(job(10, JobKind.CORRECTION),))
        self.worker.work(now)

    def views(self):
        return [self.read(value) for value in self.worker.view(TOPIC).values()]

    def read(self, value):
        """What a delivered value says; the time of the change, which nobody suspends here, left out."""
        number, body = unframe(value)
        said = AvroSchema(self.worker.snapshot.schemas[number].text).decode(body)
        del said["at"]
        return said

    def modes(self):
        return [one.header.mode for one in self.worker.segments]

    def events(self):
        return self.worker.counters.tallies((self.worker.topic, 0)).get(REFERENCE)


@pytest.mark.parametrize(
    ("clauses", "now"),
    [
        ({}, NOW),
        ({"delivery": Delivery(window=OPEN)}, CLOSED),
        ({"limits": Limits(events_per_day=1, when_reached="hold")}, NOW),
        ({"limits": Limits(events_per_day=1, when_reached="deny")}, NOW),
    ],
)
def test_a_row_that_was_sent_loses_the_field_and_nothing_else_is_delivered(clauses, now):
    story = Story(**clauses)
    story.write(row("a", "first"))
    story.write(row("none", "not of the share", level=0))
    if clauses:
        story.write(row("b", "later"), now)  # outside the window, or beyond the limit
    before = story.events()
    assert story.views() == [{"note": "first", "level": 7}]
    story.suspend(now)
    assert story.views() == [{"level": 7}]
    assert story.modes()[-1] == "correction"
    assert [leaf.auditor.offset for leaf in story.worker.segments[-1].opened] == [0], "of a row never sent it is silent"
    assert story.events() == before, "it counts for no limit"
    assert story.worker.owned[0].progress.jobs == ()


def test_what_waits_is_not_sent_early_and_the_row_loses_the_field_all_the_same():
    story = Story(delivery=Delivery(window=OPEN))
    story.write(row("a", "first", level=1))
    story.write(row("a", "second", level=2), CLOSED)
    story.suspend(CLOSED)
    assert story.views() == [{"level": 1}]
    story.worker.work(TOMORROW)
    assert story.views() == [{"level": 2}]


def test_a_row_of_which_only_a_waiting_state_is_left_is_taken_back_until_that_is_released():
    story = Story(delivery=Delivery(window=OPEN))
    story.write(row("a", "first", level=1))
    story.write(row("a", "second", level=2), CLOSED)
    del story.worker.source[0][0]  # compacted
    story.suspend(CLOSED)
    assert story.views() == []
    (leaf,) = story.worker.segments[-1].opened
    assert (leaf.recipient.outcome, [one.code for one in leaf.recipient.reasons]) == ("withdraw", ["field-suspended"])
    story.worker.work(TOMORROW)
    assert story.views() == [{"level": 2}]


def test_a_correction_gives_back_no_field_that_was_resumed_before_the_hours_come():
    story = Story(delivery=Delivery(window=OPEN))
    story.write(row("a", "first", level=1))
    story.suspend(CLOSED)
    assert story.views() == [{"level": 1}]
    kinds = (JobKind.CORRECTION, JobKind.BACKFILL, JobKind.CORRECTION)
    story.act(LEVEL, jobs=tuple(job(position, kind) for position, kind in enumerate(kinds, 10)), position=12)
    story.worker.work(CLOSED)
    assert story.views() == [{"level": 1}], "the load goes first, and waits for its hours"
    story.worker.work(TOMORROW)
    assert story.views() == [{"note": "first"}]


def test_under_an_embargo_the_row_is_corrected_from_what_it_was_sent_from():
    hour = timedelta(hours=1)
    story = Story(delivery=Delivery(embargo=hour))
    story.write(row("a", "first", level=1))
    story.worker.work(NOW + hour)
    assert story.views() == [{"note": "first", "level": 1}]
    story.write(row("a", "second", level=2), NOW + hour)
    story.suspend(NOW + hour)
    assert story.views() == [{"level": 1}]


def test_nothing_is_corrected_while_the_whole_agreement_is_suspended():
    story = Story()
    story.write(row("a", "first"))
    sent = story.worker.view(TOPIC)
    story.suspend(NOW, WHOLE)
    assert story.worker.view(TOPIC) == sent
    story.suspend(NOW)
    assert story.views() == [{"level": 7}]


def test_a_limit_at_which_the_agreement_was_suspended_makes_the_field_stay_no_longer():
    at_limit = replace(WHOLE, limit="events_per_day")
    story = Story(limits=Limits(events_per_day=1, when_reached="suspend"))
    story.write(row("a", "first"))
    story.suspend(NOW, at_limit)
    assert story.views() == [{"level": 7}]
    other = Story()
    other.write(row("a", "first"))
    other.suspend(NOW, at_limit, WHOLE)
    assert len(other.worker.delivered[TOPIC]) == 1, "a person has stopped it too"


def test_a_row_that_was_sent_since_from_a_newer_record_stays_so():
    story = Story()
    story.write(row("a", "first", level=1))
    story.act(FIELD, jobs=(job(10, JobKind.CORRECTION),))
    story.write(row("a", "second", level=2))
    story.worker.work(NOW)
    assert story.views() == [{"level": 2}]


CORRECTION, LOAD = job(13, JobKind.CORRECTION), job(9, JobKind.BACKFILL)


def sent_without(*suspensions, **clauses):
    """Two rows that were sent while fields were suspended."""
    story = Story(**clauses)
    story.act(*suspensions)
    for identifier in "ab":
        story.write(row(identifier, identifier, level=1))
    return story


def test_a_resumed_field_leaves_by_its_load_and_is_counted_though_another_field_was_suspended_before():
    story = sent_without(LEVEL, limits=Limits(events_per_day=3, when_reached="hold"))
    story.act(FIELD, jobs=(job(10, JobKind.CORRECTION), job(11, JobKind.BACKFILL)), position=12)
    story.worker.work(NOW)
    assert story.views() == [{"level": 1}, {"note": "b"}], "the second row is beyond the limit"
    assert story.events().events == 3
    story.worker.work(TOMORROW)
    assert story.views() == [{"level": 1}, {"level": 1}]
    assert len(story.worker.delivered[TOPIC]) == 4, "the correction found nothing to do"


def test_a_load_that_a_limit_has_stopped_half_way_takes_no_row_back():
    story = sent_without(LEVEL, limits=Limits(events_per_day=2, when_reached="hold"))
    story.write(row("c", "c", level=1), TOMORROW)
    story.act(jobs=(LOAD,))
    story.worker.work(TOMORROW)
    sent = [{"note": "a", "level": 1}, {"note": "b"}, {"note": "c"}]
    assert story.views() == sent
    story.act(FIELD, jobs=(LOAD, CORRECTION), position=13)
    story.worker.work(TOMORROW)
    assert story.views() == sent, "the correction waits for the load"
    for days in (2, 3):
        story.worker.work(NOW + timedelta(days=days))
    assert story.views() == [{"level": 1}] * 3
    assert story.worker.owned[0].progress.jobs == ()


def test_a_load_that_waits_for_its_hours_takes_no_row_back_that_came_after_its_range():
    story = Story(delivery=Delivery(window=OPEN))
    story.act(LEVEL)
    story.write(row("a", "a", level=1))
    story.act(jobs=(LOAD,))
    story.worker.work(CLOSED)
    story.write(row("b", "b", level=2), TOMORROW)  # the hours have come, and it is decided before the load
    story.act(FIELD, jobs=(LOAD, CORRECTION), position=13)
    story.worker.work(CLOSED + timedelta(days=1))
    assert story.views() == [{"note": "a"}, {"note": "b", "level": 2}]
    story.worker.work(NOW + timedelta(days=2))
    assert story.views() == [{"level": 1}, {"level": 2}]


def test_a_load_that_arrives_while_a_correction_is_half_way_goes_on_before_it(monkeypatch):
    monkeypatch.setattr(planner, "_JOB_RECORDS_MAX", 1)
    story = sent_without(LEVEL, limits=Limits(events_per_day=3, when_reached="hold"))
    story.act(FIELD, LEVEL, jobs=(job(10, JobKind.CORRECTION),), position=10)
    story.worker.chunk(0, NOW)
    assert story.views() == [{}, {"note": "b"}]
    story.act(FIELD, jobs=(job(10, JobKind.CORRECTION), job(11, JobKind.BACKFILL)), position=11)
    story.worker.work(NOW)
    assert story.views() == [{"level": 1}, {"note": "b"}]
    story.worker.work(TOMORROW)
    assert story.views() == [{"level": 1}, {"level": 1}]


def test_a_row_that_a_load_has_left_to_its_release_is_not_made_anew_before_that():
    story = Story(limits=Limits(events_per_day=1, when_reached="hold"))
    story.act(LEVEL)
    story.write(row("a", "first", level=1))
    loads = (job(12, JobKind.BACKFILL),)
    story.act(jobs=loads, position=12)
    story.write(row("a", "second", level=2))  # beyond the limit, and held
    story.worker.work(NOW)
    story.act(FIELD, jobs=(*loads, CORRECTION), position=13)
    story.worker.work(NOW)
    assert story.views() == [{"note": "first"}], "the resumed field, uncounted, is not to be had from the older state"
    story.worker.work(TOMORROW)
    assert [story.read(one.value) for one in story.worker.delivered[TOPIC]] == [{"note": "first"}, {"level": 2}]
    assert story.worker.owned[0].progress.jobs == ()


def test_two_corrections_each_take_their_field():
    story = sent_without()
    story.act(FIELD, LEVEL, jobs=(job(10, JobKind.CORRECTION), job(12, JobKind.CORRECTION)), position=12)
    story.worker.work(NOW)
    assert story.views() == [{}, {}]
    assert story.worker.owned[0].progress.jobs == ()


def test_a_version_that_begins_later_has_no_say_in_a_correction_now():
    begins = NOW + timedelta(days=30)
    story = Story(delivery=Delivery(window=OPEN))
    story.write(row("a", "a", level=1))
    story.act(FIELD, jobs=(LOAD, CORRECTION), position=13)
    (now,) = story.worker.snapshot.agreements[REFERENCE]
    text = now.agreement.model_copy(update={"version": 2})
    later = replace(now, agreement=text, version=9, starts_at=begins, content_hash="sha256:" + "0" * 64)
    versions = (replace(now, ends_at=begins), replace(later, approved_position=9))
    story.worker.snapshot = replace(story.worker.snapshot, agreements={REFERENCE: versions})
    story.worker.work(CLOSED)
    assert story.views() == [{"level": 1}]
    story.worker.work(begins)
    assert story.views() == [{"level": 1}]
    assert story.worker.owned[0].progress.jobs == ()


def test_a_state_that_came_and_was_compacted_while_the_agreement_was_suspended_does_not_keep_the_field():
    story = Story(delivery=Delivery(window=OPEN))
    story.write(row("a", "first", level=1))
    story.suspend(CLOSED, WHOLE)
    assert story.worker.owned[0].progress.jobs[0].end == 1, "its range was taken"
    story.write(row("a", "second", level=2), CLOSED)
    del story.worker.source[0][0]
    story.suspend(CLOSED)
    assert story.views() == []
    story.worker.work(TOMORROW)
    assert story.views() == [{"level": 2}]


@pytest.mark.parametrize("stop", [False, True])
def test_what_is_compacted_while_a_correction_is_half_way_does_not_keep_the_field(monkeypatch, stop):
    monkeypatch.setattr(planner, "_JOB_RECORDS_MAX", 1)
    story = Story(delivery=Delivery(window=OPEN))
    for identifier in "abc":
        story.write(row(identifier, "first", level=1))
    story.act(FIELD, jobs=(job(10, JobKind.CORRECTION),))
    story.worker.chunk(0, CLOSED)
    if stop:
        story.act(FIELD, WHOLE, jobs=(job(10, JobKind.CORRECTION),))
        story.worker.work(CLOSED)
    story.write(row("b", "second", level=2), CLOSED)
    del story.worker.source[0][1]
    story.suspend(CLOSED)
    assert story.views() == [{"level": 1}, {"level": 1}]
    story.worker.work(TOMORROW)
    assert story.views() == [{"level": 1}, {"level": 1}, {"level": 2}]
