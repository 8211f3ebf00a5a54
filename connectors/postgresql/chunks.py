"""One chunk of a snapshot: the next rows of a table in the order of its key, and what the chunk's transaction saw."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg import sql

from connectors.postgresql.binary import Unrepresentable
from connectors.postgresql.codes import KEY_MISFIT, TABLE_MISFIT
from connectors.postgresql.columns import BINARY, NULL, TEXT, Value
from connectors.postgresql.forms import NOT_PLAIN
from connectors.postgresql.generated import Shape, chunk_writer
from connectors.postgresql.order import KeyOrder
from connectors.postgresql.position import NUMBERS, Chunk, Key, lsn_number, lsn_text
from connectors.postgresql.sessions import CopyOut, reported
from connectors.postgresql.tables import RowReader, Table, leaves
from connectors.protocol import Away, Change, Position, Written
from connectors.written import SchemaIds
from contracts.change import Op
from contracts.faults import Refused
from contracts.halves import tail
from contracts.longs import SHORT
from contracts.model import Contract

_HEADER_BYTES = 19
_MEANWHILE_ROWS = 200
"""So many rows take a few milliseconds; the server fills what it may send ahead in about the same time."""
_LENGTH = struct.Struct(">i")
_END = b"\xff\xff"
"""Stands after the last row, where the number of another row's columns would."""
_DIGITS_MAX = 8
_PRINTED = "CASE WHEN {column} IS NULL THEN NULL ELSE format('%s', {column}) END"
"""As the stream prints it; a cast to text prints some types (`inet`, `boolean`) otherwise."""
_SEEN = "SELECT pg_current_snapshot()::text, pg_current_wal_insert_lsn()::text, clock_timestamp()"


class Taken(NamedTuple):
    """A chunk: its rows as changes, its range, and whether the table is read to its end."""

    rows: tuple[Change | Written, ...]
    chunk: Chunk
    done: bool
    places: tuple[Key, ...] = ()
    """Where each row stands in the order of the key, when asked for."""


class _Seen(NamedTuple):
    """What a chunk's transaction sees: its snapshot, an LSN that is not before it, and when that was."""

    snapshot: str
    lsn: int
    read_at: datetime


class _Read(NamedTuple):
    """The rows after `after` as a COPY gave them."""

    after: Key | None
    seen: _Seen
    rows: list[bytes | memoryview]


