"""A member of a consumer group that starts exactly where the group's last transaction ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from confluent_kafka import (
    OFFSET_INVALID,
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka import Message as ClientMessage

from broker.cluster.client import (
    SILENT,
    Abortable,
    ClusterFatal,
    Connection,
    Message,
    PartitionOffset,
    error_of,
    is_fatal,
    is_forbidden,
    raise_for,
)

_ASK_SECONDS = 20.0

Partition = tuple[str, int]
HeaderList = list[tuple[str, str | bytes | None]]
Assigned = Callable[[list[PartitionOffset]], None]
Released = Callable[[list[Partition]], None]


class GroupConsumer:
    """One member of a consumer group (static with an `instance_id`); `read_committed`, never committing by itself.

    On assignment every partition is placed explicitly at the group's committed offset (its metadata is handed to
    `on_assign`), or at the start of the partition when nothing was ever committed; from then on a missing offset is
    `OffsetsLost`, never a silent jump.  `on_revoke` and `on_lost` run inside `consume` and must return quickly.
    One thread owns a consumer: another thread's call would starve.
    """

    def __init__(
        self,
        connection: Connection,
        group: str,
        instance_id: str | None,
        *,
        on_assign: Assigned,
        on_revoke: Released,
        on_lost: Released,
        properties: dict[str, str | int | float | bool] | None = None,
    ) -> None:
        self._what = f"group {group}"
        self._on_assign, self._on_revoke, self._on_lost = on_assign, on_revoke, on_lost
        self._last_error: KafkaError | None = None
        self._is_placed = True
        """False when an assignment failed half-way: the client then holds partitions that nobody has taken over."""
        self._consumer = Consumer(
            {
                **connection.client_properties(),
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 1000,
                "fetch.wait.max.ms": 50,
                "fetch.queue.backoff.ms": 1,  # the default of 1,000 stalls a drained queue for a second
                "queued.min.messages": 100_000,
                "queued.max.messages.kbytes": 65_536,
                **({"group.instance.id": instance_id} if instance_id is not None else {}),
                **(properties or {}),
                "error_cb": self._note,
                "logger": SILENT,
            },
        )

    def subscribe(self, topics: Sequence[str]) -> None:
        """Take part in reading exactly `topics`; replaces the list before."""
        self._consumer.subscribe(
            list(topics),
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._lost,
        )

    def consume(self, messages_max: int, timeout_seconds: float) -> list[Message]:
        """Up to `messages_max` records, waiting for them at most `timeout_seconds`; offsets rise per partition.

        Raises `ClusterFatal` when this member has ended, `OffsetsLost`, or `Unavailable` when Kafka refuses a topic or does
        not say where an assigned partition stands: this member has ended then, too.
        """
        if not self._is_placed:
            raise ClusterFatal(f"{self._what}: an assignment failed")
        try:
            found = self._consumer.consume(messages_max, timeout_seconds)
        except (KafkaException, SystemError) as exception:
            error = error_of(exception)
            if error is None:
                raise ClusterFatal(f"{self._what}: {type(exception).__name__}") from exception
            raise_for(error, self._what)
        return [message for raw in found if (message := self._message(raw)) is not None]

    def group_metadata(self) -> Any:
        """The generation this member is in; take it right after `consume`, for that batch's transaction."""
        return self._consumer.consumer_group_metadata()

    def committed(self, partitions: Iterable[Partition]) -> list[PartitionOffset]:
        """The group's committed offsets (-1 where there is none); waits for an open transaction to end."""
        wanted = [TopicPartition(topic, partition) for topic, partition in partitions]
        try:
            answer = self._consumer.committed(wanted, timeout=_ASK_SECONDS)
        except KafkaException as exception:
            raise_for(exception.args[0], self._what)
        for place in answer:
            if place.error is not None:
                raise_for(place.error, self._what)
        return [_committed(place) for place in answer]

    def commit(self, offsets: Iterable[PartitionOffset]) -> None:
        """Commit offsets outside a transaction: for a department's own reading, never for a worker's."""
        places = [TopicPartition(o.topic, o.partition, o.offset, metadata=o.metadata) for o in offsets]
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as exception:
            raise_for(exception.args[0], self._what)

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Read `offset` next; a partition that is no longer assigned is passed over."""
        try:
            self._consumer.seek(TopicPartition(topic, partition, offset))
        except KafkaException as exception:
            if exception.args[0].code() != KafkaError._STATE:  # noqa: SLF001
                raise_for(exception.args[0], self._what)

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Give no more records of `partitions` until `resume`."""
        self._consumer.pause([TopicPartition(topic, partition) for topic, partition in partitions])

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Give records of `partitions` again."""
        self._consumer.resume([TopicPartition(topic, partition) for topic, partition in partitions])

    def position(self, topic: str, partition: int) -> int:
        """The offset to be read next, markers stepped over; for measuring lag, never for committing."""
        return int(self._consumer.position([TopicPartition(topic, partition)])[0].offset)

    def stable_end(self, topic: str, partition: int) -> int:
        """The last stable offset: everything below it is decided (committed or aborted)."""
        return int(self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ASK_SECONDS)[1])

    def close(self) -> None:
        """Leave the group in order, so that others take the partitions at once."""
        self._consumer.close()

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._is_placed = False
        places = self.committed((p.topic, p.partition) for p in partitions) if partitions else []
        starts = [place if place.offset >= 0 else self._from_start(place) for place in places]
        self._consumer.incremental_assign([TopicPartition(s.topic, s.partition, s.offset) for s in starts])
        self._on_assign(starts)
        self._is_placed = True

    def _from_start(self, place: PartitionOffset) -> PartitionOffset:
        low, _ = self._consumer.get_watermark_offsets(
            TopicPartition(place.topic, place.partition),
            timeout=_ASK_SECONDS,
        )
        return place._replace(offset=int(low))

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._on_revoke([(p.topic, p.partition) for p in partitions])
        self._consumer.incremental_unassign(partitions)

    def _lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._on_lost([(p.topic, p.partition) for p in partitions])
        self._consumer.incremental_unassign(partitions)

    def _message(self, raw: ClientMessage) -> Message | None:
        error = raw.error()
        if error is None:
            return as_message(raw)
        if is_fatal(error) or is_forbidden(error) or error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            raise_for(error, self._what)
        if error.code() == KafkaError._MAX_POLL_EXCEEDED:  # noqa: SLF001
            raise Abortable(f"{self._what}: {error.str()}")
        return None  # a passing fault (a broker went away, a topic is not there yet); the client goes on by itself

    def _note(self, error: KafkaError) -> None:
        self._last_error = error


def as_message(raw: ClientMessage) -> Message:
    """A client's message as the broker's value."""
    topic, partition, offset = raw.topic(), raw.partition(), raw.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    headers = tuple((name, _bytes(value) or b"") for name, value in cast("HeaderList", raw.headers() or []))
    kind, milliseconds = raw.timestamp()
    is_stamped = kind == TIMESTAMP_LOG_APPEND_TIME
    return Message(
        topic, partition, offset, milliseconds, _bytes(raw.key()), _bytes(raw.value()), headers, is_stamped=is_stamped
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _committed(place: TopicPartition) -> PartitionOffset:
    offset = -1 if place.offset == OFFSET_INVALID or place.offset < 0 else place.offset
    return PartitionOffset(place.topic, place.partition, offset, place.metadata or "")
