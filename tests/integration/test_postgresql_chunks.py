"""While one chunk is written the next is read; it is used only if what it saw may still be taken when its turn comes."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.chunks import ChunkReader
from connectors.postgresql.sessions import connect
from tests.postgresql_cases import TABLE, contract

pytestmark = pytest.mark.integration


@pytest.fixture
def session(database: str) -> Iterator[psycopg.Connection]:
    with connect(database, "chunks") as opened:
        opened.execute(TABLE)
        opened.execute("INSERT INTO items (id, name) SELECT n, 'name ' || n FROM generate_series(1, 7) n")
        yield opened


@pytest.fixture
def reader(session: psycopg.Connection) -> ChunkReader:
    found = Catalogue(session).table("public", "items")
    assert found is not None
    return ChunkReader(contract(), found[0])


def names(taken) -> list[str]:
    return [row.after["name"] for row in taken.rows]


def test_chunks_end_where_the_table_does_and_miss_nothing(session: psycopg.Connection, reader: ChunkReader) -> None:
    for rows_max in (1, 2, 3, 6, 7, 8, 20):
        after, read, chunks = None, [], 0
        while True:
            taken = reader.take(session, after, rows_max, lambda _: True)
            read += names(taken)
            chunks += 1
            assert taken.chunk.after == after
            if taken.done:
                break
            after = taken.chunk.upto
        assert read == [f"name {number}" for number in range(1, 8)]
        assert chunks == 7 // rows_max + 1


def test_a_chunk_that_was_read_ahead_shows_what_its_own_snapshot_saw(
    session: psycopg.Connection, reader: ChunkReader
) -> None:
    first = reader.take(session, None, 2, lambda _: True)
    session.execute("UPDATE items SET name = 'changed' WHERE id = 3")
    assert session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE, "nothing is held in the store"
    second = reader.take(session, first.chunk.upto, 2, lambda _: True)
    assert names(second) == ["name 3", "name 4"], "before the change, and its snapshot says so"
    assert second.chunk.snapshot == first.chunk.snapshot


def test_it_is_read_anew_when_the_stream_has_left_out_what_it_did_not_see(
    session: psycopg.Connection, reader: ChunkReader
) -> None:
    first = reader.take(session, None, 2, lambda _: True)
    session.execute("UPDATE items SET name = 'changed' WHERE id = 3")
    second = reader.take(session, first.chunk.upto, 2, lambda snapshot: snapshot != first.chunk.snapshot)
    assert names(second) == ["changed", "name 4"]
    assert reader.take(session, second.chunk.upto, 2, lambda _: False) is None, "no snapshot may be taken now"
    third = reader.take(session, second.chunk.upto, 2, lambda _: True)
    assert names(third) == ["name 5", "name 6"]


def test_it_is_forgotten_when_the_table_is_read_from_elsewhere(
    session: psycopg.Connection, reader: ChunkReader
) -> None:
    reader.take(session, None, 2, lambda _: True)
    session.execute("UPDATE items SET name = 'changed' WHERE id = 1")
    assert names(reader.take(session, None, 2, lambda _: True)) == ["changed", "name 2"]
