"""The fast way through a stream: a batch of messages in, keys and written envelopes out.

The machine does what is plain, and stops at the first message that is not: a table's form, a truncate, a change of key, a value
that was not sent inside a record, anything malformed.  That one message goes the general way (`decoder`, `assembler`), and
the machine goes on after it.  So the general way alone says what every message means, and a native machine may take
this one's place: its whole interface is `feed`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from struct import Struct
from typing import NamedTuple

from connectors.postgresql.forms import NOT_PLAIN
from connectors.postgresql.generated import RelationWriter, Shape, relation_writer
from connectors.postgresql.messages import Begin, Commit, Message, parse
from connectors.postgresql.position import NUMBERS, lsn_text
from connectors.protocol import Written
from connectors.written import SchemaIds
from contracts.change import Op
from contracts.faults import Unavailable
from contracts.halves import tail
from contracts.longs import SHORT

_INSERT, _UPDATE, _DELETE, _BEGIN, _COMMIT, _NEW, _OLD = b"IUDBCNO"
_OPS = {_INSERT: Op.CREATE, _UPDATE: Op.UPDATE, _DELETE: Op.DELETE}
_IDENTIFIER = Struct(">I").pack


class Running(NamedTuple):
    """The transaction that is being read: its commit's LSN and time, its number, and how many of its changes were read."""

    commit: int
    committed_at: datetime
    transaction: int
    read: int


class Fed(NamedTuple):
    """What came of the messages up to `consumed`.

    `written` are their changes; the first `cut` of them belong to transactions that have ended, the last of them at `end`
    (None: none has ended).  `running` is the transaction that has not.  `ended` are the numbers of those that have.
    """

    consumed: int
    written: list[Written]
    cut: int
    end: int | None
    ended: list[int]
    running: Running | None


class Machine:
    """Writes the changes of the connector `name`, those of each relation by a writer of its own."""

    def __init__(self, name: str, schemas: Mapping[str, SchemaIds]) -> None:
        self._name, self._schemas = name, schemas
        self._writers: dict[bytes, RelationWriter] = {}

    def announce(self, relation: int, shape: Shape | None) -> None:
        """From here on the tuples of `relation` have this shape; None: they go the general way."""
        self._writers.pop(_IDENTIFIER(relation), None)
        schemas = None if shape is None else self._schemas.get(shape.contract.dataset)
        if shape is None or schemas is None:
            return
        writer = relation_writer(self._name, schemas, shape)
        if writer is not None:
            self._writers[_IDENTIFIER(relation)] = writer

    def feed(self, messages: Sequence[bytes], start: int, running: Running | None) -> Fed:
        """Take `messages` from `start` on, after what `running` says; never raises, whatever they hold."""
        at, cut, end = start, 0, None
        written: list[Written] = []
        ended: list[int] = []
        while at < len(messages):
            if running is None:
                running = _begun(messages[at])
                if running is None:
                    break
                at += 1
            count = self._changes(messages, at, running, written)
            at += count
            running = running._replace(read=running.read + count)
            commit = _ended(messages[at]) if at < len(messages) else None
            if commit is None:
                break
            at += 1
            end, cut = commit if end is None else max(end, commit), len(written)
            ended.append(running.transaction)
            running = None
        return Fed(at, written, cut, end, ended, running)

    def _changes(self, messages: Sequence[bytes], start: int, running: Running, written: list[Written]) -> int:
        """Write the plain changes from `start` on, up to whatever else comes; how many there were."""
        writers, committed_at = self._writers, running.committed_at
        transaction = str(running.transaction)
        prefix = lsn_text(running.commit).encode() + b"#"
        tails: dict[int, bytes] = {}
        number, before = running.read, len(written)
        try:
            for data in islice(messages, start, None):
                kind = data[0]
                if kind not in _OPS:
                    break
                number += 1
                position = prefix + (NUMBERS[number] if number < len(NUMBERS) else b"%d" % number)
                position = SHORT[len(position) << 1] + position
                writer = writers[data[1:5]]
                gone: tuple[int, ...] = ()
                if kind == _DELETE:
                    key, head = writer.delete(data, position)
                elif data[5] == _NEW:
                    key, head, gone = writer.after(data, 6, position)
                elif data[5] == _OLD and kind == _UPDATE:
                    key, head = writer.both(data, 6, position)
                else:
                    break
                if gone:
                    rest = tail(_OPS[kind], transaction, committed_at, writer.missing(gone))
                elif kind in tails:
                    rest = tails[kind]
                else:
                    rest = tails[kind] = tail(_OPS[kind], transaction, committed_at)
                written.append(Written(writer.dataset, key, head, rest, committed_at))
        except NOT_PLAIN:
            pass
        return len(written) - before


def _begun(data: bytes) -> Running | None:
    """The transaction that a message begins."""
    message = _parsed(data, _BEGIN)
    return Running(*message, 0) if isinstance(message, Begin) else None


def _ended(data: bytes) -> int | None:
    """The LSN after the transaction that a message ends."""
    message = _parsed(data, _COMMIT)
    return message.end if isinstance(message, Commit) else None


def _parsed(data: bytes, kind: int) -> Message | None:
    """A message of that kind; None for another, or one that is malformed."""
    try:
        return parse(data) if data[0] == kind else None
    except (Unavailable, LookupError, OverflowError):
        return None
