"""What a source partition still has to decide again: the one re-derive job, as pure steps on its `Progress`.

A job asked for by the register is *adopted* once and becomes a cursor.  What is held is kept as ranges of source
offsets: a range opens with the first record that waits and closes at the offset where deciding goes on.  `BACKFILL`
(a load) decides a range fixed when it begins, `REPLAY` one offset, `CORRECTION` the rows that were sent, up to where live
deciding is; a load of its share that has begun goes before it, or it would give away what only the load may give.

A release needs no act: whatever ended the hold (an act, a window that opened, a day that began), the ranges of a share
that stands in force are decided, oldest first, and are their own cursor.  Under an embargo every record waits, so the
newest range stays open and is released from its front.  Nothing here reads a topic or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from agreements.snapshot import Job, JobKind, Standing
from broker.delivery.progress import Cursor, Progress, Range
from broker.policy.decision import Mode
from contracts import topics
from contracts.model import Kind

MODES = {kind: Mode(kind.value) for kind in JobKind}
_RANGED = (JobKind.BACKFILL, JobKind.CORRECTION)


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
    approved: Mapping[str, int] = field(default_factory=dict)
    """The register position that approved the version in force, by share topic: what its releases cite."""
    embargoes: Mapping[str, timedelta] = field(default_factory=dict)
    """The embargo of every share topic in force that has one: none of its records is delivered when it is read."""
    limit_holds: frozenset[str] = frozenset()
    """The share topics whose records are held, not denied, beyond a limit."""
    resting: frozenset[str] = frozenset()
    """The share topics whose oldest held record is still under its embargo."""
    correctable: frozenset[str] = frozenset()
    """The share topics that a correction may change: in force, or stopped by nothing but their hours or a limit."""

    def waits(self, share: str) -> bool:
        """Whether a record decided now for `share` has to be decided again when the share stands in force, or is due.

        An entity's record also under `when_suspended: drop`, or what it said would be lost (VIEW = FILTER(SOURCE)).
        """
        standing = self.standings.get(share, Standing.NOT_COVERING)
        if standing is Standing.DROPPED:
            return self.kind is Kind.ENTITY
        return standing is Standing.HELD or (standing is Standing.IN_FORCE and share in self.embargoes)

    def lets(self, cursor: Cursor, jobs: Iterable[Cursor]) -> bool:
        """Whether a job over a range of one share, one of `jobs`, may go on now."""
        share = cursor.share or ""
        if cursor.kind is JobKind.CORRECTION:
            return share in self.correctable and not any(_is_begun_load(job, share) for job in jobs)
        return self.standings.get(share) is Standing.IN_FORCE


@dataclass(frozen=True, slots=True)
class Task:
    """What to decide next for a job: the cursor it belongs to and the source range, exclusive at its end."""

    cursor: Cursor
    start: int
    end: int
    live: int = 0
    """Where live deciding is."""

    @property
    def mode(self) -> Mode:
        """What every decision of it is marked with."""
        return MODES[self.cursor.kind]


def review(progress: Progress, jobs: Iterable[Job], situation: Situation) -> Progress:
    """Adopt new jobs, close ranges that wait for nothing any more, and forget what no agreement asks for.

    To be called with the standings that the next batch is decided under, before it.
    """
    held = {
        share: ranges if situation.waits(share) else _closed(ranges, situation.live)
        for share, ranges in progress.held.items()
        if share in situation.standings
    }
    known = [*progress.jobs, *_adopted(progress.jobs_adopted, jobs, situation)]
    adopted = max([progress.jobs_adopted, *(job.position for job in jobs)])
    begun = [_begun(cursor, situation) for cursor in known]
    for cursor in begun:
        if _is_queued(cursor, situation) and cursor.share is not None:
            held[cursor.share] = _joined((*held.get(cursor.share, ()), (cursor.next, cursor.end)))
    kept = tuple(cursor for cursor in begun if _wanted(cursor, situation, held) and not _is_queued(cursor, situation))
    return msgspec.structs.replace(
        progress,
        held={share: ranges for share, ranges in held.items() if ranges},
        jobs=kept,
        jobs_adopted=adopted,
    )


def note_held(progress: Progress, situation: Situation, first: int, end: int | None) -> Progress:
    """Note that records from `first` on wait: an open range, or one up to `end`."""
    held = dict(progress.held)
    for share in situation.standings:
        if not situation.waits(share):
            continue
        ranges = held.get(share, ())
        if end is None and not any(last is None for _, last in ranges):
            held[share] = (*ranges, (first, None))
        elif end is not None and not any(start <= first and (last is None or end <= last) for start, last in ranges):
            held[share] = _joined((*ranges, (first, end)))
    return progress if held == progress.held else msgspec.structs.replace(progress, held=held)


def note_limited(progress: Progress, situation: Situation, limited: Mapping[str, int], end: int | None) -> Progress:
    """Note that a limit stopped the records of some shares from an offset on; `held` says which of them wait for it."""
    held = dict(progress.held)
    for share, first in limited.items():
        if situation.kind is Kind.ENTITY or share in situation.limit_holds:
            ranges = held.get(share, ())
            if not any(last is None and start <= first for start, last in ranges):
                held[share] = _joined((*ranges, (first, end)))
    return progress if held == progress.held else msgspec.structs.replace(progress, held=held)


def next_task(progress: Progress, situation: Situation) -> Task | None:
    """What can go on now: the first job, in register order, or else the oldest range held for a share in force."""
    for cursor in progress.jobs:
        if cursor.kind is JobKind.REPLAY:
            return Task(cursor, cursor.next, cursor.next + 1)
        if cursor.end is not None and cursor.next < cursor.end and situation.lets(cursor, progress.jobs):
            is_correction = cursor.kind is JobKind.CORRECTION
            return Task(cursor, cursor.next, situation.live if is_correction else cursor.end, situation.live)
    for share, ranges in sorted(progress.held.items()):
        if situation.standings.get(share) is not Standing.IN_FORCE or share in situation.resting:
            continue
        start, end = ranges[0]
        stop = situation.live if end is None else end
        if start < stop:
            return Task(Cursor(situation.approved[share], JobKind.RELEASE, share), start, stop)
    return None


def advance(progress: Progress, task: Task, reached: int) -> Progress:
    """`task` has been decided below `reached`; at its end the cursor (or the range it released) is gone.

    A load leaves the keys to their releases of which a newer record is held; its cursor stays, with nothing to decide,
    until what was held when it ended is released.  Before that, a correction would make their rows anew in its stead.
    """
    cursor, share = task.cursor, task.cursor.share or ""
    if cursor.kind is JobKind.RELEASE:
        (_, end), *later = progress.held[share]
        left = () if end is not None and reached >= end else ((reached, end),)
        held = {**progress.held, share: (*left, *later)}
        return msgspec.structs.replace(progress, held={name: ranges for name, ranges in held.items() if ranges})
    moved: tuple[Cursor, ...] = ()
    if reached < task.end:
        moved = (msgspec.structs.replace(cursor, next=reached, end=task.end),)
    elif cursor.kind is JobKind.BACKFILL and share in progress.held:
        moved = (msgspec.structs.replace(cursor, next=task.live, end=task.live),)
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
        elif situation.kind is Kind.ENTITY:  # to go back over events would be a new disclosure
            cursors.append(Cursor(job.position, job.kind, share, next=situation.low))
    return cursors


def _begun(cursor: Cursor, situation: Situation) -> Cursor:
    """A job's range ends where live deciding begins: at the first moment that the version it is for covers."""
    covers = situation.standings.get(cursor.share or "", Standing.NOT_COVERING) is not Standing.NOT_COVERING
    covers = covers and cursor.position not in situation.awaited
    if cursor.kind in _RANGED and cursor.end is None and covers:
        return msgspec.structs.replace(cursor, end=situation.live)
    return cursor


