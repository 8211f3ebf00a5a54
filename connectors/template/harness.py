"""The store with which the conformance kit proves the connector."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors import Row
from connectors.conformance import EVERYTHING, Capability, Harness, Write

from .connector import TemplateConnector

_AT = "2026-01-31T12:00:00+00:00"


class TemplateHarness(Harness):
    """Make your store here, write to it as it is told, and say what it can do."""

    connector = TemplateConnector
    capabilities = EVERYTHING - {Capability.RESTART}
    patience_seconds = 1.0
    """How long a change may take before it counts as lost: more for a store that is slow."""
    quiet_seconds = 0.03

    def start(self) -> None:
        """An empty store."""
        self._log = self.directory / "changes.jsonl"
        self._log.touch()
        self._extra: Row = {}
        self._dropped: set[str] = set()

    def options(self) -> Mapping[str, Any]:
        """As in a configuration; small batches, so that crashes fall between them."""
        return {"path": str(self.directory / "changes.jsonl"), "dataset": "items", "batch_changes": 4}

    def write(self, writes: Sequence[Write]) -> None:
        """One transaction."""
        lines = [line for write in writes for line in self._lines(write)]
        with self._log.open("a", encoding="utf-8") as log:
            log.write("".join(lines))

    def add_column(self) -> None:
        """From now on rows have a column that the contract does not know."""
        self._extra = {"extra": "value"}

    def drop_column(self) -> None:
        """From now on rows have no `large`."""
        self._dropped = {"large"}

    def _lines(self, write: Write) -> list[str]:
        was, row = self._stored(write.was), self._stored(write.row)
        if was and row and was["id"] != row["id"]:
            return [_line(was, None), _line(None, row)]
        return [_line(was, row)]

    def _stored(self, row: Row | None) -> Row | None:
        if row is None:
            return None
        return {name: value for name, value in {**row, **self._extra}.items() if name not in self._dropped}


def _line(before: Row | None, after: Row | None) -> str:
    row = after or before or {}
    return json.dumps({"at": _AT, "key": {"id": row["id"]}, "before": before, "after": after}) + "\n"
