"""Whether an outbox, its routes and the contracts of its datasets fit one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.postgresql.codes import ORDER_NOT_KEPT, OUTBOX_WRONG
from connectors.postgresql.events import DOCUMENT_TYPES, plain_columns
from connectors.postgresql.options import OutboxOptions
from connectors.postgresql.order import ordering
from connectors.postgresql.outbox_rows import order_names
from connectors.postgresql.tables import Table
from connectors.postgresql.types import readers
from contracts.faults import Fault
from contracts.model import Contract, Kind


def event_faults(
    named: Mapping[str, str], contracts: Mapping[str, Contract], *, unrouted: str | None
) -> Iterator[Fault]:
    """What is wrong with routes or prefixes (`named`, to their datasets)."""
    for what, dataset in named.items():
        contract = contracts.get(dataset)
        if contract is None:
            yield OUTBOX_WRONG.fault(f"{what} goes to {dataset}, which is not among the configuration's datasets")
        elif contract.kind is not Kind.EVENT:
            yield OUTBOX_WRONG.fault(
                f"{what} goes to {dataset}, whose contract is of kind {contract.kind.value}, not event"
            )
    if unrouted is not None and unrouted not in contracts:
        yield OUTBOX_WRONG.fault(f"unrouted names {unrouted}, which is not among the configuration's datasets")


def outbox_faults(outbox: OutboxOptions, contracts: Mapping[str, Contract], table: Table) -> Iterator[Fault]:
    """What the outbox lacks; empty where every column that is named can be read as it is to be."""
    for name in plain_columns(outbox):
        column = table.column(name)
        if column is None:
            yield OUTBOX_WRONG.fault(f"{table} has no column {name}")
        elif name == outbox.payload_column and column.type.name not in DOCUMENT_TYPES:
            yield OUTBOX_WRONG.fault(f"column {table}.{name} is of type {column.type.name}, not json, jsonb or text")
    for name, source in outbox.fields.items():
        yield from _field_faults(outbox, contracts, table, name, source)
    if not table.identity:
        yield OUTBOX_WRONG.fault(f"{table} has no replica identity: with it published, its rows could not be deleted")
    if outbox.snapshot:
        yield from _order_faults(outbox, table)


def _field_faults(
    outbox: OutboxOptions, contracts: Mapping[str, Contract], table: Table, name: str, source: str
) -> Iterator[Fault]:
    column = table.column(source)
    routed = [contracts[dataset] for dataset in dict.fromkeys(outbox.routes.values()) if dataset in contracts]
    fields = [field for contract in routed if (field := contract.field(name)) is not None]
    if column is None:
        yield OUTBOX_WRONG.fault(f"{table} has no column {source}")
    elif not fields:
        yield OUTBOX_WRONG.fault(f"no contract of the outbox has a field {name}")
    elif any(readers(column.type, field.type) is None for field in fields):
        yield OUTBOX_WRONG.fault(f"column {table}.{source}, of type {column.type.name}, cannot carry the field {name}")


def _order_faults(outbox: OutboxOptions, table: Table) -> Iterator[Fault]:
    if not table.primary:
        yield OUTBOX_WRONG.fault(
            f"{table} has no primary key: its rows cannot be read in parts (or set snapshot: false)"
        )
    for name in order_names(outbox, table):
        column = table.column(name)
        if column is None or not column.required or ordering(column) is None:
            yield OUTBOX_WRONG.fault(
                f"rows of {table} cannot be read in the order of {name}: it is missing, null or unordered"
            )


def order_advice(outbox: OutboxOptions, contracts: Mapping[str, Contract]) -> Iterator[Fault]:
    """Where the events of one aggregate may lie in several partitions."""
    for dataset in dict.fromkeys(outbox.routes.values()):
        key = contracts[dataset].key
        if len(key) != 1 or outbox.fields.get(key[0]) != outbox.aggregate_column:
            message = f"{dataset}: its key ({', '.join(key)}) is not the outbox's {outbox.aggregate_column}"
            yield ORDER_NOT_KEPT.fault(message)
