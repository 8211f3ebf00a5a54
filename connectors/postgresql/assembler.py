"""From decoded parts to batches: cut at commits, snapshot and stream reconciled, and the position of each batch.

NO-LOSS-NO-REPEAT between snapshot and stream (rule 36, `docs/formats/position.md`).  A change of a key range that is
- not read yet: is left out, because a later chunk shows it; that chunk must see its transaction, else it is taken again;
- read, by a chunk that saw the transaction: is left out, because the chunk showed it;
- read, by a chunk that did not see it: is given.
So every row is given once by the snapshot, and every later change once by the stream.  Pure: no store, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from connectors.postgresql.again import Held, Rereading
from connectors.postgresql.codes import STREAM_BROKEN
from connectors.postgresql.machine import Fed, Running
from connectors.postgresql.parts import Alone, Changed, Ended, Part, Started
from connectors.postgresql.position import Chunk, Key, Partial, Place, TableProgress, lsn_text
from connectors.postgresql.visibility import Visibility
from connectors.protocol import Batch, Change, Position, Written
from contracts.change import Op
from contracts.faults import Unavailable


@dataclass(slots=True)
class _Open:
    """The transaction that is being read."""

    started: Started
    skip: int
    """How many of its changes were given before a restart."""
    read: int = 0
    changes: list[Change | Written] = field(default_factory=list)


class Assembler:
    """Collects parts and gives batches; `place` is the position of everything given so far."""

    def __init__(self, place: Place, batch_changes_max: int) -> None:
        self.place = place
        self._max = batch_changes_max
        self._open: _Open | None = None
        self._resumed = place.partial
        """The transaction that was given in part before a restart, until the stream gives it again."""
        self._ready: list[Change | Written] = []
        self._lsn = place.lsn
        self._tables = dict(place.tables)
        self._unseen = set(place.unseen)
        self._newest: Visibility | None = None
        """What the last chunk of the snapshot saw."""
        self._again = Rereading()

    def take(self, parts: Iterable[Part]) -> None:
        """Note the next parts of the stream."""
        for part in parts:
            if isinstance(part, Changed):
                self._change(part)
            elif isinstance(part, Started):
                self._start(part)
            elif isinstance(part, Alone):
                self._say(part)
            else:
                self._end(part)

    @property
    def plain(self) -> bool:
        """Whether every change is given, in the order of the stream and as it is: no snapshot has a say in it."""
        skipping = self._open is not None and self._open.read < self._open.skip
        reading = any(not progress.done or progress.chunks for progress in self._tables.values())
        return not (skipping or reading or self._resumed or self._again.held)

    @property
    def running(self) -> Running | None:
        """The transaction that is being read."""
        return None if self._open is None else Running(*self._open.started, self._open.read)

    def take_fed(self, fed: Fed) -> None:
        """Note what a machine made of the stream while it was `plain`, from what was `running` on."""
        if fed.end is not None:
            self._ready += self._open.changes if self._open is not None else ()
            self._ready += fed.written[: fed.cut]
            self._open = None
            self._lsn = max(self._lsn, fed.end)
        for transaction in fed.ended:
            self._again.given(transaction)
        if fed.running is None:
            return
        if self._open is None:
            self._open = _Open(Started(*fed.running[:3]), 0)
        self._open.read = fed.running.read
        self._open.changes += fed.written[fed.cut :]

    @property
    def settled(self) -> bool:
        """Whether nothing is waiting: no change that was not given, no transaction half read.  Only then is a chunk due."""
        return self._open is None and not self._ready and self._resumed is None

    @property
    def full(self) -> bool:
        """Whether a batch of the greatest size is waiting."""
        return self._waiting >= self._max

    @property
    def _waiting(self) -> int:
        return len(self._ready) + (len(self._open.changes) if self._open else 0)

    def idle_at(self, lsn: int) -> None:
        """The server says that everything up to `lsn` has been sent; inside a transaction that means nothing."""
        if self._open is None and self._resumed is None and lsn > self._lsn:
            self._lsn = lsn

    def batch(self, *, heartbeat: bool = False) -> Batch | None:
        """What has been committed since the last batch, or the first part of a transaction that is too large; else None.

        With `heartbeat`, a position alone where only that has moved.
        """
        changes, partial = self._ready, None
        if self.full and self._open is not None:
            changes = changes + self._open.changes
            partial = Partial(self._open.started.commit, self._open.read)
            self._open.changes = []
        if not changes and not (heartbeat and self._lsn > self.place.lsn):
            return None
        self._ready = []
        self.place = self._placed(partial)
        return Batch(tuple(changes), self.place.position())

    def _placed(self, partial: Partial | None) -> Place:
        self._tables = {name: progress.passed(self._lsn) for name, progress in self._tables.items()}
        return msgspec.structs.replace(
            self.place,
            lsn=self._lsn,
            tables=dict(self._tables),
            partial=partial,
            unseen=tuple(sorted(self._unseen)),
        )

    # -- the snapshot ------------------------------------------------------------------------------------------------

    def next_table(self) -> tuple[str, Key | None] | None:
        """The dataset to read a chunk of, and the key to go on after; None when every table is read."""
        for dataset, progress in self._tables.items():
            if not progress.done and not progress.before:
                return dataset, progress.last
        return None

    def may_take(self, snapshot: str) -> bool:
        """Whether a chunk under `snapshot` would show every change that was left out, also what the chunk before it saw."""
        assert self.settled, "a chunk between the parts of a transaction"
        seen = Visibility.parse(snapshot)
        is_newest = self._newest is None or seen.covers(self._newest)
        return is_newest and all(map(seen.sees, self._unseen))

    def read_again(self, dataset: str) -> None:
        """Begin to read a table anew; one whose first snapshot is not finished is being read already."""
        progress = self._tables[dataset]
        if progress.done or progress.again:
            self._again.drop(dataset)
            self._tables[dataset] = TableProgress(chunks=progress.chunks, again=True)
            self.place = msgspec.structs.replace(self.place, tables=dict(self._tables))

    def is_again(self, dataset: str) -> bool:
        """Whether the table is read again, so that its chunks are held back by `hold_chunk`."""
        return self._tables[dataset].again

    @property
    def holding(self) -> bool:
        """Whether a chunk waits for the stream to come to where it was read."""
        return self._again.held is not None

    def may_hold(self, snapshot: str) -> bool:
        """Whether a chunk under `snapshot` would show every change that was given."""
        return self._again.covers(snapshot)

    def hold_chunk(self, held: Held) -> None:
        """Keep a chunk of a table that is read again until `release` gives it, after `may_hold` said yes."""
        self._again.held = held

    def release(self) -> Batch | None:
        """The chunk that waits, once the stream is where it was read: without the rows that were changed since."""
        assert self.settled, "a chunk between the parts of a transaction"
        held = self._again.held
        if held is None or self._lsn < held.chunk.until:
            return None
        self._again.held = None
        progress = self._tables[held.dataset]
        last = progress.last if held.chunk.upto is None else held.chunk.upto
        self._tables[held.dataset] = TableProgress(held.done, last, progress.chunks, again=not held.done)
        self.place = self._placed(None)
        return Batch(tuple(held.rows.values()), self.place.position())

    def take_chunk(self, dataset: str, rows: tuple[Change | Written, ...], chunk: Chunk, *, done: bool) -> Batch:
        """The batch of one chunk of the snapshot, taken after `may_take` said yes."""
        progress = self._tables[dataset]
        last = progress.last if chunk.upto is None else chunk.upto
        self._tables[dataset] = TableProgress(done, last, (*progress.chunks, chunk))
        self._unseen.clear()
        self._newest = Visibility.parse(chunk.snapshot)
        self.place = self._placed(None)
        return Batch(rows, self.place.position())

    @property
    def outbox(self) -> tuple[str, TableProgress] | None:
        """The outbox whose rows are still to be read, before anything of the stream; None when there is none."""
        for name, progress in self._tables.items():
            if progress.before and not progress.done:
                return name, progress
        return None

    def take_outbox(self, name: str, rows: tuple[Change, ...], last: Key | None, *, done: bool) -> Batch:
        """The batch of the next rows of an outbox."""
        progress = self._tables[name]
        self._tables[name] = TableProgress(done, last, before="" if done else progress.before)
        self.place = self._placed(None)
        return Batch(rows, self.place.position())

    # -- the stream --------------------------------------------------------------------------------------------------

    def _start(self, part: Started) -> None:
        if self._open is not None:
            raise _broken("a transaction begins inside another")
        partial, self._resumed = self._resumed, None
        if partial is not None and part.commit != partial.commit:
            raise _broken(
                f"expected the rest of the transaction at {lsn_text(partial.commit)}, got {lsn_text(part.commit)}"
            )
        self._open = _Open(part, 0 if partial is None else partial.changes)

    def _end(self, part: Ended) -> None:
        if self._open is None:
            raise _broken("a commit without a begin")
        self._ready += self._open.changes
        self._again.given(self._open.started.transaction)
        self._open = None
        self._lsn = max(self._lsn, part.end)

    def _say(self, part: Alone) -> None:
        """An event outside of transactions is whole by itself: the next place is after its record begins."""
        if self._open is not None:
            raise _broken("a message outside of transactions inside of one")
        self._ready.append(_change_of(part.event, f"{lsn_text(part.lsn)}#message", part.sent_at, None))
        self._lsn = max(self._lsn, part.lsn + 1)

    def _change(self, part: Changed) -> None:
        transaction = self._open
        if transaction is None:
            raise _broken("a change outside a transaction")
        transaction.read += 1
        if transaction.read <= transaction.skip:
            return
        started = transaction.started
        if self._shown_by_snapshot(part, started.transaction):
            return
        self._again.changed(part, started.transaction)
        position = f"{lsn_text(started.commit)}#{transaction.read}"
        transaction.changes.append(_change_of(part, position, started.committed_at, str(started.transaction)))

    def _shown_by_snapshot(self, part: Changed, transaction: int) -> bool:
        """Whether the snapshot has shown this change, or will."""
        progress = self._tables.get(part.dataset)
        if progress is None or (progress.done and not progress.chunks):
            return False
        if progress.again and not progress.chunks:
            return False
        if part.op is Op.TRUNCATE:  # what was read of the table is void: read it anew, after the truncate was given
            self._tables[part.dataset] = TableProgress()
            self._again.drop(part.dataset)
            self._unseen.add(transaction)
            return False
        if part.place is None:
            return False
        if not progress.done and not progress.again and (progress.last is None or part.place > progress.last):
            self._unseen.add(transaction)
            return True
        return any(chunk.holds(part.place) and chunk.saw(transaction) for chunk in progress.chunks)


def _broken(what: str) -> Unavailable:
    return Unavailable(STREAM_BROKEN.fault(what))


def _change_of(part: Changed, position: str, committed_at: datetime, transaction: str | None) -> Change:
    return Change(
        dataset=part.dataset,
        op=part.op,
        key=part.key,
        before=part.before,
        after=part.after,
        position=Position(position),
        committed_at=committed_at,
        transaction=transaction,
        unavailable=part.unavailable,
        problem=part.problem,
    )
