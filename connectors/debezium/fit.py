"""A natural value as the contract's type wants it, or `Unmappable` with the reason.

Nothing is guessed: a number stands for a date or a time only where its schema says so.  Where a record has no schema the
contract decides, and what it leaves open (the unit of a time, the text form of bytes) is an option of the connector.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from connectors.debezium.encodings import (
    DIGITS_MAX,
    Bits,
    Coded,
    Unmappable,
    binary_of,
    date_of,
    day,
    instant,
    number_of,
    shallow,
    timestamp_of,
    unscaled,
    whole,
)
from connectors.decimals import fitted
from contracts.model import FieldType, TypeName

_LONG = 1 << 63
_EXACT = 1 << 53
_NUMBERS = (TypeName.INTEGER, TypeName.DECIMAL, TypeName.DOUBLE)
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_PER_SECOND = {"milliseconds": 1_000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Reading:
    """What Debezium's settings leave open where a record does not say it."""

    binary: Literal["base64", "base64-url-safe", "hex"] = "base64"
    """How text stands for bytes (`binary.handling.mode`)."""
    decimals: Literal["text", "base64"] = "text"
    """What text is for a decimal without a schema: its digits, or base64 of its unscaled value at the contract's scale."""
    times: Literal["milliseconds", "microseconds", "nanoseconds"] | None = None
    """What a number is for a timestamp without a schema; None refuses it."""
    nanoseconds: Literal["refuse", "truncate"] = "refuse"
    """What becomes of digits beyond a microsecond."""
    schema: bool = False
    """Whether the record says what its values mean; where it does, a plain number is no date."""


def fit(value: Any, type_: FieldType, reading: Reading) -> Any:
    """`value` as the contract's type."""
    if value is None:
        return None
    if type_.name in _NUMBERS and isinstance(value, Mapping) and set(value) == {"scale", "value"}:
        value = unscaled(binary_of(value["value"]), whole(value["scale"]))  # a VariableScaleDecimal without its schema
    return _FITS[type_.name](value, type_, reading)


def natural(value: Any) -> Any:
    """A natural value as plain as it can be without a contract."""
    if isinstance(value, Coded):
        return value.moment if value.moment is not None and not value.loss else value.text
    if isinstance(value, Bits):
        return _bit_text(value)
    if isinstance(value, Mapping):
        return {str(name): natural(one) for name, one in value.items()}
    return [natural(one) for one in value] if isinstance(value, list) else value


def _string(value: Any, _: FieldType, reading: Reading) -> str:
    del reading
    if isinstance(value, str):
        return value
    if isinstance(value, (Coded, Bits)):
        return value.text if isinstance(value, Coded) else _bit_text(value)
    if isinstance(value, (bool, bytes)):
        raise Unmappable(f"{_kind(value)}, and the contract says string")
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() and abs(value.adjusted()) < DIGITS_MAX else str(value)
    if isinstance(value, (Mapping, list)):
        return json.dumps(natural(value), ensure_ascii=False, separators=(",", ":"), default=_spelled)
    return _spelled(value)


def _spelled(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float):
        return _NOT_FINITE.get(str(value), repr(value))
    return value.isoformat() if isinstance(value, date) else str(value)


def _uuid(value: Any, *_: Any) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(bytes=value) if isinstance(value, bytes) else UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise Unmappable("not a UUID") from None


def _integer(value: Any, *_: Any) -> int:
    if isinstance(value, Coded):
        value = value.number  # in Debezium's unit; None for a time in text, which no whole number is
    elif isinstance(value, Bits):
        value = int.from_bytes(value.data, "little")
    elif isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        value = int(value)
    found = whole(value)
    if not -_LONG <= found < _LONG:
        raise Unmappable("a whole number outside 64 bits")
    return found


def _double(value: Any, *_: Any) -> float:
    if isinstance(value, str):
        value = number_of(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise Unmappable(f"{_kind(value)}, and the contract says double")
    if isinstance(value, int) and abs(value) > _EXACT and int(float(value)) != value:
        raise Unmappable("a whole number that no double can hold")
    try:
        return float(value)
    except OverflowError:
        raise Unmappable("a number outside doubles") from None


def _decimal(value: Any, type_: FieldType, reading: Reading) -> Decimal:
    if isinstance(value, str) and not reading.schema and reading.decimals == "base64":
        found = unscaled(binary_of(value), type_.scale or 0)
    elif isinstance(value, str):
        found = _written_number(value, reading)
    elif isinstance(value, float):
        found = number_of(repr(value))
    elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        found = Decimal(value)
    else:
        raise Unmappable(f"{_kind(value)}, and the contract says decimal")
    if not found.is_finite():
        raise Unmappable("a number that is not finite")
    exact = fitted(type_, found)
    if exact is None:
        raise Unmappable("a decimal with more digits than the contract has room for")
    return exact


def _written_number(text: str, reading: Reading) -> Decimal:
    try:
        return number_of(text)
    except Unmappable as problem:
        hint = "" if reading.schema else "; base64 needs options.schemaless.decimals"
        raise Unmappable(f"{problem}{hint}") from None


def _boolean(value: Any, *_: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, Decimal)) and value in (0, 1):  # MySQL's TINYINT(1), Oracle's NUMBER(1)
        return value == 1
    if isinstance(value, Bits) and value.length == 1:
        return any(value.data)
    raise Unmappable(f"{_kind(value)}, and the contract says boolean")


