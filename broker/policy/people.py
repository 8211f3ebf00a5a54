"""Counting different people by their digests: an exact set up to `EXACT_MAX`, a sketch (HyperLogLog) above.

The sketch has 2^14 registers: its standard error is 0.81 % (1.04 / sqrt(2^14)); its size is 16 KB, whatever it counts.  Both are unions
whatever the order, so workers may count apart and add up later.  A digest is 16 bytes that nobody can turn back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

EXACT_MAX = 10_000
"""Below so many people the count is exact."""
DIGEST_BYTES = 16
_INDEX_BITS = 14
REGISTERS = 1 << _INDEX_BITS
_RANK_BITS = 64 - _INDEX_BITS
STANDARD_ERROR = 1.04 / math.sqrt(REGISTERS)
"""The standard error of a sketch's count, as a share of it: 0.81 %."""


class People(Protocol):
    """A count of different people, and what it would be with one more."""

    def count(self) -> int:
        """How many."""
        ...

    def count_with(self, digest: bytes) -> int:
        """How many with this one, who may be counted already."""
        ...

    def add(self, digest: bytes) -> None:
        """Count this one, too."""
        ...

    def copy(self) -> People:
        """The same count, to go on with apart."""
        ...


class Exact:
    """A set, over another that it does not change."""

    def __init__(self, base: AbstractSet[bytes], own: Iterable[bytes] = ()) -> None:
        self._base, self._own = base, {digest for digest in own if digest not in base}

    def count(self) -> int:
        """See `People`."""
        return len(self._base) + len(self._own)

    def count_with(self, digest: bytes) -> int:
        """See `People`."""
        return self.count() + (digest not in self._base and digest not in self._own)

    def add(self, digest: bytes) -> None:
        """See `People`."""
        if digest not in self._base:
            self._own.add(digest)

    def __iter__(self) -> Iterator[bytes]:
        yield from self._base
        yield from self._own

    def copy(self) -> Exact:
        """See `People`."""
        return Exact(self._base, self._own)


class Sketch:
    """HyperLogLog (Flajolet and others, 2007), with how many registers hold each rank, which its estimate needs."""

    def __init__(self, registers: bytes = bytes(REGISTERS)) -> None:
        assert len(registers) == REGISTERS
        self._registers = bytearray(registers)
        self._held = [registers.count(rank) for rank in range(_RANK_BITS + 2)]

    def count(self) -> int:
        """See `People`."""
        return _estimate(self._held)

    def count_with(self, digest: bytes) -> int:
        """See `People`."""
        index, rank = _place(digest)
        known = self._registers[index]
        if rank <= known:
            return self.count()
        held = list(self._held)
        held[known] -= 1
        held[rank] += 1
        return _estimate(held)

    def add(self, digest: bytes) -> None:
        """See `People`."""
        index, rank = _place(digest)
        known = self._registers[index]
        if rank > known:
            self._registers[index] = rank
            self._held[known] -= 1
            self._held[rank] += 1

    def merged(self, registers: bytes) -> Sketch:
        """This count and another's together."""
        return Sketch(bytes(map(max, self._registers, registers)))

    def copy(self) -> Sketch:
        """See `People`."""
        return Sketch(self.registers())

    def registers(self) -> bytes:
        """What is kept of it."""
        return bytes(self._registers)


def _place(digest: bytes) -> tuple[int, int]:
    """The register of a digest, and its rank: one more than the zero bits that the rest begins with."""
    number = int.from_bytes(digest[:8], "big")
    index, rest = number >> _RANK_BITS, number & ((1 << _RANK_BITS) - 1)
    return index, _RANK_BITS - rest.bit_length() + 1


def _estimate(held: Sequence[int]) -> int:
    """Ertl's estimator of 2017, over how many registers hold each rank.

    Those that hold nothing and those that are full are weighed by two series: it is unbiased over the whole range, without tables.
    """
    total = REGISTERS * _tau(1 - held[_RANK_BITS + 1] / REGISTERS)
    for rank in range(_RANK_BITS, 0, -1):
        total = 0.5 * (total + held[rank])
    total += REGISTERS * _sigma(held[0] / REGISTERS)
    return round(REGISTERS * REGISTERS / (2 * math.log(2)) / total)


def _sigma(share: float) -> float:
    if share == 1:
        return math.inf
    weight, total, before = 1.0, share, -1.0
    while total != before:
        share *= share
        before = total
        total += share * weight
        weight += weight
    return total


def _tau(share: float) -> float:
    if share in (0, 1):
        return 0.0
    weight, total, before = 1.0, 1 - share, -1.0
    while total != before:
        share = math.sqrt(share)
        before = total
        weight *= 0.5
        total -= (1 - share) ** 2 * weight
    return total / 3
