"""Avro's `long`, and every length and count: zigzag, then seven bits a byte, the least first.

Tables, because a record has dozens of them: two table look-ups make a number of 28 bits.
"""

from __future__ import annotations

_BITS = 14
_MASK = (1 << _BITS) - 1
_LOW_MASK = (1 << 28) - 1


def _short(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80, number >> 7])


SHORT = tuple(_short(number) for number in range(1 << _BITS))
"""The bytes of every *zigzagged* number below 16,384: of `n` for 0 <= n < 8,192 they are `SHORT[n << 1]`."""
MORE = tuple(bytes([number & 0x7F | 0x80, number >> 7 | 0x80]) for number in range(1 << _BITS))
"""The bytes of 14 bits of a zigzagged number, where more follow."""


def long_bytes(value: int) -> bytes:
    """The bytes of a number of at most 64 bits; a larger one would be written as no reader expects it."""
    number = value << 1 if value >= 0 else ~(value << 1)
    if number <= _MASK:
        return SHORT[number]
    if number < 1 << 28:
        return MORE[number & _MASK] + SHORT[number >> _BITS]
    low, high = number & _LOW_MASK, number >> 28  # each is one digit of Python's numbers, which is the fast kind
    lower = MORE[low & _MASK] + MORE[low >> _BITS]
    if high <= _MASK:
        return lower + SHORT[high]
    if high < 1 << 28:
        return lower + MORE[high & _MASK] + SHORT[high >> _BITS]
    return lower + MORE[high & _MASK] + MORE[high >> _BITS & _MASK] + SHORT[high >> 28]
