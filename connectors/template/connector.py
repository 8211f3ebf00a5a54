"""Reads a log of changes: a file that its store only appends to, one JSON object a line.

    {"at": "2026-01-31T12:00:00+00:00", "key": {"id": 7}, "before": null, "after": {"id": 7, "name": "…"}}

A position is the byte after the last line that was read.  Replace what is about the file by what is about your store; the
promises that every method keeps are written in `connectors.protocol`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from pydantic import Field

from connectors import Away, Batch, Change, CheckReport, Code, Contract, Op, Options, Position, Refused, Signal

# Error codes are yours: a stable identifier, a name, and cause, effect and remedy in plain words.
MISSING = Code(
    "TEMPLATE-001", "the log is missing", "nobody wrote it yet", "nothing is read", "see that `path` is right"
)
CUT = Code("TEMPLATE-002", "the log was cut", "it is shorter than what was read", "nothing is read", "bring it back")
NO_SIGNAL = Code("TEMPLATE-003", "no such signal", "this connector takes none", "nothing changed", "send none")


class TemplateOptions(Options):
    """What the configuration says; an option that is not here is refused.  Secrets are given as paths of files."""

    path: Path
    """The log."""
    dataset: str
    """The dataset whose changes the log holds."""
    batch_changes: int = Field(default=1_000, ge=1)
    """How many changes make one batch at most."""


class TemplateConnector:
    """One thread calls all methods; see `connectors.protocol.Connector`."""

    name: ClassVar[str] = "template"
    description: ClassVar[str] = "a log of changes in a file"
    options_model: ClassVar[type[Options]] = TemplateOptions
    conformance_harness: ClassVar[str] = "connectors.template.harness:TemplateHarness"

    def __init__(self, _name: str, options: Options, contracts: Sequence[Contract]) -> None:
        assert isinstance(options, TemplateOptions)
        self._options = options
        self._contract = next(contract for contract in contracts if contract.dataset == options.dataset)
        self._log: BinaryIO | None = None

    def check(self) -> CheckReport:
        """Say everything that is wrong with the store, and how to mend it; change nothing."""
        if not self._options.path.is_file():
            return CheckReport((MISSING.fault(str(self._options.path)),), (f"touch {self._options.path}",))
        return CheckReport(())

    def discover(self) -> Sequence[str]:
        """Draft contracts, where the store knows what it holds; a log does not."""
        return ()

    def open(self, position: Position | None) -> None:
        """Continue after `position`, or begin.  `Away` is for what may pass; everything else ends the connector."""
        self.close()
        try:
            self._log = self._options.path.open("rb")
        except OSError as error:
            raise Away(MISSING.fault(str(self._options.path))) from error
        offset = 0 if position is None else int(position.text)
        if offset > self._options.path.stat().st_size:  # never read on as if nothing were missing
            raise Refused(CUT.fault(f"read up to byte {offset}"))
        self._log.seek(offset)

    def poll(self, timeout_seconds: float) -> Batch | None:
        """The next changes, whole lines only, with the position after them."""
        assert self._log is not None
        end = time.monotonic() + timeout_seconds
        while True:
            changes: list[Change] = []
            offset = self._log.tell()
            while len(changes) < self._options.batch_changes and (line := self._log.readline()).endswith(b"\n"):
                offset += len(line)
                changes.append(self._change(json.loads(line), Position(str(offset))))
            self._log.seek(offset)  # a line without its end is not written yet
            if changes:
                return Batch(tuple(changes), changes[-1].position)
            if time.monotonic() >= end:
                return None
            time.sleep(min(0.05, max(0.0, end - time.monotonic())))

    def durable(self, position: Position) -> None:
        """Only here may the store forget what is before `position`; a log forgets nothing."""

    def signal(self, signal: Signal) -> None:
        """Refuse what you do not know."""
        raise Refused(NO_SIGNAL.fault(signal.name))

    def close(self) -> None:
        """Release the store; may be called at any time, also twice."""
        if self._log is not None:
            self._log.close()
        self._log = None

    def _change(self, found: dict[str, Any], position: Position) -> Change:
        """One line as a change."""
        before, after = found["before"], found["after"]
        op = Op.DELETE if after is None else Op.CREATE if before is None else Op.UPDATE
        names = [field.name for field in self._contract.fields]
        return Change(
            dataset=self._contract.dataset,
            op=op,
            key={name: found["key"][name] for name in self._contract.key},
            before=None,  # optional; give it where the store has it
            after=None if after is None else {name: after.get(name) for name in names},
            position=position,
            committed_at=datetime.fromisoformat(found["at"]),
            # A value that is not there is never null: it is named.
            unavailable=() if after is None else tuple(name for name in names if name not in after),
        )
