"""Every base type of PostgreSQL: its boundary values through snapshot and stream, or refused by the check."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest

from connectors.postgresql import codes
from connectors.postgresql.types import unsupported
from connectors.protocol import Change
from contracts.faults import Unavailable
from contracts.model import Contract, Field, FieldType, Kind, TypeName
from tests.postgresql_cases import connector, contract, present_lsn, read_on
from tests.servers import unique

pytestmark = pytest.mark.integration

STRING = FieldType(TypeName.STRING)
REFUSED = object()
"""The row is quarantined: the value has no form in the contract's type."""


class Case(NamedTuple):
    """A column: its type, the field that it carries, and pairs of a literal and what must come out."""

    sql: str
    field: FieldType
    values: tuple[tuple[str, Any], ...]


def _plain(name: TypeName, sql: str, *values: tuple[str, Any]) -> Case:
    return Case(sql, FieldType(name), values)


def _decimal(sql: str, precision: int, scale: int, *values: tuple[str, Any]) -> Case:
    return Case(sql, FieldType(TypeName.DECIMAL, precision=precision, scale=scale), values)


def _printed(sql: str, *texts: str) -> Case:
    """Types carried as a string: what is printed is what was written."""
    return Case(sql, STRING, tuple((text, text) for text in texts))


def _list(sql: str, items: TypeName, *values: tuple[str, Any]) -> Case:
    return Case(sql, FieldType(TypeName.ARRAY, items=FieldType(items), items_required=False), values)


