"""What a source partition still has to decide again: the one re-derive job, as pure steps on its `Progress`.

A job asked for by the register is *adopted* once and becomes a cursor.  What is held is kept as ranges of source
offsets: a range opens with the first record decided under a suspension and closes at the offset where
deciding goes on.  `BACKFILL` decides a range fixed at adoption; `RELEASE` decides the closed ranges of its share, which
are its cursor; `REPLAY` decides one offset.  Nothing here reads a topic or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from agreements.snapshot import Job, JobKind, Standing
from broker.delivery.progress import Cursor, Progress, Range
from broker.policy.decision import Mode
from contracts import topics
from contracts.model import Kind

MODES = {JobKind.BACKFILL: Mode.BACKFILL, JobKind.RELEASE: Mode.RELEASE, JobKind.REPLAY: Mode.REPLAY}


@dataclass(frozen=True, slots=True)
class Situation:
    """What the steps must know of a source partition now.

    `low` is the first offset kept, `live` the offset decided next; `standings` has every signed share of the dataset
    whose agreement has not ended, by share topic, those that have not begun as `NOT_COVERING`.
    """

    kind: Kind
    partition: int
    low: int
    live: int
    standings: Mapping[str, Standing]
    awaited: frozenset[int] = frozenset()
    """The register positions that approved versions which have not begun: what they ask for waits for them."""

    def waits(self, share: str) -> bool:
        """Whether a record decided now for `share` has to be decided again when the suspension ends.

        An entity's record also under `when_suspended: drop`, or what it said would be lost (VIEW = FILTER(SOURCE)).
        """
        standing = self.standings.get(share, Standing.NOT_COVERING)
        return standing is Standing.HELD or (standing is Standing.DROPPED and self.kind is Kind.ENTITY)


@dataclass(frozen=True, slots=True)
class Task:
    """What to decide next for a job: the cursor it belongs to and the source range, exclusive at its end."""

    cursor: Cursor
    start: int
    end: int

    @property
    def mode(self) -> Mode:
        """What every decision of it is marked with."""
        return MODES[self.cursor.kind]


def review(progress: Progress, jobs: Iterable[Job], situation: Situation) -> Progress:
    """Adopt new jobs, close ranges whose suspension has ended, and forget what no agreement asks for any more.

    To be called with the standings that the next batch is decided under, before it.
    """
    held = {
        share: tuple(_closed(ranges, situation.live) if not situation.waits(share) else ranges)
        for share, ranges in progress.held.items()
        if share in situation.standings
    }
    known = [*progress.jobs, *_adopted(progress.jobs_adopted, jobs, situation)]
    adopted = max([progress.jobs_adopted, *(job.position for job in jobs)])
    begun = [_begun(cursor, situation) for cursor in known]
    kept = tuple(cursor for cursor in begun if _wanted(cursor, held, situation))
    return msgspec.structs.replace(
        progress,
        held={share: ranges for share, ranges in held.items() if ranges},
        jobs=kept,
        jobs_adopted=adopted,
    )


def note_held(progress: Progress, situation: Situation, first: int, end: int | None) -> Progress:
    """Note that records from `first` on were decided under a suspension: an open range, or one up to `end`."""
    held = dict(progress.held)
    for share in situation.standings:
        if not situation.waits(share):
            continue
        ranges = held.get(share, ())
        if end is None and not any(last is None for _, last in ranges):
            held[share] = (*ranges, (first, None))
        elif end is not None and not any(start <= first and (last is None or end <= last) for start, last in ranges):
            held[share] = tuple(sorted((*ranges, (first, end)), key=lambda found: found[0]))
    return progress if held == progress.held else msgspec.structs.replace(progress, held=held)


def next_task(progress: Progress, situation: Situation) -> Task | None:
    """The first job, in register order, that can go on now."""
    for cursor in progress.jobs:
        if cursor.kind is JobKind.REPLAY:
            return Task(cursor, cursor.next, cursor.next + 1)
        if situation.standings.get(cursor.share or "") is not Standing.IN_FORCE:
            continue
        if cursor.kind is JobKind.BACKFILL and cursor.end is not None:
            return Task(cursor, cursor.next, cursor.end)
        if cursor.kind is JobKind.RELEASE:
            closed = [(start, end) for start, end in progress.held.get(cursor.share or "", ()) if end is not None]
            if closed:
                return Task(cursor, *closed[0])
    return None


def advance(progress: Progress, task: Task, reached: int) -> Progress:
    """`task` has been decided below `reached`; at its end the cursor (or the range it released) is gone."""
    done = reached >= task.end
    cursor = task.cursor
    if cursor.kind is JobKind.RELEASE:
        share = cursor.share or ""
        kept = [found for found in progress.held.get(share, ()) if found != (task.start, task.end)]
        left = sorted([*kept, *([] if done else [(reached, task.end)])], key=lambda found: found[0])
        held = {**progress.held, share: tuple(left)}
        return msgspec.structs.replace(progress, held={name: ranges for name, ranges in held.items() if ranges})
    moved = () if done else (msgspec.structs.replace(cursor, next=reached),)
    jobs = tuple(new for old in progress.jobs for new in (moved if old == cursor else (old,)))
    return msgspec.structs.replace(progress, jobs=jobs)


def _adopted(adopted: int, jobs: Iterable[Job], situation: Situation) -> list[Cursor]:
    cursors = []
    for job in jobs:
        if job.position <= adopted:
            continue
        share = topics.share(job.reference, job.share) if job.reference and job.share else None
        if job.kind is JobKind.REPLAY:
            if job.partition == situation.partition and job.offset is not None:
                cursors.append(Cursor(job.position, job.kind, next=job.offset, end=job.offset + 1))
        elif job.kind is JobKind.RELEASE:
            cursors.append(Cursor(job.position, job.kind, share))
        elif situation.kind is Kind.ENTITY:  # to go back over events would be a new disclosure
            cursors.append(Cursor(job.position, job.kind, share, next=situation.low))
    return cursors


def _begun(cursor: Cursor, situation: Situation) -> Cursor:
    """A backfill's range ends where live deciding begins: at the first moment that the version it is for covers."""
    covers = situation.standings.get(cursor.share or "", Standing.NOT_COVERING) is not Standing.NOT_COVERING
    covers = covers and cursor.position not in situation.awaited
    if cursor.kind is JobKind.BACKFILL and cursor.end is None and covers:
        return msgspec.structs.replace(cursor, end=situation.live)
    return cursor


def _wanted(cursor: Cursor, held: Mapping[str, tuple[Range, ...]], situation: Situation) -> bool:
    if cursor.kind is JobKind.REPLAY:
        return True
    if cursor.share not in situation.standings:
        return False
    if cursor.kind is JobKind.RELEASE:
        return bool(held.get(cursor.share or ""))
    return cursor.end is None or cursor.next < cursor.end


def _closed(ranges: tuple[Range, ...], live: int) -> list[Range]:
    closed = [(start, live if end is None else end) for start, end in ranges]
    return [(start, end) for start, end in closed if start < end]
