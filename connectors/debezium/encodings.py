"""The encodings themselves: numbers and texts that stand for dates, times, durations, decimals and bytes.

Each is a function of its own, without a schema; `semantics` says which belongs to which type.  Raises `Unmappable` for what
cannot be read; its text says why, never what.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?")
_TIMESTAMP = re.compile(
    r"([+-]?\d{4,9}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?\s?(Z|z|[+-]\d\d(?::?\d\d)?)?"
)
_ZONE = re.compile(r"(Z|[+-]\d\d:\d\d)$")
NESTING_MAX = 100
DIGITS_MAX = 4_000
"""Longer numbers are refused: turning digits into numbers takes quadratic time."""


class Unmappable(ValueError):
    """A value that has no form in the contract's type; its text says why, never what."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A value that stands encoded as a number (a time, a duration), or as text that is no plain text (a time with offset)."""

    text: str
    """In ISO 8601."""
    number: int | None
    """As Debezium encoded it; None for one in text."""
    moment: date | datetime | None = None
    """The date or time that it is, if it is one."""
    loss: bool = False
    """Whether `moment` lacks digits that the value has (nanoseconds)."""


@dataclass(frozen=True, slots=True)
class Bits:
    """A bit string: its bytes, little-endian, and how many bits it has (0: not known)."""

    data: bytes
    length: int


def day(number: int) -> Coded:
    """Days since 1970-01-01."""
    try:
        found = date.fromordinal(number + EPOCH_DAY)
    except (ValueError, OverflowError):
        raise Unmappable("a date outside the years 1 to 9999") from None
    return Coded(found.isoformat(), number, found)


def instant(number: int, per_second: int) -> Coded:
    """Units since 1970-01-01T00:00:00Z, `per_second` of them a second; finer than microseconds is kept in the text."""
    seconds, part = divmod(number, per_second)
    nanoseconds = part * (1_000_000_000 // per_second)
    try:
        moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    except OverflowError:
        raise Unmappable("a time outside the years 1 to 9999") from None
    if nanoseconds % 1000:
        text = moment.replace(microsecond=0, tzinfo=None).isoformat() + f".{nanoseconds:09d}Z"
        return Coded(text, number, moment, loss=True)
    return Coded(_iso(moment), number, moment)


def clock_time(number: int, per_second: int) -> Coded:
    """A time of day, or MySQL's TIME beyond one, in units of which `per_second` make a second."""
    sign = "-" if number < 0 else ""
    seconds, part = divmod(abs(number), per_second)
    fraction = f"{part:0{len(str(per_second)) - 1}d}".rstrip("0")
    text = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return Coded(text + (f".{fraction}" if fraction else ""), number)


def duration(number: int, per_second: int) -> Coded:
    """A length of time as ISO 8601, in seconds; Debezium counts a month as 30.4375 days in it."""
    seconds, part = divmod(abs(number), per_second)
    fraction = f"{part:0{len(str(per_second)) - 1}d}".rstrip("0")
    text = f"{'-' if number < 0 else ''}PT{seconds}{'.' + fraction if fraction else ''}S"
    return Coded(text, number)


def timestamp_of(text: str) -> Coded:
    """A time in text with its offset, as ZonedTimestamp and IsoTimestamp have it."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise Unmappable("not a time with date and offset")
    day_text, clock_text, fraction, zone = found.groups()
    if zone is None:
        raise Unmappable("a time without an offset")
    digits = (fraction or "").ljust(9, "0")
    zone = "+00:00" if zone in "Zz" else zone if len(zone) > 3 else f"{zone}:00"
    try:
        seconds = clock_text if len(clock_text) > 5 else f"{clock_text}:00"
        moment = datetime.fromisoformat(f"{day_text}T{seconds}.{digits[:6]}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unmappable("a time outside the years 1 to 9999") from None
    return Coded(text, None, moment, loss=digits[6:] != "000")


def date_of(text: str) -> date:
    """A date in text, with or without an offset (IsoDate writes one)."""
    try:
        return date.fromisoformat(_ZONE.sub("", text) if len(text) > 10 else text)
    except ValueError:
        raise Unmappable("not a date") from None


def number_of(text: str) -> Decimal:
    """A decimal number in text; NaN and infinities included, as Debezium spells them."""
    special = {"nan": "NaN", "infinity": "Infinity", "+infinity": "Infinity", "-infinity": "-Infinity"}.get(
        text.lower()
    )
    if special is None and (not _NUMBER.fullmatch(text) or len(text) > DIGITS_MAX):
        raise Unmappable("not a decimal number")
    try:
        return Decimal(special or text)
    except InvalidOperation:
        raise Unmappable("not a decimal number") from None


def unscaled(data: bytes, scale: int) -> Decimal:
    """The decimal whose unscaled value is `data`, big-endian two's complement."""
    if len(data) > DIGITS_MAX // 3 or abs(scale) > DIGITS_MAX:
        raise Unmappable("a decimal of too many digits")
    value = int.from_bytes(data, "big", signed=True)
    return Decimal((int(value < 0), tuple(map(int, str(abs(value)))), -scale))


def binary_of(raw: Any) -> bytes:
    """Bytes as they are, or in base64 as JSON carries them."""
    if isinstance(raw, bytes):
        return raw
    if not isinstance(raw, str):
        raise Unmappable("not bytes")
    try:
        return base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        raise Unmappable("not base64") from None


def shallow(document: Any, text: bytes | str | None = None) -> Any:
    """A document that is nested at most NESTING_MAX deep, as it is: what reads it goes into it a call at a time.

    With the JSON that it was read from, one that has not so many brackets at all is not gone through.
    """
    if text is not None and _brackets(text) <= NESTING_MAX:
        return document
    level = [document]
    for _ in range(NESTING_MAX):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        if not inner:
            return document
        level = inner
    raise Unmappable("a document that is nested too deeply")


def _brackets(text: bytes | str) -> int:
    if isinstance(text, str):
        return text.count("[") + text.count("{")
    return text.count(b"[") + text.count(b"{")


def whole(raw: Any) -> int:
    """A whole number; some converters write it as text."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and len(raw) <= 40 and re.fullmatch(r"[+-]?\d+", raw):
        return int(raw)
    if isinstance(raw, Decimal) and raw.is_finite() and raw == raw.to_integral_value() and raw.adjusted() < 40:
        return int(raw)
    raise Unmappable("not a whole number")


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds" if moment.microsecond else "seconds") + "Z"
