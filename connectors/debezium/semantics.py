"""What an encoded value means: Debezium's and Connect's semantic types as natural Python values.

`meaning(raw, shape)` needs the schema; a value without one stays as JSON has it and the contract decides (`fit`).  A number
that stands for a time keeps its encoded number in `raw`.  Raises `Unmappable` for what cannot be read; its text never has a value.
`docs/formats/debezium-mapping.md` is the table of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from connectors.debezium.encodings import (
    DIGITS_MAX,
    EPOCH_DAY,
    Bits,
    Coded,
    Unmappable,
    binary_of,
    clock_time,
    date_of,
    day,
    duration,
    instant,
    number_of,
    timestamp_of,
    unscaled,
    whole,
)
from connectors.debezium.shape import Shape


def meaning(raw: Any, shape: Shape | None) -> Any:
    """The natural value of `raw`; raises `Unmappable`."""
    if raw is None or shape is None:
        return raw
    named = SEMANTICS.get(shape.name)
    if named is not None:
        return named(raw, shape)
    plain = _PLAIN.get(shape.type)
    return raw if plain is None else plain(raw, shape)


def _scale(shape: Shape) -> int:
    try:
        scale = int(shape.parameters.get("scale", "0"))
    except ValueError:
        raise Unmappable("a decimal whose schema has no scale") from None
    if abs(scale) > DIGITS_MAX:
        raise Unmappable("a decimal whose scale is out of range")
    return scale


def _decimal(raw: Any, shape: Shape) -> Any:
    if isinstance(raw, (int, Decimal)) and not isinstance(raw, bool):
        return Decimal(raw)  # the converter's decimal.format=NUMERIC
    if isinstance(raw, float):
        return number_of(repr(raw))
    return unscaled(binary_of(raw), _scale(shape))


def _variable_decimal(raw: Any, _: Shape) -> Decimal:
    if not isinstance(raw, Mapping) or "value" not in raw:
        raise Unmappable("not a scale and a value")
    scale = whole(raw.get("scale", 0))
    if abs(scale) > DIGITS_MAX:
        raise Unmappable("a decimal whose scale is out of range")
    return unscaled(binary_of(raw["value"]), scale)


def _bits(raw: Any, shape: Shape) -> Bits:
    length = shape.parameters.get("length", "")
    return Bits(binary_of(raw), int(length) if length.isdecimal() and len(length) < 9 else 0)


def _members(raw: Any, shape: Shape) -> list[str]:
    if isinstance(raw, list):
        return raw
    del shape
    return [one for one in _text(raw).split(",") if one]


def _text(raw: Any, _: Shape | None = None) -> str:
    if not isinstance(raw, str):
        raise Unmappable("not text")
    return raw


def _iso_date(raw: Any, _: Shape) -> Coded:
    found = date_of(_text(raw))
    return Coded(found.isoformat(), found.toordinal() - EPOCH_DAY, found)


def _struct(raw: Any, shape: Shape) -> Any:
    if not isinstance(raw, Mapping):
        raise Unmappable("not a struct")
    return {name: meaning(value, shape.member(name)) for name, value in raw.items()}


def _array(raw: Any, shape: Shape) -> Any:
    if not isinstance(raw, list):
        raise Unmappable("not an array")
    return [meaning(one, shape.items) for one in raw]


def _map(raw: Any, shape: Shape) -> Any:
    """A map; with keys other than text, JSON has it as a list of pairs and Avro as a list of records."""
    if isinstance(raw, list):
        raw = dict(_pairs(raw))
    if not isinstance(raw, Mapping):
        raise Unmappable("not a map")
    return {str(key): meaning(value, shape.items) for key, value in raw.items()}


def _float(raw: Any, _: Shape) -> float:
    if isinstance(raw, str):
        return float(number_of(raw))
    if isinstance(raw, bool) or not isinstance(raw, (int, float, Decimal)):
        raise Unmappable("not a number")
    return float(raw)


def _boolean(raw: Any, _: Shape) -> bool:
    if raw in ("true", "false"):
        return bool(raw == "true")
    if not isinstance(raw, bool):
        raise Unmappable("not true or false")
    return raw


def _pairs(raw: list[Any]) -> list[tuple[Any, Any]]:
    found = []
    for one in raw:
        if isinstance(one, list) and len(one) == 2:
            found.append((one[0], one[1]))
        elif isinstance(one, Mapping) and set(one) == {"key", "value"}:
            found.append((one["key"], one["value"]))
        else:
            raise Unmappable("not a map")
    return found


_MILLISECONDS, _MICROSECONDS, _NANOSECONDS = 1_000, 1_000_000, 1_000_000_000
_Read = Callable[[Any, Shape], Any]
_CONNECT, _TIME, _DATA = "org.apache.kafka.connect.data.", "io.debezium.time.", "io.debezium.data."
SEMANTICS: dict[str, _Read] = {
    _CONNECT + "Decimal": _decimal,
    _CONNECT + "Date": lambda raw, _: day(whole(raw)),
    _CONNECT + "Time": lambda raw, _: clock_time(whole(raw), _MILLISECONDS),
    _CONNECT + "Timestamp": lambda raw, _: instant(whole(raw), _MILLISECONDS),
    _TIME + "Date": lambda raw, _: day(whole(raw)),
    _TIME + "Time": lambda raw, _: clock_time(whole(raw), _MILLISECONDS),
    _TIME + "MicroTime": lambda raw, _: clock_time(whole(raw), _MICROSECONDS),
    _TIME + "NanoTime": lambda raw, _: clock_time(whole(raw), _NANOSECONDS),
    _TIME + "Timestamp": lambda raw, _: instant(whole(raw), _MILLISECONDS),
    _TIME + "MicroTimestamp": lambda raw, _: instant(whole(raw), _MICROSECONDS),
    _TIME + "NanoTimestamp": lambda raw, _: instant(whole(raw), _NANOSECONDS),
    _TIME + "ZonedTimestamp": lambda raw, _: timestamp_of(_text(raw)),
    _TIME + "IsoTimestamp": lambda raw, _: timestamp_of(_text(raw)),
    _TIME + "ZonedTime": _text,
    _TIME + "IsoTime": _text,
    _TIME + "IsoDate": _iso_date,
    _TIME + "Interval": _text,
    _TIME + "MicroDuration": lambda raw, _: duration(whole(raw), _MICROSECONDS),
    _TIME + "NanoDuration": lambda raw, _: duration(whole(raw), _NANOSECONDS),
    _TIME + "Year": lambda raw, _: whole(raw),
    _DATA + "VariableScaleDecimal": _variable_decimal,
    _DATA + "Bits": _bits,
    _DATA + "EnumSet": _members,
}
"""Semantic types whose encoding is not their natural value; Json, Xml, Uuid, Enum, Ltree, TsVector, geometries and vectors are plain."""

_PLAIN: dict[str, _Read] = {
    "int8": lambda raw, _: whole(raw),
    "int16": lambda raw, _: whole(raw),
    "int32": lambda raw, _: whole(raw),
    "int64": lambda raw, _: whole(raw),
    "float32": _float,
    "float": _float,
    "float64": _float,
    "double": _float,
    "boolean": _boolean,
    "string": _text,
    "bytes": lambda raw, _: binary_of(raw),
    "struct": _struct,
    "array": _array,
    "map": _map,
}
