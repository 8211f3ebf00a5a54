"""Every semantic type as the contract's, from the JSON converter with and without schema and from Avro."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from connectors.debezium.encodings import Unmappable
from connectors.debezium.fit import Reading, fit
from connectors.debezium.semantics import meaning
from connectors.debezium.shape import Shape, connect_shape
from contracts.model import Field, FieldType, TypeName
from tests.debezium_cases import connector, converted, event, field, with_schema

TIME, DATA, CONNECT = "io.debezium.time.", "io.debezium.data.", "org.apache.kafka.connect.data."
STRING, INTEGER = FieldType(TypeName.STRING), FieldType(TypeName.INTEGER)
DATE, TIMESTAMP = FieldType(TypeName.DATE), FieldType(TypeName.TIMESTAMP)
DECIMAL = FieldType(TypeName.DECIMAL, precision=20, scale=4)
DOUBLE, BOOLEAN, BYTES = (FieldType(name) for name in (TypeName.DOUBLE, TypeName.BOOLEAN, TypeName.BYTES))
STRINGS = FieldType(TypeName.ARRAY, items=STRING)
POINT = FieldType(
    TypeName.RECORD,
    fields=(Field("x", DOUBLE), Field("y", DOUBLE), Field("wkb", BYTES), Field("srid", INTEGER)),
)
MOMENT = datetime(2018, 6, 20, 13, 37, 3, 123456, tzinfo=UTC)
MICROS = 1_529_501_823_123_456


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


KNOWN = [
    (TIME + "Date", "int32", {}, 17702, DATE, date(2018, 6, 20)),
    (TIME + "Date", "int32", {}, -1, DATE, date(1969, 12, 31)),
    (TIME + "Date", "int32", {}, 17702, STRING, "2018-06-20"),
    (CONNECT + "Date", "int32", {}, 17702, DATE, date(2018, 6, 20)),
    (TIME + "Time", "int32", {}, 49023123, STRING, "13:37:03.123"),
    (CONNECT + "Time", "int32", {}, 49023000, STRING, "13:37:03"),
    (TIME + "MicroTime", "int64", {}, -3020399000000, STRING, "-838:59:59"),
    (TIME + "MicroTime", "int64", {}, 49023123456, INTEGER, 49023123456),
    (TIME + "NanoTime", "int64", {}, 49023123456789, STRING, "13:37:03.123456789"),
    (TIME + "Timestamp", "int64", {}, 1_529_501_823_123, TIMESTAMP, MOMENT.replace(microsecond=123000)),
    (CONNECT + "Timestamp", "int64", {}, 1_529_501_823_123, TIMESTAMP, MOMENT.replace(microsecond=123000)),
    (TIME + "MicroTimestamp", "int64", {}, MICROS, TIMESTAMP, MOMENT),
    (TIME + "MicroTimestamp", "int64", {}, -1, TIMESTAMP, datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    (TIME + "NanoTimestamp", "int64", {}, MICROS * 1000, TIMESTAMP, MOMENT),
    (TIME + "NanoTimestamp", "int64", {}, MICROS * 1000 + 7, STRING, "2018-06-20T13:37:03.123456007Z"),
    (TIME + "Timestamp", "int64", {}, 1_529_452_800_000, DATE, date(2018, 6, 20)),
    (TIME + "ZonedTimestamp", "string", {}, "2018-06-20T15:37:03.123456+02:00", TIMESTAMP, MOMENT),
    (TIME + "ZonedTimestamp", "string", {}, "2018-06-20T15:37:03+02:00", STRING, "2018-06-20T15:37:03+02:00"),
    (TIME + "IsoTimestamp", "string", {}, "2018-06-20T13:37:03.123456Z", TIMESTAMP, MOMENT),
    (TIME + "IsoDate", "string", {}, "2018-06-20Z", DATE, date(2018, 6, 20)),
    (TIME + "IsoTime", "string", {}, "13:37:03Z", STRING, "13:37:03Z"),
    (TIME + "ZonedTime", "string", {}, "13:37:03-05:00", STRING, "13:37:03-05:00"),
    (TIME + "Interval", "string", {}, "P1Y2M3DT4H5M6.78S", STRING, "P1Y2M3DT4H5M6.78S"),
    (TIME + "MicroDuration", "int64", {}, -90_000_001, STRING, "-PT90.000001S"),
    (TIME + "NanoDuration", "int64", {}, 1_500_000_000, STRING, "PT1.5S"),
    (TIME + "Year", "int32", {}, 1984, INTEGER, 1984),
    (CONNECT + "Decimal", "bytes", {"scale": "2"}, b64((12345).to_bytes(2, "big")), DECIMAL, Decimal("123.45")),
    (CONNECT + "Decimal", "bytes", {"scale": "2"}, b64(b"\xff"), DECIMAL, Decimal("-0.01")),
    (CONNECT + "Decimal", "bytes", {"scale": "0"}, b64((2**64 - 1).to_bytes(9, "big")), STRING, str(2**64 - 1)),
    (CONNECT + "Decimal", "bytes", {"scale": "0"}, b64(b"\x2a"), INTEGER, 42),
    (CONNECT + "Decimal", "bytes", {"scale": "2"}, 12.5, DECIMAL, Decimal("12.5")),
    (CONNECT + "Decimal", "bytes", {"scale": "1"}, b64(b"\x05"), STRING, "0.5"),
    (DATA + "VariableScaleDecimal", "struct", {}, {"scale": 3, "value": b64(b"\x30\x39")}, DECIMAL, Decimal("12.345")),
    (DATA + "VariableScaleDecimal", "struct", {}, {"scale": 0, "value": b64(b"\x07")}, INTEGER, 7),
    (DATA + "Uuid", "string", {}, "0b7f1f0e-7a6c-4a4f-9d0b-0a4a1f0b1c2d", FieldType(TypeName.UUID),
     UUID("0b7f1f0e-7a6c-4a4f-9d0b-0a4a1f0b1c2d")),
    (DATA + "Json", "string", {}, '{"a": [1]}', STRING, '{"a": [1]}'),
    (DATA + "Json", "string", {}, '["a", "b"]', STRINGS, ["a", "b"]),
    (DATA + "Xml", "string", {}, "<a/>", STRING, "<a/>"),
    (DATA + "Ltree", "string", {}, "a.b", STRING, "a.b"),
    (DATA + "TsVector", "string", {}, "'a':1", STRING, "'a':1"),
    (DATA + "Enum", "string", {"allowed": "S,M"}, "M", FieldType(TypeName.ENUM, symbols=("S", "M")), "M"),
    (DATA + "EnumSet", "string", {"allowed": "a,b"}, "a,b", STRINGS, ["a", "b"]),
    (DATA + "Bits", "bytes", {"length": "10"}, b64(b"\x02\x01"), STRING, "0100000010"),
    (DATA + "Bits", "bytes", {"length": "10"}, b64(b"\x02\x01"), INTEGER, 258),
    (DATA + "Bits", "bytes", {"length": "10"}, b64(b"\x02\x01"), BYTES, b"\x02\x01"),
    (DATA + "vector.DoubleVector", "array", {}, [1.5, 2], FieldType(TypeName.ARRAY, items=DOUBLE), [1.5, 2.0]),
    ("", "int16", {}, 1, BOOLEAN, True),
    ("", "int64", {}, 2**53 + 2, INTEGER, 2**53 + 2),
    ("", "float64", {}, "NaN", STRING, "NaN"),
    ("", "float64", {}, 12.5, DECIMAL, Decimal("12.5")),
    ("", "string", {}, "12.50", DECIMAL, Decimal("12.50")),
    ("", "bytes", {}, b64(b"\x00\xff"), BYTES, b"\x00\xff"),
    ("", "string", {}, b64(b"\x00\xff"), BYTES, b"\x00\xff"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "parameters", "raw", "type_", "expected"), KNOWN)
def test_each_semantic_type_is_the_contracts(name, kind, parameters, raw, type_, expected):
    shape = Shape(kind, name, parameters, items=Shape("float64") if kind == "array" else None)
    found = fit(meaning(raw, shape), type_, Reading(schema=True))
    assert (found, type(found)) == (expected, type(expected))


REFUSED = [
    (TIME + "Date", "int32", {}, 2**31 - 1, DATE),
    (TIME + "MicroTimestamp", "int64", {}, 9_223_371_331_200_000_000, TIMESTAMP),
    (TIME + "NanoTimestamp", "int64", {}, MICROS * 1000 + 7, TIMESTAMP),
    (TIME + "ZonedTimestamp", "string", {}, "2018-06-20T15:37:03", TIMESTAMP),
    (TIME + "MicroTime", "int64", {}, 5, TIMESTAMP),
    (TIME + "Timestamp", "int64", {}, 1_529_501_823_123, DATE),
    (CONNECT + "Decimal", "bytes", {"scale": "x"}, "AQ==", DECIMAL),
    (CONNECT + "Decimal", "bytes", {"scale": "2"}, "not base64!", DECIMAL),
    (CONNECT + "Decimal", "bytes", {"scale": "2"}, "AQ==", INTEGER),
    ("", "int32", {}, 17702, DATE),
    ("", "int64", {}, MICROS, TIMESTAMP),
    ("", "int32", {}, 2, BOOLEAN),
    ("", "int64", {}, 2**53 + 1, DOUBLE),
    ("", "float64", {}, "Infinity", DECIMAL),
    ("", "string", {}, "9" * 30, INTEGER),
    ("", "boolean", {}, True, STRING),
    ("", "string", {}, "zz", FieldType(TypeName.UUID)),
    ("", "struct", {}, 3, POINT),
]


@pytest.mark.parametrize(("name", "kind", "parameters", "raw", "type_"), REFUSED)
def test_what_has_no_form_is_refused_without_its_value(name, kind, parameters, raw, type_):
    with pytest.raises(Unmappable) as problem:
        fit(meaning(raw, Shape(kind, name, parameters)), type_, Reading(schema=True))
    assert str(raw) not in str(problem.value) or len(str(raw)) < 2


def test_a_geometry_is_a_record_or_its_wkb():
    shape = Shape("struct", DATA + "geometry.Point", fields={"x": Shape("float64"), "wkb": Shape("bytes")})
    raw = {"x": 1, "y": 2, "wkb": b64(b"\x01\x01"), "srid": None}
    found = meaning(raw, shape)
    reading = Reading(schema=True)
    assert fit(found, POINT, reading) == {"x": 1.0, "y": 2.0, "wkb": b"\x01\x01", "srid": None}
    assert fit(found, BYTES, reading) == b"\x01\x01"


def test_a_map_whose_keys_are_no_text_is_a_list_of_pairs():
    shape = connect_shape({"type": "map", "keys": {"type": "int32"}, "values": {"type": "float64"}})
    found = fit(meaning([[1, 2.5], [7, 3]], shape), FieldType(TypeName.MAP, items=DOUBLE), Reading(schema=True))
    assert found == {"1": 2.5, "7": 3.0}


def test_without_a_schema_the_contract_decides_and_what_it_leaves_open_is_refused():
    fields = (field("day", TypeName.DATE), field("at", TypeName.TIMESTAMP))
    row = {"id": 1, "day": 17702, "at": MICROS}
    (refused,) = converted(connector(*fields), {"id": 1}, event("c", None, row))
    assert refused.problem == "at: a number without a schema: say its unit in options.schemaless.times"
    open_ = connector(*fields, options={"schemaless": {"times": "microseconds"}})
    (made,) = converted(open_, {"id": 1}, event("c", None, row))
    assert (made.problem, made.after) == (None, {"id": 1, "day": date(2018, 6, 20), "at": MOMENT})


def test_with_a_schema_a_plain_number_is_no_date():
    value = with_schema(event("c", None, {"id": 1, "day": 17702}), {"id": {"type": "int32"}, "day": {"type": "int32"}})
    (made,) = converted(connector(field("day", TypeName.DATE)), {"id": 1}, value)
    assert made.problem == "day: a number, and the contract says date"


@pytest.mark.parametrize(
    ("mode", "text"), [("base64", "AP+/"), ("base64-url-safe", "AP-_"), ("hex", "00ffbf"), ("base64-url-safe", "AP8")]
)
def test_text_for_bytes_is_read_as_the_options_say(mode, text):
    made = connector(field("data", TypeName.BYTES), options={"binary": mode})
    (change,) = converted(made, {"id": 1}, event("c", None, {"id": 1, "data": text}))
    assert change.after["data"] == (b"\x00\xff" if text == "AP8" else b"\x00\xff\xbf")


def test_precise_decimals_without_schema_need_the_option():
    fields = (field("price", TypeName.DECIMAL, precision=9, scale=2),)
    value = event("c", None, {"id": 1, "price": "MDk="})
    (refused,) = converted(connector(*fields), {"id": 1}, value)
    (made,) = converted(connector(*fields, options={"schemaless": {"decimals": "base64"}}), {"id": 1}, value)
    assert (refused.problem, made.after["price"]) == (
        "price: not a decimal number; base64 needs options.schemaless.decimals",
        Decimal("123.45"),
    )


def test_a_decimal_of_variable_scale_needs_no_schema():
    number = {"scale": 0, "value": "A+k="}
    made = connector(field("price", TypeName.DECIMAL, precision=9, scale=2))
    (change,) = converted(made, {"id": number}, event("c", None, {"id": number, "price": {**number, "scale": 2}}))
    assert (change.key, change.after) == ({"id": 1001}, {"id": 1001, "price": Decimal("10.01")})
    (absurd,) = converted(made, {"id": 1}, event("c", None, {"id": 1, "price": {**number, "scale": 10**9}}))
    assert absurd.problem == "price: a decimal of too many digits"


def test_a_number_with_a_point_stays_exact_for_a_decimal():
    made = connector(field("price", TypeName.DECIMAL, precision=30, scale=20))
    value = b'{"op":"c","source":{},"after":{"id":1,"price":0.12345678901234567890}}'
    (change,) = made.convert(b'{"id":1}', value)
    assert change.after["price"] == Decimal("0.12345678901234567890")
