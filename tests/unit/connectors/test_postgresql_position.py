"""Positions, visibility, and the reconciliation of snapshot and stream."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.postgresql.assembler import Assembler
from connectors.postgresql.parts import Alone, Changed, Ended, Started
from connectors.postgresql.position import Chunk, Partial, Place, TableProgress, lsn_number, lsn_text, parse
from connectors.postgresql.visibility import Visibility
from connectors.protocol import Position
from contracts.change import Op
from contracts.faults import Refused, Unavailable

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def place(**more) -> Place:
    return Place(
        **{"system": "7", "timeline": 1, "slot": "s", "lsn": 100, "tables": {"d": TableProgress(done=True)}, **more}
    )


def changed(key: int, op: Op = Op.CREATE) -> Changed:
    return Changed("d", op, (key,), {"id": key}, None, {"id": key})


def transaction(xid: int, commit: int, *changes: Changed):
    return [Started(commit, NOW, xid), *changes, Ended(commit + 8)]


def keys(batch) -> list[int]:
    return [change.key["id"] for change in batch.changes]


def test_a_position_is_what_its_text_says() -> None:
    chunk = Chunk((1, "a"), None, "5:9:6,7", 500)
    one = place(tables={"d": TableProgress(last=(1, "a"), chunks=(chunk,))}, partial=Partial(200, 3), unseen=(4, 8))
    assert parse(one.position()) == one
    assert lsn_number(lsn_text(0x16_B374D848)) == 0x16_B374D848
    assert lsn_text(0x16_B374D848) == "16/B374D848"


def test_an_event_outside_of_transactions_is_whole_by_itself_and_not_given_again() -> None:
    assembler = Assembler(place(), 10)
    assembler.take([*transaction(7, 200, changed(1)), Alone(300, NOW, changed(2))])
    batch = assembler.batch()
    assert keys(batch) == [1, 2]
    assert parse(batch.position).lsn == 301, "its record begins at 300: reading from 301 on leaves it out"
    assert (batch.changes[1].position.text, batch.changes[1].transaction) == ("0/12C#message", None)


def test_rows_of_an_outbox_come_before_all_else_and_the_position_says_how_far_they_are() -> None:
    waiting = TableProgress(before="5:9:")
    assembler = Assembler(place(tables={"public.outbox": waiting, "d": TableProgress()}), 10)
    assert assembler.outbox == ("public.outbox", waiting)
    assert assembler.next_table() == ("d", None)
    batch = assembler.take_outbox("public.outbox", (), (4,), done=False)
    assert parse(batch.position).tables["public.outbox"] == TableProgress(last=(4,), before="5:9:")
    batch = assembler.take_outbox("public.outbox", (), (8,), done=True)
    assert parse(batch.position).tables["public.outbox"] == TableProgress(done=True, last=(8,))
    assert assembler.outbox is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"system":"7","timeline":1,"slot":"s","lsn":1,"colour":2}'])
def test_a_text_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse(Position(text))


@pytest.mark.parametrize(
    ("snapshot", "transaction", "seen"),
    [
        ("10:10:", 9, True),
        ("10:10:", 10, False),
        ("10:20:12,15", 12, False),
        ("10:20:12,15", 13, True),
        (f"{(1 << 32) + 3}:{(1 << 32) + 9}:{(1 << 32) + 5}", 5, False),
        (f"{(1 << 32) + 3}:{(1 << 32) + 9}:{(1 << 32) + 5}", 4, True),
        (f"{(1 << 32) + 3}:{(1 << 32) + 9}:", 0xFFFFFFF0, True),
        ("4294967280:4294967290:", 3, False),
    ],
)
def test_what_a_snapshot_sees_also_when_numbers_wrap(snapshot: str, transaction: int, *, seen: bool) -> None:
    assert Visibility.parse(snapshot).sees(transaction) is seen


# the number below `xmax` is of the newest transaction that has ended
SNAPSHOTS = st.builds(
    lambda low, size, running: Visibility(low, low + size, frozenset(low + n for n in running if n < size - 1)),
    st.integers(3, 9),
    st.integers(0, 6),
    st.sets(st.integers(0, 5)),
)


@given(SNAPSHOTS, SNAPSHOTS)
def test_a_snapshot_covers_another_when_it_sees_all_that_the_other_sees(one: Visibility, other: Visibility) -> None:
    numbers = range(1, 20)
    assert one.covers(other) is all(one.sees(number) for number in numbers if other.sees(number))


def test_a_chunk_sees_no_less_than_the_one_before_it() -> None:
    assembler = Assembler(place(tables={"d": TableProgress()}), 10)
    assert assembler.may_take("5:9:5")
    assembler.take_chunk("d", (), Chunk(None, (3,), "6:9:6", 100), done=False)
    assert not assembler.may_take("5:9:5,6"), "5 is seen no more"
    assert not assembler.may_take("6:8:6")
    assert assembler.may_take("6:9:6")
    assert assembler.may_take("7:12:10")


def test_batches_are_cut_at_commits() -> None:
    assembler = Assembler(place(), 10)
    first, second = transaction(5, 200, changed(1), changed(2)), transaction(6, 300, changed(3))
    assembler.take([*first, *second[:-1]])
    batch = assembler.batch()
    assert keys(batch) == [1, 2]
    assert parse(batch.position).lsn == 208
    assert assembler.batch() is None
    assembler.take(second[-1:])
    assert keys(assembler.batch()) == [3]


def test_a_large_transaction_is_cut_and_its_rest_given_after_a_restart() -> None:
    assembler = Assembler(place(), 3)
    large = transaction(5, 200, *(changed(n) for n in range(7)))
    assembler.take(large[:4])
    batch = assembler.batch()
    assert keys(batch) == [0, 1, 2]
    stored = parse(batch.position)
    assert (stored.lsn, stored.partial) == (100, Partial(200, 3))
    again = Assembler(stored, 100)
    again.idle_at(5000)
    assert again.batch(heartbeat=True) is None, "no position may pass over the rest"
    again.take(large)
    rest = again.batch()
    assert keys(rest) == [3, 4, 5, 6]
    assert parse(rest.position).partial is None
    other = Assembler(stored, 100)
    with pytest.raises(Unavailable, match="expected the rest"):
        other.take(transaction(6, 300, changed(1)))


def test_an_idle_stream_moves_the_position_only_outside_a_transaction() -> None:
    assembler = Assembler(place(), 10)
    assembler.idle_at(400)
    assert assembler.batch() is None
    assert parse(assembler.batch(heartbeat=True).position).lsn == 400
    assembler.take(transaction(5, 500, changed(1))[:-1])
    assembler.idle_at(900)
    assert assembler.batch(heartbeat=True) is None


def test_snapshot_and_stream_give_every_row_once() -> None:
    assembler = Assembler(place(tables={"d": TableProgress()}), 100)
    assembler.take(transaction(5, 200, changed(1)))  # not read yet: a chunk will show it
    assert assembler.batch() is None
    assert not assembler.may_take("4:9:5"), "a chunk that does not see 5 must wait"
    assert assembler.may_take("6:9:7")
    taken = assembler.take_chunk("d", (), Chunk(None, (10,), "6:9:7", 1000), done=False)
    assert parse(taken.position).tables["d"].last == (10,)
    assembler.take(transaction(8, 300, changed(2)))  # the chunk saw it
    assert assembler.batch() is None
    assembler.take(transaction(7, 400, changed(3), changed(11)))  # in the range, not seen; and beyond the range
    batch = assembler.batch()
    assert keys(batch) == [3]
    assert parse(batch.position).unseen == (7,)
    assembler.take(transaction(9, 2000, changed(4)))
    assert keys(assembler.batch()) == [4]
    assert assembler.place.tables["d"].chunks == (), "the stream has passed the chunk"


def test_a_truncate_during_the_snapshot_begins_the_table_again() -> None:
    assembler = Assembler(place(tables={"d": TableProgress(last=(10,))}), 100)
    assembler.take(transaction(5, 200, Changed("d", Op.TRUNCATE, None, {}, None, None)))
    assert not assembler.settled, "no chunk before the truncate is given"
    assert len(assembler.batch().changes) == 1
    assert assembler.settled
    assert assembler.next_table() == ("d", None)
    assert not assembler.may_take("5:6:5")
