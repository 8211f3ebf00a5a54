"""PostgreSQL's forms turned straight into Avro's: what the generated writers (`generated`) call for a value.

Each gives the bytes that `connectors.postgresql.types` and fastavro would give together.  What it cannot do raises `NotPlain`
or another of `NOT_PLAIN`: then the whole change goes the general way, which decides what is wrong with it, if anything.
"""

from __future__ import annotations

import struct
from binascii import hexlify
from collections.abc import Callable
from functools import lru_cache

from connectors.postgresql.columns import BINARY, TEXT
from contracts.halves import NULL, SOME
from contracts.longs import MORE, SHORT, long_bytes


class NotPlain(ValueError):
    """Not for this writer; the message is for nobody."""


NOT_PLAIN = (ValueError, LookupError, ArithmeticError, TypeError, struct.error)
"""What a writer may raise over a message that is not plain: cut off, malformed, or beyond what Avro holds."""

SOME_SHORT = tuple(SOME + short for short in SHORT)
"""`SHORT` in a field that may be null."""

Form = Callable[[bytes], bytes]
"""From one value's bytes to its Avro bytes."""

_LENGTH = struct.Struct(">I").unpack_from
_NUMERIC = struct.Struct(">HhHH").unpack_from
_ARRAY = struct.Struct(">iIIii").unpack_from
_SIGNS = (0, 0x4000)
_GROUPS_MAX = 64
_FORMS_MAX = 1024
_ARRAYS_KEPT, _KEPT_BYTES_MAX = 2048, 256
_UNIX_MICROSECONDS, _UNIX_DAYS = 946_684_800_000_000, 10_957
_FIRST_INSTANT, _LAST_INSTANT = -62_135_596_800_000_000, 253_402_300_799_999_999
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_LONG_MIN, _LONG_MAX = -(1 << 63), (1 << 63) - 1


@lru_cache(maxsize=4096)
def day(value: int) -> bytes:
    """`date`, in days since 2000: days since 1970; NotPlain outside the years 1 to 9999, which Python's dates have."""
    value += _UNIX_DAYS
    if not _FIRST_DAY <= value <= _LAST_DAY:
        raise NotPlain
    return long_bytes(value)


def instant(value: int) -> bytes:
    """`timestamp`, in microseconds since 2000: microseconds since 1970; NotPlain outside the years 1 to 9999."""
    value += _UNIX_MICROSECONDS
    if 1 << 48 <= value < 1 << 55:  # from 1978 to 3111 it is eight bytes, which are put together here and now
        low, high = (value & (1 << 27) - 1) << 1, value >> 27
        return MORE[low & 0x3FFF] + MORE[low >> 14] + MORE[high & 0x3FFF] + SHORT[high >> 14]
    if not _FIRST_INSTANT <= value <= _LAST_INSTANT:
        raise NotPlain
    return long_bytes(value)


def uuid_text(data: bytes) -> bytes:
    """The 16 bytes of a `uuid` as a string of 36 characters."""
    digits = hexlify(data, b"-", 2)  # a dash after every second byte: the first one and the last two are too many
    return b"H" + digits[:4] + digits[5:29] + digits[30:34] + digits[35:]  # H is 36, zigzag


def printed_integer(data: bytes) -> bytes:
    """An integer in its text form."""
    value = int(data)
    if not _LONG_MIN <= value <= _LONG_MAX:
        raise NotPlain
    return long_bytes(value)


def decimal_form(precision: int, scale: int) -> Form:
    """`numeric` as a decimal of the contract: its unscaled number, big-endian, as few bytes as it needs."""
    forms = _DecimalForms(precision, scale)

    def write(data: bytes) -> bytes:
        return forms[data[:8]](data)

    return write


def integer_decimal_form(precision: int, scale: int) -> Callable[[int], bytes]:
    """An integer as a decimal of the contract: its unscaled number, as `decimal_form` writes it."""
    times: int = 10**scale
    limit: int = 10**precision

    def write(value: int) -> bytes:
        return _unscaled(value * times, limit)

    return write


