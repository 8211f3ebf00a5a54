"""The register as it was at every position that a segment cites."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Protocol

from agreements.append_time import Logged
from agreements.fold import fold_batch
from agreements.snapshot import Snapshot


class Register(Protocol):
    """The register at any position."""

    @property
    def first(self) -> int | None:
        """The offset of the first record; None for an empty register."""
        ...

    def at(self, position: int) -> Snapshot | None:
        """The snapshot after the record at `position` (-1: of an empty register); None where there is no record."""
        ...

    def newest(self) -> Snapshot:
        """The snapshot after every record."""
        ...


class History:
    """Folds the register's records once, and keeps the snapshot at every position asked for."""

    def __init__(self, records: Iterable[Logged]) -> None:
        self._records = list(records)
        self._offsets = [record.position for record in self._records]
        self._known: dict[int, Snapshot] = {-1: Snapshot()}
        self._positions = [-1]

    @property
    def first(self) -> int | None:
        """See `Register`."""
        return self._offsets[0] if self._offsets else None

    def at(self, position: int) -> Snapshot | None:
        """See `Register`."""
        if position in self._known:
            return self._known[position]
        end = bisect_right(self._offsets, position)
        if end == 0 or self._offsets[end - 1] != position:
            return None
        place = bisect_right(self._positions, position)
        before = self._positions[place - 1]
        start = bisect_right(self._offsets, before)
        snapshot = fold_batch(self._known[before], self._records[start:end]).snapshot
        self._known[position] = snapshot
        self._positions.insert(place, position)
        return snapshot

    def newest(self) -> Snapshot:
        """See `Register`."""
        found = self.at(self._offsets[-1] if self._offsets else -1)
        assert found is not None
        return found
