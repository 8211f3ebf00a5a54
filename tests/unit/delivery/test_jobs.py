"""The steps of the re-derive job on a partition's progress, without any server."""

from datetime import UTC, date, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agreements import acts
from agreements.snapshot import Coverage, Job, JobKind, Standing
from agreements.standing import stand
from broker.cluster.client import Message
from broker.delivery import rederive
from broker.delivery.jobs import Situation, Task, advance, next_task, note_held, review
from broker.delivery.mark import Mark
from broker.delivery.planner import standings_of
from broker.delivery.progress import Cursor, Progress, progress_key, read_key, read_progress
from broker.delivery.takeover import Owned
from broker.policy.decision import Mode
from contracts import topics
from contracts.model import Kind
from tests.registers import agreement, approved

SHARE = "share.dsa-1.flow"
IN_FORCE, HELD, DROPPED = Standing.IN_FORCE, Standing.HELD, Standing.DROPPED


def situation(standing=IN_FORCE, *, kind=Kind.EVENT, live=10, low=0, partition=0, embargo=None, resting=()):
    standings = {} if standing is None else {SHARE: standing}
    embargoes = {} if embargo is None else {SHARE: embargo}
    approved = dict.fromkeys(standings, 4)
    return Situation(
        kind, partition, low, live, standings, frozenset(), approved, embargoes, resting=frozenset(resting)
    )


def backfill(position):
    return Job(position, JobKind.BACKFILL, "flow", "DSA-1", "flow")


def test_a_held_range_opens_once_and_closes_where_deciding_goes_on():
    held = note_held(Progress(), situation(HELD), 3, None)
    held = note_held(held, situation(HELD), 7, None)
    assert held.held == {SHARE: ((3, None),)}
    assert review(held, [], situation(HELD, live=12)).held == {SHARE: ((3, None),)}
    assert review(held, [], situation(IN_FORCE, live=12)).held == {SHARE: ((3, 12),)}


def test_a_dropped_event_is_never_released_but_a_dropped_entity_is():
    assert note_held(Progress(), situation(DROPPED), 3, None).held == {}
    assert note_held(Progress(), situation(DROPPED, kind=Kind.ENTITY), 3, None).held == {SHARE: ((3, None),)}


def test_release_needs_no_act_and_decides_exactly_the_closed_ranges():
    progress = Progress(held={SHARE: ((3, 6), (8, None))})
    progress = review(progress, [], situation(IN_FORCE, live=9))
    task = next_task(progress, situation())
    assert (task.start, task.end, task.mode, task.cursor.position) == (3, 6, Mode.RELEASE, 4)
    progress = advance(progress, task, 5)
    assert next_task(progress, situation()).start == 5
    progress = advance(progress, next_task(progress, situation()), 6)
    task = next_task(progress, situation())
    assert (task.start, task.end) == (8, 9)
    progress = review(advance(progress, task, 9), [], situation(live=20))
    assert (progress.held, progress.jobs) == ({}, ())


def test_a_release_waits_while_suspended_again():
    progress = Progress(held={SHARE: ((3, 6),)})
    progress = review(progress, [], situation(HELD, live=9))
    assert progress.held
    assert next_task(progress, situation(HELD)) is None
    assert next_task(progress, situation(IN_FORCE)) is not None


def test_what_is_held_for_an_agreement_that_has_ended_is_forgotten():
    progress = Progress(held={SHARE: ((3, None),)}, jobs=(Cursor(4, JobKind.BACKFILL, SHARE),))
    progress = review(progress, [], situation(None))
    assert (progress.held, progress.jobs) == ({}, ())


def test_a_backfill_ends_where_live_deciding_began():
    progress = review(Progress(), [backfill(7)], situation(kind=Kind.ENTITY, low=2, live=50))
    assert progress.jobs == (Cursor(7, JobKind.BACKFILL, SHARE, 2, 50),)
    later = review(progress, [backfill(7)], situation(kind=Kind.ENTITY, live=90))
    assert later == progress
    assert advance(later, next_task(later, situation(kind=Kind.ENTITY)), 50).jobs == ()


def test_a_backfill_of_an_agreement_that_has_not_begun_takes_its_range_when_it_does():
    progress = review(Progress(), [backfill(7)], situation(Standing.NOT_COVERING, kind=Kind.ENTITY, live=50))
    assert progress.jobs[0].end is None
    assert next_task(progress, situation(Standing.NOT_COVERING, kind=Kind.ENTITY)) is None
    assert review(progress, [], situation(kind=Kind.ENTITY, live=80)).jobs[0].end == 80


def test_events_are_never_backfilled():
    progress = review(Progress(), [backfill(7)], situation(live=50))
    assert (progress.jobs, progress.jobs_adopted) == ((), 7)


def test_a_replay_concerns_its_own_partition_and_one_offset():
    job = Job(9, JobKind.REPLAY, "flow", partition=1, offset=33)
    assert review(Progress(), [job], situation(partition=0)).jobs == ()
    progress = review(Progress(), [job], situation(partition=1))
    task = next_task(progress, situation())
    assert (task.start, task.end, task.mode) == (33, 34, Mode.REPLAY)
    assert advance(progress, task, 34).jobs == ()


