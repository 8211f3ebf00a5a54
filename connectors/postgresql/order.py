"""The order in which a snapshot reads a table's rows, so that the stream's keys can be compared with it.

PostgreSQL and Python must agree on it exactly: numbers compare as numbers, texts by code point (collation "C").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psycopg import sql

from connectors.postgresql import binary, moments, texts
from connectors.postgresql.binary import MALFORMED, Unrepresentable, malformed
from connectors.postgresql.columns import BINARY, NULL, UNCHANGED, Column, Value
from connectors.postgresql.position import Key

_Part = int | str
_TEXTS = frozenset({"text", "varchar", "name", "citext"})
_INTEGERS = {"int2": binary.read_int2, "int4": binary.read_int4, "int8": binary.read_int8}


@dataclass(frozen=True, slots=True)
class Ordering:
    """How one key column is ordered: the SQL expression (`{0}` is the column), a literal's cast, and both readers."""

    expression: str
    cast: str
    text: Callable[[bytes], _Part]
    binary: Callable[[bytes], _Part]


def ordering(column: Column) -> Ordering | None:
    """The order of one key column; None for a type whose order we cannot repeat."""
    name = column.type.name
    if column.type.enum or name == "bool":
        return Ordering('{0}::text COLLATE "C"', "text", _truth if name == "bool" else _code, _code_of(name))
    if name == "bpchar":
        return Ordering('{0}::text COLLATE "C"', "text", _unpadded, _unpadded)
    if name in _TEXTS:
        plain = column.plain_order and name != "citext"
        return Ordering("{0}" if plain else '{0}::text COLLATE "C"', name if plain else "text", _code, _code)
    if name in _INTEGERS:
        return Ordering("{0}", "bigint", int, _INTEGERS[name])
    return _FURTHER.get(name)


class KeyOrder:
    """The order over all key columns of a table."""

    def __init__(self, key: Sequence[Column], columns: Sequence[str]) -> None:
        self._parts = [(columns.index(column.name), _required(column)) for column in key]
        self._names = [column.name for column in key]

    def key(self, values: Sequence[Value]) -> Key | None:
        """Where a tuple stands in the order; None when a part of the key is null or not there.

        Raises `Unrepresentable` for a part that cannot be read.
        """
        found: list[_Part] = []
        for place, part in self._parts:
            kind, data = values[place]
            if kind in (NULL, UNCHANGED):
                return None
            try:
                found.append(part.binary(data) if kind == BINARY else part.text(data))
            except MALFORMED as exception:
                raise Unrepresentable(malformed(exception)) from None
        return tuple(found)

    def expressions(self) -> sql.Composed:
        """The key as a list of SQL expressions, for ORDER BY."""
        pairs = zip(self._names, self._parts, strict=True)
        return sql.SQL(", ").join(_expression(part, name) for name, (_, part) in pairs)

    def after(self, last: Key) -> sql.Composed:
        """The condition that a row comes after `last`."""
        pairs = zip(last, self._parts, strict=True)
        literals = sql.SQL(", ").join(
            sql.SQL("{}::{}").format(sql.Literal(str(value)), sql.SQL(part.cast)) for value, (_, part) in pairs
        )
        return sql.SQL("({}) > ({})").format(self.expressions(), literals)


def _required(column: Column) -> Ordering:
    found = ordering(column)
    assert found is not None, "check refused this key"
    return found


def _expression(part: Ordering, name: str) -> sql.Composed:
    return sql.SQL(part.expression).format(sql.Identifier(name))


def _code(data: bytes) -> str:
    return data.decode()


def _unpadded(data: bytes) -> str:
    return data.decode().rstrip(" ")


def _truth(data: bytes) -> str:
    return "true" if texts.read_bool(data) else "false"


def _code_of(name: str) -> Callable[[bytes], _Part]:
    return (lambda data: "true" if binary.read_bool(data) else "false") if name == "bool" else _code


def _instant_of(data: bytes) -> int:
    value = binary.read_int8(data)
    return value if value in moments.MICROSECONDS else value + 946_684_800_000_000


_INSTANT = Ordering(
    "CASE WHEN isfinite({0}) THEN (extract(epoch from {0}) * 1000000)::bigint"
    " WHEN {0} > 'epoch' THEN 9223372036854775807 ELSE -9223372036854775808 END",
    "bigint",
    moments.microseconds,
    _instant_of,
)
_FURTHER = {
    "uuid": Ordering("{0}", "uuid", _code, lambda data: str(binary.read_uuid(data))),
    "numeric": Ordering('{0}::text COLLATE "C"', "text", _code, binary.read_numeric_text),
    "timestamptz": _INSTANT,
    "timestamp": _INSTANT,
    "date": Ordering(
        "CASE WHEN isfinite({0}) THEN {0} - DATE '2000-01-01' WHEN {0} > 'epoch' THEN 2147483647 ELSE -2147483648 END",
        "bigint",
        moments.days,
        binary.read_int4,
    ),
}
