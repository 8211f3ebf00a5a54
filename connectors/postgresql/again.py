"""Reading a table again while its changes stream.

Everything the stream brings is given.  A chunk is read, and held until the stream has come to where it was read; rows that a
later transaction changed meanwhile are taken out of it, since the stream has given them newer.  So what is given at that point of the
order says again exactly what the reader of the topic must know by then: nothing is lost, and no row goes back in time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from connectors.postgresql.parts import Changed
from connectors.postgresql.position import Chunk, Key
from connectors.postgresql.visibility import Visibility
from connectors.protocol import Change, Written
from contracts.change import Op

_RECENT_MAX = 4096
"""A transaction is sent a moment before it is visible, longest under synchronous replication: as many as there may be sessions."""


@dataclass(slots=True)
class Held:
    """A chunk that waits, its rows by key."""

    dataset: str
    rows: dict[Key, Change | Written]
    chunk: Chunk
    done: bool


@dataclass(slots=True)
class Rereading:
    """The chunk that waits, and the transactions that were given last."""

    held: Held | None = None
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=_RECENT_MAX))

    def given(self, transaction: int) -> None:
        """A transaction was given to its end."""
        self.recent.append(transaction)

    def covers(self, snapshot: str) -> bool:
        """Whether `snapshot` sees every transaction that was given."""
        seen = Visibility.parse(snapshot)
        while self.recent and seen.sees(self.recent[0]):
            self.recent.popleft()
        return all(seen.sees(transaction) for transaction in self.recent)

    def changed(self, part: Changed, transaction: int) -> None:
        """A change is given: the row that waits is older, unless its chunk saw the change."""
        if self.held is None or part.dataset != self.held.dataset or self.held.chunk.saw(transaction):
            return
        if part.op is Op.TRUNCATE:
            self.held.rows.clear()
        elif part.place is not None:
            self.held.rows.pop(part.place, None)

    def drop(self, dataset: str) -> None:
        """The table is to be read from its beginning."""
        if self.held is not None and self.held.dataset == dataset:
            self.held = None
