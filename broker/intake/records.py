"""The topics that a connector reads, as the interface that connectors know (`connectors.events.RecordSource`).

Only committed records are given.  Nothing is committed for the reader: where it stands is the connector's position, which the
runtime writes in the same transaction as the changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from broker.cluster.client import ClusterFatal, Connection, OffsetsLost
from broker.cluster.reader import Reader
from broker.intake.codes import RECORDS_GONE, TOPIC_AWAY
from connectors.events import EventRecord
from connectors.protocol import Away
from contracts.faults import Refused, Unavailable


class TopicRecords:
    """Reads topics of the broker's own cluster; `open` may be called again after a failure."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reader: Reader | None = None

    def open(self, topics: Sequence[str], next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Read every partition from its offset, one that is not named from its oldest record."""
        self.close()
        try:
            reader = self._reader = Reader(self._connection)
            places = []
            for topic in topics:
                count = reader.partitions(topic)
                if count == 0:
                    raise Away(TOPIC_AWAY.fault(topic))
                places += [_start(reader, topic, partition, next_offsets) for partition in range(count)]
            reader.assign_many(places)
        except (Unavailable, ClusterFatal) as problem:
            self.close()
            raise _away(problem) from problem

    def poll(self, timeout_seconds: float) -> Sequence[EventRecord]:
        """The next records; none after `timeout_seconds`."""
        assert self._reader is not None
        try:
            found = self._reader.poll(timeout_seconds)
        except OffsetsLost as problem:
            raise Refused(RECORDS_GONE.fault("the next record to read is not kept any more")) from problem
        except (Unavailable, ClusterFatal) as problem:
            raise _away(problem) from problem
        return [
            EventRecord(one.topic, one.partition, one.offset, one.timestamp_ms, one.key, one.value) for one in found
        ]

    def close(self) -> None:
        """Release the connection; safe to call twice."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _start(
    reader: Reader, topic: str, partition: int, next_offsets: Mapping[tuple[str, int], int]
) -> tuple[str, int, int]:
    """Where to begin in a partition; raises `Refused` when the record that would be next is gone."""
    low, high = reader.bounds(topic, partition)
    start = next_offsets.get((topic, partition))
    if start is None:
        return topic, partition, low
    if not low <= start <= high and start != 0:
        raise Refused(RECORDS_GONE.fault(f"{topic}/{partition}: {start} is next, {low} to {high} are kept"))
    return topic, partition, max(start, low)


def _away(problem: Exception) -> Away:
    if isinstance(problem, Away):
        return problem
    what = "; ".join(fault.message for fault in problem.faults) if isinstance(problem, Unavailable) else str(problem)
    return Away(TOPIC_AWAY.fault(what))
