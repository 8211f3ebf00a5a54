"""PostgreSQL's binary forms as Python values.  A value that Python or Avro has no form for raises `Unrepresentable`."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

Reader = Callable[[bytes], Any]


class Unrepresentable(ValueError):
    """The value cannot be carried; the message says why and never shows the value."""


MALFORMED = (ValueError, LookupError, ArithmeticError, struct.error)
"""What a reader may raise over bytes that are not of its type's form, `Unrepresentable` among it."""


def malformed(exception: Exception) -> str:
    """Why a value could not be read, from what its reader raised; it never shows the value."""
    if isinstance(exception, Unrepresentable):
        return str(exception)
    return "not UTF-8" if isinstance(exception, UnicodeDecodeError) else "not of its type's form"


_INT2, _INT4, _INT8 = struct.Struct(">h"), struct.Struct(">i"), struct.Struct(">q")
_FLOAT4, _FLOAT8 = struct.Struct(">f"), struct.Struct(">d")
_NUMERIC = struct.Struct(">HhHH")
_ARRAY, _DIMENSION = struct.Struct(">iiI"), struct.Struct(">ii")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()
_NEGATIVE, _SPECIAL = 0x4000, 0xC000
_SPECIALS = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}


def read_int2(data: bytes) -> int:
    """`smallint`."""
    return int(_INT2.unpack(data)[0])


def read_int4(data: bytes) -> int:
    """`integer`."""
    return int(_INT4.unpack(data)[0])


def read_int8(data: bytes) -> int:
    """`bigint`."""
    return int(_INT8.unpack(data)[0])


def read_float4(data: bytes) -> float:
    """`real`, widened exactly."""
    return float(_FLOAT4.unpack(data)[0])


def read_float8(data: bytes) -> float:
    """`double precision`."""
    return float(_FLOAT8.unpack(data)[0])


def read_bool(data: bytes) -> bool:
    """`boolean`."""
    return data == b"\x01"


def read_text(data: bytes) -> str:
    """Every text type, enums and `json`; the session's encoding is UTF-8."""
    return data.decode()


def read_jsonb_text(data: bytes) -> str:
    """`jsonb` as its text; the first byte is the form's version."""
    if data[:1] != b"\x01":
        raise Unrepresentable("an unknown version of jsonb")
    return data[1:].decode()


def read_uuid(data: bytes) -> UUID:
    """`uuid`."""
    return UUID(bytes=bytes(data))


def read_date(data: bytes) -> date:
    """`date`."""
    try:
        return date.fromordinal(_EPOCH_DAY + int(_INT4.unpack(data)[0]))
    except (ValueError, OverflowError):
        raise Unrepresentable("an infinite date, or one outside the years 1 to 9999") from None


def read_timestamp(data: bytes) -> datetime:
    """`timestamp with time zone`, and without: that one is taken as UTC."""
    try:
        return _EPOCH + timedelta(microseconds=int(_INT8.unpack(data)[0]))
    except OverflowError:
        raise Unrepresentable("an infinite time, or one outside the years 1 to 9999") from None


def read_bytes(data: bytes) -> bytes:
    """`bytea`."""
    return bytes(data)


def read_numeric_text(data: bytes) -> str:
    """`numeric` as PostgreSQL prints it: its own scale kept, `NaN` and `Infinity` included."""
    count, weight, sign, scale = _NUMERIC.unpack_from(data)
    if sign & _SPECIAL == _SPECIAL:
        return _SPECIALS[sign]
    digits = struct.unpack_from(f">{count}H", data, 8)
    whole = "".join(f"{digits[i] if i < count else 0:04d}" for i in range(weight + 1)).lstrip("0") or "0"
    wanted = range(weight + 1, weight + 1 + (scale + 3) // 4)
    fraction = "".join(f"{digits[i] if 0 <= i < count else 0:04d}" for i in wanted)[:scale]
    return ("-" if sign == _NEGATIVE else "") + whole + ("." + fraction if scale else "")


def read_numeric(data: bytes) -> Decimal:
    """`numeric`; NaN and infinity are not representable."""
    text = read_numeric_text(data)
    if text[-1] in "Ny":
        raise Unrepresentable("a number that is not finite")
    return Decimal(text)


def read_array(element: Reader) -> Reader:
    """An array of one dimension, nulls kept."""

    def read(data: bytes) -> list[Any]:
        dimensions, _, _ = _ARRAY.unpack_from(data)
        if dimensions == 0:
            return []
        if dimensions > 1:
            raise Unrepresentable("an array of more than one dimension")
        count, _ = _DIMENSION.unpack_from(data, 12)
        found: list[Any] = []
        at = 20
        for _ in range(count):
            length = int(_INT4.unpack_from(data, at)[0])
            at += 4
            if length < 0:
                found.append(None)
            else:
                found.append(element(data[at : at + length]))
                at += length
        return found

    return read