class _DecimalForms(dict[bytes, Form]):
    """A form for each beginning of a `numeric`: how many groups of four digits, their weight, the sign, the digits after the point."""

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__()
        self._precision, self._scale = precision, scale

    def __missing__(self, head: bytes) -> Form:
        count, weight, sign, shown = _NUMERIC(head)
        if sign not in _SIGNS or shown > self._scale or not -_GROUPS_MAX < weight < _GROUPS_MAX or count > _GROUPS_MAX:
            raise NotPlain
        power = 4 * (weight - count + 1) + shown
        form = _groups_form(
            count,
            divided=10 ** max(-power, 0),  # cuts off zeros that are only there to fill a group
            times=(-1 if sign else 1) * 10 ** (max(power, 0) + self._scale - shown),
            limit=10**self._precision,
        )
        if len(self) < _FORMS_MAX:
            self[head] = form
        return form


def _groups_form(count: int, divided: int, times: int, limit: int) -> Form:
    """From `count` groups of four digits to the unscaled number, which stays below `limit` whatever its sign."""
    unpack = struct.Struct(f">{count}H").unpack_from

    def write(data: bytes) -> bytes:
        number = 0
        for group in unpack(data, 8):
            if group > 9999:
                raise NotPlain
            number = number * 10_000 + group
        return _unscaled(number // divided * times, limit)

    def write_two(data: bytes) -> bytes:
        first, second = unpack(data, 8)
        if first > 9999 or second > 9999:
            raise NotPlain
        return _unscaled((first * 10_000 + second) // divided * times, limit)

    def write_three(data: bytes) -> bytes:
        first, second, third = unpack(data, 8)
        if first > 9999 or second > 9999 or third > 9999:
            raise NotPlain
        return _unscaled(((first * 10_000 + second) * 10_000 + third) // divided * times, limit)

    return {2: write_two, 3: write_three}.get(count, write)


def _unscaled(number: int, limit: int) -> bytes:
    if not -limit < number < limit:
        raise NotPlain
    size = (number.bit_length() + 8) >> 3
    return SHORT[size << 1] + number.to_bytes(size, "big", signed=True)


def text_array_form(*, required: bool) -> Form:
    """An array of a text type with one dimension; `required`: none of its elements may be null."""
    some, lengths = (b"", SHORT) if required else (SOME, SOME_SHORT)

    def write(data: bytes) -> bytes:
        if data[:4] == b"\0\0\0\0":
            return b"\0"
        dimensions, _, _, count, _ = _ARRAY(data)
        if dimensions != 1 or count < 1:
            raise NotPlain
        parts, at = [long_bytes(count)], 20
        for _ in range(count):
            size = _LENGTH(data, at)[0]
            start = at + 4
            if size == 0xFFFFFFFF:
                if required:
                    raise NotPlain
                parts.append(NULL)
                at = start
                continue
            at = start + size
            text = data[start:at]
            text.isascii() or text.decode()
            parts.append((lengths[size << 1] if size < 8192 else some + long_bytes(size)) + text)
        if at > len(data):
            raise NotPlain
        parts.append(b"\0")
        return b"".join(parts)

    kept = lru_cache(maxsize=_ARRAYS_KEPT)(write)  # labels, mostly: few different ones

    def write_any(data: bytes) -> bytes:
        return kept(data) if len(data) <= _KEPT_BYTES_MAX else write(data)

    return write_any


def other(data: bytes, at: int, text: Form, binary: Form | None) -> tuple[bytes, int]:
    """The value at `at` of a tuple, in whichever form it came, and where the next one begins."""
    kind = data[at : at + 1]
    form = text if kind == TEXT else binary if kind == BINARY else None
    if form is None:
        raise NotPlain
    start = at + 5
    end = start + _LENGTH(data, at + 1)[0]
    if end > len(data):
        raise NotPlain
    return form(data[start:end]), end


def passed(data: bytes, at: int) -> int:
    """Where the value after the one at `at` begins."""
    kind = data[at]
    if kind in b"nu":
        return at + 1
    if kind not in b"bt":
        raise NotPlain
    return int(at + 5 + _LENGTH(data, at + 1)[0])
