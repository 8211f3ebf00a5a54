"""The kit's reference sink: a file of JSON lines, each one commit of changes with the position that makes them durable.

A line without its newline was never committed: the child died while writing it, and the next one cuts it off.  This stands
for the runtime's transaction (`connectors.protocol`, promise 2), for the tests of connectors only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from connectors.protocol import Batch, Change, Written
from connectors.written import SchemaIds, read_back
from contracts.change import Envelope, Op, Origin
from contracts.model import Contract
from contracts.wire import EnvelopeCodec, WireError

SCHEMAS = SchemaIds(1, 2)
"""Under which schemas a connector that writes is to write."""


class Record(NamedTuple):
    """One change as it was committed."""

    op: str
    key: Any
    after: Any
    unavailable: tuple[str, ...]
    problem: str | None
    unfit: str | None
    """Why the change cannot be written under its contract, or None."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One line of the sink."""

    position: Any
    records: tuple[Record, ...]


@cache
def codec(contract: Contract) -> EnvelopeCodec:
    """The codec of a contract; made once, before children are forked."""
    return EnvelopeCodec(contract, *SCHEMAS)


class Writer:
    """Appends commits to the file; changes are held against `contract` as the runtime would encode them."""

    def __init__(self, path: Path, contract: Contract) -> None:
        self._codec = codec(contract)
        self._contract = contract
        committed = read(path)
        self.count = sum(len(commit.records) for commit in committed)
        self.position = committed[-1].position if committed else None
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.truncate(path, _committed_bytes(path))

    def line(self, batch: Batch) -> bytes:
        """The line of a batch."""
        found = {"position": batch.position.text, "records": [self._record(change) for change in batch.changes]}
        return json.dumps(found, default=repr).encode() + b"\n"

    def commit(self, line: bytes, batch: Batch) -> None:
        """Append a whole line: from here on it is committed."""
        os.write(self._descriptor, line)
        self.count += len(batch.changes)
        self.position = batch.position.text

    def tear(self, line: bytes) -> None:
        """Append half a line, as a process does that dies in the commit."""
        os.write(self._descriptor, line[: len(line) // 2])

    def _record(self, given: Change | Written) -> Record:
        try:
            change = read_back(given, self._codec) if isinstance(given, Written) else given
        except WireError as error:
            return Record("", None, None, (), None, f"bytes that cannot be read under the contract ({error})")
        key = change.key.get("id") if isinstance(change.key, Mapping) else repr(change.key)
        unfit = change.problem or self._unfit(change)
        return Record(change.op, key, change.after, tuple(change.unavailable), change.problem, unfit)

    def _unfit(self, change: Change) -> str | None:
        """Why the runtime could not carry a change; None for one that it can."""
        if change.dataset != self._contract.dataset:
            return f"dataset {change.dataset!r}"
        if change.committed_at.tzinfo is None:
            return "committed_at has no time zone"
        origin = Origin("kit", change.dataset, change.position.text, 0, change.transaction, change.snapshot)
        envelope = Envelope(Op(change.op), change.before, change.after, origin, 0, change.unavailable)
        try:
            self._codec.encode_key(change.key)
            self._codec.encode(envelope)
        except (WireError, AttributeError) as error:
            return f"not encodable under the contract ({error})"
        return None


def read(path: Path) -> list[Commit]:
    """Every commit of a file, in order; none where there is no file."""
    if not path.exists():
        return []
    lines = path.read_bytes()[: _committed_bytes(path)].splitlines()
    return [_commit(json.loads(line)) for line in lines]


def _commit(found: dict[str, Any]) -> Commit:
    records = (Record._make(one) for one in found["records"])
    return Commit(found["position"], tuple(one._replace(unavailable=tuple(one.unavailable)) for one in records))


def _committed_bytes(path: Path) -> int:
    return path.read_bytes().rfind(b"\n") + 1
