"""A producer whose every record is part of a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Message, Producer, TopicPartition

from broker import clock
from broker.cluster.bounded import within
from broker.cluster.client import (
    SILENT,
    Abortable,
    ClusterFatal,
    Connection,
    PartitionOffset,
    error_of,
    is_forbidden,
    raise_for,
    unavailable,
)

_START_SECONDS = 30.0
_QUEUE_WAIT_SECONDS = 0.05
_GRACE_SECONDS = 2.0
"""How much longer than its own limit a call may take before it is given up."""

Headers = Sequence[tuple[str, bytes]]


class Produced(Protocol):
    """A record to produce."""

    @property
    def topic(self) -> str:
        """Where it goes."""
        ...

    @property
    def partition(self) -> int:
        """Which partition of it."""
        ...

    @property
    def key(self) -> bytes:
        """Its key."""
        ...

    @property
    def value(self) -> bytes:
        """Its value."""
        ...


class TransactionalProducer:
    """One producer with a transactional id; making it fences every older one with the same id.

    `begin`, any number of `produce`, at most one `send_offsets`, then `commit` or `abort`.  Raises `Abortable` when
    only an abort is left, `ClusterFatal` (`Fenced`) when the process must end, `Unavailable` when Kafka cannot be reached.
    A transaction that outlives `timeout_ms` is aborted by Kafka and looks like fencing.  One that is `timed` can also say
    when Kafka appended what it has produced.
    """

    def __init__(
        self,
        connection: Connection,
        transactional_id: str,
        *,
        timeout_ms: int = 10_000,
        timed: bool = False,
        **properties: str | float | bool,
    ) -> None:
        self._last_error: KafkaError | None = None
        self._refused: KafkaError | None = None
        self._appended: list[tuple[str, int | None]] = []
        self._what = f"transactions of {transactional_id}"
        self._seconds = timeout_ms / 1000  # without a limit of its own the client can wait for ever once Kafka was away
        defaults: dict[str, str | float | bool] = {
            "transactional_id": transactional_id,
            "transaction_timeout_ms": timeout_ms,
            "message_timeout_ms": timeout_ms,
            "linger_ms": 5,
            "batch_size": 1_000_000,
            "batch_num_messages": 20_000,
            "queue_buffering_max_messages": 1_000_000,
            # to start over from the bootstrap servers drops the brokers, and a group's coordinator among them is waited
            # for without end (`bounded`); whoever uses a producer makes a new one anyway when Kafka was away for too long
            "metadata_recovery_strategy": "none",
        }
        self._producer = Producer(
            {
                **connection.client_properties(**{**defaults, **properties}),
                "delivery.report.only.error": not timed,
                "on_delivery": self._reported,
                "error_cb": self._note,
                "logger": SILENT,
            },
        )
        try:
            self._retrying(lambda: self._producer.init_transactions(_START_SECONDS), attempts=1)
        except Abortable as fault:  # nothing is open yet: what would need an abort is a cluster that is not ready
            raise unavailable(self._last_error, self._what) from fault

    def begin(self) -> None:
        """Open a transaction."""
        self._appended.clear()
        self._retrying(self._producer.begin_transaction)

    def produce(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
    ) -> None:
        """Add one record; waits while the client's queue is full.  A failure shows at `commit`."""
        while True:
            try:
                if headers:
                    self._producer.produce(topic, value, key, partition, headers=list(headers))
                else:
                    self._producer.produce(topic, value, key, partition)
            except BufferError:
                self._producer.poll(_QUEUE_WAIT_SECONDS)
            except KafkaException as exception:
                self._raise(exception)
            else:
                return

    def produce_all(self, records: Iterable[Produced]) -> None:
        """Add many records, as `produce` does each."""
        produce = self._producer.produce
        for record in records:
            try:
                produce(record.topic, record.value, record.key, record.partition)
            except (BufferError, KafkaException):
                self.produce(record.topic, record.partition, record.key, record.value)

    def appended(self, topic: str) -> list[int | None]:
        """When Kafka appended each record of this transaction to a topic of one partition, in Unix milliseconds and in order.

        None for a record that kept the writer's time.  Waits for Kafka, and raises as `commit` does, also for what Kafka has refused.
        What it has not confirmed in time, or not at all, is left out: whoever needs all of them must count them, and abort.
        Only of a producer that is `timed`.
        """
        self._retrying(lambda: self._producer.flush(self._seconds))
        if self._refused is not None:
            raise unavailable(self._refused, self._what)
        return [appended_ms for name, appended_ms in self._appended if name == topic]

    def send_offsets(self, offsets: Sequence[PartitionOffset], group_metadata: Any) -> None:
        """Commit a consumer group's offsets with this transaction.

        `group_metadata` must have been taken right after the `consume` that returned the batch: Kafka checks the
        generation it carries, never who owns the partition.  Raises `ClusterFatal` also when the client does not answer at all.
        """
        wanted = [TopicPartition(o.topic, o.partition, o.offset, metadata=o.metadata) for o in offsets]

        def send() -> None:
            self._producer.send_offsets_to_transaction(wanted, group_metadata, self._seconds)

        self._retrying(lambda: within(self._seconds + _GRACE_SECONDS, send, self._what))

    def commit(self) -> None:
        """Flush and commit; returns only when Kafka has confirmed.  Any exception but `Abortable` leaves it unknown."""
        self._retrying(lambda: self._producer.commit_transaction(self._seconds))

    def abort(self) -> None:
        """Abort; afterwards `begin` may be called again."""
        self._retrying(lambda: self._producer.abort_transaction(self._seconds))

    def _retrying(self, call: Callable[[], object], attempts: int = 100) -> None:
        limit = clock.monotonic_seconds() + 2 * self._seconds  # by then Kafka has ended the transaction by itself
        for attempt in range(attempts):
            try:
                call()
            except (KafkaException, SystemError) as exception:
                error, is_last = error_of(exception), attempt == attempts - 1 or clock.monotonic_seconds() > limit
                if error is None or not error.retriable() or is_last:
                    self._raise(exception)
            else:
                return

    def _raise(self, exception: BaseException) -> None:
        error = error_of(exception)
        if error is None:
            raise ClusterFatal(f"{self._what}: {type(exception).__name__}") from exception
        if self._refused is not None and error.txn_requires_abort():
            raise unavailable(self._refused, self._what) from exception  # trying again would be refused again
        if error.retriable() and self._last_error is not None:
            raise unavailable(self._last_error, self._what) from exception
        raise_for(error, self._what)

    def _reported(self, error: KafkaError | None, record: Message) -> None:
        """Remember a refusal: the transaction's own error says only that something was not delivered.  And Kafka's times."""
        if error is None:
            kind, milliseconds = record.timestamp()
            stamped = milliseconds if kind == TIMESTAMP_LOG_APPEND_TIME else None
            self._appended.append((str(record.topic()), stamped))
        elif is_forbidden(error):
            self._refused = error

    def _note(self, error: KafkaError) -> None:
        """Keep the newest connection error: a call that only says `timed out` is explained by it."""
        if self._last_error is None or error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._last_error = error
