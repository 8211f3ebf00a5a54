"""The store that proves the memory connector, and, in the kit's own tests, the connectors that are broken on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.conformance.harness import EVERYTHING, Capability, Harness, Write
from connectors.memory import MemoryChange, MemoryConnector, MemoryStore
from contracts.change import Op, Row


class MemoryHarness(Harness):
    """A store that leaves an unchanged `large` out of updates, as many stores do.  It has no columns to add or drop."""

    connector = MemoryConnector
    capabilities = EVERYTHING - {Capability.ADDED_COLUMN, Capability.DROPPED_COLUMN}
    patience_seconds = 1.0
    quiet_seconds = 0.02

    def start(self) -> None:
        """Serve an empty store."""
        self._store = MemoryStore(self.directory / "socket")
        self._store.start()

    def options(self) -> Mapping[str, Any]:
        """Four changes in a batch."""
        return {"address": str(self.directory / "socket"), "batch_changes": 4}

    def write(self, writes: Sequence[Write]) -> None:
        """One transaction."""
        self._store.write([change for write in writes for change in _changes(write)])

    def restart(self) -> None:
        """Cut every connection, and serve again."""
        self._store.stop()
        self._store.start()

    def fingerprint(self) -> object:
        """What the store holds."""
        return self._store.held()

    def stop(self) -> None:
        """Serve nobody any more."""
        self._store.stop()


def _changes(write: Write) -> list[MemoryChange]:
    was, row = write.was, write.row
    if row is None:
        return [_change(Op.DELETE, was, None)]
    if was is None:
        return [_change(Op.CREATE, None, row)]
    if was["id"] != row["id"]:
        return [_change(Op.DELETE, was, None), _change(Op.CREATE, None, row)]
    left_out = () if "large" in write.changed or row["large"] is None else ("large",)
    given = {**row, **dict.fromkeys(left_out)}
    return [MemoryChange("items", Op.UPDATE, {"id": row["id"]}, None, given, left_out)]


def _change(op: Op, before: Row | None, after: Row | None) -> MemoryChange:
    row = after if after is not None else before
    assert row is not None
    return MemoryChange("items", op, {"id": row["id"]}, before, after)
