"""The messages of pgoutput (protocol version 1) taken apart; nothing here knows what they mean."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from connectors.postgresql.codes import STREAM_BROKEN
from connectors.postgresql.columns import NULL, UNCHANGED, Value
from contracts.faults import Unavailable

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_BEGIN, _COMMIT = struct.Struct(">QqI"), struct.Struct(">BQQq")
_MESSAGE, _TIME = struct.Struct(">BQ"), struct.Struct(">q")
_INT2, _INT4 = struct.Struct(">h"), struct.Struct(">i")
_LENGTH = struct.Struct(">I")
_NOTHING = Value(NULL, b"")
_NOT_SENT = Value(UNCHANGED, b"")


class Begin(NamedTuple):
    """A transaction begins: the LSN of its commit record, its commit time and its 32-bit number."""

    commit: int
    committed_at: datetime
    transaction: int


class Commit(NamedTuple):
    """A transaction has ended; `end` is the LSN after its commit record."""

    end: int


class Relation(NamedTuple):
    """The form of a table's tuples from here on."""

    identifier: int
    schema: str
    name: str
    columns: tuple[str, ...]
    types: tuple[int, ...]


class RowChange(NamedTuple):
    """One row inserted, updated or deleted.  `kind` is I, U or D; `old_is_key`: the old tuple holds the key alone."""

    kind: bytes
    relation: int
    old: list[Value] | None
    old_is_key: bool
    new: list[Value] | None


class Truncate(NamedTuple):
    """Tables emptied."""

    relations: tuple[int, ...]


class Said(NamedTuple):
    """A logical decoding message; outside a transaction where it is not `transactional`, and then sent by `sent_at`."""

    transactional: bool
    lsn: int
    """Where its record begins in the WAL."""
    prefix: str
    content: bytes
    sent_at: datetime


Message = Begin | Commit | Relation | RowChange | Truncate | Said


def parse(data: bytes) -> Message | None:
    """One message, or None for a kind that changes nothing (types, origins)."""
    try:
        return _parse(data)
    except (struct.error, LookupError, ValueError, OverflowError) as exception:
        raise Unavailable(STREAM_BROKEN.fault(f"a message of kind {data[:1]!r} is not of its form")) from exception


def _parse(data: bytes) -> Message | None:
    kind = data[:1]
    if kind in (b"I", b"U", b"D"):
        return _row(kind, data)
    if kind == b"B":
        commit, microseconds, transaction = _BEGIN.unpack_from(data, 1)
        return Begin(commit, _EPOCH + timedelta(microseconds=microseconds), transaction)
    if kind == b"C":
        return Commit(_COMMIT.unpack_from(data, 1)[2])
    if kind in _NAMED:
        return _NAMED[kind](data)
    if kind == b"T":
        count = _INT4.unpack_from(data, 1)[0]
        return Truncate(struct.unpack_from(f">{count}I", data, 6))
    if kind in (b"Y", b"O"):
        return None
    raise Unavailable(STREAM_BROKEN.fault(f"a message of the unknown kind {kind!r}"))


def _said(data: bytes) -> Said:
    """The message, and after it the time of its frame, which the session puts there: the protocol has none in the message."""
    flags, lsn = _MESSAGE.unpack_from(data, 1)
    prefix, at = _string(data, 1 + _MESSAGE.size)
    length = _INT4.unpack_from(data, at)[0]
    at += 4
    microseconds = _TIME.unpack_from(data, at + length)[0]
    sent_at = _EPOCH + timedelta(microseconds=microseconds)
    return Said(bool(flags & 1), lsn, prefix, data[at : at + length], sent_at)


def _row(kind: bytes, data: bytes) -> RowChange:
    relation = _INT4.unpack_from(data, 1)[0] & 0xFFFFFFFF
    at, old, old_is_key = 5, None, False
    tag = data[5:6]
    if tag in (b"K", b"O"):
        old, at = _tuple(data, 6)
        old_is_key = tag == b"K"
    if kind == b"D":
        return RowChange(kind, relation, old, old_is_key, None)
    new, _ = _tuple(data, at + 1)
    return RowChange(kind, relation, old, old_is_key, new)


def _tuple(data: bytes, at: int) -> tuple[list[Value], int]:
    count = _INT2.unpack_from(data, at)[0]
    at += 2
    values: list[Value] = []
    for _ in range(count):
        kind = data[at : at + 1]
        at += 1
        if kind == b"n":
            values.append(_NOTHING)
        elif kind == b"u":
            values.append(_NOT_SENT)
        else:
            length = _LENGTH.unpack_from(data, at)[0]
            at += 4
            values.append(Value(kind, data[at : at + length]))
            at += length
    if at > len(data):
        raise IndexError
    return values, at


def _relation(data: bytes) -> Relation:
    identifier = _INT4.unpack_from(data, 1)[0] & 0xFFFFFFFF
    schema, at = _string(data, 5)
    name, at = _string(data, at)
    count = _INT2.unpack_from(data, at + 1)[0]
    at += 3
    columns: list[str] = []
    types: list[int] = []
    for _ in range(count):
        column, at = _string(data, at + 1)
        columns.append(column)
        types.append(_INT4.unpack_from(data, at)[0] & 0xFFFFFFFF)
        at += 8
    return Relation(identifier, schema or "pg_catalog", name, tuple(columns), tuple(types))


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode(), end + 1


_NAMED: dict[bytes, Callable[[bytes], Message]] = {b"R": _relation, b"M": _said}
"""The kinds of message that name something in text."""
