"""A transactional outbox and logical messages on a real server: each event once, in order, whatever is crashed or cleared away."""

from __future__ import annotations

import random
import threading

import psycopg
import pytest

from connectors.postgresql import codes
from connectors.postgresql.places import EVERYTHING
from connectors.postgresql.position import parse
from connectors.protocol import Change, Signal
from contracts.change import Op
from contracts.faults import Refused, Unavailable
from contracts.model import Contract, Field, FieldType, Kind, TypeName
from tests.postgresql_cases import TABLE, connector, present_lsn, read_on
from tests.postgresql_cases import contract as table_contract

pytestmark = pytest.mark.integration
OUTBOX = """
CREATE TABLE outbox (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), number bigserial NOT NULL,
    aggregatetype text, aggregateid text, type text, payload jsonb
)
"""
ROUTES = {"traveller": "traveller-events", "crossing": "crossing-events"}
OPTIONS = {
    "routes": ROUTES,
    "fields": {"subject": "aggregateid", "kind": "type", "event": "id"},
    "order_column": "number",
}


def contract(dataset: str, kind: Kind = Kind.EVENT) -> Contract:
    text = FieldType(TypeName.STRING)
    return Contract(
        dataset=dataset,
        version=(1, 0, 0),
        kind=kind,
        classification="OFFICIAL",
        owner="owner",
        store="store",
        name=dataset,
        key=("subject",),
        fields=(
            Field("subject", text, required=True),
            Field("kind", text),
            Field("event", FieldType(TypeName.UUID)),
            Field("number", FieldType(TypeName.INTEGER)),
            Field("amount", FieldType(TypeName.DECIMAL, precision=8, scale=2)),
        ),
    )


CONTRACTS = [contract("traveller-events"), contract("crossing-events")]


def source(dsn: str, contracts=None, more=None, **options):
    return connector(dsn, contracts or CONTRACTS, outbox=OPTIONS | (more or {}), heartbeat_seconds=0.2, **options)


