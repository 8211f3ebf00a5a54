"""A suspended field leaves the rows that were sent at the soonest: no window, no embargo and no limit makes it stay."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agreements.model import Delivery, Limits, Window
from agreements.snapshot import Job, JobKind, Suspension
from broker.cluster.client import Message
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
WHOLE = Suspension(11, NOW, "signatory/y", "stop", None, "provider")


def register(*suspensions, jobs=(), **clauses):
    made = agreement(share({"note": "keep", "level": "keep"}, rows="level > 0"), **clauses)
    found = snapshot_of([entry_of(made, suspensions=suspensions)], PEOPLE)
    if suspensions:  # the act has registered another schema beside the first
        number = suspensions[0].position
        schemas = {**register(**clauses).schemas, number: replace(found.schemas[3], identifier=number)}
        (entry,) = found.agreements[REFERENCE]
        agreements = {REFERENCE: (replace(entry, view_schemas={SHARE: number}),)}
        found = replace(found, schemas=schemas, agreements=agreements)
    return replace(found, position=9 + len(suspensions), jobs=jobs)


def suspended(*more, **clauses):
    return register(FIELD, *more, jobs=(Job(10, JobKind.CORRECTION, DATASET, REFERENCE, SHARE),), **clauses)


def row(identifier, note, level=7):
    return {**ROW, "id": identifier, "note": note, "level": level}


class Story:
    """A worker, and changes that come to it."""

    def __init__(self, **clauses):
        self.clauses = clauses
        self.worker = LiveWorker(register(**clauses), DATASET)

    def write(self, after, now=NOW):
        offset = self.worker.owned[0].offset
        origin = Origin("store", DATASET, "p", offset, None, snapshot=False)
        value = CODEC.encode(Envelope(Op.CREATE, None, after, origin, int(now.timestamp() * 1000), ()))
        message = Message(self.worker.topic, 0, offset, int(now.timestamp() * 1000), CODEC.encode_key(after), value)
        self.worker.source[0].append(message)
        self.worker.live(0, [message], now)

    def suspend(self, now, *more):
        self.worker.snapshot = suspended(*more, **self.clauses)
        self.worker.work(now)

    def views(self):
        schemas, framed = self.worker.snapshot.schemas, map(unframe, self.worker.view(TOPIC).values())
        return [AvroSchema(schemas[number].text).decode(body) for number, body in framed]

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
    level = Suspension(12, NOW, "signatory/x", "wrong too", frozenset(), "recipient", ((SHARE, "level"),))
    kinds = (JobKind.CORRECTION, JobKind.BACKFILL, JobKind.CORRECTION)
    jobs = tuple(Job(position, kind, DATASET, REFERENCE, SHARE) for position, kind in enumerate(kinds, 10))
    story.worker.snapshot = replace(register(level, jobs=jobs, **story.clauses), position=12)
    story.worker.work(CLOSED)
    assert story.views() == [], "neither the one field nor, early, the other"
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
    story.worker.snapshot = suspended()
    story.write(row("a", "second", level=2))
    story.worker.work(NOW)
    assert story.views() == [{"level": 2}]
