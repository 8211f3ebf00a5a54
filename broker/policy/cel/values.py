"""The values of the row-filter language, and what equality and order mean on them.

They are Python's None, bool, int (64 bits), float, str, bytes, list and dict, and the three classes here.
TOTAL: no operation raises; what has no answer is an `Error` value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

SECOND = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMESTAMP_MIN = -62_135_596_800 * SECOND
TIMESTAMP_MAX = 253_402_300_799 * SECOND + 999_999_999
DURATION_MAX = 315_576_000_000 * SECOND


@dataclass(frozen=True, slots=True)
class Error:
    """No value: the stable code of the reason.  It never holds anything of the row."""

    code: str

    def __bool__(self) -> bool:
        """An error is never true, so that nothing is shared by mistake (DEFAULT-DENY)."""
        return False


NO_OVERLOAD = Error("no-such-overload")
NO_FIELD = Error("no-such-field")
NO_VARIABLE = Error("no-such-variable")
NO_FUNCTION = Error("no-such-function")
ABSENT = Error("absent")
UNAVAILABLE = Error("unavailable")
OUT_OF_RANGE = Error("out-of-range")
BAD_ARGUMENT = Error("bad-argument")
BROKEN = Error("failed")


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """An instant: nanoseconds since 1970 in UTC, within the years 1 to 9999."""

    nanoseconds: int

    def local(self, offset: timedelta = timedelta()) -> datetime:
        """The calendar time at `offset`, to the microsecond; raises OverflowError outside the years 1 to 9999."""
        return (EPOCH + timedelta(microseconds=self.nanoseconds // 1000) + offset).replace(tzinfo=None)


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in nanoseconds."""

    nanoseconds: int


_NUMBERS = (int, float)
_KEYS = (bool, int, float, str)
_ORDERED = frozenset({bool, str, bytes, Timestamp, Duration})


def equal(left: Any, right: Any) -> bool:
    """Equality across types: values of different kinds differ, lists and maps are equal by member.

    An integer and a double are compared as doubles, as the language has it: it rounds the integer to the nearest.
    """
    kind, other = type(left), type(right)
    if kind is other:
        if kind is list:
            return len(left) == len(right) and all(map(equal, left, right))
        if kind is dict:
            return len(left) == len(right) and all(_holds(right, key, value) for key, value in left.items())
        return bool(left == right)
    return kind in _NUMBERS and other in _NUMBERS and float(left) == float(right)


def _holds(mapping: dict[Any, Any], key: Any, value: Any) -> bool:
    return key in mapping and equal(mapping[key], value)


def comparable(left: Any, right: Any) -> bool:
    """Whether order is defined between the two: numbers with each other, else one ordered type."""
    kind, other = type(left), type(right)
    return (kind is other and kind in _ORDERED) or (kind in _NUMBERS and other in _NUMBERS)


def ordered(order: Callable[[Any, Any], Any], left: Any, right: Any) -> bool | Error:
    """`left` before or after `right`, as `order` says; an integer and a double are compared as doubles, as in `equal`."""
    if not comparable(left, right):
        return NO_OVERLOAD
    return bool(order(left, right) if type(left) is type(right) else order(float(left), float(right)))


def contains(element: Any, collection: Any) -> bool | Error:
    """`element in collection` for lists (by `equal`) and maps (by key; what can be no key is an error)."""
    if type(collection) is list:
        return any(equal(element, member) for member in collection)
    if type(collection) is dict and type(element) in _KEYS:
        return any(equal(element, key) for key in collection)
    return NO_OVERLOAD


def of_python(value: Any) -> Any:
    """A decoded value as a value of the language; dates are midnight in UTC, decimals the nearest double."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str, bytes, Timestamp, Duration):
        return value
    convert = _CONVERSIONS.get(kind)
    return NO_OVERLOAD if convert is None else convert(value)


def of_datetime(value: datetime) -> Any:
    """An instant; a time without a zone is in UTC."""
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return Timestamp((aware - EPOCH) // timedelta(microseconds=1) * 1000)


def of_date(value: date) -> Any:
    """The instant at which a day begins in UTC."""
    return Timestamp((value - EPOCH.date()).days * 86_400 * SECOND)


def _list(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    return [of_python(member) for member in value]


def _dict(value: dict[Any, Any]) -> dict[Any, Any]:
    return {key: of_python(member) for key, member in value.items()}


_CONVERSIONS: dict[type, Any] = {
    datetime: of_datetime,
    date: of_date,
    timedelta: lambda value: Duration(value // timedelta(microseconds=1) * 1000),
    Decimal: float,
    UUID: str,
    list: _list,
    tuple: _list,
    dict: _dict,
}
