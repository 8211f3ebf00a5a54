"""The table that `capture` reads, its contract, and the load: a backlog behind a slot that every run gets a copy of."""

from __future__ import annotations

import threading

import psycopg

from broker import clock
from contracts.model import Contract, Field, FieldType, Kind, TypeName

SLOT, _TOGETHER = "bench_origin", 25
TABLE = """
CREATE TABLE crossings (
    id bigint PRIMARY KEY, port text NOT NULL, vehicle text NOT NULL, note text, crossed_at timestamptz NOT NULL,
    lane int NOT NULL, persons int NOT NULL, fee numeric(12, 2), checked boolean NOT NULL, document_day date, reference uuid NOT NULL,
    details jsonb, tags text[]
)
"""
_ROW = """
    {id}, (ARRAY['Northgate', 'Harwick', 'Saltmouth', 'Eastferry'])[1 + (random() * 3)::int], 'vehicle ' || (random() * 1e6)::int,
    CASE WHEN random() < 0.5 THEN 'seen at the second gate, papers in order' END,
    clock_timestamp() - random() * interval '300 days', (random() * 12)::int, (random() * 5)::int, (random() * 100000)::numeric(12, 2),
    random() < 0.5, DATE '2026-01-01' + (random() * 300)::int, gen_random_uuid(),
    jsonb_build_object('kind', (ARRAY['car', 'coach', 'lorry'])[1 + (random() * 2)::int], 'axles', (random() * 5)::int),
    ARRAY['inbound', 'lane-' || (random() * 12)::int]
"""
ROWS = "INSERT INTO crossings SELECT " + _ROW.format(id="number") + " FROM generate_series({first}, {last}) number"
_CHANGES = (
    """
CREATE PROCEDURE change(count int, first bigint, INOUT done int) LANGUAGE plpgsql AS $$
DECLARE newest bigint := first; chance float; changed int; target bigint;
BEGIN
    FOR number IN 1..count LOOP
        chance := random();
        target := first + ((newest - first) * random())::bigint;
        IF chance < 0.70 THEN
            newest := newest + 1;
            INSERT INTO crossings SELECT """
    + _ROW.format(id="newest")
    + """;
        ELSIF chance < 0.95 THEN
            UPDATE crossings SET lane = lane + 1, fee = fee + 1 WHERE id = target;
        ELSE
            DELETE FROM crossings WHERE id = target;
        END IF;
        GET DIAGNOSTICS changed = ROW_COUNT;
        done := done + changed;
        IF number % 100 = 0 THEN COMMIT; END IF;
    END LOOP;
END $$
"""
)


def contract(dataset: str) -> Contract:
    """The contract of the table; its store has the dataset's name."""
    text = FieldType(TypeName.STRING)
    integer = FieldType(TypeName.INTEGER)
    types = {
        "id": integer,
        "port": text,
        "vehicle": text,
        "note": text,
        "crossed_at": FieldType(TypeName.TIMESTAMP),
        "lane": integer,
        "persons": integer,
        "fee": FieldType(TypeName.DECIMAL, precision=12, scale=2),
        "checked": FieldType(TypeName.BOOLEAN),
        "document_day": FieldType(TypeName.DATE),
        "reference": FieldType(TypeName.UUID),
        "details": text,
        "tags": FieldType(TypeName.ARRAY, items=text, items_required=False),
    }
    fields = tuple(Field(name, type_, required=name == "id") for name, type_ in types.items())
    return Contract(
        dataset,
        (1, 0, 0),
        Kind.ENTITY,
        "OFFICIAL",
        "bench",
        dataset,
        dataset,
        ("id",),
        fields,
        quarantine_encrypted=False,
    )


def load(dsn: str, rows: int, changes: int) -> int:
    """Fill the table with `rows`, then change it behind the slot; how many changes the slot will give."""
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("SET synchronous_commit = off")
        session.execute(TABLE)
        session.execute("ALTER TABLE crossings REPLICA IDENTITY FULL")
        session.execute(ROWS.format(first=1, last=rows).encode())
        session.execute(f"CREATE PUBLICATION {SLOT} FOR TABLE crossings".encode())
        session.execute(f"SELECT pg_create_logical_replication_slot('{SLOT}', 'pgoutput')".encode())
        session.execute(_CHANGES.encode())
        changed = session.execute(f"CALL change({changes}, {rows}, 0)".encode()).fetchone()
        session.execute("CHECKPOINT")
    assert changed is not None
    return int(changed[0])


def count(dsn: str) -> int:
    """How many rows there are."""
    with psycopg.connect(dsn) as session:
        found = session.execute("SELECT count(*) FROM crossings").fetchone()
    assert found is not None
    return int(found[0])


def write(dsn: str, per_second: int, stopping: threading.Event) -> None:
    """Insert rows at an even rate, 25 in a transaction, until told to stop."""
    number = 1_000_000_000
    with psycopg.connect(dsn, autocommit=True) as session:
        due = clock.monotonic_seconds()
        while not stopping.is_set():
            session.execute(ROWS.format(first=number, last=number + _TOGETHER - 1).encode())
            number += _TOGETHER
            due += _TOGETHER / per_second
            stopping.wait(max(0.0, due - clock.monotonic_seconds()))
        session.execute("DELETE FROM crossings WHERE id >= 1000000000")


def make_slot(dsn: str, name: str) -> None:
    """A slot that begins now."""
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [name])


def copy_slot(dsn: str, name: str) -> None:
    """A slot of its own with the same backlog."""
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("SELECT pg_copy_logical_replication_slot(%s, %s)", [SLOT, name])


def drop_slot(dsn: str, name: str) -> None:
    """The slot is not needed any more."""
    with psycopg.connect(dsn, autocommit=True) as session:
        for _ in range(300):
            held = session.execute("SELECT active FROM pg_replication_slots WHERE slot_name = %s", [name]).fetchone()
            if held is None:
                return
            if not held[0]:
                session.execute("SELECT pg_drop_replication_slot(%s)", [name])
                return
            session.execute("SELECT pg_sleep(0.1)")
        raise RuntimeError(f"slot {name} is still held")
