"""Reading a source again for a job: the records that a task has still to decide, a chunk at a time.

For an event dataset these are the task's records as they stand.  For an entity only the newest record of each key
counts: a first pass notes the newest offset of every key up to what has been decided live, and a key whose newest
record lies beyond the task, or that is decided live while the job runs, is not the job's to decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.delivery.jobs import Task
from broker.delivery.takeover import Owned
from broker.policy.decision import SourceRecord
from contracts.model import Kind

_SCANNED_MAX = 50_000

_Pass = tuple[str, int, int, str | None, int]
"""Source partition, register position and share of the job (one act asks for many shares), end of the task."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of a task, and the source offset below which the task is done once they are decided."""

    records: tuple[SourceRecord, ...]
    reached: int


class Rederiver:
    """Reads what jobs decide again.  Holds, for entity tasks, one offset per key in memory."""

    def __init__(self, connection: Connection) -> None:
        self._reader = Reader(connection)
        self._newest: dict[_Pass, dict[bytes, int]] = {}

    def chunk(self, owned: Owned, task: Task, kind: Kind, records_max: int) -> Chunk:
        """The next records of `task`, at most `records_max` of them."""
        newest = self._first_pass(owned, task) if kind is Kind.ENTITY else None
        records: list[SourceRecord] = []
        read = self._reader.read(owned.topic, owned.partition, task.start, task.end)
        for scanned, message in enumerate(read, 1):
            if newest is None or (message.key is not None and newest.get(message.key) == message.offset):
                records.append(SourceRecord(message.offset, message.timestamp_ms, message.key, message.value))
            if len(records) >= records_max or scanned >= _SCANNED_MAX:
                return Chunk(tuple(records), message.offset + 1)
        return Chunk(tuple(records), task.end)

    def decided_live(self, owned: Owned, keys: Iterable[bytes | None]) -> None:
        """The newest record of `keys` has now been decided: no job has to."""
        for name, newest in self._newest.items():
            if name[:2] == owned.place:
                for key in keys:
                    if key is not None:
                        newest.pop(key, None)

    def forget(self, topic: str, partition: int) -> None:
        """The partition is another worker's now, or its job is done."""
        self._newest = {name: newest for name, newest in self._newest.items() if name[:2] != (topic, partition)}

    def close(self) -> None:
        """Release the connection."""
        self._reader.close()

    def _first_pass(self, owned: Owned, task: Task) -> dict[bytes, int]:
        name = (*owned.place, task.cursor.position, task.cursor.share, task.end)
        if name not in self._newest:
            self.forget(owned.topic, owned.partition)
            newest: dict[bytes, int] = {}
            for message in self._reader.read(owned.topic, owned.partition, task.start, owned.offset):
                if message.key is not None:
                    newest[message.key] = message.offset
            self._newest[name] = {key: offset for key, offset in newest.items() if offset < task.end}
        return self._newest[name]
