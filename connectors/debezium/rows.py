"""An event's rows as the contract's: which fields there are, what each means, and what was not given.

A row that cannot be mapped keeps its natural values and says in `problem` which fields and why (never what they hold).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from connectors.debezium.encodings import Unmappable
from connectors.debezium.envelope import Value
from connectors.debezium.fit import Reading, fit, natural
from connectors.debezium.mongodb import Partial, apply, read_document
from connectors.debezium.semantics import meaning
from connectors.debezium.shape import Shape
from contracts.change import Row
from contracts.model import Contract, Field, TypeName

_CELL = {"value", "deletion_ts", "set"}
_PROBLEMS_MAX = 10


@dataclass(frozen=True, slots=True)
class Given:
    """A row as far as it was given."""

    row: Row
    unavailable: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Contracted fields for which the event has no column at all."""
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Reads rows of one dataset; without a contract every column as it is."""

    contract: Contract | None
    reading: Reading
    is_placeholder: Callable[[Any], bool]
    columns: Mapping[str, str]
    """Field to column, where their names differ."""

    def read(self, value: Value, connector: str) -> Given:
        """A whole row; what the database did not give is named, and null in the row."""
        data, shape = value.data, value.shape
        if connector == "mongodb" and isinstance(data, str):
            try:
                data, shape = self._document(read_document(data)), None
            except Unmappable as problem:
                return Given({}, problem=str(problem))
        if not isinstance(data, Mapping):
            return Given({}, problem="a row that is not a document")
        if self.contract is None:
            return self._raw(data, shape, connector)
        return self._contracted(data, shape, documents=connector == "mongodb")

    def partial(self, update: Partial) -> Given:
        """The row of an update that names only what changed."""
        if self.contract is None:
            return Given(natural({**dict.fromkeys(update.removed), **update.updated}))
        paths = [path for path, _ in self.contract.leaves()]
        columns = [self._column_path(path) for path in paths]
        row, missing = apply(update, columns)
        found = self._contracted(row, None, documents=True)
        names = dict(zip(columns, paths, strict=True))
        return replace(found, unavailable=tuple(sorted({*found.unavailable, *(names[path] for path in missing)})))

    def key(self, data: Any, shape: Shape | None, connector: str) -> Row:
        """The key's fields from a record's key (or a row); one that is not there or cannot be mapped is null."""
        if connector == "mongodb" and isinstance(data, Mapping) and isinstance(data.get("id"), str):
            data, shape = self._document({"_id": _document_id(data["id"])}), None
        if not isinstance(data, Mapping):
            return {} if self.contract is None else dict.fromkeys(self.contract.key)
        if self.contract is None:
            return self._raw(data, shape, connector).row
        fields = [field for field in self.contract.fields if field.name in self.contract.key]
        row = {field.name: self._key_field(field, data, shape) for field in fields}
        return {name: row.get(name) for name in self.contract.key}

    def _document(self, document: Any) -> Any:
        """A MongoDB document; its `_id` can be contracted as `id`, as Debezium itself calls it in keys."""
        if self.contract is not None and isinstance(document, Mapping) and "_id" in document and "id" not in document:
            return {**document, "id": document["_id"]}
        return document

    def _key_field(self, field: Field, data: Mapping[str, Any], shape: Shape | None) -> Any:
        column = self.columns.get(field.name, field.name)
        try:
            raw, _ = _cell(data.get(column))
            return self._value(raw, shape.member(column) if shape is not None else None, field)
        except Unmappable:
            return None

    def _raw(self, data: Mapping[str, Any], shape: Shape | None, connector: str) -> Given:
        row: Row = {}
        unavailable, problems = [], []
        for name, value in data.items():
            raw, given = _cell(value)
            row[name] = None
            if not given or self.is_placeholder(raw):
                unavailable.append(name)
                continue
            try:
                member = _inner(shape.member(name), value) if shape is not None else None
                exact = member is not None or connector == "mongodb"  # extended JSON says which numbers are decimals
                row[name] = natural(meaning(raw, member) if exact else _numbers(raw))
            except Unmappable as problem:
                row[name] = raw
                problems.append(f"{name}: {problem}")
        return Given(row, tuple(unavailable), problem=_joined(problems))

    def _contracted(self, data: Mapping[str, Any], shape: Shape | None, *, documents: bool) -> Given:
        assert self.contract is not None
        row: Row = {}
        unavailable: list[str] = []
        missing, problems = [], []
        for field in self.contract.fields:
            column = self.columns.get(field.name, field.name)
            if column not in data and not documents:
                missing.append(field.name)
            raw, given = _cell(data.get(column))
            row[field.name] = None
            if not given or self.is_placeholder(raw):
                unavailable += _leaves(field, field.name)
                continue
            member = shape.member(column) if shape is not None else None
            try:
                raw, inside = self._without_placeholders(raw, field, field.name)
                unavailable += inside
                row[field.name] = self._value(raw, _inner(member, data.get(column)), field)
            except Unmappable as problem:
                row[field.name] = raw
                problems.append(f"{field.name}: {problem}")
        return Given(row, tuple(unavailable), tuple(missing), _joined(problems))

    def _value(self, raw: Any, shape: Shape | None, field: Field) -> Any:
        return fit(meaning(raw, shape), field.type, replace(self.reading, schema=shape is not None))

    def _without_placeholders(self, raw: Any, field: Field, path: str) -> tuple[Any, list[str]]:
        """A nested record with null for what was not given inside it, and the paths of that."""
        if field.type.name is not TypeName.RECORD or not isinstance(raw, Mapping):
            return raw, []
        found = dict(raw)
        unavailable: list[str] = []
        for inner in field.type.fields:
            inner_path = f"{path}.{inner.name}"
            if self.is_placeholder(found.get(inner.name)):
                found[inner.name] = None
                unavailable += _leaves(inner, inner_path)
            else:
                found[inner.name], deeper = self._without_placeholders(found.get(inner.name), inner, inner_path)
                unavailable += deeper
        return found, unavailable

    def _column_path(self, path: str) -> str:
        head, dot, rest = path.partition(".")
        return self.columns.get(head, head) + dot + rest


def _numbers(raw: Any) -> Any:
    """A number with a point as a double, which it is where neither schema nor contract says decimal."""
    if isinstance(raw, Mapping):
        return {name: _numbers(one) for name, one in raw.items()}
    if isinstance(raw, list):
        return [_numbers(one) for one in raw]
    return float(raw) if isinstance(raw, Decimal) else raw


def _document_id(text: str) -> Any:
    """A key's `id` is extended JSON in text."""
    try:
        return read_document(text)
    except Unmappable:
        return text


def _cell(value: Any) -> tuple[Any, bool]:
    """A value out of Cassandra's cell, and whether it was given; any other value as it is."""
    if isinstance(value, Mapping) and set(value) == _CELL:
        return value["value"], value["set"] is not False
    return value, True


def _inner(shape: Shape | None, value: Any) -> Shape | None:
    """The schema of what a Cassandra cell holds; any other schema as it is."""
    if shape is not None and isinstance(value, Mapping) and set(value) == _CELL and set(shape.fields) == _CELL:
        return shape.member("value")
    return shape


def _leaves(field: Field, path: str) -> Iterator[str]:
    if field.type.name is TypeName.RECORD:
        for inner in field.type.fields:
            yield from _leaves(inner, f"{path}.{inner.name}")
    else:
        yield path


def _joined(problems: list[str]) -> str | None:
    if not problems:
        return None
    more = f"; and {len(problems) - _PROBLEMS_MAX} more" if len(problems) > _PROBLEMS_MAX else ""
    return "; ".join(problems[:_PROBLEMS_MAX]) + more
