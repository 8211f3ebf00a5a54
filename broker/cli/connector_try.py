"""`concordat connector try`: what each sample event would become, without Kafka and without a register."""

from __future__ import annotations

import base64
import binascii
import math
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer

from broker.cli.output import Json, emit, table
from broker.intake.codes import CONFIGURATION_WRONG, EVENTS_UNREADABLE, NO_EVENTS
from broker.intake.configuration import Configuration
from broker.intake.configuration import load as load_configuration
from connectors.events import EventConnector, PassedOver
from connectors.protocol import Change
from contracts import text
from contracts.change import Envelope, Op, Origin, Row
from contracts.check import Checker
from contracts.faults import Fault, Faults, Unusable
from contracts.model import Contract
from contracts.wire import EnvelopeCodec, WireError

ACCEPTED, CONVERTED, QUARANTINE, PASSED_OVER = "accepted", "converted", "quarantine", "passed-over"


class _Line(msgspec.Struct):
    value: msgspec.Raw
    key: msgspec.Raw = msgspec.Raw(b"null")


def command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The connector's configuration (YAML).")],
    *,
    events: Annotated[Path, typer.Option("--events", metavar="FILE", help='JSON Lines of {"key": …, "value": …}.')],
    contract: Annotated[
        list[Path] | None, typer.Option("--contract", metavar="FILE", help="A dataset's contract (repeatable).")
    ] = None,
    json: Json = False,
) -> None:
    """Show what each event of FILE would become: accepted, quarantined (and why), or passed over.

    The contracts are those of --contract or of `contracts` in CONFIG; without any, the change is shown as it is converted.
    A binary record is {"$base64": "…"} or {"$hex": "…"}; a string is the record's own text.  The rows are shown as given.
    A terminal shows a table; a file or a pipe gets one JSON entry per line, and with --json one list of them.

    Example: concordat connector try customers.yaml --events sample.jsonl --contract customers.contract.yaml
    """
    configuration = load_configuration(config)
    contracts = _contracts(configuration, [*configuration.contracts, *(contract or ())])
    connector = configuration.connector(configuration.name, configuration.options, contracts)
    if not isinstance(connector, EventConnector):
        raise Unusable(NO_EVENTS.fault(configuration.connector.name))
    judges = {one.dataset: _Judge(one) for one in contracts}
    lines = _lines(events)
    found: list[dict[str, Any]] = []
    for number, key, value in lines:
        outcome = connector.convert(key, value)
        if isinstance(outcome, PassedOver):
            found.append(_entry(number, PASSED_OVER, reason=outcome.reason, key=_shown_key(key)))
        else:
            found += [_changed(number, change, configuration, judges.get(change.dataset)) for change in outcome]
    if json or sys.stdout.isatty():
        columns = ("line", "outcome", "op", "key", "after", "reason")
        rows = [[_cell(one[name]) for name in columns] for one in found]
        emit(found, json=json, table=table("Events", columns, rows))
    else:  # read by a program, line by line
        sys.stdout.writelines(msgspec.json.encode(one).decode() + "\n" for one in found)


