"""Counting different people by their digests: an exact set up to `EXACT_MAX`, a sketch (HyperLogLog) above.

The sketch has 2^14 registers: its standard error is 0.81 % (1.04 / sqrt(2^14)); its size is 16 KB, whatever it counts.  Both are unions
whatever the order, so workers may count apart and add up later.  A digest is 16 bytes that nobody can turn back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Protocol

EXACT_MAX = 10_000
"""Below so many people the count is exact."""
DIGEST_BYTES = 16
_INDEX_BITS = 14
REGISTERS = 1 << _INDEX_BITS
_RANK_BITS = 64 - _INDEX_BITS
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)


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
    """HyperLogLog, with the sum that its estimate needs kept up to date."""

    def __init__(self, registers: bytes = bytes(REGISTERS)) -> None:
        assert len(registers) == REGISTERS
        self._registers = bytearray(registers)
        self._sum = math.fsum(2.0**-rank for rank in self._registers)
        self._zeros = self._registers.count(0)

    def count(self) -> int:
        """See `People`."""
        return _estimate(self._sum, self._zeros)

    def count_with(self, digest: bytes) -> int:
        """See `People`."""
        index, rank = _place(digest)
        known = self._registers[index]
        if rank <= known:
            return self.count()
        return _estimate(self._sum - 2.0**-known + 2.0**-rank, self._zeros - (known == 0))

    def add(self, digest: bytes) -> None:
        """See `People`."""
        index, rank = _place(digest)
        known = self._registers[index]
        if rank > known:
            self._registers[index] = rank
            self._sum += 2.0**-rank - 2.0**-known
            self._zeros -= known == 0

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


def _estimate(inverse_sum: float, zeros: int) -> int:
    raw = _ALPHA * REGISTERS * REGISTERS / inverse_sum
    if raw <= 2.5 * REGISTERS and zeros:
        raw = REGISTERS * math.log(REGISTERS / zeros)
    return round(raw)
