"""What a worker commits next for one source partition: a live batch, a chunk of a job, or an acknowledgement.

Each answer is a `Prepared` transaction part, complete before any transaction begins, together with the partition's new
progress.  Nothing is changed here: the worker takes the new offset, mark and progress over when it has committed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec

from agreements.snapshot import Job, Snapshot, Standing
from agreements.standing import may_correct, stand
from broker.cluster.client import Message
from broker.delivery.counters import Ledger
from broker.delivery.jobs import Situation, Task, advance, next_task, note_held, note_limited, review
from broker.delivery.progress import Progress
from broker.delivery.rederive import Chunk, Rederiver
from broker.delivery.state import SentState
from broker.delivery.takeover import Owned
from broker.pipeline import Ground, Prepared, Route, Settled, Work, acknowledge, decide, put_down
from broker.policy.decision import Mode, SourceRecord
from broker.policy.limits import stopped_standing
from contracts.model import Kind

_JOB_RECORDS_MAX = 2_000


class Planner:
    """Prepares parts for one worker.

    `low` gives the first offset that a source partition keeps; `is_founded` says whether what a replay names stands in quarantine.
    """

    def __init__(
        self,
        worker: str,
        state: SentState,
        rederiver: Rederiver,
        low: Callable[[str, int], int],
        is_founded: Callable[[Owned, Task, Snapshot, int], bool],
    ) -> None:
        self._worker, self._state, self._rederiver, self._low = worker, state, rederiver, low
        self._is_founded = is_founded
        self._waits: dict[tuple[str, int, str], datetime] = {}
        """Source partition and share topic to when the record was recorded that waits for its embargo."""

    def live(
        self, owned: Owned, batch: Sequence[Message], route: Route, ground: Ground, ledger: Ledger
    ) -> Prepared | None:
        """The decisions on a batch as it was consumed; None when nothing in it is new."""
        fresh = newest_run(batch, owned.offset)
        if not fresh:
            return None
        situation = self._situation(owned, route, ground, ledger)
        reviewed = review(owned.progress, _jobs(route, ground), situation)
        records = tuple(SourceRecord(m.offset, m.timestamp_ms, m.key, m.value) for m in fresh)
        work = Work(owned.topic, owned.partition, owned.mark, owned.offset, fresh[-1].offset + 1, records, Mode.LIVE)
        settled = decide(route, ground, work, self._state.sent, ledger)
        progress = note_held(reviewed, situation, owned.offset, None)
        progress = note_limited(progress, situation, settled.limited, None)
        changed = self._changed(owned, progress, work.end, ground)
        return put_down(route, ground, work, settled, changed, ledger)

    def job(self, owned: Owned, route: Route, ground: Ground, ledger: Ledger) -> Prepared | None:
        """The decisions on the next chunk of the first job that can go on; None when there is none."""
        situation = self._situation(owned, route, ground, ledger)
        reviewed = review(owned.progress, _jobs(route, ground), situation)
        task = next_task(reviewed, situation)
        if task is None or task.mode is not Mode.CORRECTION:
            self._rederiver.interrupted(owned)
        if task is None:
            return None
        if task.mode is Mode.REPLAY and not self._is_founded(
            owned, task, ground.snapshot, ground.quarantine_partitions
        ):
            changed = self._changed(owned, advance(reviewed, task, task.end), owned.offset, ground)
            assert changed is not None  # its cursor is gone
            said = acknowledge(owned.topic, owned.partition, owned.offset, owned.mark, changed)
            return replace(said, refused=task.cursor)
        chunk = self._chunk(owned, reviewed, task, situation, ground.now)
        if not chunk.records:
            changed = self._changed(owned, advance(reviewed, task, chunk.reached), owned.offset, ground)
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
            waiting=chunk.waiting,
        )
        settled = decide(narrowed, ground, work, self._state.sent, ledger)
        progress = _advanced(reviewed, situation, task, chunk.reached, settled)
        changed = self._changed(owned, progress, owned.offset, ground)
        return put_down(narrowed, ground, work, settled, changed, ledger)

    def idle(self, owned: Owned, route: Route | None, ground: Ground, ledger: Ledger) -> Prepared | None:
        """What there is to say of a partition without deciding; None when its progress says it already.

        `route` None is a dataset that is held back: its position is acknowledged, its jobs and ranges stand still.
        """
        progress = owned.progress
        if route is not None:
            progress = review(progress, _jobs(route, ground), self._situation(owned, route, ground, ledger))
        changed = self._changed(owned, progress, owned.offset, ground)
        return None if changed is None else acknowledge(owned.topic, owned.partition, owned.offset, owned.mark, changed)

    def _chunk(self, owned: Owned, progress: Progress, task: Task, situation: Situation, now: datetime) -> Chunk:
        share = task.cursor.share or ""
        if task.mode is Mode.CORRECTION:
            return self._rederiver.correction(owned, task, progress.held.get(share, ()), _JOB_RECORDS_MAX)
        embargo = situation.embargoes.get(share) if task.mode is Mode.RELEASE else None
        until = None if embargo is None else now - embargo
        chunk = self._rederiver.chunk(owned, task, situation.kind, _JOB_RECORDS_MAX, until)
        if chunk.waits is not None and embargo is not None:
            self._waits[(*owned.place, share)] = chunk.waits
        return chunk

    def _situation(self, owned: Owned, route: Route, ground: Ground, ledger: Ledger) -> Situation:
        unplanned = {one.coverage.topic for one in route.unplanned}
        found = standings_of(ground.snapshot, route.entry.contract.dataset, ground.now, ledger, unplanned)
        has_jobs = bool(owned.progress.jobs) or any(
            job.position > owned.progress.jobs_adopted for job in _jobs(route, ground)
        )
        low = self._low(owned.topic, owned.partition) if has_jobs else 0
        return Situation(
            kind=route.entry.contract.kind,
            partition=owned.partition,
            low=low,
            live=owned.offset,
            standings=found.standings,
            awaited=frozenset(found.awaited),
            approved=found.approved,
            embargoes=found.embargoes,
            limit_holds=frozenset(found.limit_holds),
            correctable=frozenset(found.correctable),
            resting=frozenset(
                share
                for share, embargo in found.embargoes.items()
                if (recorded := self._waits.get((*owned.place, share))) is not None and ground.now < recorded + embargo
            ),
        )

    def _changed(self, owned: Owned, progress: Progress, offset: int, ground: Ground) -> Progress | None:
        """The progress record to write, or None when the newest one says the same."""
        position = ground.snapshot.position
        wanted = msgspec.structs.replace(progress, worker=self._worker, position=position, offset=owned.progress.offset)
        if wanted == owned.progress:
            return None
        return msgspec.structs.replace(wanted, offset=offset, number=owned.mark.progress + 1)


@dataclass(frozen=True, slots=True)
class Standings:
    """How every signed share of a dataset stands, by share topic."""

    standings: dict[str, Standing] = field(default_factory=dict)
    awaited: set[int] = field(default_factory=set)
    """The register positions that approved versions which have not begun."""
    approved: dict[str, int] = field(default_factory=dict)
    """The register position that approved the version in force."""
    embargoes: dict[str, timedelta] = field(default_factory=dict)
    limit_holds: set[str] = field(default_factory=set)
    """The share topics of agreements that hold what is beyond a limit."""
    correctable: set[str] = field(default_factory=set)
    """The share topics whose rows may lose a suspended field now."""


def standings_of(
    snapshot: Snapshot,
    dataset: str,
    now: datetime,
    ledger: Ledger | None = None,
    unplanned: Collection[str] = frozenset(),
) -> Standings:
    """How every signed share of a dataset stands at `now`, a limit that was reached and a plan that cannot be made included.

    A version that has not begun stands beside the one in force on the same topic, and says nothing about the topic yet.
    """
    found = Standings()
    for coverage in snapshot.coverages(dataset):
        entry, topic = coverage.entry, coverage.topic
        standing = stand(snapshot, coverage, now).standing
        if standing is not Standing.NOT_COVERING:
            beyond = stopped_standing(entry.agreement)
            is_reached = ledger is not None and ledger.reached(entry) is not None
            if topic not in unplanned and (standing is Standing.IN_FORCE or may_correct(snapshot, coverage, now)):
                found.correctable.add(topic)
            if standing is Standing.IN_FORCE and topic in unplanned:
                standing = Standing.HELD
            found.standings[topic] = beyond if is_reached and standing is Standing.IN_FORCE else standing
            if beyond is Standing.HELD:
                found.limit_holds.add(topic)
            assert entry.approved_position is not None  # nothing covers that was not approved
            found.approved[topic] = entry.approved_position
            if entry.agreement.delivery.embargo is not None:
                found.embargoes[topic] = entry.agreement.delivery.embargo
        elif now < entry.ends_at:
            found.standings.setdefault(topic, standing)
            if entry.approved_position is not None:
                found.awaited.add(entry.approved_position)
    return found


def _advanced(reviewed: Progress, situation: Situation, task: Task, reached: int, settled: Settled) -> Progress:
    """The progress once a chunk is decided; what a limit stopped of it is to be decided again where it waits."""
    if task.mode is Mode.REPLAY:
        progress = note_held(advance(reviewed, task, reached), situation, task.start, task.end)
        return note_limited(progress, situation, settled.limited, task.end)
    share = task.cursor.share or ""
    waits = situation.kind is Kind.ENTITY or share in situation.limit_holds
    return advance(reviewed, task, settled.limited.get(share, reached) if waits else reached)


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
