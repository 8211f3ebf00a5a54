"""The Debezium connector: topics that Debezium wrote, for any database, become datasets with our guarantees.

It reads through a `RecordSource`, which the runtime gives it; its position is, per topic partition, the next offset and what
is remembered to recognise repeats.  Records and position are written in one transaction, so each record counts once; what
Debezium itself wrote twice is dropped where the database's places can be compared (`repeats`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from connectors.codes import POSITION_UNREADABLE, RECORDS_MISSING, TOPIC_UNNAMED, UNKNOWN_SIGNAL
from connectors.debezium.changes import Converter
from connectors.debezium.envelope import Reader
from connectors.debezium.options import DebeziumOptions
from connectors.debezium.placeholder import Placeholder
from connectors.debezium.registry import Schemas
from connectors.debezium.repeats import Seen, after, seen_of
from connectors.debezium.rows import Rows
from connectors.events import Converted, EventRecord, PassedOver, RecordSource
from connectors.protocol import Batch, Change, CheckReport, Options, Position, Signal
from contracts.faults import Failure, Fault, Refused
from contracts.model import Contract

_Partition = tuple[str, int]


class DebeziumConnector:
    """See the module.  Without a contract a dataset's rows are converted as they are (`concordat connector try`)."""

    name: ClassVar[str] = "debezium"
    description: ClassVar[str] = "Topics that Debezium writes, for any database"
    options_model: ClassVar[type[Options]] = DebeziumOptions
    conformance_harness: ClassVar[str] = "connectors.debezium.harness:DebeziumHarness"

    def __init__(self, name: str, options: Options, contracts: Sequence[Contract]) -> None:
        assert isinstance(options, DebeziumOptions)
        self._options = options
        self._schemas = Schemas(options)
        by_name: dict[str, Contract | None] = dict.fromkeys((*options.topics, *options.tables))
        by_name |= {contract.dataset: contract for contract in contracts}
        self._contracts = by_name or {name: None}
        self._converter = self._made_converter()
        self._source: RecordSource | None = None
        self._seen: dict[_Partition, Seen] = {}
        self._tried = Seen()

    # -- one record ----------------------------------------------------------------------------------------------------

    def convert(self, key: bytes | None, value: bytes | None) -> Converted:
        """What a record with this key and value would become; repeats are recognised only as far as null values go."""
        made = self._converter.convert(key, value, None, None)
        if isinstance(made, PassedOver):
            return made
        made = made if made.place is None else type(made)(made.changes, None)  # samples need not be in order
        self._tried, changes = after(self._tried, made, key)
        return changes or PassedOver("the null value that follows a delete")

    # -- the protocol ----------------------------------------------------------------------------------------------------

    def check(self) -> CheckReport:
        """Whether every dataset has its topic, and the schema registry answers."""
        faults: list[Fault] = []
        lacking = [name for name in self._contracts if name not in self._options.topics]
        if lacking:
            faults.append(TOPIC_UNNAMED.fault(", ".join(lacking)))
        if self._options.registry is not None:
            try:
                self._schemas.ask()
            except Failure as failure:
                faults += failure.faults
        return CheckReport(tuple(faults))

    def discover(self) -> Sequence[str]:
        """Nothing: a topic's contract is drafted from its store, or from events with `concordat connector try`."""
        return ()

    def read_from(self, source: RecordSource) -> None:
        """Take records from `source`."""
        self._source = source

    def open(self, position: Position | None) -> None:
        """Continue after `position`; raises `Away`, `Refused` or `Unavailable`."""
        report = self.check()
        if not report.passed:
            raise Refused(*report.faults)
        if self._source is None:
            raise Refused(RECORDS_MISSING.fault("this runtime gives no records of topics"))
        self._seen = _read_position(position)
        topics = sorted(set(self._options.topics.values()))
        self._source.open(topics, {partition: seen.next_offset for partition, seen in self._seen.items()})

    def poll(self, timeout_seconds: float) -> Batch | None:
        """The changes of the next records, or None after `timeout_seconds` without any."""
        assert self._source is not None
        records = self._source.poll(timeout_seconds)
        if not records:
            return None
        changes: list[Change] = []
        seen = dict(self._seen)
        for record in records:
            changes += self._taken(record, seen)
        self._seen = seen
        return Batch(tuple(changes), _position(seen))

    def durable(self, position: Position) -> None:
        """Nothing: the topic keeps its records as long as its owner says."""

    def signal(self, signal: Signal) -> None:
        """Knows none: snapshots are Debezium's own."""
        raise Refused(UNKNOWN_SIGNAL.fault(signal.name))

    def close(self) -> None:
        """Release the topics; safe to call twice."""
        if self._source is not None:
            self._source.close()

    # -- parts -----------------------------------------------------------------------------------------------------------

    def _taken(self, record: EventRecord, seen: dict[_Partition, Seen]) -> tuple[Change, ...]:
        """The new changes of a record; `seen` is brought up to it."""
        partition = (record.topic, record.partition)
        before = seen.get(partition, Seen())
        made = self._converter.convert(record.key, record.value, self._dataset(record.topic), record.timestamp_ms)
        now = before
        changes: tuple[Change, ...] = ()
        if not isinstance(made, PassedOver):
            now, changes = after(before, made, record.key)
        seen[partition] = replace(now, next_offset=record.offset + 1)
        return changes

    def _dataset(self, topic: str) -> str | None:
        """A topic's dataset; None where several datasets share it and the record's table decides."""
        sharing = [dataset for dataset, one in self._options.topics.items() if one == topic]
        return sharing[0] if len(sharing) == 1 and sharing[0] not in self._options.tables else None

    def _made_converter(self) -> Converter:
        options = self._options
        placeholder = Placeholder(options.unavailable_value)
        rows = {
            dataset: Rows(contract, options.reading, placeholder, options.columns.get(dataset, {}))
            for dataset, contract in self._contracts.items()
        }
        return Converter(Reader(self._schemas, options.form == "row"), self._dataset_of, rows)

    def _dataset_of(self, table: str) -> str | None:
        """The dataset that takes a table: the one whose option names it, the only one, or the one of its name."""
        short = table.rpartition(".")[2]
        for dataset, wanted in self._options.tables.items():
            if table and wanted in (table, short):
                return dataset
        rest = [dataset for dataset in self._contracts if dataset not in self._options.tables]
        if len(rest) == 1 == len(self._contracts):
            return rest[0]
        name = short.replace("_", "-").lower()
        if name in rest:
            return name
        return next(iter(self._contracts)) if not table and len(self._contracts) == 1 else None


def _position(seen: dict[_Partition, Seen]) -> Position:
    found = {f"{topic}/{partition}": one.document() for (topic, partition), one in sorted(seen.items())}
    return Position(json.dumps(found, separators=(",", ":")))


def _read_position(position: Position | None) -> dict[_Partition, Seen]:
    """The inverse of `_position`; raises `Refused` for a text that this connector did not write."""
    if position is None:
        return {}
    try:
        found = json.loads(position.text)
        pairs = [(name.rpartition("/"), seen_of(document)) for name, document in found.items()]
        return {(topic, int(partition)): seen for (topic, _, partition), seen in pairs}
    except (ValueError, TypeError, AttributeError) as error:
        raise Refused(POSITION_UNREADABLE.fault("it is not one of this connector")) from error
