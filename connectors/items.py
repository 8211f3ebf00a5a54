"""From a row as a file or an HTTP store gives it to a change under its contract.

A row that does not fit becomes a change with a `problem`, which names fields and reasons and never a value; its key is kept
where it can be read, so that the quarantine knows whose record it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from connectors.protocol import Change, Position
from connectors.typed import Unreadable, absent, from_value
from contracts.change import Op, Row
from contracts.model import Contract, FieldType, Kind

OPERATIONS = {
    **dict.fromkeys(("c", "create", "insert", "i"), Op.CREATE),
    **dict.fromkeys(("u", "update"), Op.UPDATE),
    **dict.fromkeys(("d", "delete"), Op.DELETE),
}
Read = Callable[[FieldType, Any], Any]


class Shaper:
    """Makes changes of one dataset.  `read` reads one value; with `ignore_unknown` members that nobody contracted are left out."""

    def __init__(
        self, contract: Contract, zone: tzinfo | None = None, *, ignore_unknown: bool = False, read: Read | None = None
    ) -> None:
        self.contract = contract
        self._ignore_unknown = ignore_unknown
        self._read: Read = read or (lambda type_, value: from_value(type_, value, zone))
        self._names = frozenset(field.name for field in contract.fields)

    @property
    def usual(self) -> Op:
        """The operation of a row that does not say what happened to it."""
        return Op.CREATE if self.contract.kind is Kind.EVENT else Op.UPDATE

    def change(self, values: object, position: Position, at: datetime, operation: object = None) -> Change:
        """The change that `values` (an object) stands for; `operation` is what the row says happened, or None."""
        if not isinstance(values, Mapping):
            return self.unreadable("not an object", position, at)
        problems: list[str] = []
        op = self._operation(operation, problems)
        wanted = self.contract.key if op is Op.DELETE else tuple(field.name for field in self.contract.fields)
        row, unavailable = self._row(values, wanted, problems)
        if op is not Op.DELETE and not self._ignore_unknown and not self._names.issuperset(values):
            problems.append("a member that the contract does not know")
        key = {name: row.get(name) for name in self.contract.key}
        problems += [f"{name}: the key is missing" for name, value in key.items() if value is None and not problems]
        if problems:
            return self._problem(op, key, dict(values), "; ".join(problems), position, at)
        after = None if op is Op.DELETE else row
        return Change(self.contract.dataset, op, key, None, after, position, at, unavailable=tuple(unavailable))

    def unreadable(self, problem: str, position: Position, at: datetime) -> Change:
        """The change of something that is no row at all."""
        return self._problem(self.usual, dict.fromkeys(self.contract.key), None, problem, position, at)

    def _operation(self, operation: object, problems: list[str]) -> Op:
        if operation is None:
            return self.usual
        op = OPERATIONS.get(operation.lower()) if isinstance(operation, str) else None
        if op is None:
            problems.append("the operation is not one of c, u, d, create, insert, update, delete")
        return op or self.usual

    def _row(self, values: Mapping[str, Any], wanted: tuple[str, ...], problems: list[str]) -> tuple[Row, list[str]]:
        row: Row = {}
        unavailable: list[str] = []
        for field in self.contract.fields:
            if field.name not in wanted:
                continue
            if field.name not in values:
                row[field.name] = None
                unavailable += [path for path, _ in _leaves(field.name, field.type)]
                continue
            try:
                row[field.name] = self._read(field.type, values[field.name])
            except Unreadable as unreadable:
                problems.append(f"{field.name}: {unreadable}")
            else:
                unavailable += absent(field.type, values[field.name], field.name)
        return row, unavailable

    def _problem(self, op: Op, key: Row, after: Row | None, problem: str, position: Position, at: datetime) -> Change:
        return Change(self.contract.dataset, op, key, None, after, position, at, problem=problem)


def _leaves(path: str, type_: FieldType) -> list[tuple[str, FieldType]]:
    if not type_.fields:
        return [(path, type_)]
    return [leaf for field in type_.fields for leaf in _leaves(f"{path}.{field.name}", field.type)]
