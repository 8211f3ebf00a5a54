"""What Debezium wrote more than once: recognised in one topic partition, and dropped.

Debezium delivers at least once: after a restart it writes changes again, with the same places.  A change is a repeat when its
place is before the newest one of its partition (or is that one, with the same operation and key) **and** it was not committed
later.  The second half is what makes dropping safe: a database that was restored or failed over may count its places from
further back, but its new changes are committed later.  Snapshot rows, and databases whose places are not totally ordered, are
never dropped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.debezium.changes import Made
from connectors.debezium.source import Place
from connectors.protocol import Change
from contracts.change import Op

_DIGEST_BYTES = 12


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of one topic partition; small, because it is part of the connector's position."""

    next_offset: int = 0
    history: str = ""
    order: tuple[int, ...] = ()
    committed_us: int = 0
    at_order: tuple[str, ...] = ()
    """Digests of operation and key at exactly `order`: several rows written at once share a place."""
    deleted: str = ""
    """Digest of the key that the newest record deleted; the null value that follows says nothing new."""

    def document(self) -> list[Any]:
        """As JSON; `seen_of` is its inverse."""
        return [
            self.next_offset,
            self.history,
            list(self.order),
            self.committed_us,
            list(self.at_order),
            self.deleted,
        ]


def seen_of(document: Any) -> Seen:
    """The inverse of `Seen.document`; raises `ValueError` or `TypeError` for anything else."""
    next_offset, history, order, committed_us, at_order, deleted = document
    return Seen(
        int(next_offset), str(history), tuple(map(int, order)), int(committed_us), tuple(at_order), str(deleted)
    )


def after(seen: Seen, made: Made, key: bytes | None) -> tuple[Seen, tuple[Change, ...]]:
    """What is remembered after a record, and those of its changes that are new."""
    digest = _digest(key if key is not None else b"")
    if made.tombstone:
        changes = () if seen.deleted == digest else made.changes
        return replace(seen, deleted=digest), changes
    deletes = bool(made.changes) and made.changes[-1].op is Op.DELETE and made.changes[-1].problem is None
    seen = replace(seen, deleted=digest if deletes else "")
    if made.place is None or made.place.order is None:
        return seen, made.changes
    return _ordered(seen, made.changes, made.place)


def _ordered(seen: Seen, changes: Sequence[Change], place: Place) -> tuple[Seen, tuple[Change, ...]]:
    assert place.order is not None
    committed_us = int(place.committed_at.timestamp() * 1_000_000)
    mark = _digest(repr((changes[0].op.value, sorted(changes[0].key.items()))).encode())
    if seen.history != place.history or len(seen.order) != len(place.order):
        fresh = replace(seen, history=place.history, order=place.order, committed_us=committed_us, at_order=(mark,))
        return fresh, tuple(changes)
    later = committed_us > seen.committed_us
    if place.order < seen.order and not later:
        return seen, ()
    if place.order == seen.order and not later:
        if mark in seen.at_order:
            return seen, ()
        return replace(seen, at_order=(*seen.at_order, mark)), tuple(changes)
    newest = max(committed_us, seen.committed_us)
    return replace(seen, order=place.order, committed_us=newest, at_order=(mark,)), tuple(changes)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[: _DIGEST_BYTES * 2]
