"""A table and the contract that describes it: which column carries which field, and rows as the contract knows them.

Column name = field name.  A record field `traveller.reference` is column `traveller_reference`; or the whole record is
a `json` or `jsonb` column `traveller`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from connectors.postgresql.binary import MALFORMED, malformed
from connectors.postgresql.codes import KEY_MISFIT, TABLE_MISFIT
from connectors.postgresql.columns import BINARY, NULL, UNCHANGED, Column, Value
from connectors.postgresql.order import ordering
from connectors.postgresql.types import Readers, readers
from contracts.change import Row
from contracts.faults import Fault
from contracts.model import Contract, Field, TypeName


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the catalogue shows it.  `identity` names the columns that an update's old key carries."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    primary: frozenset[str] = frozenset()
    """The columns of the primary key."""
    identity: frozenset[str] = frozenset()
    full: bool = False
    """REPLICA IDENTITY FULL: updates and deletes carry the whole old row.  Of a partitioned table: all its partitions."""
    identifier: int = 0
    """The server's number of the table, which a change of name does not change."""
    partitions: tuple[tuple[str, str], ...] = ()
    """The tables that hold the rows of a partitioned table; each has a replica identity of its own."""

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One contracted field (or whole JSON record) and the column that carries it."""

    path: tuple[str, ...]
    column: str
    readers: Readers


def leaves(contract: Contract, table: Table) -> tuple[Leaf, ...] | list[Fault]:
    """Every contracted field with its column, or what does not fit."""
    faults: list[Fault] = []
    found = tuple(_leaves(contract, (), contract.fields, table, faults))
    return faults or found


def fitting_leaves(contract: Contract, table: Table, columns: Sequence[str]) -> tuple[Leaf, ...]:
    """The contracted fields that `columns` of a table that does not fit still carry."""
    return tuple(leaf for leaf in _leaves(contract, (), contract.fields, table, []) if leaf.column in columns)


def _leaves(
    contract: Contract, prefix: tuple[str, ...], fields: Sequence[Field], table: Table, faults: list[Fault]
) -> Iterator[Leaf]:
    for field in fields:
        path = (*prefix, field.name)
        name = "_".join(path)
        column = table.column(name)
        if column is None and field.type.name is TypeName.RECORD:
            yield from _leaves(contract, path, field.type.fields, table, faults)
            continue
        read = None if column is None else readers(column.type, field.type)
        if read is None:
            kind = "is missing" if column is None else f"is of type {column.type.name}"
            message = (
                f"{contract.dataset}: column {table}.{name} {kind}; the contract's field is {field.type.name.value}"
            )
            faults.append(placed(TABLE_MISFIT.fault(message), contract, field))
        else:
            yield Leaf(path, name, read)


def placed(fault: Fault, contract: Contract, field: Field | None) -> Fault:
    """The fault at the line of the contract that names `field`; unplaced where the contract was not read from a text."""
    if field is None or field.line is None:
        return fault
    version = ".".join(str(part) for part in contract.version)
    return replace(fault, file=f"contract {contract.dataset} {version}", line=field.line, column=field.column)


def key_faults(contract: Contract, table: Table) -> list[Fault]:
    """Whether the contract's key names one row of `table`, and updates and deletes will carry it."""
    what = f"{contract.dataset}: the contract's key ({', '.join(contract.key)})"
    faults: list[Fault] = []
    if not table.primary or not table.primary <= set(contract.key):
        primary = ", ".join(sorted(table.primary)) or "none"
        faults.append(KEY_MISFIT.fault(f"{what} is not unique in {table}, whose primary key is: {primary}"))
    if not table.full and not table.identity >= set(contract.key):
        faults.append(KEY_MISFIT.fault(f"{what} is not in the replica identity of {table}"))
    for name in contract.key:
        column = table.column(name)
        if column is not None and ordering(column) is None:
            message = f"{what}: rows of {table} cannot be read in the order of {name}, of type {column.type.name}"
            faults.append(KEY_MISFIT.fault(message))
    return [placed(fault, contract, contract.field(contract.key[0])) for fault in faults]


class Decoded(NamedTuple):
    """A row as the contract knows it; an unavailable field is None there and named in `unavailable`.  `problem` says why it is not whole; it never shows a value."""

    row: Row
    unavailable: tuple[str, ...]
    problem: str | None


class RowReader:
    """Reads tuples whose columns stand in a known order into rows of the contract."""

    def __init__(self, contract: Contract, found: Sequence[Leaf], columns: Sequence[str]) -> None:
        places = {name: place for place, name in enumerate(columns)}
        self._leaves = [(leaf.path, places[leaf.column], leaf.readers.text, leaf.readers.binary) for leaf in found]
        records = {leaf.path[:depth] for leaf in found for depth in range(1, len(leaf.path))}
        self._records = sorted(records, key=len)
        self._key = contract.key

    def read(self, values: Sequence[Value], older: Sequence[Value] | None = None) -> Decoded:
        """The row in `values`; a value that is not there is taken from `older`, the row before, where that has it."""
        row: Row = {}
        for path in self._records:
            _inner(row, path)[path[-1]] = {}
        unavailable: list[str] = []
        problem: str | None = None
        for path, place, text, binary in self._leaves:
            kind, data = values[place]
            if kind == UNCHANGED and older is not None:
                kind, data = older[place]
            value = None
            if kind == UNCHANGED:
                unavailable.append(".".join(path))
            elif kind != NULL:
                try:
                    value = binary(data) if kind == BINARY and binary is not None else text(data)
                except MALFORMED as exception:
                    problem = problem or f"{'.'.join(path)}: {malformed(exception)}"
            (row if len(path) == 1 else _inner(row, path))[path[-1]] = value
        for path in reversed(self._records):
            _fold_empty(row, path, unavailable)
        return Decoded(row, tuple(unavailable), problem)

    def key(self, row: Row) -> Row:
        """The key fields of a row; a missing one is None."""
        return {name: row.get(name) for name in self._key}


def _inner(row: Row, path: tuple[str, ...]) -> dict[str, Any]:
    found = row
    for name in path[:-1]:
        found = found[name]
    return found


def _fold_empty(row: Row, path: tuple[str, ...], unavailable: Sequence[str]) -> None:
    """A record whose every column is null is null itself."""
    inside = _inner(row, path)
    prefix = ".".join(path) + "."
    if all(value is None for value in inside[path[-1]].values()) and not any(
        name.startswith(prefix) for name in unavailable
    ):
        inside[path[-1]] = None


def tables_by_name(found: Mapping[str, Table]) -> dict[tuple[str, str], str]:
    """Schema and table to the dataset that it carries."""
    return {(table.schema, table.name): dataset for dataset, table in found.items()}