LONG = "é" * 5000
CASES = [
    _plain(TypeName.INTEGER, "int2", ("-32768", -32768), ("32767", 32767)),
    _plain(TypeName.INTEGER, "int4", ("-2147483648", -(2**31)), ("2147483647", 2**31 - 1)),
    _plain(TypeName.INTEGER, "int8", (str(-(2**63)), -(2**63)), (str(2**63 - 1), 2**63 - 1)),
    _decimal("int2", 5, 0, ("-32768", Decimal(-32768)), ("32767", Decimal(32767))),
    _decimal("int4", 12, 2, ("-2147483648", Decimal(-(2**31))), ("9", Decimal(9))),
    _decimal("int8", 19, 0, (str(-(2**63)), Decimal(-(2**63))), (str(2**63 - 1), Decimal(2**63 - 1))),
    _decimal("int8", 3, 1, ("-99", Decimal(-99)), ("100", REFUSED)),
    _decimal("numeric(10,4)", 5, 2, ("1.5000", Decimal("1.50")), ("1.0001", REFUSED), ("1000", REFUSED)),
    _decimal("numeric", 5, 2, ("1", Decimal(1)), ("-0.10000", Decimal("-0.10")), ("0.001", REFUSED)),
    _plain(TypeName.DOUBLE, "float4", ("0.1", 0.10000000149011612), ("3.4028235e38", 3.4028234663852886e38)),
    _plain(TypeName.DOUBLE, "float4", ("NaN", math.nan), ("-Infinity", -math.inf), ("1e-45", 1.401298464324817e-45)),
    _plain(TypeName.DOUBLE, "float8", ("1.7976931348623157e308", 1.7976931348623157e308), ("5e-324", 5e-324)),
    _plain(TypeName.DOUBLE, "float8", ("NaN", math.nan), ("Infinity", math.inf), ("-0", -0.0)),
    Case("numeric(38,10)", FieldType(TypeName.DECIMAL, precision=38, scale=10), (("9" * 28 + "." + "9" * 10, Decimal("9" * 28 + "." + "9" * 10)), ("-0.0000000001", Decimal("-0.0000000001")), ("NaN", REFUSED))),
    Case("numeric", FieldType(TypeName.DECIMAL, precision=38, scale=2), (("Infinity", REFUSED), ("0", Decimal(0)))),
    _printed("numeric", "NaN", "Infinity", "-Infinity", "1" + "0" * 100 + ".00", "-0." + "0" * 50 + "1", "10000", "0.0001"),
    _plain(TypeName.BOOLEAN, "bool", ("true", True), ("false", False)),
    Case("bool", STRING, (("true", "t"), ("false", "f"))),
    _printed("text", "", LONG, "a\tb\nc\\d'e", "\U0001f600"),
    _printed("varchar(5)", "", "abcde"),
    Case("char(5)", STRING, (("ab", "ab   "),)),
    _printed('"char"', "x"),
    _printed("name", "n" * 63),
    _plain(TypeName.BYTES, "bytea", ("\\x", b""), ("\\x00ff5c", b"\x00\xff\\")),
    _printed("bytea", "\\x00ff"),
    _plain(TypeName.DATE, "date", ("0001-01-01", date.min), ("9999-12-31", date.max), ("infinity", REFUSED), ("0044-03-15 BC", REFUSED)),
    _printed("date", "infinity", "-infinity", "0044-03-15 BC", "5874897-12-31"),
    _printed("time", "00:00:00", "24:00:00", "23:59:59.999999"),
    _printed("timetz", "00:00:00+00", "23:59:59.999999-15:59"),
    _plain(
        TypeName.TIMESTAMP, "timestamptz",
        ("0001-01-01 00:00:00+00", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31 23:59:59.999999+00", datetime.max.replace(tzinfo=UTC)),
        ("infinity", REFUSED), ("4713-01-01 00:00:00+00 BC", REFUSED),
    ),
    _plain(TypeName.TIMESTAMP, "timestamp", ("2026-03-29 01:30:00.000001", datetime(2026, 3, 29, 1, 30, 0, 1, UTC)), ("-infinity", REFUSED)),
    _printed("timestamp", "infinity", "294276-12-31 23:59:59.999999", "4713-01-01 00:00:00 BC"),
    _printed("timestamptz", "-infinity", "2026-03-29 01:30:00.5+00"),
    _printed("interval", "178000000 years", "-1 years -2 mons +3 days -04:05:06.789", "00:00:00"),
    _plain(TypeName.UUID, "uuid", ("f" * 32, UUID("f" * 32)), ("0" * 32, UUID(int=0))),
    _printed("uuid", "00000000-0000-0000-0000-000000000001"),
    _printed("json", '{"b":1, "a": [null, 1.50]}', '"é"', "null"),
    _printed("jsonb", '{"a": [null, 1.50], "b": 1}', "[]"),
    _printed("jsonpath", '$."a"[*]'),
    _printed("xml"),  # the server of the tests was built without it: only that its column fits is seen
    _list("int4[]", TypeName.INTEGER, ("{}", []), ("{1,NULL,-2147483648}", [1, None, -(2**31)]), ("{{1,2},{3,4}}", REFUSED)),
    Case("int4[]", FieldType(TypeName.ARRAY, items=FieldType(TypeName.DECIMAL, precision=3, scale=1)), (("{1,-99}", [Decimal(1), Decimal(-99)]), ("{100}", REFUSED))),
    _list("text[]", TypeName.STRING, ('{a,"b c",NULL,"NULL","","q\\"\\\\,{}"}', ["a", "b c", None, "NULL", "", 'q"\\,{}'])),
    _list("timestamptz[]", TypeName.TIMESTAMP, ('{"2026-01-01 00:00:00+00",NULL}', [datetime(2026, 1, 1, tzinfo=UTC), None]), ("{infinity}", REFUSED)),
    _list("inet[]", TypeName.STRING, ("{10.0.0.1,NULL}", ["10.0.0.1", None])),
    _printed("int4[]", "{{1,2},{3,4}}", "[5:6]={1,2}"),
    Case("mood", FieldType(TypeName.ENUM, symbols=("happy", "sad")), (("sad", "sad"),)),
    _printed("mood", "happy", "so so"),
    Case("varchar(9)", FieldType(TypeName.ENUM, symbols=("happy", "sad")), (("sad", "sad"),)),
    Case("bool", FieldType(TypeName.ENUM, symbols=("t", "f")), (("true", "t"), ("false", "f"))),
    Case("positive", FieldType(TypeName.INTEGER), (("2147483647", 2**31 - 1),)),
    _printed("pair", '(1,"a b")'),
    _printed("int4range", "empty", "[1,10)", "(,)"),
    _printed("int8range", "[-9223372036854775808,)"), _printed("numrange", "(1.5,2.5]"), _printed("daterange", "[2026-01-01,infinity)"),
    _printed("tsrange", '["2026-01-01 00:00:00","2026-01-02 00:00:00")'), _printed("tstzrange", '["2026-01-01 00:00:00+00",)'),
    _printed("int4multirange", "{[1,3),[5,7)}"),
    _printed("inet", "10.0.0.1", "10.0.0.0/8", "::1"), _printed("cidr", "10.0.0.0/8", "::/0"),
    _printed("macaddr", "08:00:2b:01:02:03"), _printed("macaddr8", "08:00:2b:01:02:03:04:05"),
    _printed("bit(3)", "101"), _printed("varbit", "", "1" * 100),
    _printed("point", "(1.5,-2)"), _printed("line", "{1,2,3}"), _printed("lseg", "[(0,0),(1,1)]"), _printed("box", "(1,1),(0,0)"),
    _printed("path", "[(0,0),(1,1)]", "((0,0),(1,1))"), _printed("polygon", "((0,0),(1,1),(1,0))"), _printed("circle", "<(0,0),1.5>"),
    _printed("tsvector", "'a':1A 'b':2"), _printed("tsquery", "'a' & !'b'"),
    _printed("oid", "4294967295"), _printed("xid", "4294967295"), _printed("xid8", str(2**64 - 1)), _printed("cid", "7"), _printed("tid", "(4294967295,65535)"),
    _printed("pg_lsn", "FFFFFFFF/FFFFFFFF"), _printed("pg_snapshot", "10:20:10,14"), _printed("txid_snapshot", "10:20:10,14"),
    _printed("int2vector", "1 2 3"), _printed("oidvector", "1 2 4294967295"),
]  # fmt: skip
MADE = """
CREATE TYPE mood AS ENUM ('happy', 'sad', 'so so');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (n int, t text);
"""


def _contract(fields: list[tuple[str, FieldType]]) -> Contract:
    found = (Field("id", FieldType(TypeName.INTEGER), required=True), *(Field(name, type_) for name, type_ in fields))
    base = contract(kind=Kind.EVENT)
    return Contract(base.dataset, base.version, base.kind, "OFFICIAL", "owner", "store", "items", ("id",), found)


@pytest.fixture(scope="module")
def carried(postgresql) -> dict[tuple[int, int], tuple[Change, Change]]:
    """By case and value, the change of the snapshot and the one of the stream: one table, one slot, each row one value."""
    name = unique("types").replace("-", "_")
    with psycopg.connect(postgresql.dsn_of("postgres"), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}")
    dsn = postgresql.dsn_of(name)
    columns = ", ".join(f"c{number} {case.sql}" for number, case in enumerate(CASES))
    wanted = [(number, place) for number, case in enumerate(CASES) for place in range(len(case.values))]
    insert = "; ".join(
        psycopg.sql.SQL("INSERT INTO items (id, {}) VALUES ({}, {})")
        .format(psycopg.sql.Identifier(f"c{number}"), row, CASES[number].values[place][0])
        .as_string(None)
        for row, (number, place) in enumerate(wanted)
    )
    fields = [(f"c{number}", case.field) for number, case in enumerate(CASES)]
    source, changes = connector(dsn, [_contract(fields)], name="types", chunk_rows=1000), []
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(MADE + f"CREATE TABLE items (id int PRIMARY KEY, {columns});")
        session.execute(insert)
        source.open(None)
        read_on(source, present_lsn(dsn), changes)
        session.execute("DELETE FROM items")
        session.execute(insert)
        read_on(source, present_lsn(dsn), changes)
        source.close()
        session.execute("SELECT pg_drop_replication_slot('concordat_types')")
    read = {change.key["id"]: change for change in changes if change.op == "r"}
    streamed = {change.key["id"]: change for change in changes if change.op == "c"}
    return {pair: (read[row], streamed[row]) for row, pair in enumerate(wanted)}


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{n}-{case.sql}-{case.field.name}" for n, case in enumerate(CASES)]
)
def test_every_boundary_value_comes_out_the_same_from_snapshot_and_stream(carried, number: int) -> None:
    for place, (literal, expected) in enumerate(CASES[number].values):
        for change in carried[number, place]:
            found = change.after[f"c{number}"]
            if expected is REFUSED:
                assert change.problem is not None, f"{literal} came out as {found!r}"
                assert change.problem.startswith(f"c{number}: ")
            else:
                assert change.problem is None, literal
                assert _same(found, expected), f"{literal} came out as {found!r}"


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float):
        return type(found) is float and (math.isnan(found) if math.isnan(expected) else repr(found) == repr(expected))
    return type(found) is type(expected) and found == expected