def _date(value: Any, _: FieldType, reading: Reading) -> date:
    if isinstance(value, int) and not isinstance(value, bool) and not reading.schema:
        value = day(value)
    if isinstance(value, Coded):
        value = value.moment
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date()  # Oracle's DATE and MongoDB's are times; at midnight they are dates
    if type(value) is date:
        return value
    if isinstance(value, str):
        return date_of(value)
    raise Unmappable(f"{_kind(value)}, and the contract says date")


def _timestamp(value: Any, _: FieldType, reading: Reading) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and not reading.schema:
        if reading.times is None:
            raise Unmappable("a number without a schema: say its unit in options.schemaless.times")
        value = instant(value, _PER_SECOND[reading.times])
    if isinstance(value, str):
        value = timestamp_of(value)
    if not isinstance(value, Coded) or not isinstance(value.moment, datetime):
        raise Unmappable(f"{_kind(value)}, and the contract says timestamp")
    if value.loss and reading.nanoseconds == "refuse":
        raise Unmappable("a time finer than microseconds: see options.nanoseconds")
    return value.moment


def _bytes(value: Any, _: FieldType, reading: Reading) -> bytes:
    if isinstance(value, Bits):
        return value.data
    if isinstance(value, Mapping) and "wkb" in value:
        return binary_of(value["wkb"])
    if not isinstance(value, str):
        return binary_of(value)
    if reading.binary == "base64-url-safe":
        value = value.translate(str.maketrans("-_", "+/"))
    if reading.binary != "hex":
        return binary_of(value + "=" * (-len(value) % 4) if reading.binary == "base64-url-safe" else value)
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise Unmappable("not hexadecimal") from None


def _array(value: Any, type_: FieldType, reading: Reading) -> list[Any]:
    value = _document(value, list)
    if not isinstance(value, list) or type_.items is None:
        raise Unmappable(f"{_kind(value)}, and the contract says array")
    return [fit(one, type_.items, reading) for one in value]


def _map(value: Any, type_: FieldType, reading: Reading) -> dict[str, Any]:
    value = _document(value, dict)
    if not isinstance(value, Mapping) or type_.items is None:
        raise Unmappable(f"{_kind(value)}, and the contract says map")
    return {str(name): fit(one, type_.items, reading) for name, one in value.items()}


def _record(value: Any, type_: FieldType, reading: Reading) -> dict[str, Any]:
    value = _document(value, dict)
    if not isinstance(value, Mapping):
        raise Unmappable(f"{_kind(value)}, and the contract says record")
    found = {}
    for field in type_.fields:
        try:
            found[field.name] = fit(value.get(field.name), field.type, reading)
        except Unmappable as problem:
            raise Unmappable(f"{field.name}: {problem}") from None
    return found


def _document(value: Any, kind: type) -> Any:
    """JSON in text as what it says, where the contract wants a document of that kind."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise Unmappable("text that is not JSON") from None
    return shallow(found, value) if isinstance(found, kind) else value


def _bit_text(value: Bits) -> str:
    """The bits as SQL writes them, the highest first."""
    length = value.length or len(value.data) * 8
    return f"{int.from_bytes(value.data, 'little'):0{length}b}"


def _kind(value: Any) -> str:
    """What a value is, in words; never the value."""
    for kind, word in _WORDS:
        if isinstance(value, kind):
            return word
    return "a value of another kind"


_WORDS: tuple[tuple[Any, str], ...] = (
    (bool, "true or false"),
    ((int, float, Decimal), "a number"),
    (str, "text"),
    (bytes, "bytes"),
    (Bits, "bits"),
    ((Coded, date), "a date, time or duration"),
    (list, "an array"),
    (Mapping, "a document"),
)
_FITS: dict[TypeName, Callable[[Any, FieldType, Reading], Any]] = {
    TypeName.STRING: _string,
    TypeName.ENUM: _string,
    TypeName.UUID: _uuid,
    TypeName.INTEGER: _integer,
    TypeName.DOUBLE: _double,
    TypeName.DECIMAL: _decimal,
    TypeName.BOOLEAN: _boolean,
    TypeName.DATE: _date,
    TypeName.TIMESTAMP: _timestamp,
    TypeName.BYTES: _bytes,
    TypeName.ARRAY: _array,
    TypeName.MAP: _map,
    TypeName.RECORD: _record,
}
