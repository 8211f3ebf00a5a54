"""VIEW = FILTER(SOURCE) through suspended and resumed fields, hours, limits, embargoes and compaction; a correction gives nothing."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from agreements.model import Delivery, Limits
from agreements.snapshot import JobKind
from broker.delivery import planner
from broker.policy.decision import Mode
from broker.proofs.world import NOW
from tests.live_worker import LiveWorker
from tests.unit.delivery.test_correction import FIELD, LEVEL, OPEN, TOPIC, WHOLE, Story, job, register, row

HOUR = timedelta(hours=1)
SUSPENSIONS = {"note": FIELD, "level": LEVEL, "whole": WHOLE}
CLAUSES = st.fixed_dictionaries(
    {},
    optional={
        "limits": st.builds(Limits, events_per_day=st.integers(1, 3), when_reached=st.sampled_from(["hold", "deny"])),
        "delivery": st.sampled_from([Delivery(window=OPEN), Delivery(embargo=HOUR)]),
    },
)
WRITES = st.tuples(st.sampled_from("ab"), st.sampled_from([0, 1, 2, 3]))
ACTS = st.sampled_from(["note", "level", "whole"])
OTHERS = st.sampled_from(["chunk", "work", "compact", "hour", "day"])
STEPS = st.one_of(WRITES, ACTS, ACTS, OTHERS)


class Watched(LiveWorker):
    """A worker whose every correction is held against what the recipient had."""

    read = staticmethod(dict)

    def _commit(self, owned, prepared):
        if prepared is not None and prepared.mode is Mode.CORRECTION:
            had = self.view(TOPIC)
            for record in (one for one in prepared.records if one.topic == TOPIC):
                assert record.key in had
                given = {} if record.value is None else self.read(record.value)
                assert given.keys() <= self.read(had[record.key]).keys(), "a correction gives a field"
        return super()._commit(owned, prepared)


class Play(Story):
    """A story whose steps are drawn."""

    def __init__(self, clauses):
        super().__init__(**clauses)
        self.worker = Watched(register(**clauses), self.worker.dataset)
        self.worker.read = self.read
        self.now, self.stopped, self.jobs, self.newest, self.position = NOW, set(), [], {}, 9

    def step(self, step):
        if isinstance(step, tuple):
            identifier, level = step
            self.newest[identifier] = {"note": f"{identifier} {len(self.worker.source[0])}", "level": level}
            self.write(row(identifier, **self.newest[identifier]), self.now)
        elif step in SUSPENSIONS:
            self.toggle(step)
        elif step == "compact":
            newest = {message.key: message for message in self.worker.source[0]}
            self.worker.source[0][:] = sorted(newest.values(), key=lambda message: message.offset)
        elif step in ("hour", "day"):
            self.now += HOUR if step == "hour" else timedelta(days=1)
        elif step == "chunk":
            self.worker.chunk(0, self.now)
        else:
            self.worker.work(self.now)
            self.check()

    def toggle(self, name):
        self.stopped ^= {name}
        self.position += 1
        if name != "whole":
            kind = JobKind.CORRECTION if name in self.stopped else JobKind.BACKFILL
            self.jobs.append(job(self.position, kind))
        stands = [SUSPENSIONS[one] for one in sorted(self.stopped)]
        self.act(*stands, jobs=tuple(self.jobs), position=self.position)

    def check(self):
        """Where a correction may go on and no load is before it, no row has a suspended field."""
        kinds = {cursor.kind for cursor in self.worker.owned[0].progress.jobs}
        if "whole" not in self.stopped and JobKind.BACKFILL not in kinds:
            assert all(self.stopped.isdisjoint(said) for said in self.views())

    def end(self):
        """In force every day until nothing is left to do: then the view is what the newest records make."""
        if "whole" in self.stopped:
            self.toggle("whole")
        self.now = self.now.replace(hour=NOW.hour)
        for _ in range(9):
            self.now += timedelta(days=1)
            self.worker.work(self.now)
            self.check()
        assert self.worker.owned[0].progress.jobs == ()
        expected = [
            {path: value for path, value in said.items() if path not in self.stopped}
            for said in self.newest.values()
            if said["level"] > 0
        ]
        assert sorted(map(repr, self.views())) == sorted(map(repr, expected))


@settings(max_examples=45, deadline=None, derandomize=True)
@given(clauses=CLAUSES, steps=st.lists(STEPS, min_size=12, max_size=20))
def test_the_view_follows_the_source_and_a_correction_gives_nothing(clauses, steps):
    with patch.object(planner, "_JOB_RECORDS_MAX", 1):
        play = Play(clauses)
        for step in [("a", 1), ("b", 2), *steps]:
            play.step(step)
        play.end()