def test_every_base_type_is_either_carried_or_refused(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as session:
        rows = session.execute(
            "SELECT t.typname, format_type(t.oid, NULL) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
            " WHERE n.nspname = 'pg_catalog' AND t.typtype = 'b' AND NOT (t.typcategory = 'A' AND t.typname LIKE '\\_%')"
        ).fetchall()
        carried = {
            session.execute("SELECT typname FROM pg_type WHERE oid = %s::regtype", [sql]).fetchone()[0]
            for sql in (case.sql for case in CASES)
            if sql not in ("mood", "positive", "pair")
        }
        every = {name for name, _ in rows}
        assert {name for name in every if unsupported(name)} == every - carried
        refused = [(name, sql) for name, sql in rows if unsupported(name)]
        columns = ", ".join(f'"{name}" {sql}' for name, sql in refused)
        session.execute(f"CREATE TABLE items (id int PRIMARY KEY, {columns}, prices money[])")
    names = [name for name, _ in refused]
    report = connector(database, [_contract([(name, STRING) for name in (*names, "prices")])]).check()
    assert [fault.code for fault in report.faults] == [codes.TABLE_MISFIT] * (len(names) + 1)
    with pytest.raises(Unavailable):
        connector(database, [_contract([("money", STRING)])]).open(None)


@pytest.mark.parametrize(("extension", "literal"), [("hstore", '"a"=>"1", "b"=>NULL'), ("citext", "MiXed")])
def test_types_of_extensions_are_carried_as_printed(database: str, extension: str, literal: str) -> None:
    with psycopg.connect(database, autocommit=True) as session:
        if session.execute("SELECT FROM pg_available_extensions WHERE name = %s", [extension]).fetchone() is None:
            pytest.skip(f"this server has no {extension}")
        session.execute(f"CREATE EXTENSION {extension}")
        session.execute(f"CREATE TABLE items (id int PRIMARY KEY, value {extension})")
        session.execute("INSERT INTO items VALUES (1, %s)", [literal])
        source, changes = connector(database, [_contract([("value", STRING)])]), []
        source.open(None)
        read_on(source, present_lsn(database), changes)
        session.execute("INSERT INTO items VALUES (2, %s)", [literal])
        read_on(source, present_lsn(database), changes)
        source.close()
    assert [change.after["value"] for change in changes] == [literal, literal]