def test_a_replay_under_suspension_is_held_for_the_release():
    progress = note_held(Progress(held={SHARE: ((40, None),)}), situation(HELD), 33, 34)
    assert progress.held == {SHARE: ((33, 34), (40, None))}
    assert note_held(progress, situation(HELD), 45, 46) == progress


def test_jobs_go_in_register_order():
    jobs = [
        Job(5, JobKind.REPLAY, "flow", partition=0, offset=1),
        Job(6, JobKind.REPLAY, "flow", partition=0, offset=0),
    ]
    assert next_task(review(Progress(), jobs, situation()), situation()).cursor.position == 5


ranges = st.lists(st.tuples(st.integers(0, 99), st.one_of(st.none(), st.integers(0, 99))), max_size=3).map(tuple)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.builds(Progress, held=st.dictionaries(st.just(SHARE), ranges), offset=st.integers(0, 2**53)))
def test_a_progress_record_reads_back_as_written(progress):
    assert read_progress(progress.value()) == progress
    assert msgspec.json.decode(progress.value())["offset"] == progress.offset


def test_a_progress_key_names_its_source_partition():
    assert read_key(progress_key("source.a-b.c", 12)) == ("source.a-b.c", 12)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(["batch", "suspend", "resume"]), max_size=25), st.integers(1, 4))
def test_every_record_decided_while_suspended_is_released_once_and_no_other(story, chunk):
    """Whatever the order of suspensions, batches of one record, and job chunks."""
    progress, standing, live = Progress(), IN_FORCE, 0
    waiting, released = set(), []
    for act in [*story, "resume", "batch"]:
        if act in ("suspend", "resume"):
            standing = HELD if act == "suspend" else IN_FORCE
        now = situation(standing, live=live)
        progress = review(progress, [], now)
        if act == "batch":
            progress = note_held(progress, now, live, None)
            if standing is HELD:
                waiting.add(live)
            live += 1
        task = next_task(progress, now)
        if task is not None:
            reached = min(task.start + chunk, task.end)
            released += range(task.start, reached)
            progress = advance(progress, task, reached)
    while (task := next_task(progress, situation(IN_FORCE, live=live))) is not None:
        released += range(task.start, task.end)
        progress = advance(progress, task, task.end)
    assert released == sorted(waiting)


def test_a_version_that_has_not_begun_does_not_hide_the_one_in_force():
    register = approved()
    dates = agreement().dates.model_copy(update={"start": date(2028, 1, 1), "review": None})
    register.submit(agreement().model_copy(update={"version": 2, "dates": dates}))
    for person in ("wp-siro", "ho-siro", "ho-owner"):
        register.sign("DSA-2026-101", f"signatory/{person}")
    register.do(acts.AgreementSuspended("DSA-2026-101", "a breach"), "operator")
    old, new = register.snapshot.agreements["DSA-2026-101"]
    during, after = datetime(2027, 6, 1, tzinfo=UTC), datetime(2028, 6, 1, tzinfo=UTC)
    for share in agreement().shares:
        topic = topics.share("DSA-2026-101", share.id)
        found = standings_of(register.snapshot, share.dataset, during)
        assert (
            found.standings[topic]
            is stand(register.snapshot, Coverage(old, share), during).standing
            is not Standing.NOT_COVERING
        )
        assert (found.awaited, found.approved[topic]) == ({new.approved_position}, old.approved_position)
        found = standings_of(register.snapshot, share.dataset, after)
        assert (found.standings[topic], found.awaited, found.approved[topic]) == (
            stand(register.snapshot, Coverage(new, share), after).standing,
            set(),
            new.approved_position,
        )


def test_what_has_no_plan_is_held_until_there_is_one_and_then_released():
    register = approved()
    (share, *_) = register.snapshot.agreement("DSA-2026-101").shares
    topic, during = topics.share("DSA-2026-101", share.id), datetime(2027, 6, 1, tzinfo=UTC)
    standing = {
        unplanned: standings_of(register.snapshot, share.dataset, during, None, unplanned).standings[topic]
        for unplanned in (frozenset([topic]), frozenset())
    }
    assert [*standing.values()] == [HELD, IN_FORCE]


def test_a_backfill_waits_for_the_version_it_is_for_while_the_one_before_it_is_in_force():
    before = Situation(Kind.ENTITY, 0, 0, 50, {SHARE: IN_FORCE}, frozenset({7}))
    progress = review(Progress(), [backfill(7)], before)
    assert next_task(progress, before) is None
    begun = review(progress, [], Situation(Kind.ENTITY, 0, 0, 80, {SHARE: IN_FORCE}))
    assert begun.jobs == (Cursor(7, JobKind.BACKFILL, SHARE, 0, 80),)


class Source:
    """A source partition to read, without Kafka; record n was recorded n minutes after the beginning."""

    def __init__(self, keys):
        self.messages = [
            Message("source.flow", 0, offset, 60_000 * offset, key, b"", ()) for offset, key in enumerate(keys)
        ]

    def read(self, topic, partition, start, end):
        del topic, partition
        return iter(self.messages[start:end])


