"""Runs a connector: step 1 of the story.  Changes and position go to Kafka in one transaction, so none is lost or repeated.

1. Make the transactional producer `connector.<name>`: it fences an older process and ends what that had begun.
2. Read the stored position and sequence numbers; write our claim (who runs the connector now).
3. Open the connector after the stored position.
4. Poll a batch; encode all of it before the transaction begins.
5. One transaction: the records, what is quarantined, and the position.
6. Only then tell the connector that the batch is durable.

ONE-WRITER: a process that was fenced asks whose claim stands.  Another's: it ends.  Its own (a transaction outlived its
time while Kafka was away, which looks like fencing): it goes on, and asks first whether its last commit succeeded.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from agreements.snapshot import Snapshot
from broker import clock
from broker.cluster.client import Abortable, ClusterFatal, Connection
from broker.cluster.producer import TransactionalProducer
from broker.delivery.quarantine import Sealer
from broker.intake.codes import TAKEN_OVER
from broker.intake.configuration import Configuration
from broker.intake.encoding import Encoded
from broker.intake.measures import Measures
from broker.intake.positions import Stored, read_stored
from broker.intake.records import TopicRecords
from broker.intake.signals import PAUSE, RESUME, Inbox, Received, Request
from broker.intake.targets import encoder, entries
from broker.intake.watch import Watch
from connectors.events import ReadsRecords
from connectors.protocol import Away, Batch, Connector, Position, Signal
from connectors.written import SchemaIds, WritesEnvelopes
from contracts import topics
from contracts.faults import Refused, Unavailable

POLL_SECONDS = 0.5
_SIGNALS_KEPT = 100
_BACK_OFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
Log = Any
"""A structlog logger; its lines carry names, counts and codes, never data."""


class Intake:
    """One connector and its writer.  `run` works until told to stop; one thread does all."""

    def __init__(
        self,
        connection: Connection,
        configuration: Configuration,
        snapshot: Snapshot,
        sealer: Sealer,
        log: Log,
    ) -> None:
        self._connection, self._name, self._log = connection, configuration.name, log
        self._instance = secrets.token_hex(8)
        self._measures = Measures(configuration.name)
        found = entries(configuration, snapshot)
        contracts = [entry.contract for entry in found.values()]
        self._connector: Connector = configuration.connector(configuration.name, configuration.options, contracts)
        if isinstance(self._connector, ReadsRecords):
            self._connector.read_from(TopicRecords(connection))
        if isinstance(self._connector, WritesEnvelopes):
            self._connector.write_with(
                {one: SchemaIds(entry.key_schema, entry.value_schema) for one, entry in found.items()}
            )
        self._watch = Watch(self._connector, self._name, tuple(found), self._measures, log)
        self._encoder = encoder(connection, configuration.name, found, sealer, snapshot.position)
        self._inbox = Inbox(connection, configuration.name)
        self._begun: dict[int, str] = {}
        """Signals that were handed to the connector and whose effect is in no committed position: offset to identifier."""
        self._producer: TransactionalProducer
        self._stored: Stored

    def run(self, stopping: threading.Event, *, ready: Callable[[], None] = lambda: None) -> None:
        """Work until `stopping` is set; `ready` is called once the connector is open.

        Raises `Unavailable` when the store or Kafka cannot be reached at the start, or the store can no longer be read;
        `Refused` when another process has taken over.  While running, Kafka and the store may be away for as long as it takes.
        """
        self._stopping = stopping
        try:
            self._take_over()
            self._open()
            ready()
            while not stopping.is_set():
                self._turn(stopping)
        finally:
            self._connector.close()
            self._inbox.close()

    def _turn(self, stopping: threading.Event) -> None:
        self._heed(self._inbox.fresh(), stopping)
        if self._stored.paused:
            self._wait_alive(POLL_SECONDS, stopping)
            self._restate(stopping)
            return
        try:
            self._watch.look()
            batch = self._connector.poll(POLL_SECONDS)
            if batch is None:
                self._watch.caught_up()
                self._restate(stopping)
            elif self._write(batch, stopping):
                self._connector.durable(batch.position)
        except Away as failure:
            self._reopen(failure, stopping)

    # -- the store ---------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        position = self._stored.position
        self._connector.close()
        self._begun.clear()  # what the connector had noted and no position held is gone with its session: hear it again
        self._inbox.seek(self._stored.signals or 0)
        self._heed(self._inbox.waiting(), self._stopping)
        self._connector.open(None if position is None else Position(position))
        self._measures.opened()
        self._log.info("connector open", connector=self._name)

    def _reopen(self, failure: Away, stopping: threading.Event) -> None:
        """Open the store anew after the last committed position, however long it is away."""
        attempt = 0
        while not stopping.is_set():
            self._log.warning(
                "store away", connector=self._name, code=failure.faults[0].code.identifier, attempt=attempt
            )
            stopping.wait(_back_off(attempt))
            attempt += 1
            try:
                self._open()
            except Away as again:
                failure = again
            else:
                return

    # -- Kafka -------------------------------------------------------------------------------------------------------

    def _write(self, batch: Batch, stopping: threading.Event) -> bool:
        """Commit a batch, however long Kafka is away; False when told to stop before that."""
        now_ms = clock.now_ms()
        encoded = self._encoder.encode(batch.changes, self._stored.sequences, now_ms)
        wanted = replace(
            self._stored,
            position=batch.position.text,
            sequences=encoded.sequences,
            written_ms=now_ms,
            standing=self._watch.with_batch(batch, now_ms),
            **self._signals(done=self._begun.values(), waiting=()),
        )
        if not self._commit(encoded, wanted, stopping):
            return False
        self._begun.clear()
        self._measures.committed(batch.changes, dict(encoded.quarantined), self._seconds)
        self._watch.written(wanted.standing)
        return True

    def _restate(self, stopping: threading.Event) -> None:
        """Write how the connector stands where that is news and no batch says it."""
        now_ms = clock.now_ms()
        if self._watch.is_news(self._stored, now_ms):
            self._commit(None, replace(self._stored, standing=self._watch.standing, written_ms=now_ms), stopping)

    def _commit(self, encoded: Encoded | None, wanted: Stored, stopping: threading.Event) -> bool:
        attempt, began = 0, clock.monotonic_seconds()
        while not stopping.is_set():
            try:
                began = clock.monotonic_seconds()
                self._transact(encoded, wanted)
                break
            except (Abortable, ClusterFatal, Unavailable) as problem:
                self._log.warning(
                    "transaction failed", connector=self._name, error=_described(problem), attempt=attempt
                )
                self._measures.repeated()
                self._wait_alive(_back_off(attempt), stopping)
                attempt += 1
                if not self._recovered(problem):
                    continue
                if self._stored == wanted:  # the commit whose outcome was unknown had succeeded
                    break
        else:
            return False
        self._stored = wanted
        self._seconds = clock.monotonic_seconds() - began
        return True

    # -- signals -----------------------------------------------------------------------------------------------------

    def _heed(self, received: Sequence[Received], stopping: threading.Event) -> None:
        """Do what is asked: pause and resume here and now, the rest by the connector with its next batch."""
        for offset, request in received:
            if request.identifier in (*self._stored.signals_done, *self._begun.values()):
                continue
            self._log.info("signal", connector=self._name, signal=request.name)
            paused = self._stored.paused
            if request.name in (PAUSE, RESUME):
                paused = request.name == PAUSE
            elif self._asked(request):
                self._begun[offset] = request.identifier
                continue
            done = self._signals(done=(request.identifier,), waiting=tuple(self._begun), last=offset)
            self._commit(None, replace(self._stored, paused=paused, written_ms=clock.now_ms(), **done), stopping)

    def _asked(self, request: Request) -> bool:
        """Whether the connector takes the signal; a refused one is done with."""
        try:
            self._connector.signal(Signal(request.name, tuple(sorted(request.arguments.items()))))
        except Refused as refused:
            self._log.warning("signal refused", connector=self._name, code=refused.faults[0].code.identifier)
            return False
        return True

    def _signals(self, done: Iterable[str], waiting: tuple[int, ...], last: int = -1) -> dict[str, Any]:
        """The members of the stored record once `done` is; those at `waiting` must be heard again after a crash."""
        after = max(self._stored.signals or 0, last + 1, *(offset + 1 for offset in self._begun))
        marked = (*self._stored.signals_done, *done)[-_SIGNALS_KEPT:]
        return {"signals": min((after, *waiting)), "signals_done": marked}

    def _transact(self, encoded: Encoded | None, wanted: Stored) -> None:
        self._producer.begin()
        if encoded is not None:
            self._producer.produce_all(encoded.records)
        self._producer.produce(topics.POSITIONS, 0, self._name.encode(), wanted.encode())
        self._producer.commit()

    def _recovered(self, problem: Exception) -> bool:
        """Whether Kafka is ready for another try; afterwards `_stored` says what is committed."""
        try:
            if isinstance(problem, Abortable):
                self._producer.abort()
                return True
            self._still_ours()  # look first: a process that took over need not be fenced for the question
            self._producer = TransactionalProducer(self._connection, f"connector.{self._name}")
            stored = self._still_ours()
        except (Abortable, ClusterFatal, Unavailable):
            return False
        self._stored = stored
        return True

    def _still_ours(self) -> Stored:
        """The record on Kafka; raises `Refused` when another process has claimed the connector (ONE-WRITER)."""
        stored = read_stored(self._connection, self._name)
        if stored is None or stored.instance != self._instance:
            raise Refused(TAKEN_OVER.fault(self._name))
        return stored

    def _take_over(self) -> None:
        """Fence an older process, see what it committed, and claim the connector."""
        self._producer = TransactionalProducer(self._connection, f"connector.{self._name}")
        found = read_stored(self._connection, self._name)
        if found is None or found.signals is None:
            found = replace(found or Stored(self._name, None, {}, "", 0), signals=self._inbox.end())
        self._stored = replace(found, instance=self._instance, written_ms=clock.now_ms())
        self._watch.begin(found.standing)
        try:
            self._transact(None, self._stored)
        except (Abortable, ClusterFatal) as problem:
            raise Refused(TAKEN_OVER.fault(f"{self._name}: {type(problem).__name__}")) from problem

    def _wait_alive(self, seconds: float, stopping: threading.Event) -> None:
        """Wait, and keep the store's session alive meanwhile; that it broke shows at the next poll."""
        if self._stored.position is not None:
            try:
                self._connector.durable(Position(self._stored.position))
                self._watch.look()
            except Away:
                self._log.warning("store away", connector=self._name)
        stopping.wait(seconds)


def _described(problem: Exception) -> str:
    """What a log may say of a problem: its code where it has one, else its kind."""
    return problem.faults[0].code.identifier if isinstance(problem, Unavailable) else type(problem).__name__


def _back_off(attempt: int) -> float:
    """How many seconds to wait after so many failures."""
    return _BACK_OFF_SECONDS[min(attempt, len(_BACK_OFF_SECONDS) - 1)]
