"""What the stream is made of once its messages are read: transactions that begin and end, and what they changed or said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from connectors.postgresql.position import Key
from contracts.change import Op, Row


class Started(NamedTuple):
    """A transaction begins: the LSN of its commit record, its commit time and its 32-bit number."""

    commit: int
    committed_at: datetime
    transaction: int


class Ended(NamedTuple):
    """A transaction has been given completely; `end` is the LSN after it."""

    end: int


@dataclass(frozen=True, slots=True)
class Changed:
    """One change of one row; `place` is its key in the order of the snapshot, None where the row has none."""

    dataset: str
    op: Op
    place: Key | None
    key: Row
    before: Row | None
    after: Row | None
    unavailable: tuple[str, ...] = ()
    problem: str | None = None


class Alone(NamedTuple):
    """An event that belongs to no transaction: a message that was sent at once, its record at `lsn`."""

    lsn: int
    sent_at: datetime
    event: Changed


Part = Started | Ended | Changed | Alone
