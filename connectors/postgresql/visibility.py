"""Which transactions a PostgreSQL snapshot sees, from the text of `pg_current_snapshot()`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_EPOCH = 1 << 32
_HALF = 1 << 31


@dataclass(frozen=True, slots=True)
class Visibility:
    """A snapshot: every committed transaction below `xmax` that was not in progress is visible.  64-bit numbers."""

    xmin: int
    xmax: int
    in_progress: frozenset[int]

    @staticmethod
    @lru_cache(maxsize=1024)
    def parse(text: str) -> Visibility:
        """From `xmin:xmax:xip,xip`."""
        xmin, xmax, running = text.split(":")
        return Visibility(int(xmin), int(xmax), frozenset(int(xid) for xid in running.split(",") if xid))

    def widen(self, transaction: int) -> int:
        """The 64-bit number of a stream's 32-bit one: the one nearest to `xmax`."""
        wide = (self.xmax & ~(_EPOCH - 1)) | (transaction & (_EPOCH - 1))
        if wide - self.xmax > _HALF:
            return wide - _EPOCH
        if self.xmax - wide > _HALF:
            return wide + _EPOCH
        return wide

    def sees(self, transaction: int) -> bool:
        """Whether a *committed* transaction (32-bit number) is visible."""
        wide = self.widen(transaction)
        return wide < self.xmin or (wide < self.xmax and wide not in self.in_progress)

    def covers(self, other: Visibility) -> bool:
        """Whether every transaction that `other` sees is visible here, too: it is of the same moment or a later one."""
        return self.xmax >= other.xmax and all(
            number >= other.xmax or number in other.in_progress for number in self.in_progress
        )
