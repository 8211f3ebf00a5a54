"""PostgreSQL's forms of values: binary and text give the same, and what has no form is said, not guessed."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from connectors.decimals import fitted
from connectors.postgresql import binary, texts
from connectors.postgresql.binary import Unrepresentable
from connectors.postgresql.columns import TEXT, Column, Value
from connectors.postgresql.documents import document_reader
from connectors.postgresql.fit import advice
from connectors.postgresql.order import KeyOrder, ordering
from connectors.postgresql.tables import Table
from connectors.postgresql.types import ColumnType, readers
from contracts.avro import avro_type, schema_text
from contracts.model import Contract, Field, FieldType, Kind, TypeName
from contracts.wire import AvroSchema


def numeric(text: str) -> bytes:
    """`numeric` as PostgreSQL sends it, made from its definition."""
    number = Decimal(text)
    scale = max(-number.as_tuple().exponent, 0)
    whole, _, fraction = format(abs(number), "f").partition(".")
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    fraction = fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    digits = [int((whole + fraction)[n : n + 4]) for n in range(0, len(whole + fraction), 4)]
    weight = len(whole) // 4 - 1
    while digits and digits[0] == 0:
        digits, weight = digits[1:], weight - 1
    while digits and digits[-1] == 0:
        digits.pop()
    sign = 0x4000 if number < 0 else 0
    return struct.pack(f">HhHH{len(digits)}H", len(digits), weight if digits else 0, sign, scale, *digits)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0.00",
        "1",
        "-1.5",
        "10000",
        "99999999.99",
        "0.0001",
        "0.00001234",
        "-123456789012345678901234.5670",
        "100000000",
    ],
)
def test_numeric_keeps_its_scale(text: str) -> None:
    assert binary.read_numeric_text(numeric(text)) == text
    assert str(binary.read_numeric(numeric(text))) == str(Decimal(text))
    assert texts.read_numeric(text.encode()) == Decimal(text)


def test_what_is_not_finite_is_not_representable_but_printed() -> None:
    for sign, printed in ((0xC000, "NaN"), (0xD000, "Infinity"), (0xF000, "-Infinity")):
        data = struct.pack(">HhHH", 0, 0, sign, 0)
        assert binary.read_numeric_text(data) == printed
        with pytest.raises(Unrepresentable):
            binary.read_numeric(data)
        with pytest.raises(Unrepresentable):
            texts.read_numeric(printed.encode())
    for data in (struct.pack(">q", 2**63 - 1), struct.pack(">q", -(2**63))):
        with pytest.raises(Unrepresentable):
            binary.read_timestamp(data)
    with pytest.raises(Unrepresentable):
        binary.read_date(struct.pack(">i", 2**31 - 1))
    with pytest.raises(Unrepresentable):
        texts.read_timestamp(b"infinity")


def test_times_and_days() -> None:
    assert binary.read_timestamp(struct.pack(">q", 1_000_001)) == datetime(2000, 1, 1, 0, 0, 1, 1, tzinfo=UTC)
    assert texts.read_timestamp(b"2000-01-01 01:00:01.000001+01") == datetime(2000, 1, 1, 0, 0, 1, 1, tzinfo=UTC)
    assert texts.read_timestamp(b"2000-01-01 00:00:01") == datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert binary.read_date(struct.pack(">i", -1)) == date(1999, 12, 31) == texts.read_date(b"1999-12-31")


def test_arrays_of_both_forms() -> None:
    element = (
        struct.pack(">iiI", 1, 1, 25) + struct.pack(">ii", 3, 1) + struct.pack(">i", 1) + b"a" + struct.pack(">i", -1)
    )
    element += struct.pack(">i", 3) + b"b,c"
    assert binary.read_array(binary.read_text)(element) == ["a", None, "b,c"]
    assert texts.read_array(texts.read_text)(rb'{a,NULL,"b,c","NULL","q\"\\",""}') == [
        "a",
        None,
        "b,c",
        "NULL",
        'q"\\',
        "",
    ]
    assert texts.read_array(texts.read_integer)(b"{}") == []
    with pytest.raises(Unrepresentable):
        texts.read_array(texts.read_text)(b"{{a},{b}}")


def test_a_document_is_held_to_the_contract() -> None:
    record = FieldType(
        TypeName.RECORD,
        fields=(
            Field("day", FieldType(TypeName.DATE)),
            Field("amount", FieldType(TypeName.DECIMAL, precision=5, scale=2)),
            Field("ids", FieldType(TypeName.ARRAY, items=FieldType(TypeName.UUID))),
        ),
    )
    read = document_reader(record)
    identifier = UUID(int=7)
    found = read(f'{{"day": "2020-02-29", "amount": 1.10, "ids": ["{identifier}"], "more": 1}}')
    assert found == {"day": date(2020, 2, 29), "amount": Decimal("1.10"), "ids": [identifier]}
    assert read("{}") == {"day": None, "amount": None, "ids": None}
    for bad in ('{"day": 5}', '{"day": "2020-02-30"}', '{"amount": true}', "[]", '"text"', '{"ids": {}}'):
        with pytest.raises(Unrepresentable) as refused:
            read(bad)
        assert "2020" not in str(refused.value)


def test_a_type_carries_only_what_it_can() -> None:
    assert readers(ColumnType("text"), FieldType(TypeName.INTEGER)) is None
    assert readers(ColumnType("json"), FieldType(TypeName.DATE)) is None
    interval = readers(ColumnType("interval"), FieldType(TypeName.STRING))
    assert interval is not None
    assert interval.binary is None, "an interval as string must come as text"
    bounded = readers(
        ColumnType("_numeric", element=ColumnType("numeric")),
        FieldType(TypeName.ARRAY, items=FieldType(TypeName.DECIMAL, precision=5, scale=1)),
    )
    assert bounded is not None
    assert bounded.text(b"{1.5,NULL}") == [Decimal("1.5"), None]


INTEGERS, TEXTS = {"int2", "int4", "int8"}, {"text", "varchar", "bpchar", "name", "char", "mood"}
CARRIED = {
    TypeName.INTEGER: INTEGERS,
    TypeName.DECIMAL: {*INTEGERS, "numeric"},
    TypeName.DOUBLE: {"float4", "float8"},
    TypeName.BOOLEAN: {"bool"},
    TypeName.DATE: {"date"},
    TypeName.TIMESTAMP: {"timestamp", "timestamptz"},
    TypeName.UUID: {"uuid"},
    TypeName.BYTES: {"bytea"},
    TypeName.ENUM: {*TEXTS, "bool"},
}
"""As the guide says it."""
SAMPLES = {
    "int2": (struct.pack(">h", -5), "-5"),
    "int4": (struct.pack(">i", 5), "5"),
    "int8": (struct.pack(">q", 5), "5"),
    "float4": (struct.pack(">f", 1.5), "1.5"),
    "float8": (struct.pack(">d", 1.5), "1.5"),
    "numeric": (numeric("1.5000"), "1.5000"),
    "bool": (b"\x01", "t"),
    "date": (struct.pack(">i", 1), "2000-01-02"),
    "timestamp": (struct.pack(">q", 1), "2000-01-01 00:00:00.000001"),
    "timestamptz": (struct.pack(">q", 1), "2000-01-01 00:00:00.000001+00"),
    "uuid": (bytes(16), str(UUID(int=0))),
    "bytea": (b"a", "\\x61"),
    "json": (b'"one"', '"one"'),
    "jsonb": (b'\x01"one"', '"one"'),
    **dict.fromkeys(TEXTS, (b"one", "one")),
}


@pytest.mark.parametrize("name", [*CARRIED, TypeName.STRING])
def test_what_a_check_accepts_is_carried_from_both_forms(name: TypeName) -> None:
    wanted = FieldType(name, symbols=("one", "t"), precision=5, scale=2)
    schema = AvroSchema(schema_text(avro_type(wanted, "Value")))
    accepted = set()
    for kind, (sent, printed) in SAMPLES.items():
        read = readers(ColumnType(kind, enum=kind == "mood"), wanted)
        if read is not None:
            accepted.add(kind)
            written = schema.encode(read.text(printed.encode()))
            assert read.binary is None or schema.encode(read.binary(sent)) == written, kind
    assert accepted == (set(SAMPLES) if name is TypeName.STRING else CARRIED[name])


@pytest.mark.parametrize(
    ("text", "precision", "scale", "expected"),
    [
        ("1.5000", 3, 2, "1.50"),
        ("1.5001", 3, 2, None),
        ("9", 3, 2, "9"),
        ("10", 3, 2, None),
        ("1E+2", 3, 0, "1E+2"),
        ("1E+999999999999", 38, 0, None),
        ("0E+999999999999", 3, 2, "0"),
        ("-0.0000", 1, 1, "-0.0"),
        ("NaN", 9, 0, None),
        ("Infinity", 9, 0, None),
    ],
)
def test_a_decimal_fits_or_is_refused_and_is_never_rounded(text, precision, scale, expected) -> None:
    wanted = FieldType(TypeName.DECIMAL, precision=precision, scale=scale)
    found = fitted(wanted, Decimal(text))
    assert (None if found is None else str(found)) == expected
    schema = AvroSchema(schema_text(avro_type(wanted, "Value")))
    assert found is None or schema.decode(schema.encode(found)) == Decimal(text)


@pytest.mark.parametrize(
    ("kind", "declared", "expected"),
    [
        ("int4", "integer", "an integer of 10 digits"),
        ("int2", "smallint", None),
        ("numeric", "numeric(10,4)", "numeric(10,4)"),
        ("numeric", "numeric(7,2)", None),
        ("numeric", "numeric", "any number and NaN"),
    ],
)
def test_a_check_says_where_a_column_has_more_digits_than_its_contract(kind, declared, expected) -> None:
    field = Field("amount", FieldType(TypeName.DECIMAL, precision=8, scale=2))
    contract = Contract("items", (1, 0, 0), Kind.EVENT, "OFFICIAL", "owner", "store", "items", ("amount",), (field,))
    table = Table("public", "items", (Column("amount", ColumnType(kind), declared=declared),))
    found = [fault.message for fault in advice(contract, table)]
    assert len(found) == (expected is not None)
    assert expected is None or f"may hold {expected}" in found[0]


@pytest.mark.parametrize(
    ("kind", "text", "sent"),
    [
        ("date", "2000-01-01", 0),
        ("date", "1999-12-31", -1),
        ("date", "9999-12-31", date.max.toordinal() - date(2000, 1, 1).toordinal()),
        ("date", "0001-01-01", 1 - date(2000, 1, 1).toordinal()),
        ("date", "0001-12-31 BC", -date(2000, 1, 1).toordinal()),
        ("date", "4714-11-24 BC", -2451545),
        ("date", "infinity", 2**31 - 1),
        ("date", "-infinity", -(2**31)),
        ("timestamp", "2000-02-29 12:00:00.5", 59 * 86_400_000_000 + 43_200_500_000),
        ("timestamptz", "1999-12-31 23:59:59.999999+00", -1),
        ("timestamptz", "294276-12-31 23:59:59.999999+00", 9223371331199999999),
        ("timestamp", "infinity", 2**63 - 1),
        ("timestamptz", "-infinity", -(2**63)),
    ],
)
def test_dates_and_times_of_a_key_have_one_place_in_both_forms(kind: str, text: str, sent: int) -> None:
    found = ordering(Column("key", ColumnType(kind)))
    assert found is not None
    assert found.text(text.encode()) == found.binary(struct.pack(">i" if kind == "date" else ">q", sent))


def test_a_key_that_cannot_be_read_has_no_place() -> None:
    for kind, bad in (("text", b"\xff"), ("int4", b"1x"), ("date", b"2020-1-1"), ("uuid", b"\xff")):
        with pytest.raises(Unrepresentable) as refused:
            KeyOrder([Column("key", ColumnType(kind))], ["key"]).key([Value(TEXT, bad)])
        assert str(refused.value)


@pytest.mark.parametrize("bad", ["[" * 5_000, '{"note": "\\ud800"}', '{"size": 1e999}', '{"count": 1e9}'])
def test_a_document_that_nothing_can_carry_is_refused(bad: str) -> None:
    fields = (
        Field("note", FieldType(TypeName.STRING)),
        Field("size", FieldType(TypeName.DOUBLE)),
        Field("count", FieldType(TypeName.DECIMAL, precision=9)),
    )
    with pytest.raises(Unrepresentable):
        document_reader(FieldType(TypeName.RECORD, fields=fields))(bad)
