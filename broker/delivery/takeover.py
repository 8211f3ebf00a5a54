"""Taking a source partition over: from the committed offset and its mark to a partition that may be decided.

The mark says how many segments and progress records the past holds.  The progress is read until it is that new, and
each share partition whose state has not applied that many segments is read again from Kafka, to its last stable offset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from broker import clock, observe
from broker.cluster.client import Connection, PartitionOffset
from broker.cluster.reader import Reader
from broker.delivery.board import ProgressBoard
from broker.delivery.codes import STATE_UNSETTLED
from broker.delivery.mark import Mark, read_mark
from broker.delivery.progress import Progress
from broker.delivery.state import Place, SentState
from contracts.faults import Unavailable

_SETTLE_SECONDS = 20.0


@dataclass(slots=True)
class Owned:
    """One source partition that this worker decides.  Everything in it is as of the last commit."""

    topic: str
    partition: int
    offset: int
    """The next source offset to decide."""
    mark: Mark
    progress: Progress

    @property
    def place(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.partition


class Takeover:
    """Opens partitions; holds the readers that it needs for that.  Raises `Unavailable` when Kafka does not settle."""

    def __init__(self, connection: Connection, state: SentState) -> None:
        self._state = state
        self._board = ProgressBoard(connection)
        self._committed, self._all = Reader(connection), Reader(connection, committed=False)
        self._log = observe.logger("concordat.enforce")

    def open(self, start: PartitionOffset) -> Owned:
        """The partition as the last committed transaction left it."""
        mark = read_mark(start.metadata)
        progress = self._board.await_number(start.topic, start.partition, mark.progress, _SETTLE_SECONDS)
        if progress is None and mark.progress > 0:
            raise _unsettled(f"progress {mark.progress} of {start.topic}/{start.partition}")
        return Owned(start.topic, start.partition, start.offset, mark, progress or Progress(offset=start.offset))

    def renew_state(self, owned: Owned, shares: Iterable[str]) -> None:
        """Make the sent-key state of `shares` that of the committed past, from Kafka where it is not already."""
        for topic in shares:
            place = Place(topic, owned.partition)
            if self._state.applied(place) == owned.mark.segments:
                continue
            end = self._settled_end(place)
            records = ((m.key, m.value) for m in self._committed.read(place.topic, place.partition, end=end))
            count = self._state.rebuild(place, records, owned.mark.segments)
            self._log.info("state_rebuilt", topic=place.topic, partition=place.partition, records=count)

    def low(self, topic: str, partition: int) -> int:
        """The first offset that a source partition still keeps."""
        return self._committed.bounds(topic, partition)[0]

    def stable_end(self, topic: str, partition: int) -> int:
        """The end of what may be read of a source partition."""
        return self._committed.stable_end(topic, partition)

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; 0 when it does not exist."""
        return self._committed.partitions(topic)

    def close(self) -> None:
        """Release the connections."""
        for opened in (self._board, self._committed, self._all):
            opened.close()

    def _settled_end(self, place: Place) -> int:
        """The end of the share partition once nothing is open on it.

        The committed source offset can be read a moment before the marker of the same transaction stands here: to read
        only to the stable end then would miss the newest records.  Nobody but the owner of the source
        partition writes here, so stable end and end meet as soon as the past is over.
        """
        until = clock.monotonic_seconds() + _SETTLE_SECONDS
        while True:
            stable, end = (reader.stable_end(place.topic, place.partition) for reader in (self._committed, self._all))
            if stable == end:
                return stable
            if clock.monotonic_seconds() > until:
                raise _unsettled(f"{place.topic}/{place.partition} is open from {stable} to {end}")


def _unsettled(what: str) -> Unavailable:
    return Unavailable(STATE_UNSETTLED.fault(what))
