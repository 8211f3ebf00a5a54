"""The stores that the conformance kit uses to prove the files connector: a directory, in each of its three modes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.conformance.harness import EVERYTHING, Capability, Harness, Write
from connectors.files.connector import FilesConnector
from contracts.change import Op, Row

_IGNORE = {"on_unknown_column": "ignore"}


class AppendHarness(Harness):
    """Each transaction is one new file of JSON lines, which say what happened."""

    connector = FilesConnector
    capabilities = EVERYTHING - {Capability.RESTART}
    patience_seconds = 1.0
    quiet_seconds = 0.03

    def start(self) -> None:
        """An empty directory."""
        self._number, self._extra, self._dropped = 0, False, False
        self._rows: dict[Any, Row] = {}
        (self.directory / "in").mkdir()

    def options(self) -> Mapping[str, Any]:
        """Three changes in a batch."""
        return {**self._common, "mode": "append", "format": "jsonl", "operation_column": "op"}

    def write(self, writes: Sequence[Write]) -> None:
        """One file."""
        self._put("".join(json.dumps(line) + "\n" for line in self._operations(writes)))

    def add_column(self) -> None:
        """The next lines have another member."""
        self._extra = True

    def drop_column(self) -> None:
        """The next lines lack `large`."""
        self._dropped = True

    @property
    def _common(self) -> dict[str, Any]:
        directory = str(self.directory / "in")
        return {"directory": directory, "batch_changes_max": 3, "settle_seconds": 0, "look_seconds": 0.005, **_IGNORE}

    def _operations(self, writes: Sequence[Write]) -> list[Row]:
        """What the lines say; a change of key is a delete and a create."""
        found: list[Row] = []
        for write in writes:
            if write.was is not None and (write.row is None or write.row["id"] != write.key):
                found.append({"op": Op.DELETE, "id": write.key})
            if write.row is not None:
                moved = write.op is Op.CREATE or write.row["id"] != write.key
                found.append({"op": Op.CREATE if moved else Op.UPDATE, **self._shown(write.row)})
        return found

    def _shown(self, row: Row) -> Row:
        shown = {name: value for name, value in row.items() if not (self._dropped and name == "large")}
        return {**shown, "extra": "extra"} if self._extra else shown

    def _put(self, text: str) -> None:
        """Write a file under another name and rename it, as a careful store does."""
        self._number += 1
        new = self.directory / "in" / "new.tmp"
        new.write_text(text, encoding="utf-8", newline="")
        new.rename(self.directory / "in" / f"items-{self._number:06}")


class GrowHarness(AppendHarness):
    """Each transaction adds lines to one file, which is rotated now and then."""

    def options(self) -> Mapping[str, Any]:
        """Three changes in a batch."""
        return {**super().options(), "mode": "grow", "files": {"items": "items.log*"}}

    def write(self, writes: Sequence[Write]) -> None:
        """Some lines more, each in two pieces."""
        self._number += 1
        current = self.directory / "in" / "items.log"
        if self._number % 4 == 0:
            current.rename(self.directory / "in" / f"items.log.{9_999 - self._number}")
        text = "".join(json.dumps(line) + "\n" for line in self._operations(writes))
        for part in (text[: len(text) // 2], text[len(text) // 2 :]):
            with current.open("a", encoding="utf-8") as stream:
                stream.write(part)


class ExtractHarness(AppendHarness):
    """Each transaction is a CSV file of every row."""

    def options(self) -> Mapping[str, Any]:
        """Three changes in a batch, and any number of deletes."""
        more = {"state_directory": str(self.directory / "state"), "deletes_percent_max": 100}
        return {**self._common, **more, "mode": "extract", "format": "csv"}

    def write(self, writes: Sequence[Write]) -> None:
        """The whole table as it is after the writes."""
        for write in writes:
            if write.was is not None:
                self._rows.pop(write.key, None)
            if write.row is not None:
                self._rows[write.row["id"]] = write.row
        shown = [self._shown(row) for row in self._rows.values()]
        names = list(self._shown({"id": 0, "name": None, "large": None}))
        lines = [names, *([row[name] for name in names] for row in shown)]
        self._put("".join(",".join(_cell(value) for value in line) + "\r\n" for line in lines))


def _cell(value: Any) -> str:
    return "" if value is None else '"' + str(value).replace('"', '""') + '"'
