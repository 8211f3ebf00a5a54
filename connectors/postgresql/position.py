"""Where the connector stands in a PostgreSQL server, as one text; `docs/formats/position.md` is the format's page.

Everything a successor needs after a crash is in it: which server and history, how far the stream was read, which part
of a cut transaction was given, and how far the snapshot of each table has come.
"""

from __future__ import annotations

import msgspec

from connectors.codes import POSITION_UNREADABLE
from connectors.postgresql.visibility import Visibility
from connectors.protocol import Position
from contracts.faults import Refused

NUMBERS = tuple(b"%d" % number for number in range(10_000))
"""The number of a change in its transaction or chunk, as positions have it; a larger one is written where it comes."""
Key = tuple[int | str, ...]
"""A key in its order: numbers, and texts by code point, as the chunks' query orders them."""


class Partial(msgspec.Struct, frozen=True, omit_defaults=True):
    """A transaction that is larger than a batch: its first `changes` changes have been given."""

    commit: int
    """The LSN of its commit record."""
    changes: int


class Chunk(msgspec.Struct, frozen=True):
    """A key range that was read while the stream was still behind it: what its snapshot saw is left out of the stream."""

    after: Key | None
    upto: Key | None
    """None on either side: without bound."""
    snapshot: str
    """`pg_current_snapshot()` of the chunk."""
    until: int
    """Once the stream is here, nothing that follows can be visible in `snapshot`."""

    def holds(self, key: Key) -> bool:
        """Whether `key` lies in the range."""
        return (self.after is None or key > self.after) and (self.upto is None or key <= self.upto)

    def saw(self, transaction: int) -> bool:
        """Whether the rows of the chunk already show what `transaction` did."""
        return Visibility.parse(self.snapshot).sees(transaction)


class TableProgress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the snapshot of one table has come."""

    done: bool = False
    last: Key | None = None
    """The key of the last row read; None before the first chunk."""
    chunks: tuple[Chunk, ...] = ()
    again: bool = False
    """The table was read before and is read again: meanwhile the stream is given whole."""
    before: str = ""
    """Of an outbox: the snapshot of the slot.  The rows that it sees are read; the stream is given whole, and after them."""

    def passed(self, lsn: int) -> TableProgress:
        """The same without the chunks that a stream at `lsn` can no longer meet."""
        if not self.chunks:
            return self
        return msgspec.structs.replace(self, chunks=tuple(chunk for chunk in self.chunks if chunk.until > lsn))


class Place(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A position, taken apart.  `lsn` is the end of the last commit that was given completely."""

    system: str
    timeline: int
    slot: str
    lsn: int
    tables: dict[str, TableProgress] = {}
    """Dataset to the progress of its table's snapshot."""
    partial: Partial | None = None
    unseen: tuple[int, ...] = ()
    """Transactions left out because a later chunk will show them: it must see them all, or it is taken again."""
    version: int = 1

    def position(self) -> Position:
        """As text: JSON, keys in a fixed order, no value of a row but the keys at the edges of chunks in flight."""
        return Position(msgspec.json.encode(self).decode())

    @property
    def in_snapshot(self) -> bool:
        """Whether a table is not read to its end yet."""
        return any(not progress.done for progress in self.tables.values())

    @property
    def in_flight(self) -> bool:
        """Whether the stream must still be compared with a chunk."""
        return any(progress.chunks for progress in self.tables.values())


def parse(position: Position) -> Place:
    """The place in a position text; raises `Refused` for a text that is not ours."""
    try:
        place = msgspec.json.decode(position.text, type=Place)
    except msgspec.MsgspecError as exception:
        raise Refused(POSITION_UNREADABLE.fault(str(exception))) from exception
    if place.version != 1:
        raise Refused(POSITION_UNREADABLE.fault(f"version {place.version}"))
    return place


def lsn_text(lsn: int) -> str:
    """As PostgreSQL writes it: `16/B374D848`."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def lsn_number(text: str) -> int:
    """The number of a text such as `16/B374D848`."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)
