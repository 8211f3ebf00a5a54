"""Events: what an application says on purpose, as rows of an outbox or as logical decoding messages.

Each becomes a create of the dataset that its route or prefix names, its payload spread over the contract's fields.  NEVER-GUESS:
a row whose route is unknown is quarantined or stops the connector, and is never passed over; so is an outbox row that was
updated, for an event that changes is none.  Deletes and truncates of an outbox are its housekeeping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.postgresql.binary import MALFORMED, malformed
from connectors.postgresql.codes import OUTBOX_WRONG, ROUTE_UNKNOWN
from connectors.postgresql.columns import BINARY, NULL, UNCHANGED, Value
from connectors.postgresql.messages import Relation, RowChange, Said
from connectors.postgresql.options import OutboxOptions
from connectors.postgresql.parts import Changed
from connectors.postgresql.payload import Payload
from connectors.postgresql.tables import Table
from connectors.postgresql.types import Readers, readers
from contracts.change import Op, Row
from contracts.faults import Refused
from contracts.model import Contract, FieldType, TypeName

TEXT_FIELD = FieldType(TypeName.STRING)
DOCUMENT_TYPES = frozenset({"json", "jsonb", "text", "varchar"})
"""The types of a column that may hold payloads."""


class OutboxReader:
    """Reads tuples of the outbox whose columns stand in the order `columns`; raises `Refused` where one is not there."""

    def __init__(
        self, outbox: OutboxOptions, contracts: Mapping[str, Contract], table: Table, columns: Sequence[str]
    ) -> None:
        self._outbox = outbox
        self._columns = {name: place for place, name in enumerate(columns)}
        self._payloads = {
            dataset: Payload(contracts[dataset], outbox.fields) for dataset in set(outbox.routes.values())
        }
        self._readers = {name: self._reader(table, name, TEXT_FIELD) for name in plain_columns(outbox)}
        self._carried = {
            dataset: {
                field.name: (column, self._reader(table, column, field.type))
                for name, column in outbox.fields.items()
                if (field := contracts[dataset].field(name)) is not None
            }
            for dataset in self._payloads
        }
        self._unrouted = None if outbox.unrouted is None else contracts[outbox.unrouted]

    def changes(self, message: RowChange) -> tuple[Changed, ...]:
        """What a row that was inserted, updated or deleted is."""
        if message.new is None:
            return ()
        return (self.event(message.new, Op.CREATE if message.kind == b"I" else Op.UPDATE),)

    def event(self, values: Sequence[Value], op: Op) -> Changed:
        """The event in a row that was inserted, read or, which is none, updated."""
        route = self._plain(values, self._outbox.route_column)
        dataset = None if route is None else self._outbox.routes.get(route.decode(errors="replace"))
        if dataset is None:
            return self._no_route(values)
        row, problem = self._payloads[dataset].read(self._plain(values, self._outbox.payload_column))
        for name, (column, read) in self._carried[dataset].items():
            try:
                row[name] = self._value(values, column, read)
            except MALFORMED as exception:
                problem = problem or f"{name}: {malformed(exception)}"
        if op is Op.UPDATE:
            problem = "a row of the outbox was updated"
        return _event(self._payloads[dataset].contract, row, problem, op)

    def _no_route(self, values: Sequence[Value]) -> Changed:
        if self._unrouted is None:
            raise Refused(ROUTE_UNKNOWN.fault(f"a row of {self._outbox.table}"))
        kept = {name: self._plain(values, name) for name in plain_columns(self._outbox)}
        row = {name: None if data is None else data.decode(errors="replace") for name, data in kept.items()}
        key: Row = dict.fromkeys(self._unrouted.key)
        problem = f"its {self._outbox.route_column} has no route"
        return Changed(self._unrouted.dataset, Op.CREATE, None, key, None, row, problem=problem)

    def _reader(self, table: Table, name: str, wanted: FieldType) -> Readers:
        column = table.column(name)
        found = None if column is None or name not in self._columns else readers(column.type, wanted)
        if found is None:
            kind = "is not there" if column is None else f"is of type {column.type.name}"
            raise Refused(OUTBOX_WRONG.fault(f"column {table}.{name} {kind}"))
        return found

    def _plain(self, values: Sequence[Value], name: str) -> bytes | None:
        """The text of a column; None where it is null or was not sent."""
        try:
            text = self._value(values, name, self._readers[name])
        except MALFORMED:
            return values[self._columns[name]].data
        return None if text is None else str(text).encode()

    def _value(self, values: Sequence[Value], name: str, read: Readers) -> Any:
        kind, data = values[self._columns[name]]
        if kind in (NULL, UNCHANGED):
            return None
        return read.binary(data) if kind == BINARY and read.binary is not None else read.text(data)


class Events:
    """Which relation is the outbox, and which messages are events."""

    def __init__(
        self,
        outbox: OutboxOptions | None,
        messages: Mapping[str, str],
        contracts: Mapping[str, Contract],
        describe: Callable[[Relation], Table],
        identifier: int | None = None,
    ) -> None:
        self._outbox, self._identifier = outbox, identifier
        self._contracts, self._describe = contracts, describe
        self._messages = {prefix: Payload(contracts[dataset]) for prefix, dataset in messages.items()}
        self._passed_over = 0

    def reading(self, relation: Relation) -> OutboxReader | None:
        """How the tuples of a relation are read, None where it is not the outbox; raises `Refused` where it no longer fits."""
        if self._outbox is None or (relation.schema, relation.name) != self._outbox.place:
            if self._identifier is not None and relation.identifier == self._identifier:
                message = f"the outbox is now called {relation.schema}.{relation.name}"
                raise Refused(OUTBOX_WRONG.fault(message))
            return None
        return OutboxReader(self._outbox, self._contracts, self._describe(relation), relation.columns)

    def said(self, message: Said) -> Changed | None:
        """The event in a message; None for a prefix that nobody named, which is counted."""
        payload = self._messages.get(message.prefix)
        if payload is None:
            self._passed_over += 1
            return None
        return _event(payload.contract, *payload.read(message.content), Op.CREATE)

    def passed_over(self) -> int:
        """How many messages were for no dataset since the last question."""
        count, self._passed_over = self._passed_over, 0
        return count


def _event(contract: Contract, row: Row, problem: str | None, op: Op) -> Changed:
    """An event as a change of its dataset."""
    key = {name: row.get(name) for name in contract.key}
    return Changed(contract.dataset, op, None, key, None, row, problem=problem)


def plain_columns(outbox: OutboxOptions) -> tuple[str, str]:
    """The columns that every row's route and payload are in."""
    return outbox.route_column, outbox.payload_column


def column_forms(outbox: OutboxOptions, contracts: Mapping[str, Contract], table: Table) -> dict[str, bool]:
    """Every column that is read, and whether its binary form will do."""
    routed = [contracts[dataset] for dataset in set(outbox.routes.values())]
    wanted = [(name, TEXT_FIELD) for name in plain_columns(outbox)]
    for name, source in outbox.fields.items():
        wanted += [(source, field.type) for contract in routed if (field := contract.field(name)) is not None]
    forms = dict.fromkeys((name for name, _ in wanted), True)
    for name, type_ in wanted:
        column = table.column(name)
        read = None if column is None else readers(column.type, type_)
        forms[name] = forms[name] and read is not None and read.binary is not None
    return forms
