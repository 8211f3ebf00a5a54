"""Values of files and of JSON as a contract's types: strict, reversible, and never guessed.

`from_text` reads one cell of text, `from_value` what JSON, Avro or Parquet gave, `to_text` writes the one text of a value:
`from_text(type, to_text(value)) == value`.  What cannot be read raises `Unreadable`, whose message never holds the value.

Spellings: booleans are true/false, t/f, yes/no, y/n and 1/0 in any case; dates are YYYY-MM-DD; timestamps are RFC 3339 with an
offset (without one only where a time zone is given); decimals have no exponent; bytes are base64; arrays, maps and records
are JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from connectors.decimals import fitted
from contracts.model import FieldType, TypeName

BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?([0-9]{1,200}(\.[0-9]{0,200})?|\.[0-9]{1,200})", re.ASCII)
_DOUBLE = re.compile(r"[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,4})?", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})?", re.ASCII
)
_LONG = 2**63
_NESTED = (TypeName.ARRAY, TypeName.MAP, TypeName.RECORD)


class Unreadable(Exception):
    """A value is not of its type.  The message says what was wanted, never what was there."""


def from_text(type_: FieldType, text: str, zone: tzinfo | None = None) -> Any:
    """The value that a text stands for; `zone` is that of timestamps without an offset.  Raises `Unreadable`."""
    if type_.name in _NESTED:
        return from_value(type_, json_of(text), zone)
    return _TEXTS[type_.name](type_, text, zone)


def from_value(type_: FieldType, value: Any, zone: tzinfo | None = None) -> Any:
    """A value that JSON, Avro or Parquet gave, as the type's own; null stays null.  Raises `Unreadable`.

    A record's members that the type does not know are `Unreadable`; those that it lacks are null (see `absent`).
    """
    if value is None:
        return None
    match type_.name:
        case TypeName.ARRAY:
            return [_item(type_, item, zone) for item in _wanted(value, list)]
        case TypeName.MAP:
            return {name: _item(type_, item, zone) for name, item in _mapping(value).items()}
        case TypeName.RECORD:
            found = _wanted(value, dict)
            if not {field.name for field in type_.fields}.issuperset(found):
                raise Unreadable("a member that the contract does not know")
            return {field.name: from_value(field.type, found.get(field.name), zone) for field in type_.fields}
        case _:
            return _scalar(type_, value, zone)


def absent(type_: FieldType, value: Any, path: str) -> list[str]:
    """The dotted paths of a record's members that `value` does not have, at any depth of records."""
    if type_.name is not TypeName.RECORD or not isinstance(value, dict):
        return []
    found = []
    for field in type_.fields:
        inner = f"{path}.{field.name}"
        found += absent(field.type, value[field.name], inner) if field.name in value else [inner]
    return found


