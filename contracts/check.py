"""Holding a row against its contract: step 2, is this the data its owner promised.

A `Checker` is made once per contract and asked once per record.  What it says never holds a value of the data: a stable
code and the field's dotted path.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import re2

from contracts.change import Envelope, Op, Row
from contracts.model import Contract, Field, FieldType, Kind, TypeName

REASONS = (
    "required",
    "type",
    "enum",
    "pattern",
    "too-short",
    "too-long",
    "too-small",
    "too-large",
    "not-finite",
    "precision",
    "too-few-items",
    "too-many-items",
    "unknown-field",
    "operation",
    "row-missing",
)
"""Every code a violation may have."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One promise that a row breaks: a code of `REASONS`, and the dotted path of the field (empty for the row)."""

    code: str
    path: str = ""


_Check = Callable[[Any, str], Iterator[Violation]]


class Checker:
    """A contract's rules, compiled."""

    def __init__(self, contract: Contract) -> None:
        self._kind = contract.kind
        self._fields = tuple((field, _check_of(field.type)) for field in contract.fields)
        self._names = frozenset(field.name for field in contract.fields)

    def row(self, row: Row, unavailable: Collection[str] = ()) -> tuple[Violation, ...]:
        """What breaks the contract in `row`; the paths in `unavailable` are not looked at."""
        found = _record(row, "", self._fields, self._names)
        if not unavailable:
            return tuple(found)
        return tuple(violation for violation in found if not _is_under(violation.path, unavailable))

    def change(self, envelope: Envelope) -> tuple[Violation, ...]:
        """What breaks the contract in a change: its operation against the dataset's kind, and the row after it.

        An event dataset is only appended to.  A deletion is not checked beyond its operation: its row has gone.
        """
        if self._kind is Kind.EVENT and envelope.op not in (Op.CREATE, Op.READ):
            return (Violation("operation"),)
        if envelope.op in (Op.DELETE, Op.TRUNCATE):
            return ()
        if envelope.after is None:
            return (Violation("row-missing"),)
        return self.row(envelope.after, envelope.unavailable)


def _record(
    row: Any,
    prefix: str,
    fields: Sequence[tuple[Field, _Check]],
    names: frozenset[str],
) -> Iterator[Violation]:
    if not isinstance(row, dict):
        yield Violation("type", prefix.rstrip("."))
        return
    for field, check in fields:
        path = prefix + field.name
        value = row.get(field.name)
        if value is not None:
            yield from check(value, path)
        elif field.required:
            yield Violation("required", path)
    if not names.issuperset(row):
        yield Violation("unknown-field", prefix.rstrip("."))


def _is_under(path: str, unavailable: Collection[str]) -> bool:
    """Whether a path, or a record that holds it, is among those whose value the store did not give."""
    return any(path == missing or path.startswith(missing + ".") for missing in unavailable)


def _check_of(type_: FieldType) -> _Check:
    """The check of one type, its rules bound."""
    plain = _PLAIN.get(type_.name)
    return _plain_check(plain) if plain is not None else _RULED[type_.name](type_)


def _record_check(type_: FieldType) -> _Check:
    fields = tuple((field, _check_of(field.type)) for field in type_.fields)
    names = frozenset(field.name for field in type_.fields)
    return lambda value, path: _record(value, path + ".", fields, names)


def _plain_check(kind: type) -> _Check:
    def check(value: Any, path: str) -> Iterator[Violation]:
        if not isinstance(value, kind):
            yield Violation("type", path)

    return check


def _text_check(type_: FieldType) -> _Check:
    allowed = frozenset(type_.symbols or type_.values)
    pattern = re2.compile(type_.pattern) if type_.pattern is not None else None
    shortest = type_.characters_min or 0
    longest = type_.characters_max if type_.characters_max is not None else math.inf

    def check(value: Any, path: str) -> Iterator[Violation]:
        if not isinstance(value, str):
            yield Violation("type", path)
            return
        if allowed and value not in allowed:
            yield Violation("enum", path)
        if pattern is not None and pattern.fullmatch(value) is None:
            yield Violation("pattern", path)
        if len(value) < shortest:
            yield Violation("too-short", path)
        if len(value) > longest:
            yield Violation("too-long", path)

    return check


