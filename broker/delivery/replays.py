"""Whether what the register asks to be decided again is in quarantine: the fold cannot know, so a worker looks.

An owner's act may name any offset.  A record that was decided and delivered would be delivered again by a replay
(ONE-DECISION), so one that does not stand in quarantine is refused, and that is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from agreements.snapshot import Snapshot
from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.delivery.identity import spread
from broker.delivery.jobs import Task
from broker.delivery.quarantine import Quarantined, read_identifier, stands
from broker.delivery.takeover import Owned
from contracts import topics
from contracts.faults import Unusable


@dataclass(slots=True)
class _Read:
    """What was read of one source partition's quarantine: from each offset to the register position it was decided under last."""

    next: int | None = None
    positions: dict[int, int] = field(default_factory=dict)


class Replays:
    """Looks into the quarantine.  Holds two numbers for each quarantined record of a partition that has had a replay."""

    def __init__(self, connection: Connection) -> None:
        self._reader = Reader(connection)
        self._read: dict[tuple[str, int], _Read] = {}

    def is_founded(self, owned: Owned, task: Task, snapshot: Snapshot, partitions: int) -> bool:
        """Whether the record of a replay stands in quarantine, whose topic has so many partitions."""
        quarantined_at = self._catch_up(owned, partitions).get(task.start)
        place = (owned.topic, owned.partition, task.start)
        return quarantined_at is not None and stands(snapshot, place, quarantined_at, task.cursor.position)

    def forget(self, topic: str, partition: int) -> None:
        """The partition is another worker's now."""
        self._read.pop((topic, partition), None)

    def close(self) -> None:
        """Release the connection."""
        self._reader.close()

    def _catch_up(self, owned: Owned, partitions: int) -> dict[int, int]:
        read = self._read.setdefault(owned.place, _Read())
        for message in self._reader.read(topics.QUARANTINE, spread(*owned.place, partitions), read.next):
            offset = _offset(message.key, owned)
            if offset is not None and message.value is not None:
                entry = msgspec.json.decode(message.value, type=Quarantined)
                read.positions[offset] = entry.register_position
            read.next = message.offset + 1
        return read.positions


def _offset(key: bytes | None, owned: Owned) -> int | None:
    """The source offset of a quarantined record of this partition; None for any other's, and for what never came to its source."""
    try:
        topic, partition, offset = read_identifier((key or b"").decode(errors="replace"))
    except Unusable:
        return None
    return offset if (topic, partition) == owned.place else None
