"""The topic that the conformance kit uses to prove the Debezium connector: a file of records, written as Debezium writes them.

It writes at least once, as Debezium does: after every few transactions it begins again from an older place.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors.conformance.harness import EVERYTHING, Capability, Harness, Write
from connectors.debezium.connector import DebeziumConnector
from connectors.debezium.options import DebeziumOptions
from connectors.events import EventRecord
from connectors.protocol import Connector
from contracts.change import Op, Row

_TOPIC = "kit.public.items"
_BATCH_RECORDS = 3
_PAUSE_SECONDS = 0.005
_AGAIN_EVERY = 4
_AGAIN_RECORDS = 5
_COMMITTED_MS = 1_700_000_000_000


class FileRecords:
    """A topic of one partition in a file, a record a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0
        self._read = 0
        self._lines: list[str] = []

    def open(self, topics: Sequence[str], next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Begin at the partition's offset."""
        del topics
        self._next = next_offsets.get((_TOPIC, 0), 0)

    def poll(self, timeout_seconds: float) -> Sequence[EventRecord]:
        """A few records, waiting for the first of them."""
        deadline = time.monotonic() + timeout_seconds
        while self._next >= len(self._lines):
            self._look()
            if self._next < len(self._lines):
                break
            if time.monotonic() >= deadline:
                return []
            time.sleep(_PAUSE_SECONDS)
        found = []
        for line in self._lines[self._next : self._next + _BATCH_RECORDS]:
            record = json.loads(line)
            key, value = (
                None if record[name] is None else json.dumps(record[name]).encode() for name in ("key", "value")
            )
            found.append(EventRecord(_TOPIC, 0, self._next, _COMMITTED_MS, key, value))
            self._next += 1
        return found

    def close(self) -> None:
        """Nothing is held open."""

    def _look(self) -> None:
        """Take in the lines that are whole."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        self._lines += whole.decode().splitlines()


class DebeziumHarness(Harness):
    """A topic as Debezium writes it for MySQL."""

    connector = DebeziumConnector
    capabilities = EVERYTHING - {Capability.RESTART}
    patience_seconds = 1.0
    quiet_seconds = 0.05

    @classmethod
    def connect(cls, options: Mapping[str, Any]) -> Connector:
        """The connector with the file in the runtime's place."""
        settings = dict(options)
        source = FileRecords(Path(settings.pop("records")))
        made = DebeziumConnector("kit", DebeziumOptions.model_validate(settings), [cls.contract()])
        made.read_from(source)
        return made

    def start(self) -> None:
        """An empty topic."""
        self._path = self.directory / "records.jsonl"
        self._path.touch()
        self._place, self._transactions = 0, 0
        self._written: list[str] = []
        self._extra, self._dropped = False, False

    def options(self) -> Mapping[str, Any]:
        """The topic, and the file that stands for it."""
        return {"topics": {"items": _TOPIC}, "records": str(self._path)}

    def write(self, writes: Sequence[Write]) -> None:
        """The records of one transaction; now and then the newest ones again before it."""
        self._transactions += 1
        again = self._written[-_AGAIN_RECORDS:] if self._transactions % _AGAIN_EVERY == 0 else []
        new = [json.dumps(record) for write in writes for record in self._records(write)]
        self._written = (self._written + new)[-_AGAIN_RECORDS:]
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in (*again, *new)))

    def add_column(self) -> None:
        """Rows have another column."""
        self._extra = True

    def drop_column(self) -> None:
        """Rows lack `large`."""
        self._dropped = True

    def _records(self, write: Write) -> list[dict[str, Any]]:
        self._place += 10
        was, row = self._shown(write.was), self._shown(write.row)
        if was is not None and row is not None and was["id"] == row["id"]:
            return [self._record("u", was, row)]
        found = []
        if was is not None:
            found += [self._record("d", was, None), {"key": {"id": was["id"]}, "value": None}]
        if row is not None:
            found.append(self._record(Op.CREATE.value, None, row))
        return found

    def _record(self, op: str, before: Row | None, after: Row | None) -> dict[str, Any]:
        row = after if after is not None else before
        assert row is not None
        committed_ms = _COMMITTED_MS + self._place
        source = {"connector": "mysql", "file": "bin.000001", "pos": self._place, "row": 0, "ts_ms": committed_ms}
        return {"key": {"id": row["id"]}, "value": {"op": op, "before": before, "after": after, "source": source}}

    def _shown(self, row: Row | None) -> Row | None:
        if row is None:
            return None
        shown = {name: value for name, value in row.items() if not (self._dropped and name == "large")}
        return {**shown, "extra": "extra"} if self._extra else shown
