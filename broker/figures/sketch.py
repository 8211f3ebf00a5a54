"""Counting in bounded memory: distinct keys, and durations.

Distinct keys are counted exactly while they are few, and by a HyperLogLog from then on (Flajolet and others, 2007; the estimator is
Otmar Ertl's of 2017, which needs no correction by tables and is unbiased over the whole range).
"""

from __future__ import annotations

import math
from collections import Counter
from hashlib import blake2b

EXACT_KEYS_MAX = 100_000
"""Up to so many distinct keys the count is exact; beyond them it is an estimate."""
_INDEX_BITS = 14
_REGISTERS = 1 << _INDEX_BITS
_RANK_BITS = 64 - _INDEX_BITS
STANDARD_ERROR = 1.04 / math.sqrt(_REGISTERS)
"""The standard error of an estimate, as a share of it: 0.8 %."""
_BUCKET_GROWTH = 1.02
DURATION_ERROR = 0.01
"""How far a quantile of durations may be from the true one, as a share of it; from 1 ms on."""


class DistinctKeys:
    """How many different keys were added.  At most a few MB, whatever their number."""

    def __init__(self, exact_max: int = EXACT_KEYS_MAX) -> None:
        self._exact_max = exact_max
        self._seen: set[int] | None = set()
        self._ranks = bytearray(_REGISTERS)

    @property
    def exact(self) -> bool:
        """Whether `count` is exact (but for two keys with one digest of 64 bits)."""
        return self._seen is not None

    def add(self, key: bytes) -> None:
        """Count a key, once."""
        digest = int.from_bytes(blake2b(key, digest_size=8).digest(), "big")
        if self._seen is None:
            self._note(digest)
            return
        self._seen.add(digest)
        if len(self._seen) > self._exact_max:
            for one in self._seen:
                self._note(one)
            self._seen = None

    def count(self) -> int:
        """The number of different keys, or its estimate."""
        return len(self._seen) if self._seen is not None else round(_estimate(self._ranks))

    def _note(self, digest: int) -> None:
        """The index names a register; it keeps the highest place of the first bit that is set in what remains."""
        index, rest = digest >> _RANK_BITS, digest & ((1 << _RANK_BITS) - 1)
        rank = _RANK_BITS - rest.bit_length() + 1
        self._ranks[index] = max(self._ranks[index], rank)


class Durations:
    """Durations in milliseconds, in buckets that grow by 2 %: quantiles within `DURATION_ERROR`, the maximum exact."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.negative = 0
        """How many were below zero, which two clocks that disagree can make; they count as zero."""
        self.maximum: int | None = None

    def add(self, milliseconds: int) -> None:
        """Count a duration."""
        self.count += 1
        self.negative += milliseconds < 0
        milliseconds = max(0, milliseconds)
        self.maximum = max(self.maximum or 0, milliseconds)
        self._buckets[_bucket(milliseconds)] += 1

    def quantile(self, share: float) -> int | None:
        """The duration that `share` of all do not exceed (the nearest rank); None where there are none."""
        wanted, below = max(1, math.ceil(share * self.count)), 0
        for bucket in sorted(self._buckets):
            below += self._buckets[bucket]
            if below >= wanted:
                return round(_middle(bucket))
        return None


def _bucket(milliseconds: int) -> int:
    return 0 if milliseconds == 0 else 1 + math.floor(math.log(milliseconds, _BUCKET_GROWTH))


def _middle(bucket: int) -> float:
    return 0.0 if bucket == 0 else _BUCKET_GROWTH ** (bucket - 0.5)


def _estimate(ranks: bytearray) -> float:
    """Ertl's estimator: the registers that hold nothing and those that are full are weighed by two series."""
    held = Counter(ranks)
    total = _REGISTERS * _tau(1 - held[_RANK_BITS + 1] / _REGISTERS)
    for rank in range(_RANK_BITS, 0, -1):
        total = 0.5 * (total + held[rank])
    total += _REGISTERS * _sigma(held[0] / _REGISTERS)
    return _REGISTERS * _REGISTERS / (2 * math.log(2)) / total


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
