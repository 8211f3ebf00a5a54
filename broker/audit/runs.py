"""Which source records were decided, in few words: runs of consecutive offsets and sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from broker.audit.canonical import Whole

Run = tuple[Whole, Whole | None, Whole]
"""So many source records from an offset and a sequence on, both growing by one; no sequence where it is unreadable."""


def runs(records: Iterable[tuple[int, int | None]]) -> Iterator[Run]:
    """The shortest list of runs that says these offsets and sequences."""
    offset, sequence, count = 0, None, 0
    for next_offset, next_sequence in records:
        goes_on = next_offset == offset + count and (
            next_sequence is None if sequence is None else next_sequence == sequence + count
        )
        if count and goes_on:
            count += 1
            continue
        if count:
            yield offset, sequence, count
        offset, sequence, count = next_offset, next_sequence, 1
    if count:
        yield offset, sequence, count


def expand(found: Iterable[Run]) -> Iterator[tuple[int, int | None]]:
    """The offsets and sequences that runs say."""
    for offset, sequence, count in found:
        for step in range(count):
            yield offset + step, None if sequence is None else sequence + step
