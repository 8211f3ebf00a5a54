"""Reading `concordat.workers`: the newest progress of every source partition, and whether a stop is confirmed."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from broker import clock
from broker.cluster.client import Connection, Message
from broker.cluster.reader import Reader
from broker.delivery.progress import Progress, read_key, read_progress
from contracts import topics

_PARTITION = 0
_POLL_SECONDS = 0.05

SourcePartition = tuple[str, int]


class ProgressBoard:
    """The progress of all source partitions, as far as committed.  One thread owns a board.

    Raises `Unavailable` when Kafka cannot be reached or the topic is missing.
    """

    def __init__(self, connection: Connection) -> None:
        self._reader = Reader(connection)
        self._next: int | None = None
        self._newest: dict[SourcePartition, Progress] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def catch_up(self) -> None:
        """Read to the topic's present stable end."""
        low, end = self._reader.bounds(topics.WORKERS, _PARTITION)
        if self._next is None:
            self._next = low
            self._reader.assign(topics.WORKERS, _PARTITION, low)
        while self._next < end:
            for message in self._reader.poll(_POLL_SECONDS):
                self._take(message)
            self._next = max(self._next, self._reader.position(topics.WORKERS, _PARTITION))

    def progress(self, topic: str, partition: int) -> Progress | None:
        """The newest progress read of a source partition."""
        return self._newest.get((topic, partition))

    def await_number(self, topic: str, partition: int, number: int, limit_seconds: float) -> Progress | None:
        """The progress that the committed mark speaks of (None for number 0), or None when it does not come in time.

        It may be a moment away: a transaction's partitions become readable one after the other.
        """
        until = clock.monotonic_seconds() + limit_seconds
        while True:
            self.catch_up()
            found = self.progress(topic, partition)
            if found is not None and found.number >= number:
                return found
            if number == 0 or clock.monotonic_seconds() > until:
                return None

    def confirmed(self, partitions: Iterable[SourcePartition], position: int) -> bool:
        """Whether every one of `partitions` is decided under register `position` or newer only (BOUNDED-STOP)."""
        self.catch_up()
        return all((found := self.progress(*place)) is not None and found.position >= position for place in partitions)

    def close(self) -> None:
        """Release the connection."""
        self._reader.close()

    def _take(self, message: Message) -> None:
        if message.key is None:
            return
        if message.value is None:
            self._newest.pop(read_key(message.key), None)
        else:
            self._newest[read_key(message.key)] = read_progress(message.value)
