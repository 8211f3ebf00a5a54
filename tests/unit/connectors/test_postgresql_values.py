"""PostgreSQL's forms of values: binary and text give the same, and what has no form is said, not guessed."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from connectors.postgresql import binary, texts
from connectors.postgresql.binary import Unrepresentable
from connectors.postgresql.documents import document_reader
from connectors.postgresql.types import ColumnType, readers
from contracts.model import Field, FieldType, TypeName


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
        FieldType(TypeName.ARRAY, items=FieldType(TypeName.DECIMAL)),
    )
    assert bounded is not None
    assert bounded.text(b"{1.5,NULL}") == [Decimal("1.5"), None]