def test_two_shares_that_one_act_releases_are_read_each_over_its_own_range(monkeypatch):
    monkeypatch.setattr(rederive, "Reader", lambda _: Source([b"a", b"b", b"c", b"d"]))
    rederiver = rederive.Rederiver(None)
    owned = Owned("source.flow", 0, 4, Mark(), Progress())
    late, early = (Cursor(40, JobKind.RELEASE, f"share.dsa-1.{name}") for name in ("late", "early"))
    assert [r.key for r in rederiver.chunk(owned, Task(late, 2, 4), Kind.ENTITY, 9).records] == [b"c", b"d"]
    assert [r.key for r in rederiver.chunk(owned, Task(early, 0, 4), Kind.ENTITY, 9).records] == [
        b"a",
        b"b",
        b"c",
        b"d",
    ]


def minutes(number):
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=number)


def test_under_an_embargo_a_chunk_ends_at_the_first_record_that_is_not_due(monkeypatch):
    monkeypatch.setattr(rederive, "Reader", lambda _: Source([b"a", b"b", b"a", b"c"]))
    rederiver = rederive.Rederiver(None)
    owned = Owned("source.flow", 0, 4, Mark(), Progress())

    def chunk(kind, start, until, most=9):
        task = Task(Cursor(4, JobKind.RELEASE, SHARE), start, 4)
        found = rederiver.chunk(owned, task, kind, most, minutes(until))
        return [record.offset for record in found.records], found.reached, found.waits

    assert chunk(Kind.EVENT, 0, 1) == ([0, 1], 2, minutes(2))
    assert chunk(Kind.EVENT, 2, 1) == ([], 2, minutes(2))
    assert chunk(Kind.EVENT, 2, 9) == ([2, 3], 4, None)
    assert chunk(Kind.ENTITY, 0, 1) == ([0, 1], 2, minutes(2)), "a newer record that is not due takes nothing away"
    rederiver.forget("source.flow", 0)
    assert chunk(Kind.ENTITY, 0, 2, most=1) == ([1], 2, None), "of what is due, the newest of each key"
    assert chunk(Kind.ENTITY, 2, 2) == ([2], 3, minutes(3))


def test_under_an_embargo_the_newest_range_stays_open_and_is_released_from_its_front():
    now = situation(embargo=timedelta(hours=1), live=10)
    progress = note_held(Progress(), now, 3, None)
    assert review(progress, [], now).held == {SHARE: ((3, None),)}
    task = next_task(progress, now)
    assert (task.start, task.end) == (3, 10)
    assert advance(progress, task, 7).held == {SHARE: ((7, None),)}
    drained = advance(progress, task, 10)
    assert next_task(drained, now) is None
    assert next_task(progress, situation(embargo=timedelta(hours=1), resting=[SHARE])) is None
    assert review(progress, [], situation(live=12)).held == {SHARE: ((3, 12),)}, "a version without it releases all"
    assert review(progress, [], situation(DROPPED, live=12)).held == {SHARE: ((3, 12),)}


def test_what_is_loaded_under_an_embargo_waits_like_everything_else():
    now = situation(kind=Kind.ENTITY, low=2, live=50, embargo=timedelta(hours=1))
    progress = review(Progress(), [backfill(7)], now)
    assert (progress.jobs, progress.held) == ((), {SHARE: ((2, 50),)})
    assert note_held(progress, now, 50, None).held == {SHARE: ((2, 50), (50, None))}


EMBARGO = 3
"""Minutes; one record is recorded in each."""


@settings(max_examples=150, derandomize=True, deadline=None)
@given(
    st.lists(st.sampled_from(["record", "record", "close", "open", "wait", "work"]), max_size=30),
    st.sampled_from([None, EMBARGO]),
    st.integers(1, 4),
)
def test_every_record_is_delivered_once_in_order_and_never_early(story, embargo, most):
    """Live batches of one record, a window that opens and closes, an embargo, and chunks of any size."""
    progress, is_open, minute = Progress(), True, 0
    recorded, delivered = [], []
    waits = timedelta(minutes=embargo) if embargo else None
    for act in [*story, "open", *["wait"] * EMBARGO, *["work"] * 40]:
        if act in ("open", "close"):
            is_open = act == "open"
        minute += act == "wait"
        offset = len(recorded)
        now = situation(IN_FORCE if is_open else HELD, live=offset, embargo=waits)
        progress = review(progress, [], now)
        if act == "record":
            progress = note_held(progress, now, offset, None)
            if is_open and waits is None:
                delivered.append((offset, minute))
            recorded.append(minute)
        task = next_task(progress, now) if act == "work" else None
        if task is not None:
            due = [o for o in range(task.start, task.end) if embargo is None or recorded[o] + embargo <= minute][:most]
            reached = task.start + len(due)
            delivered += [(o, minute) for o in due]
            progress = advance(progress, task, reached)
    assert sorted(offset for offset, _ in delivered) == list(range(len(recorded))), "each once"
    if embargo:
        assert delivered == sorted(delivered)
        assert all(at >= recorded[offset] + embargo for offset, at in delivered)
