"""Avro's `long`, and every length and count: zigzag, then seven bits a byte, the least first.

Tables, because a record has dozens of them: two table look-ups make a number of 28 bits.
"""

from __future__ import annotations

_BITS = 14
_MASK = (1 << _BITS) - 1


def _short(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80, number >> 7])


SHORT = tuple(_short(number) for number in range(1 << _BITS))
"""The bytes of every *zigzagged* number below 16,384: of `n` for 0 <= n < 8,192 they are `SHORT[n << 1]`."""
_MORE = tuple(bytes([number & 0x7F | 0x80, number >> 7 | 0x80]) for number in range(1 << _BITS))
"""The least 14 bits of a number, where more follow."""


def long_bytes(value: int) -> bytes:
    """The bytes of a number of at most 64 bits; a larger one would be written as no reader expects it."""
    number = value << 1 if value >= 0 else ~(value << 1)
    if number <= _MASK:
        return SHORT[number]
    if number < 1 << 28:
        return _MORE[number & _MASK] + SHORT[number >> 14]
    lower = _MORE[number & _MASK] + _MORE[number >> 14 & _MASK]
    if number < 1 << 42:
        return lower + SHORT[number >> 28]
    lower += _MORE[number >> 28 & _MASK]
    if number < 1 << 56:
        return lower + SHORT[number >> 42]
    return lower + _MORE[number >> 42 & _MASK] + SHORT[number >> 56]