def to_text(value: Any) -> str:
    """The one text of a scalar value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return repr(value) if isinstance(value, float) else str(value)


def json_of(text: str | bytes) -> Any:
    """JSON, strictly: no member twice, no NaN, no lone surrogates; numbers with a point are exact.  Raises `Unreadable`."""
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_object)
        json.dumps(found, ensure_ascii=False, default=str).encode()
    except Unreadable:
        raise
    except (ValueError, RecursionError, ArithmeticError):
        raise Unreadable("not JSON") from None
    return found


def _item(type_: FieldType, item: Any, zone: tzinfo | None) -> Any:
    assert type_.items is not None
    return from_value(type_.items, item, zone)


def _wanted(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise Unreadable("not a list" if kind is list else "not an object")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    """A map; Parquet gives pairs."""
    if isinstance(value, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        value = dict(value)
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise Unreadable("not an object")
    return value


def _scalar(type_: FieldType, value: Any, zone: tzinfo | None) -> Any:
    """One value that is not text where its type is not text."""
    if isinstance(value, datetime) and type_.name is TypeName.TIMESTAMP:
        return _in_utc(value, zone)
    if isinstance(value, str) and type_.name in _FROM_STRINGS:
        return _TEXTS[type_.name](type_, value, zone)
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and type_.name is TypeName.DECIMAL:
        return _fits(type_, Decimal(value))
    if isinstance(value, int | Decimal | float) and not isinstance(value, bool) and type_.name is TypeName.DOUBLE:
        return _finite(value)
    if isinstance(value, bool) != (type_.name is TypeName.BOOLEAN) or isinstance(value, datetime):
        raise Unreadable(_WANTED[type_.name])  # Python's booleans are integers, and its times are dates
    if type_.name is TypeName.INTEGER and isinstance(value, int):
        return _in_long(value)
    if not isinstance(value, _NATIVE[type_.name]):
        raise Unreadable(_WANTED[type_.name])
    return value


def _in_long(value: int) -> int:
    if not -_LONG <= value < _LONG:
        raise Unreadable("an integer beyond 64 bits")
    return value


def _finite(value: float | Decimal) -> float:
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise Unreadable("a number that is not finite")
    return found


def _read_decimal(type_: FieldType, text: str, _zone: tzinfo | None) -> Decimal:
    return _fits(type_, Decimal(_matched(_DECIMAL, text, TypeName.DECIMAL)))


def _fits(type_: FieldType, value: Decimal) -> Decimal:
    """The decimal, if its type has the digits for it: it is never rounded."""
    if not value.is_finite():
        raise Unreadable("a number that is not finite")
    found = fitted(type_, value)
    if found is None:
        raise Unreadable("a decimal with more digits than its type has")
    return found


def _read_boolean(_type: FieldType, text: str, _zone: tzinfo | None) -> bool:
    found = BOOLEANS.get(text.lower())
    if found is None:
        raise Unreadable(_WANTED[TypeName.BOOLEAN])
    return found


def _read_uuid(_type: FieldType, text: str, _zone: tzinfo | None) -> UUID:
    return UUID(_matched(_UUID, text, TypeName.UUID))


def _read_date(_type: FieldType, text: str, _zone: tzinfo | None) -> date:
    try:
        return date.fromisoformat(_matched(_DATE, text, TypeName.DATE))
    except ValueError:
        raise Unreadable("a day that is in no calendar") from None


def _read_timestamp(_type: FieldType, text: str, zone: tzinfo | None) -> datetime:
    matched = _matched(_TIMESTAMP, text, TypeName.TIMESTAMP).upper()
    try:
        found = datetime.fromisoformat(matched)
    except ValueError:
        raise Unreadable("a time that is in no calendar") from None
    return _in_utc(found, zone)


def _in_utc(value: datetime, zone: tzinfo | None) -> datetime:
    """A time in UTC; a local one that does not exist, or exists twice, is not guessed."""
    if value.tzinfo is None:
        if zone is None:
            raise Unreadable("a time without an offset (the option time_zone would give it one)")
        first, second = (value.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
        if first != second:
            raise Unreadable("a local time that the clocks skipped or showed twice")
        value = value.replace(tzinfo=zone)
    offset = value.utcoffset()
    try:
        return (value.replace(tzinfo=None) - (offset or timedelta())).replace(tzinfo=UTC, fold=0)
    except OverflowError:
        raise Unreadable("a time outside the years 1 to 9999") from None


def _read_bytes(_type: FieldType, text: str, _zone: tzinfo | None) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(_WANTED[TypeName.BYTES]) from None


def _read_enum(type_: FieldType, text: str, _zone: tzinfo | None) -> str:
    if text not in type_.symbols:
        raise Unreadable("not one of the permitted values")
    return text


def _matched(pattern: re.Pattern[str], text: str, name: TypeName) -> str:
    if not pattern.fullmatch(text):
        raise Unreadable(_WANTED[name])
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a member that stands twice")
    return found


def _no_constant(_name: str) -> Any:
    raise Unreadable("a number that is not finite")


_TEXTS: dict[TypeName, Callable[[FieldType, str, tzinfo | None], Any]] = {
    TypeName.STRING: lambda _type, text, _zone: text,
    TypeName.ENUM: _read_enum,
    TypeName.UUID: _read_uuid,
    TypeName.INTEGER: lambda _type, text, _zone: _in_long(int(_matched(_INTEGER, text, TypeName.INTEGER))),
    TypeName.DOUBLE: lambda _type, text, _zone: _finite(float(_matched(_DOUBLE, text, TypeName.DOUBLE))),
    TypeName.DECIMAL: _read_decimal,
    TypeName.BOOLEAN: _read_boolean,
    TypeName.DATE: _read_date,
    TypeName.TIMESTAMP: _read_timestamp,
    TypeName.BYTES: _read_bytes,
}
_FROM_STRINGS = frozenset(_TEXTS) - {TypeName.INTEGER, TypeName.DOUBLE, TypeName.BOOLEAN}
"""The types that JSON writes as text; a number or a boolean in quotation marks is not one."""
_NATIVE: dict[TypeName, type | tuple[type, ...]] = {
    TypeName.STRING: str,
    TypeName.ENUM: str,
    TypeName.UUID: UUID,
    TypeName.INTEGER: int,
    TypeName.DOUBLE: float,
    TypeName.DECIMAL: Decimal,
    TypeName.BOOLEAN: bool,
    TypeName.DATE: date,
    TypeName.TIMESTAMP: datetime,
    TypeName.BYTES: bytes,
}
_WANTED = {
    TypeName.STRING: "not text",
    TypeName.ENUM: "not one of the permitted values",
    TypeName.UUID: "not a UUID",
    TypeName.INTEGER: "not an integer",
    TypeName.DOUBLE: "not a number",
    TypeName.DECIMAL: "not a decimal",
    TypeName.BOOLEAN: "not a boolean (true, false, t, f, yes, no, y, n, 1, 0)",
    TypeName.DATE: "not a date (YYYY-MM-DD)",
    TypeName.TIMESTAMP: "not a timestamp (RFC 3339)",
    TypeName.BYTES: "not base64",
}
