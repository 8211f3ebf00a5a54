"""The progress of one source partition, as `concordat.workers` keeps it: what is acknowledged, held and still to do.

A record is written inside a transaction that also commits the partition's offset, never alone: a worker that has lost
the partition cannot overwrite its successor's.  The mark (`broker.delivery.mark`) counts the records, so that a
takeover knows when it has read the newest.  `docs/formats/worker-progress.md` is the format's page.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agreements.snapshot import JobKind

Range = tuple[int, int | None]
"""Source offsets from the first to the second, exclusive; None while the range still grows."""


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """One re-derive job on this partition: asked for at register `position`, decided from `next` up to `end` (exclusive).

    `end` None is a job whose range is not known yet: its agreement is not in force yet.
    """

    position: int
    kind: JobKind
    share: str | None = None
    """The share topic concerned; None for every share of the dataset."""
    next: int = 0
    end: int | None = None


class Progress(msgspec.Struct, frozen=True):
    """What has been done for one source partition.

    `position` is the register position acknowledged: no transaction decided under an older snapshot is open any more
    (BOUNDED-STOP).  `offset` is the source offset to be decided next.  `held` has, per share topic, the offsets whose
    records wait for a release.  Every job asked for up to `jobs_adopted` is either done or in `jobs`.
    """

    worker: str = ""
    position: int = -1
    offset: int = 0
    held: Mapping[str, tuple[Range, ...]] = msgspec.field(default_factory=dict)
    jobs: tuple[Cursor, ...] = ()
    jobs_adopted: int = -1
    number: int = 0
    """How many records were written before this one, plus one: the mark's `progress`."""

    def value(self) -> bytes:
        """The record's value."""
        return msgspec.json.encode(self)


def progress_key(topic: str, partition: int) -> bytes:
    """The record's key, `<source topic>/<partition>`."""
    return f"{topic}/{partition}".encode()


def read_key(key: bytes) -> tuple[str, int]:
    """The source partition that a record's key names."""
    topic, _, partition = key.decode().rpartition("/")
    return topic, int(partition)


def read_progress(value: bytes) -> Progress:
    """A record's value; raises `msgspec.DecodeError` for anything else."""
    return msgspec.json.decode(value, type=Progress)
