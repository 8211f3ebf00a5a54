"""The worker: one consumer, one transactional producer, and the loop that decides between them.

A turn gathers a batch, decides all of it (`broker.pipeline`) and commits it as one transaction; then it commits one
chunk of a re-derive job, and acknowledges the register position on partitions that had nothing to decide.  The
register snapshot is brought up to date before every decision and its age is checked again before every commit
(BOUNDED-STOP).  One thread does everything; nothing is decided while a transaction is open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from agreements.snapshot import Snapshot
from broker import clock, observe
from broker.cluster.client import Abortable, Connection, Message, PartitionOffset
from broker.cluster.consumer import GroupConsumer
from broker.cluster.producer import TransactionalProducer
from broker.delivery.conditions import Conditions, Register
from broker.delivery.counters import Ledger
from broker.delivery.identity import Identity
from broker.delivery.limits import Limits, Trip
from broker.delivery.measures import Measures
from broker.delivery.planner import Planner
from broker.delivery.rederive import Rederiver
from broker.delivery.replays import Replays
from broker.delivery.routes import Blocked, Routes
from broker.delivery.state import SentState
from broker.delivery.takeover import Owned, Takeover
from broker.delivery.telling import Telling
from broker.delivery.transaction import Committer
from broker.pipeline import Ground, Prepared, Route
from broker.policy.decision import Mode
from contracts import topics
from contracts.faults import Failure, Unavailable

_IDLE_SECONDS = 0.1
_BUSY_SECONDS = 0.005
_RETRY_SECONDS = 5.0
_PAUSE_SECONDS_MAX = 5.0

SourcePartition = tuple[str, int]


class Worker:
    """Decides the source partitions that the group gives it, until `stop`.

    Raises `ClusterFatal` (also `Fenced`, `OffsetsLost`, `OutcomeUnknown`) when the process must end, and lets any
    programming error through: both leave the open transaction to be fenced by the next process.
    """

    def __init__(
        self,
        connection: Connection,
        identity: Identity,
        register: Register,
        routes: Callable[[Callable[[str], int]], Routes],
        ground: Callable[[Snapshot, datetime], Ground],
        conditions: Conditions,
        *,
        trip: Trip,
        after_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._identity, self._register, self._ground, self._conditions = identity, register, ground, conditions
        self._state = SentState(identity.directory / "state")
        self._takeover = Takeover(connection, self._state)
        self._rederiver = Rederiver(connection)
        self._replays = Replays(connection)
        readers = (self._rederiver, self._takeover.low, self._replays.is_founded)
        self._planner = Planner(identity.worker, self._state, *readers)
        self._limits = Limits(connection, trip)
        self._routes = routes(self._takeover.partitions)
        self._snapshot = Snapshot()
        self._retry_at = 0.0
        self._assigned: dict[SourcePartition, PartitionOffset] = {}
        self._owned: dict[SourcePartition, Owned] = {}
        self._held_back: set[SourcePartition] = set()
        self._is_busy = False
        """The last turn decided something for a job: there may be more."""
        self._subscribed: tuple[str, ...] = ()
        self._stopping = threading.Event()
        self._log = observe.logger("concordat.enforce").bind(worker=identity.worker)
        self._measures, self._telling = Measures(), Telling(self._log)
        producer = TransactionalProducer(
            connection,
            identity.transactional_id,
            timeout_ms=conditions.transaction_timeout_milliseconds,
        )
        self._committer = Committer(producer, self._state, after_commit)
        self._consumer = GroupConsumer(
            connection,
            conditions.group,
            identity.worker,
            on_assign=self._on_assign,
            on_revoke=self._on_release,
            on_lost=self._on_release,
            properties={"session.timeout.ms": conditions.session_timeout_milliseconds},
        )

    def stop(self) -> None:
        """Let the turn end and then the loop; safe from a signal handler or another thread."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`; what passes is tried again with a growing pause."""
        pause = 0.0
        while not self._stopping.is_set():
            try:
                self._turn()
                pause = 0.0
            except (Abortable, Unavailable) as fault:
                pause = min(max(pause * 2, 0.05), _PAUSE_SECONDS_MAX)
                self._measures.aborted()
                self._log.warning("turn_repeated", reason=str(fault), seconds=pause)
                self._stopping.wait(pause)
        self._consumer.close()  # after an orderly end only: it hands the partitions over at once
        self._takeover.close()
        self._rederiver.close()
        self._replays.close()
        self._limits.close()
        self._state.close()

    # ---- one turn

    def _turn(self) -> None:
        messages = self._gather()
        metadata = self._consumer.group_metadata()
        try:
            now = self._renew()
            self._open_partitions()
            ground = self._ground(self._snapshot, now)
            live = self._live(messages, ground, self._limits.ledger(self._snapshot, now))
            if live:
                self._commit(live, metadata)
        except (Abortable, Failure):
            self._rewind(messages)
            raise
        ledger = self._limits.ledger(self._snapshot, now)
        self._job(metadata, ground, ledger)
        self._acknowledge(metadata, ground, ledger)
        self._limits.trip(self._snapshot, now, self._owned)

    def _gather(self) -> list[Message]:
        """Wait for one record, then take what comes within the transaction's time, up to its cap."""
        wait = _BUSY_SECONDS if self._is_busy else _IDLE_SECONDS
        messages = self._consumer.consume(1, wait)
        if messages:
            cap = self._conditions.transaction_events_max - 1
            messages += self._consumer.consume(cap, self._conditions.transaction_milliseconds / 1000)
        return messages

    def _live(self, messages: Sequence[Message], ground: Ground, ledger: Ledger) -> list[Prepared]:
        batches: dict[SourcePartition, list[Message]] = {}
        for message in messages:
            batches.setdefault((message.topic, message.partition), []).append(message)
        work = []
        for place, batch in batches.items():
            owned = self._owned.get(place)
            route = self._route(owned) if owned is not None else None
            if owned is not None and route is not None:
                self._measures.oldest(ground.now.timestamp() - batch[0].timestamp_ms / 1000)
                work.append(self._planner.live(owned, batch, route, ground, ledger))
        return [prepared for prepared in work if prepared is not None]

    def _job(self, metadata: Any, ground: Ground, ledger: Ledger) -> None:
        """Decide one chunk of one partition's next job, in a transaction of its own."""
        self._is_busy = False
        for place, owned in list(self._owned.items()):
            route = self._route(owned)
            prepared = self._planner.job(owned, route, ground, ledger) if route is not None else None
            if prepared is not None:
                self._commit([prepared], metadata)
                self._owned[place] = self._owned.pop(place)  # the next turn begins with another partition
                self._is_busy = True
                return

    def _acknowledge(self, metadata: Any, ground: Ground, ledger: Ledger) -> None:
        """Say under which register position idle partitions are decided, and what their jobs have come to."""
        said = [self._planner.idle(owned, self._route(owned), ground, ledger) for owned in self._owned.values()]
        work = [prepared for prepared in said if prepared is not None]
        if work:
            self._commit(work, metadata)

    def _route(self, owned: Owned) -> Route | None:
        """The partition's route, its state made current; None while its dataset is held back."""
        route = self._routes.by_dataset.get(topics.dataset_of(owned.topic) or "")
        if owned.place in self._held_back or not isinstance(route, Route):
            return None
        self._takeover.renew_state(owned, route.entity_topics)
        return route

    # ---- one transaction

    def _commit(self, work: Sequence[Prepared], metadata: Any) -> None:
        seconds = self._committer.commit(work, metadata, self._still_fresh)
        self._limits.committed(work)
        for prepared in work:
            owned = self._owned[prepared.offset.topic, prepared.offset.partition]
            owned.offset, owned.mark = prepared.offset.offset, prepared.mark
            owned.progress = prepared.progress or owned.progress
            if prepared.mode is Mode.LIVE:
                self._rederiver.decided_live(owned, prepared.source_keys)
        self._measures.committed(work, seconds, self._snapshot.position)
        self._telling.refused(work)

    def _still_fresh(self) -> bool:
        """Whether what was decided may still be committed: the snapshot is young, or no act has come since."""
        if self._register.age_milliseconds() <= self._conditions.snapshot_age_milliseconds_max:
            return True
        return self._register.catch_up().position == self._snapshot.position

    def _rewind(self, messages: Sequence[Message]) -> None:
        """Read again what was gathered and not committed."""
        for place in {(message.topic, message.partition) for message in messages}:
            owned, start = self._owned.get(place), self._assigned.get(place)
            offset = owned.offset if owned is not None else (start.offset if start is not None else None)
            if offset is not None:
                self._consumer.seek(*place, offset)

    # ---- register and partitions

    def _renew(self) -> datetime:
        """Bring the snapshot up to date, and with it the routes, the subscription and what is held back.

        ONE-MOMENT: gives the moment that the routes stand for; the whole turn is decided at it, so an agreement that begins or ends
        meanwhile is in the routes and in the decisions, or in neither.
        """
        snapshot, now = self._register.catch_up(), clock.now()
        if snapshot.position != self._snapshot.position or not self._routes.stand_at(now):
            self._snapshot = Snapshot()  # if a step fails, the next turn takes all of them again (BOUNDED-STOP)
            self._routes.renew(snapshot, now)
            self._telling.unplanned(self._routes.unplanned)
            self._hold_back()
            self._subscribe(snapshot)
            self._snapshot = snapshot
        elif clock.monotonic_seconds() >= self._retry_at:
            self._retry_at = clock.monotonic_seconds() + _RETRY_SECONDS
            self._measure_lag()
            self._routes.retry(snapshot, now)
            self._hold_back()
        return now

    def _measure_lag(self) -> None:
        """How far each partition is behind; the position steps over markers, a committed offset would not."""
        for topic, partition in self._owned:
            position = self._consumer.position(topic, partition)
            if position >= 0:
                waiting = self._takeover.stable_end(topic, partition) - position
                self._measures.waiting(topic, partition, max(waiting, 0))

    def _subscribe(self, snapshot: Snapshot) -> None:
        wanted = tuple(sorted(topics.source(dataset) for dataset in snapshot.contracts))
        if wanted != self._subscribed:
            self._consumer.subscribe(wanted)
            self._subscribed = wanted

    def _hold_back(self) -> None:
        """Pause partitions of blocked datasets, and give those back that can be served again."""
        for place, owned in self._owned.items():
            route = self._routes.by_dataset.get(topics.dataset_of(place[0]) or "")
            if isinstance(route, Route):
                if place in self._held_back:
                    self._held_back.discard(place)
                    self._consumer.resume([place])
            elif place not in self._held_back:
                self._held_back.add(place)
                self._consumer.pause([place])
                self._consumer.seek(*place, owned.offset)
                reason = str(route.fault) if isinstance(route, Blocked) else "no contract"
                self._log.error("dataset_blocked", topic=place[0], partition=place[1], reason=reason)
        self._measures.partitions(len(self._owned), len(self._held_back))

    def _open_partitions(self) -> None:
        """Take over what the group has assigned since the last turn."""
        if self._assigned:
            for place, start in list(self._assigned.items()):
                opened = self._takeover.open(start)
                self._limits.take_over(*place, opened.mark.counters)
                self._owned[place] = opened
                self._log.info(
                    "partition_taken_over", topic=start.topic, partition=start.partition, offset=start.offset
                )
                del self._assigned[place]
            self._hold_back()

    def _on_assign(self, starts: list[PartitionOffset]) -> None:
        self._assigned.update({(start.topic, start.partition): start for start in starts})

    def _on_release(self, partitions: list[SourcePartition]) -> None:
        for place in partitions:
            self._log.info("partition_given_up", topic=place[0], partition=place[1])
            self._assigned.pop(place, None)
            self._owned.pop(place, None)
            self._held_back.discard(place)
            self._rederiver.forget(*place)
            self._replays.forget(*place)
