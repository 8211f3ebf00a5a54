"""What verification reads: the topics, or a copy of what matters of them.

`broker.evidence` fills this from Kafka or from an export's directory.  It gives digests of what was delivered, never the
contents, so nothing that is verified, searched or exported holds personal data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from agreements.append_time import Logged

SourcePartition = tuple[str, int]
"""A source topic and one of its partitions."""


class SegmentRecord(NamedTuple):
    """One committed record of the segments topic; `place` is `<topic>/<partition>/<offset>`."""

    place: str
    key: bytes | None
    value: bytes | None


class SourceRecord(NamedTuple):
    """One committed record of a source partition; `sequence` None where it was not, or could not be, read."""

    offset: int
    sequence: int | None


class ShareRecord(NamedTuple):
    """One committed record of a department's topic, by digest: `delivered_digest` and `key_digest`, as raw bytes."""

    offset: int
    digest: bytes
    key: bytes
    is_removal: bool
    """A tombstone."""


class Mark(NamedTuple):
    """What the workers' committed offset says: the position, the newest header's hash (hex), how many segments."""

    offset: int
    header: str
    segments: int


class Exposed(NamedTuple):
    """Records that readers at `read_uncommitted` can see and others cannot: *exposed, not delivered* (decision 12)."""

    first_offset: int
    last_offset: int
    records: int


class Evidence(Protocol):
    """One consistent view of the topics.  Iterators stream in the order of offsets and may be asked for once each."""

    def register(self) -> Iterable[Logged]:
        """Every record of the register, from its beginning."""
        ...

    def segments(self) -> Iterator[SegmentRecord]:
        """Every record of the segments topic, partition by partition."""
        ...

    def marks(self) -> Mapping[SourcePartition, Mark]:
        """The mark of every source partition that was ever decided; never newer than `segments`."""
        ...

    def partitions(self, topic: str) -> int:
        """How many partitions a source or share topic has; 0 when there is no such topic."""
        ...

    def low(self, topic: str, partition: int) -> int:
        """The first offset that the topic still keeps."""
        ...

    def settled(self, topic: str, partition: int) -> int:
        """Below this offset of a share topic, every record's segment is among `segments`."""
        ...

    def source(self, topic: str, partition: int) -> Iterator[SourceRecord]:
        """The committed records of a source partition."""
        ...

    def share(self, topic: str, partition: int) -> Iterator[ShareRecord]:
        """The committed records of a share partition."""
        ...

    def exposed(self, topic: str, partition: int) -> Iterable[Exposed]:
        """The ranges of a share partition that only readers at `read_uncommitted` see."""
        ...
