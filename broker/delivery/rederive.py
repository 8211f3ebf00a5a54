"""Reading a source again for a job: the records that a task has still to decide, a chunk at a time.

For an event dataset these are the task's records as they stand.  For an entity only the newest record of each key
counts: a first pass notes the newest offset of every key up to what has been decided live, and a key whose newest
record lies beyond the task, or that is decided live while the job runs, is not the job's to decide.  Under an
embargo nothing is decided live: what counts there is the newest record of each key among those that are due.

A correction takes a suspended field from rows that were sent.  What a row was sent from is the newest record of its key
that does not wait for a release; where only records that wait are left of a key, one of them names the row, and it is
taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.delivery.jobs import Task
from broker.delivery.progress import Range
from broker.delivery.takeover import Owned
from broker.policy.decision import SourceRecord
from contracts.model import Kind

_SCANNED_MAX = 50_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Pass = tuple[str, int, int, str | None, int]
"""Source partition, register position and share of the job (one act asks for many shares), end of the task."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of a task, and the source offset below which the task is done once they are decided."""

    records: tuple[SourceRecord, ...]
    reached: int
    waiting: frozenset[int] = frozenset()
    """Those of `records` that wait for a release, in a correction."""
    waits: datetime | None = None
    """When the record at `reached` was recorded, if the chunk ends there because that record is not due."""


@dataclass(frozen=True, slots=True)
class _Due:
    """The records from `start` to `end` are due: the newest offset of each key among them, and when the next was recorded."""

    start: int
    end: int
    newest: dict[bytes, int]
    waits: datetime | None


@dataclass(frozen=True, slots=True)
class _Rows:
    """The record of each key that a correction decides, and the offsets of those among them that wait for a release."""

    name: tuple[int, str | None]
    """Register position and share of the correction."""
    end: int
    """Where live deciding was when they were chosen: what came later is decided without the field."""
    chosen: dict[bytes, int]
    waiting: frozenset[int]


class Rederiver:
    """Reads what jobs decide again.  Holds, for entity tasks, one offset per key in memory."""

    def __init__(self, connection: Connection) -> None:
        self._reader = Reader(connection)
        self._newest: dict[_Pass, dict[bytes, int]] = {}
        self._due: dict[tuple[str, int, str | None], _Due] = {}
        self._rows: dict[tuple[str, int], _Rows] = {}
        """Of the correction that goes on, by source partition."""

    def chunk(self, owned: Owned, task: Task, kind: Kind, records_max: int, until: datetime | None = None) -> Chunk:
        """The next records of `task`, at most `records_max`; under an embargo only what was recorded up to `until`."""
        if until is not None:
            return self._due_chunk(owned, task, kind, records_max, until)
        newest = self._first_pass(owned, task) if kind is Kind.ENTITY else None
        return self._read(owned, task.start, task.end, newest, records_max)

    def correction(self, owned: Owned, task: Task, held: Sequence[Range], records_max: int) -> Chunk:
        """The next records of a correction; `held` are the ranges of its share whose records wait for a release."""
        name = (task.cursor.position, task.cursor.share)
        rows = self._rows.get(owned.place)
        if rows is None or rows.name != name:
            rows = self._rows[owned.place] = self._rows_of(owned, name, held)
        chunk = self._read(owned, task.start, rows.end, rows.chosen, records_max)
        if chunk.reached < rows.end:
            return replace(chunk, waiting=frozenset(one.offset for one in chunk.records) & rows.waiting)
        gone, waiting = self._compacted(owned, rows, held) if held else ((), frozenset[int]())
        records = (*chunk.records, *gone)
        return Chunk(records, task.end, frozenset(one.offset for one in records) & (rows.waiting | waiting))

    def _compacted(
        self, owned: Owned, rows: _Rows, held: Sequence[Range]
    ) -> tuple[tuple[SourceRecord, ...], frozenset[int]]:
        """What is left, and waits, of keys whose chosen record was compacted away before the correction came to it."""
        now = self._rows_of(owned, rows.name, held)
        gone = {
            key: offset
            for key, offset in now.chosen.items()
            if offset in now.waiting and rows.chosen.get(key, offset) != offset
        }
        found = self._read(owned, 0, now.end, gone, len(gone)).records if gone else ()
        return found, now.waiting

    def interrupted(self, owned: Owned) -> None:
        """No correction goes on: one that does so later chooses its records anew, for compaction does not wait for it."""
        self._rows.pop(owned.place, None)

    def _rows_of(self, owned: Owned, name: tuple[int, str | None], held: Sequence[Range]) -> _Rows:
        """Always over the whole source, so that a correction that is taken over chooses as it began."""
        settled: dict[bytes, int] = {}
        waiting: dict[bytes, int] = {}
        for message in self._reader.read(owned.topic, owned.partition, None, owned.offset):
            if message.key is not None:
                waits = any(start <= message.offset and (end is None or message.offset < end) for start, end in held)
                (waiting if waits else settled)[message.key] = message.offset
        alone = frozenset(waiting[key] for key in waiting.keys() - settled.keys())
        return _Rows(name, owned.offset, waiting | settled, alone)

    def _read(self, owned: Owned, start: int, end: int, newest: dict[bytes, int] | None, records_max: int) -> Chunk:
        records: list[SourceRecord] = []
        read = self._reader.read(owned.topic, owned.partition, start, end)
        for scanned, message in enumerate(read, 1):
            if newest is None or (message.key is not None and newest.get(message.key) == message.offset):
                records.append(SourceRecord(message.offset, message.timestamp_ms, message.key, message.value))
            if len(records) >= records_max or scanned >= _SCANNED_MAX:
                return Chunk(tuple(records), message.offset + 1)
        return Chunk(tuple(records), end)

    def _due_chunk(self, owned: Owned, task: Task, kind: Kind, records_max: int, until: datetime) -> Chunk:
        name = (*owned.place, task.cursor.share)
        due = self._due.get(name)
        if due is None or not due.start <= task.start < due.end <= task.end:
            due = self._due[name] = self._due_pass(owned, task, until)
        chunk = self._read(owned, task.start, due.end, due.newest if kind is Kind.ENTITY else None, records_max)
        return replace(chunk, waits=due.waits) if chunk.reached == due.end else chunk

    def _due_pass(self, owned: Owned, task: Task, until: datetime) -> _Due:
        """How far records are due: to the first that is not, for what was recorded after it is released after it."""
        newest: dict[bytes, int] = {}
        for message in self._reader.read(owned.topic, owned.partition, task.start, task.end):
            recorded = _EPOCH + timedelta(milliseconds=message.timestamp_ms)
            if recorded > until:
                return _Due(task.start, message.offset, newest, recorded)
            if message.key is not None:
                newest[message.key] = message.offset
        return _Due(task.start, task.end, newest, None)

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
        self._due = {name: due for name, due in self._due.items() if name[:2] != (topic, partition)}
        self._rows.pop((topic, partition), None)

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
