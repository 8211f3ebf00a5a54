"""The mark: what a committed offset says besides its number, so that a takeover continues the chain exactly.

It stands in the offset's metadata (`docs/formats/offset-metadata.md`), which Kafka commits atomically with the
transaction: whoever takes the partition over reads offset and mark of the same transaction.
"""

from __future__ import annotations

import msgspec

from broker.cluster.client import ClusterFatal

VERSION = 1
METADATA_BYTES_MAX = 4096


class Mark(
    msgspec.Struct,
    frozen=True,
    rename={"version": "v", "header": "h", "segments": "s", "progress": "p", "counters": "c"},
):
    """Where one source partition's records of the past end, as of the committed offset.

    `header` is the hex hash of the last segment's header ("" before the first), `segments` how many segments were
    committed (also the state marker: the sent-key state is current exactly when it has applied that many), and
    `progress` how many progress records were written on `concordat.workers`, `counters` how many on `concordat.counters`.
    """

    header: str = ""
    segments: int = 0
    progress: int = 0
    counters: int = 0
    version: int = VERSION

    def text(self) -> str:
        """The metadata of the offset commit; a few hundred bytes at most."""
        written = msgspec.json.encode(self).decode()
        assert len(written) <= METADATA_BYTES_MAX
        return written


def read_mark(text: str) -> Mark:
    """The mark in an offset's metadata; empty text is the mark of a partition that nobody has decided yet.

    Raises `ClusterFatal` for text that this version did not write: continuing would break the chain.
    """
    if not text:
        return Mark()
    try:
        mark = msgspec.json.decode(text, type=Mark)
    except msgspec.DecodeError as fault:
        raise ClusterFatal("the committed offset carries a mark that cannot be read") from fault
    if mark.version != VERSION:
        raise ClusterFatal(f"the committed offset carries a mark of version {mark.version}, not {VERSION}")
    return mark