class _Judge:
    """What would come of a change: the connector's own verdict, its key and form, and the contract's."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._checker = Checker(contract)
        self._codec = EnvelopeCodec(contract, 1, 2)

    def reasons(self, change: Change, envelope: Envelope) -> list[str]:
        """Why it would be quarantined; empty for a change that is accepted."""
        reasons = [change.problem] if change.problem is not None else []
        reasons += [f"{one.code}: {one.path}" if one.path else one.code for one in self._checker.change(envelope)]
        if change.op is not Op.TRUNCATE and (not change.key or None in change.key.values()):
            reasons.append("no key")
        if not reasons:
            reasons += self._unwritable(change, envelope)
        return reasons

    def _unwritable(self, change: Change, envelope: Envelope) -> list[str]:
        try:
            if change.op is not Op.TRUNCATE:
                self._codec.encode_key(change.key)
            size = len(self._codec.encode(envelope))
        except WireError as problem:
            return [problem.reason]
        return ["too large"] if size > self._contract.row_bytes_max else []


def _changed(line: int, change: Change, configuration: Configuration, judge: _Judge | None) -> dict[str, Any]:
    position, transaction, snapshot = change.position.text, change.transaction, change.snapshot
    dataset = configuration.datasets[0] if len(configuration.datasets) == 1 else change.dataset
    origin = Origin(configuration.name, dataset, position, 0, transaction, snapshot)
    milliseconds = int(change.committed_at.timestamp() * 1000)
    envelope = Envelope(change.op, change.before, change.after, origin, milliseconds, change.unavailable)
    if judge is None:
        outcome, reasons = (QUARANTINE, [change.problem]) if change.problem is not None else (CONVERTED, [])
    else:
        reasons = judge.reasons(change, envelope)
        outcome = QUARANTINE if reasons else ACCEPTED
    return _entry(
        line,
        outcome,
        op=None if _is_unread(change) else change.op.value,
        key=_shown(change.key) if change.key else None,
        before=_shown(change.before),
        after=_shown(change.after),
        source={
            "connector": configuration.name,
            "dataset": dataset,
            "position": position,
            "transaction": transaction,
            "snapshot": snapshot,
            "ts_ms": milliseconds,
        },
        reason="; ".join(filter(None, reasons)) or None,
        unavailable=list(change.unavailable),
    )


def _is_unread(change: Change) -> bool:
    """Whether the record was not understood at all: then its bytes stand in place of a row."""
    return change.problem is not None and change.after is not None and set(change.after) == {"record"}


def _entry(line: int, outcome: str, **known: Any) -> dict[str, Any]:
    """One result; everything that is not known is null."""
    names = ("op", "key", "before", "after", "source", "reason")
    return {"line": line, "outcome": outcome, **dict.fromkeys(names), "unavailable": [], **known}


def _contracts(configuration: Configuration, files: list[Path]) -> list[Contract]:
    """The contracts in the files; raises `Unusable` with every fault, one for a dataset that CONFIG does not name included."""
    contracts: list[Contract] = []
    faults: list[Fault] = []
    for file in files:
        try:
            found = text.parse(file.read_text("utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            faults.append(CONFIGURATION_WRONG.fault(f"{file} cannot be read: {type(error).__name__}"))
            continue
        if isinstance(found, Faults):
            faults += found.items
        elif found.dataset not in configuration.datasets:
            faults.append(CONFIGURATION_WRONG.fault(f"{file} is of {found.dataset!r}, which CONFIG does not name"))
        else:
            contracts.append(found)
    if faults:
        raise Unusable(*faults)
    return contracts


def _lines(file: Path) -> list[tuple[int, bytes | None, bytes | None]]:
    """Line number, key and value of every event; raises `Unusable` with every line that is none."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Unusable(EVENTS_UNREADABLE.fault(f"{file}: {error.strerror}")) from error
    found: list[tuple[int, bytes | None, bytes | None]] = []
    faults: list[Fault] = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            parsed = msgspec.json.decode(line, type=_Line)
            found.append((number, _bytes(parsed.key), _bytes(parsed.value)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error, ValueError) as error:
            fault = EVENTS_UNREADABLE.fault(_described(error), line=number)
            faults.append(fault.in_file(str(file)))
    if faults:
        raise Unusable(*faults)
    return found


def _described(error: Exception) -> str:
    """What is wrong with a line, without its content."""
    return (
        "not {key, value}" if isinstance(error, msgspec.ValidationError) else f"not readable ({type(error).__name__})"
    )


def _bytes(raw: msgspec.Raw) -> bytes | None:
    """The bytes that a record of the topic would have."""
    data = bytes(raw)
    if data == b"null":
        return None
    found = msgspec.json.decode(data) if data[:1] == b'"' or b'"$' in data[:64] else None
    if isinstance(found, str):
        return found.encode()
    if isinstance(found, dict) and len(found) == 1:
        if isinstance(found.get("$base64"), str):
            return base64.b64decode(found["$base64"], validate=True)
        if isinstance(found.get("$hex"), str):
            return bytes.fromhex(found["$hex"])
    return data


def _shown_key(key: bytes | None) -> Any:
    """The key of a record that was passed over, as far as it is text."""
    try:
        return None if key is None else msgspec.json.decode(key)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _shown(row: Row | None) -> Any:
    """A row in JSON: decimals, dates, times and UUIDs as text, bytes in base64."""
    return None if row is None else _plain(row)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    spell = _SPELLINGS.get(type(value))
    return value if spell is None else spell(value)


_SPELLINGS: dict[type, Callable[[Any], Any]] = {
    datetime: lambda value: value.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    date: date.isoformat,
    UUID: str,
    bytes: lambda value: base64.b64encode(value).decode(),
    Decimal: lambda value: format(value, "f") if value.is_finite() else str(value),
    float: lambda value: value if math.isfinite(value) else str(value),
}


def _cell(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, (dict, list)) else value
