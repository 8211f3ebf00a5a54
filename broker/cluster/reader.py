"""Reading partitions without a consumer group: up to a barrier, or following the end."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import TopicMetadata

from broker import clock
from broker.cluster.client import SILENT, Connection, Message, error_of, is_fatal, is_forbidden, raise_for, unavailable
from broker.cluster.consumer import as_message
from contracts.faults import Unavailable

_ASK_SECONDS = 20.0
_ONE_TRY_SECONDS = 1.0
_STALL_SECONDS = 60.0
_SHORT_SECONDS = 0.02
"""A partition that ends with transaction markers gives no last record to wait for, so a read must not wait long for one."""
_BATCH_MESSAGES = 2_000


class Reader:
    """Reads named partitions; commits nothing and joins no group.

    `committed` True shows committed records only, and "end" means the last stable offset; False shows everything up to
    the high watermark, aborted and open records included.  One thread owns a reader.  Raises `Unavailable` when Kafka
    cannot be reached or refuses the topic (asked for explicitly: assigning a forbidden topic would be silent).
    """

    def __init__(self, connection: Connection, *, committed: bool = True) -> None:
        self._last_error: KafkaError | None = None
        self._seen: set[str] = set()
        """Topics that were there: asking again before each of their partitions would cost more than reading it."""
        self._consumer = Consumer(
            {
                **connection.client_properties(),
                "group.id": f"{connection.username or 'concordat'}.reader",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed" if committed else "read_uncommitted",
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 20,
                "fetch.queue.backoff.ms": 1,
                "error_cb": self._note,
                "logger": SILENT,
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def partitions(self, topic: str) -> int:
        """How many partitions `topic` has; 0 when there is no such topic."""
        found = self._topic(topic)
        if found is None or (found.error and found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART):
            return 0
        if found.error is not None:
            raise unavailable(found.error, f"topic {topic}")
        self._seen.add(topic)
        return len(found.partitions)

    def can_sign_in(self, any_topic: str) -> bool:
        """Whether the cluster accepts this connection's user; being refused `any_topic` still means signed in."""
        try:
            self._topic(any_topic)
        except Unavailable:
            if self._last_error is not None and is_forbidden(self._last_error):
                return False
            raise
        return True

    def _topic(self, topic: str) -> TopicMetadata | None:
        limit = clock.monotonic_seconds() + _ASK_SECONDS
        while True:
            try:
                known: dict[str, TopicMetadata] = self._consumer.list_topics(topic, timeout=_ONE_TRY_SECONDS).topics
            except KafkaException as exception:
                self._consumer.poll(0)  # hands over the reason: the exception only says that nobody answered
                refused = self._last_error is not None and is_forbidden(self._last_error)
                if refused or clock.monotonic_seconds() > limit:
                    raise unavailable(self._last_error or exception.args[0], f"topic {topic}") from exception
            else:
                return known.get(topic)

    def cluster_identifier(self) -> str:
        """The identifier that Kafka gave this cluster when it was made."""
        try:
            found = self._consumer.list_topics(timeout=_ASK_SECONDS).cluster_id
        except KafkaException as exception:
            raise unavailable(self._last_error or exception.args[0], "cluster") from exception
        return str(found)

    def topics(self, prefix: str) -> tuple[str, ...]:
        """The topics with this prefix that the principal may see, in order."""
        self._topic("")  # also says why, when the cluster cannot be asked
        known = self._consumer.list_topics(timeout=_ASK_SECONDS).topics
        return tuple(sorted(name for name in known if name.startswith(prefix)))

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset kept, and the end (exclusive) as this reader's isolation sees it."""
        limit = clock.monotonic_seconds() + _ASK_SECONDS
        while True:
            try:
                low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ASK_SECONDS)
            except (KafkaException, TypeError) as exception:
                if self.partitions(topic) <= partition or clock.monotonic_seconds() > limit:
                    raise unavailable(self._last_error or error_of(exception), f"topic {topic}") from exception
                self._consumer.poll(_ONE_TRY_SECONDS / 10)  # a new topic has no leader yet: ask again
            else:
                return int(low), int(high)

    def stable_end(self, topic: str, partition: int) -> int:
        """The end (exclusive) alone; everything below it can be read."""
        return self.bounds(topic, partition)[1]

    def first_since(self, topic: str, partition: int, milliseconds: int) -> int:
        """The offset of the first record that came at this Unix time or later; the end where there is none."""
        asked = TopicPartition(topic, partition, milliseconds)
        try:
            found = int(self._consumer.offsets_for_times([asked], timeout=_ASK_SECONDS)[0].offset)
        except KafkaException as exception:
            raise unavailable(self._last_error or error_of(exception), f"topic {topic}") from exception
        return found if found >= 0 else self.stable_end(topic, partition)

    def read(self, topic: str, partition: int, start: int | None = None, end: int | None = None) -> Iterator[Message]:
        """Every visible record from `start` (default: the first kept) up to `end` (default: the end now)."""
        low, high = self.bounds(topic, partition)
        start, end = low if start is None else max(start, low), high if end is None else min(end, high)
        if start >= end:
            return
        self.assign(topic, partition, start)
        moved_at, place = clock.monotonic_seconds(), start
        while place < end:
            for message in self.poll(_SHORT_SECONDS):
                if message.offset >= end:
                    return
                yield message
            reached = self.position(topic, partition)
            if reached > place:
                moved_at, place = clock.monotonic_seconds(), reached
            elif clock.monotonic_seconds() - moved_at > _STALL_SECONDS:
                raise unavailable(self._last_error, f"topic {topic} partition {partition} at {place} of {end}")

    def assign(self, topic: str, partition: int, start: int) -> None:
        """Read this partition from `start` and no other; follow it with `poll`."""
        self.assign_many([(topic, partition, start)])

    def assign_many(self, places: list[tuple[str, int, int]]) -> None:
        """Read these partitions, each from its own offset, and no others."""
        for topic in {topic for topic, _, _ in places}:
            if topic not in self._seen and self.partitions(topic) == 0:
                raise unavailable(None, f"topic {topic} does not exist")
        self._consumer.assign([TopicPartition(*place) for place in places])

    def poll(self, timeout_seconds: float) -> list[Message]:
        """The next records, waiting at most `timeout_seconds` for the first of them."""
        found = self._consumer.consume(1, timeout_seconds)
        if found:  # wait for one, then drain: consume(n) alone would wait for n
            found += self._consumer.consume(_BATCH_MESSAGES, 0)
        messages = []
        for raw in found:
            error = raw.error()
            if error is None:
                messages.append(as_message(raw))
            elif error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise unavailable(error, "reading")
            elif is_fatal(error) or error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                raise_for(error, "reading")
        return messages

    def position(self, topic: str, partition: int) -> int:
        """The offset to be read next, trailing markers stepped over; -1 before the first poll."""
        return int(self._consumer.position([TopicPartition(topic, partition)])[0].offset)

    def close(self) -> None:
        """Release the connection."""
        self._consumer.close()

    def _note(self, error: KafkaError) -> None:
        if self._last_error is None or error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._last_error = error
