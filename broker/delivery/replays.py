"""Whether what the register asks to be decided again is in quarantine: the fold cannot know, so a worker looks.

An owner's act may name any offset.  A record that was decided and delivered would be delivered again by a replay
(ONE-DECISION), so one that does not stand in quarantine is refused, and that is told.

Every connector may write to the quarantine topic, too.  What is no entry is told and passed over; a well-formed entry that a connector
invents cannot be told from a worker's here, and the audit finds what a replay makes of it (AUD-039).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import Counter

from agreements.snapshot import Snapshot
from broker import observe
from broker.cluster.client import Connection, Message
from broker.cluster.reader import Reader
from broker.delivery.identity import spread
from broker.delivery.jobs import Task
from broker.delivery.quarantine import read_entry, read_identifier, stands
from broker.delivery.takeover import Owned
from contracts import topics
from contracts.faults import Unusable

_UNREADABLE = Counter("concordat_quarantine_entries_unreadable", "Records of the quarantine topic that are no entries")


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
        self._log = observe.logger("concordat.enforce")

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
                entry = read_entry(message.value)
                if entry is None:
                    self._tell_unreadable(message)
                else:
                    read.positions[offset] = entry.register_position
            read.next = message.offset + 1
        return read.positions

    def _tell_unreadable(self, message: Message) -> None:
        _UNREADABLE.inc()
        self._log.error(
            "quarantine_unreadable", topic=message.topic, partition=message.partition, offset=message.offset
        )


def _offset(key: bytes | None, owned: Owned) -> int | None:
    """The source offset of a quarantined record of this partition; None for any other's, and for what never came to its source."""
    try:
        topic, partition, offset = read_identifier((key or b"").decode(errors="replace"))
    except Unusable:
        return None
    return offset if (topic, partition) == owned.place else None