def _number_check(type_: FieldType) -> _Check:
    kinds: dict[TypeName, type[int | float | Decimal]] = {
        TypeName.INTEGER: int,
        TypeName.DOUBLE: float,
        TypeName.DECIMAL: Decimal,
    }
    kind = kinds[type_.name]
    least, most = (_number(bound, kind) for bound in (type_.minimum, type_.maximum))

    def check(value: Any, path: str) -> Iterator[Violation]:
        if not isinstance(value, kind) or isinstance(value, bool):
            yield Violation("type", path)
        elif not _is_finite(value):
            yield Violation("not-finite", path)
        else:
            if least is not None and value < least:
                yield Violation("too-small", path)
            if most is not None and value > most:
                yield Violation("too-large", path)
            if isinstance(value, Decimal) and _digits_over(value, type_):
                yield Violation("precision", path)

    return check


def _number(bound: float | str | None, kind: type) -> float | Decimal | None:
    """A bound as the kind of number that it is compared with: a double 0.1 is not above a maximum of 0.1."""
    if bound is None:
        return None
    return float(bound) if kind is float else Decimal(str(bound))


def _is_finite(value: float | Decimal) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) or math.isfinite(value)


def _digits_over(value: Decimal, type_: FieldType) -> bool:
    """Whether a decimal needs more digits, before or after the point, than its type has; zeros at the end need none."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = type_.scale or 0
    significant = "".join(map(str, digits)).lstrip("0")
    kept = significant.rstrip("0")
    if not kept:
        return False
    exponent += len(significant) - len(kept)
    return -exponent > scale or (type_.precision is not None and len(kept) + exponent + scale > type_.precision)


def _time_check(type_: FieldType) -> _Check:
    kind: type = datetime if type_.name is TypeName.TIMESTAMP else date
    least, most = (_moment(bound, type_.name) for bound in (type_.minimum, type_.maximum))

    def check(value: Any, path: str) -> Iterator[Violation]:
        if not _is_moment(value, kind):
            yield Violation("type", path)
            return
        if least is not None and value < least:
            yield Violation("too-small", path)
        if most is not None and value > most:
            yield Violation("too-large", path)

    return check


def _is_moment(value: Any, kind: type) -> bool:
    """A time has a zone; a date is not a time."""
    if isinstance(value, datetime):
        return kind is datetime and value.tzinfo is not None
    return isinstance(value, kind)


def _moment(bound: float | str | None, name: TypeName) -> Any:
    if bound is None:
        return None
    if name is TypeName.DATE:
        return date.fromisoformat(str(bound))
    found = datetime.fromisoformat(str(bound))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _collection_check(type_: FieldType) -> _Check:
    assert type_.items is not None
    check_item = _check_of(type_.items)
    kind = list if type_.name is TypeName.ARRAY else dict
    most = type_.items_max if type_.items_max is not None else math.inf

    def check(value: Any, path: str) -> Iterator[Violation]:
        if not isinstance(value, kind):
            yield Violation("type", path)
            return
        if len(value) < (type_.items_min or 0):
            yield Violation("too-few-items", path)
        if len(value) > most:
            yield Violation("too-many-items", path)
        for item in value.values() if isinstance(value, dict) else value:
            if item is not None:
                yield from check_item(item, path)
            elif type_.items_required:
                yield Violation("required", path)

    return check


_PLAIN: dict[TypeName, type] = {TypeName.BOOLEAN: bool, TypeName.UUID: UUID, TypeName.BYTES: bytes}
_RULED: dict[TypeName, Callable[[FieldType], _Check]] = {
    TypeName.STRING: _text_check,
    TypeName.ENUM: _text_check,
    TypeName.INTEGER: _number_check,
    TypeName.DOUBLE: _number_check,
    TypeName.DECIMAL: _number_check,
    TypeName.DATE: _time_check,
    TypeName.TIMESTAMP: _time_check,
    TypeName.ARRAY: _collection_check,
    TypeName.MAP: _collection_check,
    TypeName.RECORD: _record_check,
}
