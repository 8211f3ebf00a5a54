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
from collections.abc import Callable, Mapping
from typing import Any

from agreements.snapshot import ContractEntry, Snapshot
from broker import clock
from broker.cluster.client import Abortable, ClusterFatal, Connection
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from broker.delivery.quarantine import Sealer
from broker.intake.codes import CONTRACT_MISSING, NOT_DESIGNATED, TAKEN_OVER, TOPIC_MISSING
from broker.intake.configuration import Configuration
from broker.intake.encoding import Encoded, Encoder, Target
from broker.intake.measures import Measures
from broker.intake.positions import Stored, read_stored
from broker.intake.records import TopicRecords
from connectors.events import ReadsRecords
from connectors.protocol import Away, Batch, Connector, Position
from contracts import topics
from contracts.faults import Refused, Unavailable
from contracts.wire import EnvelopeCodec

POLL_SECONDS = 0.5
_BACK_OFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
Log = Any
"""A structlog logger; its lines carry names, counts and codes, never data."""


def entries(configuration: Configuration, snapshot: Snapshot) -> dict[str, ContractEntry]:
    """The contract of each dataset; raises `Refused` for one that is missing or designates another store."""
    found: dict[str, ContractEntry] = {}
    faults = []
    for dataset in configuration.datasets:
        entry = snapshot.contract(dataset)
        if entry is None:
            faults.append(CONTRACT_MISSING.fault(dataset))
        elif entry.contract.store != configuration.name:
            message = f"{dataset}: the contract designates {entry.contract.store!r}, this is {configuration.name!r}"
            faults.append(NOT_DESIGNATED.fault(message))
        else:
            found[dataset] = entry
    if faults:
        raise Refused(*faults)
    return found


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
        self._encoder = _encoder(connection, configuration.name, found, sealer, snapshot.position)
        self._producer: TransactionalProducer
        self._stored: Stored

    def run(self, stopping: threading.Event, *, ready: Callable[[], None] = lambda: None) -> None:
        """Work until `stopping` is set; `ready` is called once the connector is open.

        Raises `Unavailable` when the store or Kafka cannot be reached at the start, or the store can no longer be read;
        `Refused` when another process has taken over.  While running, Kafka and the store may be away for as long as it takes.
        """
        try:
            self._take_over()
            self._open()
            ready()
            while not stopping.is_set():
                self._turn(stopping)
        finally:
            self._connector.close()

    def _turn(self, stopping: threading.Event) -> None:
        try:
            batch = self._connector.poll(POLL_SECONDS)
            if batch is None:
                return
            if self._write(batch, stopping):
                self._connector.durable(batch.position)
        except Away as failure:
            self._reopen(failure, stopping)

    # -- the store ---------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        position = self._stored.position
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
        wanted = Stored(self._name, batch.position.text, encoded.sequences, self._instance, now_ms)
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
        seconds = clock.monotonic_seconds() - began
        self._measures.committed(batch.changes, dict(encoded.quarantined), seconds, clock.now())
        return True

    def _transact(self, encoded: Encoded | None, wanted: Stored) -> None:
        self._producer.begin()
        for record in encoded.records if encoded is not None else ():
            self._producer.produce(record.topic, record.partition, record.key, record.value)
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
        position, sequences = (None, {}) if found is None else (found.position, found.sequences)
        self._stored = Stored(self._name, position, sequences, self._instance, clock.now_ms())
        try:
            self._transact(None, self._stored)
        except (Abortable, ClusterFatal) as problem:
            raise Refused(TAKEN_OVER.fault(f"{self._name}: {type(problem).__name__}")) from problem

    def _wait_alive(self, seconds: float, stopping: threading.Event) -> None:
        """Wait, and keep the store's session alive meanwhile; that it broke shows at the next poll."""
        if self._stored.position is not None:
            try:
                self._connector.durable(Position(self._stored.position))
            except Away:
                self._log.warning("store away", connector=self._name)
        stopping.wait(seconds)


def _described(problem: Exception) -> str:
    """What a log may say of a problem: its code where it has one, else its kind."""
    return problem.faults[0].code.identifier if isinstance(problem, Unavailable) else type(problem).__name__


def _back_off(attempt: int) -> float:
    return _BACK_OFF_SECONDS[min(attempt, len(_BACK_OFF_SECONDS) - 1)]


def _encoder(
    connection: Connection, name: str, found: Mapping[str, ContractEntry], sealer: Sealer, register_position: int
) -> Encoder:
    with Reader(connection) as reader:
        counts = {dataset: reader.partitions(topics.source(dataset)) for dataset in found}
        quarantine = reader.partitions(topics.QUARANTINE)
    missing = [topics.source(dataset) for dataset, count in counts.items() if count == 0]
    if missing or quarantine == 0:
        raise Unavailable(TOPIC_MISSING.fault(", ".join(missing or [topics.QUARANTINE])))
    targets = {
        dataset: Target(entry, counts[dataset], EnvelopeCodec(entry.contract, entry.key_schema, entry.value_schema))
        for dataset, entry in found.items()
    }
    return Encoder(name, targets, sealer, quarantine, register_position)
