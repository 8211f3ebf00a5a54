"""PostgreSQL's text forms (ISO dates, hexadecimal bytea) as Python values, for types whose binary form is not read."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from connectors.postgresql.binary import Reader, Unrepresentable

_FLOAT4 = struct.Struct(">f")


def read_integer(data: bytes) -> int:
    """Any integer type."""
    return int(data)


def read_float4(data: bytes) -> float:
    """`real`, widened exactly, as its binary form is."""
    return float(_FLOAT4.unpack(_FLOAT4.pack(float(data)))[0])


def read_float8(data: bytes) -> float:
    """`double precision`."""
    return float(data)


def read_bool(data: bytes) -> bool:
    """`boolean`: `t` or `f`; a cast to text writes `true` and `false`."""
    return data[:1] == b"t"


def read_text(data: bytes) -> str:
    """Any type at all, as PostgreSQL prints it."""
    return data.decode()


def read_numeric(data: bytes) -> Decimal:
    """`numeric`; NaN and infinity are not representable."""
    found = Decimal(data.decode())
    if not found.is_finite():
        raise Unrepresentable("a number that is not finite")
    return found


def read_uuid(data: bytes) -> UUID:
    """`uuid`."""
    return UUID(data.decode())


def read_date(data: bytes) -> date:
    """`date` in the style ISO."""
    try:
        return date.fromisoformat(data.decode())
    except ValueError:
        raise Unrepresentable("an infinite date, or one outside the years 1 to 9999") from None


def read_timestamp(data: bytes) -> datetime:
    """A timestamp in the style ISO; without a zone it is taken as UTC."""
    try:
        found = datetime.fromisoformat(data.decode())
    except ValueError:
        raise Unrepresentable("an infinite time, or one outside the years 1 to 9999") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def read_bytes(data: bytes) -> bytes:
    """`bytea` in hexadecimal."""
    if data[:2] != b"\\x":
        raise Unrepresentable("a bytea that is not in hexadecimal")
    return bytes.fromhex(data[2:].decode())


def read_array(element: Reader) -> Reader:
    """An array of one dimension, nulls kept: `{a,"b c",NULL}`."""

    def read(data: bytes) -> list[Any]:
        text = data.decode()
        if text[:1] != "{" or text[1:2] == "{":
            raise Unrepresentable("an array of more than one dimension, or with bounds of its own")
        return [None if item is None else element(item.encode()) for item in _items(text[1:-1])]

    return read


def _items(text: str) -> list[str | None]:
    found: list[str | None] = []
    at = 0
    while at < len(text):
        item, at, quoted = _quoted(text, at + 1) if text[at] == '"' else _bare(text, at)
        found.append(None if item == "NULL" and not quoted else item)
        at += 1  # the comma
    return found


def _quoted(text: str, at: int) -> tuple[str, int, bool]:
    parts: list[str] = []
    while text[at] != '"':
        at += text[at] == "\\"
        parts.append(text[at])
        at += 1
    return "".join(parts), at + 1, True


def _bare(text: str, at: int) -> tuple[str, int, bool]:
    end = text.find(",", at)
    end = len(text) if end < 0 else end
    return text[at:end], end, False