class ChunkReader:
    """Reads the chunks of one table.  With `write`, the connector's name and the schemas, plain rows come as bytes.

    While the rows of one chunk are written, the server reads the next one: its rows are taken in between.  It is used when it is its
    turn, if its snapshot may still be taken then; its transaction has ended before the chunk at hand is given.
    """

    def __init__(self, contract: Contract, table: Table, write: tuple[str, SchemaIds] | None = None) -> None:
        found = leaves(contract, table)
        assert not isinstance(found, list), "the table was checked"
        binary = {leaf.column: leaf.readers.binary is not None for leaf in found}
        self._columns = tuple(dict.fromkeys((*binary, *contract.key)))
        self._kinds = tuple(BINARY if binary.get(name, True) else TEXT for name in self._columns)
        self._rows = RowReader(contract, found, self._columns)
        key = [column for name in contract.key if (column := table.column(name)) is not None]
        self._order = KeyOrder(key, self._columns)
        self._contract, self._table = contract, table
        shape = Shape(contract, table, found, self._columns)
        self._write = None if write is None else chunk_writer(*write, shape, self._kinds)
        self._ahead: _Read | None = None

    def take(
        self,
        session: psycopg.Connection,
        after: Key | None,
        rows_max: int,
        may_take: Callable[[str], bool],
        *,
        keyed: bool = False,
    ) -> Taken | None:
        """The rows after `after`; None when `may_take` refuses the snapshot.  Raises `Unavailable`."""
        read, self._ahead = self._ahead, None
        if keyed or read is None or read.after != after or not may_take(read.seen.snapshot):
            with self._transaction(session) as seen:
                if not may_take(seen.snapshot):
                    return None
                read = _Read(after, seen, self._copy(session, after, rows_max).rows())
        data = b"".join(read.rows)
        if keyed or len(read.rows) <= rows_max:  # one of them is the end
            rows, starts = self._rows_of(data, read.seen.lsn, read.seen.read_at)
        else:
            rows, starts = self._rows_beside(session, data, read, rows_max)
        done = len(rows) < rows_max
        last = None if done else self._place(data, starts[-1])
        places = tuple(self._place(data, at) or () for at in starts) if keyed else ()
        return Taken(tuple(rows), Chunk(after, last, read.seen.snapshot, read.seen.lsn), done, places)

    def _rows_beside(
        self, session: psycopg.Connection, data: bytes, read: _Read, rows_max: int
    ) -> tuple[list[Change | Written], list[int]]:
        """`_rows_of`, while the server reads the next chunk."""
        after = self._place(bytes(read.rows[-2]), 0 if len(read.rows) > 2 else _HEADER_BYTES)
        with self._transaction(session) as seen:
            copy = self._copy(session, after, rows_max)
            found = self._rows_of(data, read.seen.lsn, read.seen.read_at, copy.take)
            self._ahead = _Read(after, seen, copy.rows())
        return found

    @contextmanager
    def _transaction(self, session: psycopg.Connection) -> Iterator[_Seen]:
        """A transaction for one chunk, and what it sees."""
        with reported(), session.transaction():
            session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            self._hold(session)
            seen = session.execute(_SEEN).fetchone()
            assert seen is not None
            snapshot, until, read_at = seen
            yield _Seen(snapshot, lsn_number(until), read_at)

    def _copy(self, session: psycopg.Connection, after: Key | None, rows_max: int) -> CopyOut:
        return CopyOut(session, self._query(after, rows_max).as_bytes(session))

    def _hold(self, session: psycopg.Connection) -> None:
        """Keep the table's form until the chunk is read, and see that it is the one that the readers were made for."""
        name = sql.Identifier(self._table.schema, self._table.name)
        session.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(name))
        rows = session.execute(
            "SELECT a.attname, a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0",
            [self._table.schema, self._table.name],
        ).fetchall()
        present: dict[str, int] = dict(rows)
        known = {column.name: column.identifier for column in self._table.columns}
        if any(present.get(column) != known[column] for column in self._columns):
            message = f"{self._contract.dataset}: {self._table} was changed while its snapshot was read"
            raise Away(TABLE_MISFIT.fault(message))

    def _query(self, after: Key | None, rows_max: int) -> sql.Composed:
        columns = sql.SQL(", ").join(
            sql.SQL(_PRINTED if kind == TEXT else "{column}").format(column=sql.Identifier(name))
            for name, kind in zip(self._columns, self._kinds, strict=True)
        )
        condition = sql.SQL("") if after is None else sql.SQL("WHERE {}").format(self._order.after(after))
        return sql.SQL("COPY (SELECT {} FROM {} {} ORDER BY {} LIMIT {}) TO STDOUT (FORMAT binary)").format(
            columns,
            sql.Identifier(self._table.schema, self._table.name),
            condition,
            self._order.expressions(),
            sql.Literal(rows_max),
        )

    def _rows_of(
        self, data: bytes, lsn: int, read_at: datetime, meanwhile: Callable[[], None] = lambda: None
    ) -> tuple[list[Change | Written], list[int]]:
        """The rows of a COPY, and where each begins in it; `meanwhile` is called now and then."""
        at, rows, starts = _HEADER_BYTES, list[Change | Written](), list[int]()
        opening = f"{lsn_text(lsn)}#snapshot-"
        lead, write, dataset = opening.encode(), self._write, self._contract.dataset
        leads = [SHORT[len(lead) + digits << 1] + lead for digits in range(_DIGITS_MAX)]
        rest = tail(Op.READ, None, read_at, snapshot=True)
        end = len(data) - len(_END)
        while at < end:
            if not len(starts) % _MEANWHILE_ROWS:
                meanwhile()
            starts.append(at)
            if write is not None:
                number = NUMBERS[len(starts)] if len(starts) < len(NUMBERS) else b"%d" % len(starts)
                try:
                    key, head, at = write(data, at, leads[len(number)] + number)
                except NOT_PLAIN:
                    pass
                else:
                    rows.append(Written(dataset, key, head, rest, read_at))
                    continue
            values, at = self._tuple(data, at)
            rows.append(self._change(values, f"{opening}{len(starts)}", read_at))
        return rows, starts

    def _place(self, data: bytes, at: int) -> Key | None:
        try:
            return self._order.key(self._tuple(data, at)[0])
        except Unrepresentable as problem:
            raise Refused(KEY_MISFIT.fault(f"{self._contract.dataset}: a key in {self._table}: {problem}")) from None

    def _tuple(self, data: bytes, at: int) -> tuple[list[Value], int]:
        """The row that begins at `at`, and where the next one does."""
        values = []
        at += 2
        for kind in self._kinds:
            length = int(_LENGTH.unpack_from(data, at)[0])
            at += 4
            values.append(Value(NULL, b"") if length < 0 else Value(kind, data[at : at + length]))
            at += max(length, 0)
        return values, at

    def _change(self, values: Sequence[Value], position: str, read_at: datetime) -> Change:
        decoded = self._rows.read(values)
        return Change(
            dataset=self._contract.dataset,
            op=Op.READ,
            key=self._rows.key(decoded.row),
            before=None,
            after=decoded.row,
            position=Position(position),
            committed_at=read_at,
            snapshot=True,
            problem=decoded.problem,
        )
