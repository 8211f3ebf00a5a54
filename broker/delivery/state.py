"""The sent-key state: what each department holds, per share partition, in a local RocksDB.

Kafka is the record; this is its index.  It follows committed transactions only: `apply` runs after the commit and
writes, in one atomic batch, the changes and how many segments of the source partition they complete.  When that number
differs from the committed offset's mark (a crash between the two, or another worker in between), `rebuild`
reads the share partition again.  Keys are stored as digests: a copy of this directory names nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from rocksdict import Options, Rdict, WriteBatch, WriteOptions

from broker.policy.decision import Sent

_SENT, _APPLIED = b"s", b"a"
_DIGEST_BYTES = 32


class Place(NamedTuple):
    """One partition of a share topic."""

    topic: str
    partition: int


class SentChange(NamedTuple):
    """What one committed record changed: `sent` None forgets the key."""

    place: Place
    key: bytes
    sent: Sent | None


class SentState:
    """The state of all share partitions that this worker serves.  One thread uses it."""

    def __init__(self, directory: Path) -> None:
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        self._database = Rdict(str(directory), options)
        self._durable = WriteOptions()
        self._durable.sync = False  # a lost tail is noticed by the mark and rebuilt: no need to wait for the disk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def applied(self, place: Place) -> int | None:
        """How many segments of the source partition are applied; None when this place was never built here."""
        found = self._database.get(_APPLIED + _prefix(place))
        return None if found is None else int.from_bytes(found, "big")

    def sent(self, place: Place, keys: Sequence[bytes]) -> dict[bytes, Sent]:
        """What the department holds under those of `keys` that it holds at all."""
        prefix = _SENT + _prefix(place)
        stored: list[bytes | None] = (
            list(self._database.get([prefix + _digest(key) for key in keys]) or ()) if keys else []
        )
        return {key: _read(value) for key, value in zip(keys, stored, strict=True) if value is not None}

    def apply(self, changes: Iterable[SentChange], segments: Mapping[Place, int]) -> None:
        """Make a committed transaction's changes, and note how many segments they complete at each place."""
        batch = WriteBatch(raw_mode=True)
        for place, key, sent in changes:
            self._change(batch, _SENT + _prefix(place) + _digest(key), sent)
        for place, count in segments.items():
            batch.put(_APPLIED + _prefix(place), count.to_bytes(8, "big"))
        self._database.write(batch, self._durable)

    def rebuild(self, place: Place, records: Iterable[tuple[bytes | None, bytes | None]], segments: int) -> int:
        """Replace what is known of `place` by what the share partition's records say; returns how many were read.

        Until the last write the place counts as never built, so a crash on the way only means doing it again.
        """
        prefix = _SENT + _prefix(place)
        gone = WriteBatch(raw_mode=True)
        gone.delete(_APPLIED + _prefix(place))
        gone.delete_range(prefix, prefix + b"\xff" * (_DIGEST_BYTES + 1))
        self._database.write(gone, self._durable)
        count, batch = 0, WriteBatch(raw_mode=True)
        for key, value in records:
            if key is not None:
                self._change(batch, prefix + _digest(key), None if value is None else rebuilt(value))
            count += 1
            if count % 10_000 == 0:
                self._database.write(batch, self._durable)
                batch = WriteBatch(raw_mode=True)
        batch.put(_APPLIED + _prefix(place), segments.to_bytes(8, "big"))
        self._database.write(batch, self._durable)
        return count

    def close(self) -> None:
        """Flush and release the directory."""
        self._database.close()

    @staticmethod
    def _change(batch: WriteBatch, name: bytes, sent: Sent | None) -> None:
        if sent is None:
            batch.delete(name)
        else:
            batch.put(name, sent.digest + sent.source_offset.to_bytes(8, "big", signed=True) + sent.plan_digest)


def rebuilt(value: bytes) -> Sent:
    """What a delivered view says by itself: its digest.  Which plan made it and from which offset is not known again."""
    return Sent(hashlib.sha256(value).digest(), b"", -1)


def _read(stored: bytes) -> Sent:
    digest, rest = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
    return Sent(digest, rest[8:], int.from_bytes(rest[:8], "big", signed=True))


def _prefix(place: Place) -> bytes:
    return place.topic.encode() + b"\0" + place.partition.to_bytes(4, "big")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
