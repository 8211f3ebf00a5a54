"""The rows of an outbox that were there before its slot, read in chunks before anything of the stream.

NO-LOSS-NO-REPEAT at the hand-over: rows of an outbox come and go, so a row that the stream brings may be gone before it could be
read, and a chunk cannot stand for what was left out of the stream.  The slot's own snapshot parts them instead: a row is
read where that snapshot sees the transaction that inserted it (`xmin`), and every other one comes by the stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

from connectors.postgresql.binary import Unrepresentable
from connectors.postgresql.codes import OUTBOX_WRONG
from connectors.postgresql.columns import BINARY, NULL, TEXT, Value
from connectors.postgresql.events import OutboxReader, column_forms
from connectors.postgresql.options import OutboxOptions
from connectors.postgresql.order import KeyOrder
from connectors.postgresql.position import Key, lsn_number, lsn_text
from connectors.postgresql.sessions import reported
from connectors.postgresql.tables import Table
from connectors.postgresql.visibility import Visibility
from connectors.protocol import Change, Position
from contracts.change import Op
from contracts.faults import Refused
from contracts.model import Contract

_PRINTED = "CASE WHEN {column} IS NULL THEN NULL ELSE format('%s', {column}) END"
_SEEN = "SELECT pg_current_wal_insert_lsn()::text, clock_timestamp()"
_FIRST_NORMAL = 3
"""Transactions below it made the database, or were frozen by an old version: every snapshot sees them."""


def order_names(outbox: OutboxOptions, table: Table) -> tuple[str, ...]:
    """The columns in whose order rows are read."""
    first = () if outbox.order_column is None else (outbox.order_column,)
    return tuple(dict.fromkeys((*first, *sorted(table.primary))))


class OutboxRows:
    """Reads the rows of one outbox."""

    def __init__(self, outbox: OutboxOptions, contracts: Mapping[str, Contract], table: Table) -> None:
        ordered = order_names(outbox, table)
        forms = dict.fromkeys(ordered, True) | column_forms(outbox, contracts, table)
        self._columns = tuple(forms)
        self._kinds = [BINARY if binary else TEXT for binary in forms.values()]
        self._order = KeyOrder([column for name in ordered if (column := table.column(name))], self._columns)
        self._reader = OutboxReader(outbox, contracts, table, self._columns)
        self._table = table

    def take(
        self, session: psycopg.Connection, after: Key | None, before: str, rows_max: int
    ) -> tuple[tuple[Change, ...], Key | None, bool]:
        """Of the next `rows_max` rows those that the snapshot `before` sees; where they end; whether these were the last."""
        seen = Visibility.parse(before)
        with reported():
            lsn, read_at = session.execute(_SEEN).fetchone() or ("0/0", None)
            found = self._fetched(session, after, rows_max)
        events = []
        for number, (inserter, values) in enumerate(found, 1):
            if inserter >= _FIRST_NORMAL and not seen.sees(inserter):
                continue
            event = self._reader.event(values, Op.READ)
            position = Position(f"{lsn_text(lsn_number(lsn))}#snapshot-{number}")
            events.append(
                Change(
                    event.dataset,
                    event.op,
                    event.key,
                    None,
                    event.after,
                    position,
                    read_at,
                    snapshot=True,
                    problem=event.problem,
                )
            )
        done = len(found) < rows_max
        return tuple(events), self._place(found[-1][1]) if found else after, done

    def _place(self, values: Sequence[Value]) -> Key | None:
        try:
            return self._order.key(values)
        except Unrepresentable as problem:
            raise Refused(
                OUTBOX_WRONG.fault(f"a row of {self._table} cannot be placed in its order: {problem}")
            ) from None

    def _fetched(
        self, session: psycopg.Connection, after: Key | None, rows_max: int
    ) -> list[tuple[int, Sequence[Value]]]:
        """The number of the inserting transaction and the columns of each row."""
        columns = [
            sql.SQL(_PRINTED if kind == TEXT else "{column}").format(column=sql.Identifier(name))
            for name, kind in zip(self._columns, self._kinds, strict=True)
        ]
        query = sql.SQL("SELECT xmin::text, {} FROM {} {} ORDER BY {} LIMIT {}").format(
            sql.SQL(", ").join(columns),
            sql.Identifier(self._table.schema, self._table.name),
            sql.SQL("") if after is None else sql.SQL("WHERE {}").format(self._order.after(after)),
            self._order.expressions(),
            sql.Literal(rows_max),
        )
        cursor = session.cursor(binary=True)
        cursor.execute(query)
        result = cursor.pgresult
        assert result is not None
        rows: list[tuple[int, Sequence[Value]]] = []
        for row in range(result.ntuples):
            raw = [result.get_value(row, place) for place in range(len(self._kinds) + 1)]
            values = [
                Value(NULL, b"") if data is None else Value(kind, data)
                for kind, data in zip(self._kinds, raw[1:], strict=True)
            ]
            rows.append((int(raw[0] or b"0"), values))
        return rows