def _is_begun_load(cursor: Cursor, share: str) -> bool:
    return cursor.kind is JobKind.BACKFILL and cursor.share == share and cursor.end is not None


def _wanted(cursor: Cursor, situation: Situation, held: Mapping[str, tuple[Range, ...]]) -> bool:
    """Whether there is something left to decide, or, for a load, to release of what was held when it ended."""
    if cursor.kind is JobKind.REPLAY:
        return True
    share = cursor.share or ""
    if share not in situation.standings or cursor.end is None or cursor.next < cursor.end:
        return share in situation.standings
    return cursor.kind is JobKind.BACKFILL and any(start < cursor.end for start, _ in held.get(share, ()))


def _is_queued(cursor: Cursor, situation: Situation) -> bool:
    """Whether a backfill's range waits for its embargo like everything else of its share."""
    return cursor.kind is JobKind.BACKFILL and cursor.end is not None and cursor.share in situation.embargoes


def _closed(ranges: tuple[Range, ...], live: int) -> tuple[Range, ...]:
    closed = [(start, live if end is None else end) for start, end in ranges]
    return tuple((start, end) for start, end in closed if start < end)


def _joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same offsets, in order, in ranges that do not touch."""
    joined: list[Range] = []
    for start, end in sorted(ranges, key=lambda found: found[0]):
        if joined and (joined[-1][1] is None or start <= joined[-1][1]):
            first, last = joined[-1]
            joined[-1] = (first, None if last is None or end is None else max(last, end))
        elif end is None or start < end:
            joined.append((start, end))
    return tuple(joined)