@pytest.fixture
def outbox(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(OUTBOX)
    return database


INSERT = (
    "INSERT INTO outbox (aggregatetype, aggregateid, type, payload)"
    " VALUES (%s, %s, 'moved', jsonb_build_object('number', %s::int, 'amount', 1.5, 'other', 'left out'))"
)


def numbers(changes: list[Change]) -> list[int]:
    return [change.after["number"] for change in changes]


def test_rows_are_routed_their_payloads_spread_and_housekeeping_ignored(outbox: str) -> None:
    reader, changes = source(outbox), []
    with psycopg.connect(outbox, autocommit=True) as session:
        session.execute(INSERT, ["traveller", "a", 1])
        reader.open(None)
        read_on(reader, present_lsn(outbox), changes)
        session.execute(INSERT, ["crossing", "b", 2])
        session.execute("DELETE FROM outbox")
        with session.transaction():
            session.execute(INSERT, ["traveller", "a", 3])
            session.execute("DELETE FROM outbox")
        session.execute("TRUNCATE outbox")
        read_on(reader, present_lsn(outbox), changes)
        reader.close()
    told = [(change.dataset, change.op, change.key, change.after["kind"], change.snapshot) for change in changes]
    assert told == [
        ("traveller-events", Op.READ, {"subject": "a"}, "moved", True),
        ("crossing-events", Op.CREATE, {"subject": "b"}, "moved", False),
        ("traveller-events", Op.CREATE, {"subject": "a"}, "moved", False),
    ]
    assert numbers(changes) == [1, 2, 3]
    assert {str(change.after["amount"]) for change in changes} == {"1.5"}
    assert all(set(change.after) == {"subject", "kind", "event", "number", "amount"} for change in changes)
    assert len({change.after["event"] for change in changes}) == 3


class EventWriter(threading.Thread):
    """Inserts events until told to stop; once `clearing`, it also deletes what it has inserted, soon or in the same transaction."""

    def __init__(self, dsn: str, seed: int, written: dict[str, list[int]]) -> None:
        super().__init__(daemon=True)
        self._dsn, self._random, self._written = dsn, random.Random(seed), written
        self.stopping, self.clearing = threading.Event(), threading.Event()
        self._number = 1000

    def run(self) -> None:
        with psycopg.connect(self._dsn) as session:
            while not self.stopping.is_set():
                with session.transaction():
                    for _ in range(self._random.randrange(1, 4)):
                        with session.transaction():  # a transaction inside: its rows bear another number
                            self.write(session)
                    if self.clearing.is_set() and self._random.random() < 0.3:
                        session.execute("DELETE FROM outbox WHERE (payload->>'number')::int >= 1000")
                self.stopping.wait(0.002)

    def write(self, session: psycopg.Connection) -> None:
        subject, self._number = self._random.choice("abc"), self._number + 1
        session.execute(INSERT, [self._random.choice(list(ROUTES)), subject, self._number])
        self._written.setdefault(subject, []).append(self._number)


@pytest.mark.parametrize("seed", [1, 2])
def test_each_event_comes_once_and_in_the_order_of_its_aggregate_under_writes_housekeeping_and_crashes(
    outbox: str, seed: int
) -> None:
    chooser, written = random.Random(seed), {}
    writer = EventWriter(outbox, seed, written)
    with psycopg.connect(outbox, autocommit=True) as session:
        for _ in range(60):
            writer.write(session)
    writer.start()
    reader, changes, position = source(outbox, chunk_rows=30), [], None
    for _ in range(12):  # each a crash: nothing is told but the last position that was kept
        reader.open(position)
        for _ in range(chooser.randrange(3, 14)):
            batch = reader.poll(0.02)
            if batch is not None and chooser.random() < 0.1:
                break  # this batch was not kept: it must come again
            if batch is not None:
                changes += batch.changes
                position = batch.position
                reader.durable(position)
                if not parse(position).in_snapshot:
                    writer.clearing.set()
        reader.close()
    writer.stopping.set()
    writer.join()
    reader.open(position)
    read_on(reader, present_lsn(outbox), changes)
    reader.close()
    told: dict[str, list[int]] = {}
    for change in changes:
        told.setdefault(change.key["subject"], []).append(change.after["number"])
    assert told == written
    assert {change.op for change in changes} == {Op.READ, Op.CREATE}
    assert writer.clearing.is_set()


def test_an_update_is_quarantined_and_so_is_what_cannot_be_read(outbox: str) -> None:
    reader, changes = source(outbox), []
    reader.open(None)
    with psycopg.connect(outbox, autocommit=True) as session:
        session.execute(INSERT, ["traveller", "a", 1])
        session.execute("UPDATE outbox SET type = 'again'")
        for payload in (None, "[1]", '{"number": "CANARY"}', '{"amount": 1}'):
            session.execute(
                "INSERT INTO outbox (aggregatetype, aggregateid, payload) VALUES ('traveller', 'a', %s)", [payload]
            )
        read_on(reader, present_lsn(outbox), changes)
        reader.close()
    assert [change.problem for change in changes] == [
        None,
        "a row of the outbox was updated",
        "the payload is null",
        "the payload is no JSON object",
        "the payload: a JSON value of another type than the contract says",
        None,
    ]
    assert changes[-1].after["number"] is None
    assert {change.key["subject"] for change in changes} == {"a"}


def test_a_row_without_route_stops_the_connector_or_is_quarantined_by_choice_and_is_never_passed_over(
    outbox: str,
) -> None:
    reader, changes = source(outbox), []
    reader.open(None)
    with psycopg.connect(outbox, autocommit=True) as session:
        session.execute(INSERT, ["traveller", "a", 1])
        position = read_on(reader, present_lsn(outbox), changes)
        session.execute(INSERT, ["CANARY", "b", 2])
        session.execute(INSERT, ["crossing", "c", 3])
        with pytest.raises(Refused) as refused:
            read_on(reader, present_lsn(outbox), changes)
        reader.close()
        assert refused.value.faults[0].code is codes.ROUTE_UNKNOWN
        assert "CANARY" not in str(refused.value)
        assert numbers(changes) == [1]
        by_choice = source(outbox, more={"unrouted": "crossing-events"})
        by_choice.open(position)
        read_on(by_choice, present_lsn(outbox), changes)
        by_choice.close()
    assert [change.dataset for change in changes[1:]] == ["crossing-events", "crossing-events"]
    assert changes[1].problem == "its aggregatetype has no route"
    assert changes[1].key == {"subject": None}
    assert changes[1].after["aggregatetype"] == "CANARY"
    assert changes[2].after["number"] == 3


def test_an_outbox_beside_a_table_begins_with_its_own_rows(outbox: str) -> None:
    with psycopg.connect(outbox, autocommit=True) as session:
        session.execute(TABLE)
        session.execute("ALTER TABLE items REPLICA IDENTITY FULL")
        session.execute("INSERT INTO items (id) SELECT generate_series(1, 20)")
        for number in range(20):
            session.execute(INSERT, ["traveller", "a", number])
        reader, changes = source(outbox, [*CONTRACTS, table_contract()]), []
        assert reader.check().passed
        reader.open(None)
        session.execute("UPDATE items SET name = 'x' WHERE id = 1")
        session.execute(INSERT, ["crossing", "a", 20])
        position = read_on(reader, present_lsn(outbox), changes)
        reader.close()
        events = [change for change in changes if change.dataset != "items"]
        assert numbers(events) == list(range(21))
        assert changes[:20] == events[:20]
        assert len({change.key["id"] for change in changes if change.dataset == "items"}) == 20
        session.execute("SELECT pg_drop_replication_slot('concordat_store')")
        reader.signal(Signal("snapshot", (("table", "items"),)))
        with pytest.raises(Unavailable):
            reader.open(position)
        reader.signal(Signal("snapshot"))
        assert EVERYTHING in reader._again
        again: list = []
        reader.open(position)
        read_on(reader, present_lsn(outbox), again)
        reader.close()
    assert numbers([change for change in again if change.dataset != "items"]) == list(range(21)), "what is still there"
    assert sum(change.dataset == "items" for change in again) == 20


def test_check_says_what_of_an_outbox_does_not_fit(outbox: str) -> None:
    def found(contracts=None, **more) -> list[str]:
        return [fault.message for fault in source(outbox, contracts, more).check().faults]

    assert found() == []
    assert "crossing-events" in found([contract("traveller-events")])[0]
    assert "kind entity" in found([contract("traveller-events", Kind.ENTITY), contract("crossing-events")])[0]
    assert "no column nowhere" in found(payload_column="nowhere")[0]
    assert "type uuid" in found(payload_column="id")[0]
    assert "no contract of the outbox has a field colour" in found(fields={"colour": "type"})[0]
    assert "cannot carry the field event" in found(fields={"event": "number"})[0]
    assert "order of type" in found(order_column="type")[0]
    assert "not among" in found(unrouted="nowhere")[0]
    assert "set outbox.snapshot: false" in next(fault.message for fault in source(outbox, manage=False).check().faults)
    assert any("a dataset, too" in one for one in found([*CONTRACTS, contract("outbox")]))
    assert not source(outbox).check().advice
    advice = source(outbox, more={"fields": {"subject": "type"}}).check().advice
    assert [fault.code for fault in advice] == [codes.ORDER_NOT_KEPT] * 2
    with psycopg.connect(outbox, autocommit=True) as session:
        session.execute("ALTER TABLE outbox DROP CONSTRAINT outbox_pkey")
    assert "could not be deleted" in found()[0]


SAY = "SELECT pg_logical_emit_message(%s, %s, %s)"


def test_messages_by_prefix_become_events_once_also_those_outside_of_transactions(outbox: str) -> None:
    def reading(**options):
        return connector(
            outbox, CONTRACTS, messages={"moves": "traveller-events", "ports": "crossing-events"}, **options
        )

    chooser = random.Random(5)
    reader, changes = reading(batch_changes_max=3), []
    reader.open(None)
    position = read_on(reader, present_lsn(outbox), changes)
    reader.close()
    expected = []
    with psycopg.connect(outbox) as session:
        for number in range(60):
            transactional, prefix = chooser.random() < 0.5, chooser.choice(["moves", "ports", "others"])
            content = f'{{"subject": "a", "number": {number}, "amount": 2}}'
            with session.transaction():
                session.execute(SAY, [transactional, prefix, content])
            if prefix != "others":
                expected.append(number)
        with session.transaction():
            session.execute(SAY, [True, "moves", '{"subject": "a", "number": 100}'])
            session.execute(SAY, [True, "moves", "CANARY"])
            session.execute(SAY, [True, "ports", b"\xff"])
        session.execute(SAY, [True, "moves", '{"subject": "a", "number": 666}'])
        session.execute(SAY, [False, "moves", '{"subject": "a", "number": 101}'])
        session.rollback()
    until = present_lsn(outbox)
    for _ in range(12):
        reader.open(position)
        for _ in range(chooser.randrange(1, 5)):
            batch = reader.poll(0.05)
            if batch is not None and chooser.random() < 0.8:
                changes += batch.changes
                position = batch.position
                if chooser.random() < 0.5:
                    reader.durable(position)
            elif batch is not None:
                break
        reader.close()
    reader.open(position)
    read_on(reader, until, changes)
    assert reader.health().passed_over >= 0
    session = psycopg.connect(outbox, autocommit=True)
    session.execute(SAY, [False, "others", "x"])
    read_on(reader, present_lsn(outbox), changes)
    assert reader.health().passed_over >= 2, "the mark is one, too"
    assert reader.health().passed_over == 0
    session.close()
    reader.close()
    told = [change.after["number"] for change in changes if change.problem is None]
    assert told == [*expected, 100, 101]
    assert [change.problem for change in changes if change.problem] == [
        "the payload: not JSON",
        "the payload is not UTF-8",
    ]
    assert {change.dataset for change in changes} == set(ROUTES.values())
    assert parse(position).lsn > 0
