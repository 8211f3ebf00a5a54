"""Counting in bounded memory: distinct keys (exact while they are few, then `broker.policy.people`'s sketch), and durations."""

from __future__ import annotations

import math
from collections import Counter
from hashlib import blake2b

from broker.policy.people import STANDARD_ERROR, Sketch

__all__ = ["DURATION_ERROR", "EXACT_KEYS_MAX", "STANDARD_ERROR", "DistinctKeys", "Durations"]

EXACT_KEYS_MAX = 100_000
"""Up to so many distinct keys the count is exact; beyond them it is an estimate."""
_BUCKET_GROWTH = 1.02
DURATION_ERROR = 0.01
"""How far a quantile of durations may be from the true one, as a share of it; from 1 ms on."""


class DistinctKeys:
    """How many different keys were added.  At most a few MB, whatever their number."""

    def __init__(self, exact_max: int = EXACT_KEYS_MAX) -> None:
        self._exact_max = exact_max
        self._seen: set[bytes] | None = set()
        self._sketch = Sketch()

    @property
    def exact(self) -> bool:
        """Whether `count` is exact (but for two keys with one digest of 64 bits)."""
        return self._seen is not None

    def add(self, key: bytes) -> None:
        """Count a key, once."""
        digest = blake2b(key, digest_size=8).digest()
        if self._seen is None:
            self._sketch.add(digest)
            return
        self._seen.add(digest)
        if len(self._seen) > self._exact_max:
            for one in self._seen:
                self._sketch.add(one)
            self._seen = None

    def count(self) -> int:
        """The number of different keys, or its estimate."""
        return len(self._seen) if self._seen is not None else self._sketch.count()


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
