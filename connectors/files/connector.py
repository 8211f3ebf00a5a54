"""The files connector: changes from the files of a directory, one or more datasets, each in its own mode of reading."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from connectors.codes import DIRECTORY_AWAY, OPTION_UNFIT, POSITION_UNREADABLE, UNKNOWN_SIGNAL
from connectors.files import draft, sources
from connectors.files.append import Appended
from connectors.files.extract import Extracted
from connectors.files.lines import Mark
from connectors.files.listing import look, open_file
from connectors.files.options import FilesOptions, Mode
from connectors.protocol import Batch, Change, CheckReport, Options, Position, Signal
from contracts.faults import Failure, Fault, Refused
from contracts.model import Contract, Kind, TypeName

_NESTED = (TypeName.ARRAY, TypeName.MAP, TypeName.RECORD)


class Reading(Protocol):
    """How the files of one dataset are read: `Appended` or `Extracted`."""

    def restore(self, state: Any) -> None:
        """Go on where a position stands."""

    def state(self) -> Any:
        """Where this stands, as JSON."""

    def read(self) -> list[Change] | None:
        """The next changes; None (or nothing) when there are none."""

    def durable(self, state: Any) -> None:
        """Forget what nobody needs any more."""

    def close(self) -> None:
        """Release files."""


class FilesConnector:
    """CSV, JSON Lines, Avro and Parquet files of one directory.  See `FilesOptions` for the three modes."""

    name: ClassVar[str] = "files"
    description: ClassVar[str] = (
        "CSV, JSON Lines, Avro and Parquet files in a directory: new, growing, or full extracts"
    )
    options_model: ClassVar[type[Options]] = FilesOptions
    conformance_harness: ClassVar[str] = "connectors.files.harness:AppendHarness"

    def __init__(self, name: str, options: Options, contracts: Sequence[Contract]) -> None:
        assert isinstance(options, FilesOptions)
        self._name, self._options = name, options
        self._contracts = {contract.dataset: contract for contract in contracts}
        kind = Extracted if options.mode is Mode.EXTRACT else Appended
        self._readings: dict[str, Reading] = {contract.dataset: kind(contract, options) for contract in contracts}

    def check(self) -> CheckReport:
        """Whether the directory can be read, and the columns of each file that is there fit."""
        faults = list(self._misfits())
        remedies: list[str] = []
        try:
            for dataset, contract in self._contracts.items():
                for found in look(self._options.directory, self._options.pattern(dataset)):
                    faults += self._try(found.name, contract)
        except Failure as failure:
            faults += failure.faults
            remedies.append(f"ls -ld {self._options.directory}")
        state = self._options.state_directory
        if state is not None and not os.access(state if state.exists() else state.absolute().parent, os.W_OK):
            faults.append(DIRECTORY_AWAY.fault(f"{state}: the state directory cannot be written"))
            remedies.append(f"install -d -m 700 {state}")
        return CheckReport(tuple(faults), tuple(remedies))

    def discover(self) -> Sequence[str]:
        """One draft for each dataset that the option `files` names, else for each group of files whose names begin alike."""
        return draft.drafts(self._name, self._options)

    def open(self, position: Position | None) -> None:
        """Continue after `position`; raises `Away` when the directory cannot be read now, `Refused` for options that do not fit."""
        self.close()
        misfits = self._misfits()
        if misfits:
            raise Refused(*misfits)
        look(self._options.directory)
        try:
            states: dict[str, Any] = {} if position is None else json.loads(position.text)
            for dataset, reading in self._readings.items():
                reading.restore(states.get(dataset))
        except (ValueError, TypeError, AttributeError):
            raise Refused(POSITION_UNREADABLE.fault(self._name)) from None

    def poll(self, timeout_seconds: float) -> Batch | None:
        """The next changes of one dataset; the datasets take turns."""
        end = time.monotonic() + timeout_seconds
        while True:
            for dataset in list(self._readings):
                changes = self._readings[dataset].read()
                if changes or (changes is not None and self._options.mode is Mode.EXTRACT):
                    self._readings[dataset] = self._readings.pop(dataset)  # the others first, next time
                    return Batch(tuple(changes), self._position())
            left = end - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(left, self._options.look_seconds))

    def durable(self, position: Position) -> None:
        """Forget the extracts that nobody needs any more."""
        states = json.loads(position.text)
        for dataset, reading in self._readings.items():
            reading.durable(states.get(dataset))

    def signal(self, signal: Signal) -> None:
        """Takes none."""
        raise Refused(UNKNOWN_SIGNAL.fault(signal.name))

    def close(self) -> None:
        """Close every file."""
        for reading in self._readings.values():
            reading.close()

    def _position(self) -> Position:
        states = {dataset: self._readings[dataset].state() for dataset in sorted(self._readings)}
        return Position(json.dumps(states, separators=(",", ":")))

    def _misfits(self) -> list[Fault]:
        """Where the options cannot serve a contract."""
        faults = []
        for contract in self._contracts.values():
            nested = [one.name for one in contract.fields if one.name in contract.key and one.type.name in _NESTED]
            if self._options.mode is Mode.EXTRACT and (contract.kind is Kind.EVENT or not contract.key or nested):
                message = "the mode extract needs an entity dataset with a key of plain fields"
                faults.append(OPTION_UNFIT.fault(f"{contract.dataset}: {message}"))
        return faults

    def _try(self, name: str, contract: Contract) -> Sequence[Fault]:
        """What is wrong with the columns of a file."""
        try:
            with open_file(self._options.directory, name) as stream:
                sources.rows(stream, name, Mark(), contract, self._options, whole=self._options.mode is not Mode.GROW)
        except Failure as failure:
            return failure.faults
        return ()
