"""What a worker commits next for one source partition: a live batch, a chunk of a job, or an acknowledgement.

Each answer is a `Prepared` transaction part, complete before any transaction begins, together with the partition's new
progress.  Nothing is changed here: the worker takes the new offset, mark and progress over when it has committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from agreements.snapshot import Job, Snapshot, Standing
from agreements.standing import stand
from broker.cluster.client import Message
from broker.delivery.jobs import Situation, advance, next_task, note_held, review
from broker.delivery.progress import Progress
from broker.delivery.rederive import Rederiver
from broker.delivery.state import SentState
from broker.delivery.takeover import Owned
from broker.pipeline import Ground, Prepared, Route, Work, acknowledge, prepare
from broker.policy.decision import Mode, SourceRecord

_JOB_RECORDS_MAX = 2_000


class Planner:
    """Prepares parts for one worker.  `low` gives the first offset that a source partition keeps."""

    def __init__(self, worker: str, state: SentState, rederiver: Rederiver, low: Callable[[str, int], int]) -> None:
        self._worker, self._state, self._rederiver, self._low = worker, state, rederiver, low

    def live(self, owned: Owned, batch: Sequence[Message], route: Route, ground: Ground) -> Prepared | None:
        """The decisions on a batch as it was consumed; None when nothing in it is new."""
        fresh = newest_run(batch, owned.offset)
        if not fresh:
            return None
        situation = self._situation(owned, route, ground)
        reviewed = review(owned.progress, _jobs(route, ground), situation)
        progress = note_held(reviewed, situation, fresh[0].offset, None)
        records = tuple(SourceRecord(m.offset, m.timestamp_ms, m.key, m.value) for m in fresh)
        work = Work(owned.topic, owned.partition, owned.mark, owned.offset, fresh[-1].offset + 1, records, Mode.LIVE)
        return prepare(route, ground, work, self._state.sent, self._changed(owned, progress, work.end, ground))

    def job(self, owned: Owned, route: Route, ground: Ground) -> Prepared | None:
        """The decisions on the next chunk of the first job that can go on; None when there is none."""
        situation = self._situation(owned, route, ground)
        reviewed = review(owned.progress, _jobs(route, ground), situation)
        task = next_task(reviewed, situation)
        if task is None:
            return None
        chunk = self._rederiver.chunk(owned, task, route.entry.contract.kind, _JOB_RECORDS_MAX)
        progress = advance(reviewed, task, chunk.reached)
        if task.mode is Mode.REPLAY and chunk.records:
            progress = note_held(progress, situation, task.start, task.end)
        changed = self._changed(owned, progress, owned.offset, ground)
        if not chunk.records:
            return (
                None
                if changed is None
                else acknowledge(owned.topic, owned.partition, owned.offset, owned.mark, changed)
            )
        narrowed = route.narrowed(task.cursor.share) if task.cursor.share else route
        work = Work(
            owned.topic,
            owned.partition,
            owned.mark,
            start=owned.offset,
            end=owned.offset,
            records=chunk.records,
            mode=task.mode,
            job=task.cursor.position,
        )
        return prepare(narrowed, ground, work, self._state.sent, changed)

    def idle(self, owned: Owned, route: Route | None, ground: Ground) -> Prepared | None:
        """What there is to say of a partition without deciding; None when its progress says it already.

        `route` None is a dataset that is held back: its position is acknowledged, its jobs and ranges stand still.
        """
        progress = owned.progress
        if route is not None:
            progress = review(progress, _jobs(route, ground), self._situation(owned, route, ground))
        changed = self._changed(owned, progress, owned.offset, ground)
        return None if changed is None else acknowledge(owned.topic, owned.partition, owned.offset, owned.mark, changed)

    def _situation(self, owned: Owned, route: Route, ground: Ground) -> Situation:
        standings, awaited = standings_of(ground.snapshot, route.entry.contract.dataset, ground.now)
        has_jobs = bool(owned.progress.jobs) or any(
            job.position > owned.progress.jobs_adopted for job in _jobs(route, ground)
        )
        low = self._low(owned.topic, owned.partition) if has_jobs else 0
        return Situation(route.entry.contract.kind, owned.partition, low, owned.offset, standings, awaited)

    def _changed(self, owned: Owned, progress: Progress, offset: int, ground: Ground) -> Progress | None:
        """The progress record to write, or None when the newest one says the same."""
        position = ground.snapshot.position
        wanted = msgspec.structs.replace(progress, worker=self._worker, position=position, offset=owned.progress.offset)
        if wanted == owned.progress:
            return None
        return msgspec.structs.replace(wanted, offset=offset, number=owned.mark.progress + 1)


def standings_of(snapshot: Snapshot, dataset: str, now: datetime) -> tuple[dict[str, Standing], frozenset[int]]:
    """Every share topic's standing, and the register positions that approved versions which have not begun.

    Such a version stands beside the one in force on the same topic, and says nothing about the topic yet.
    """
    standings: dict[str, Standing] = {}
    awaited = set()
    for coverage in snapshot.coverages(dataset):
        entry = coverage.entry
        standing = stand(snapshot, coverage, now).standing
        if standing is not Standing.NOT_COVERING:
            standings[coverage.topic] = standing
        elif now < entry.ends_at:
            standings.setdefault(coverage.topic, standing)
            if entry.approved_position is not None:
                awaited.add(entry.approved_position)
    return standings, frozenset(awaited)


def newest_run(batch: Sequence[Message], offset: int) -> list[Message]:
    """The records of a partition's batch that are to be decided next: from `offset` on, each exactly once, in order.

    A partition that was taken away and given back while the batch was gathered starts again in its middle; only what
    came after the last start counts.
    """
    run: list[Message] = []
    for message in reversed(batch):
        if run and message.offset >= run[-1].offset:
            break
        run.append(message)
    return [message for message in reversed(run) if message.offset >= offset]


def _jobs(route: Route, ground: Ground) -> tuple[Job, ...]:
    return tuple(job for job in ground.snapshot.jobs if job.dataset == route.entry.contract.dataset)
