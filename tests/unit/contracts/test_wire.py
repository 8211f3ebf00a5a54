"""Framing, strict reading and the one spelling of a value."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from contracts.change import Envelope, Op, Origin
from contracts.text import parse
from contracts.wire import AvroSchema, EnvelopeCodec, WireError, canonical_text, frame, unframe
from tests.unit.contracts.test_text import GOOD

CONTRACT = parse(GOOD)
CODEC = EnvelopeCodec(CONTRACT, 7, 70_000)
ROW = {"visit": UUID(int=5), "person": "p", "fee": Decimal("1.50"), "state": "open"}
ENVELOPE = Envelope(
    Op.CREATE, None, ROW, Origin("c", "visits", "0/1", 3, "tx", snapshot=False), 1_700_000_000_000, ("fee",)
)


def test_the_framing_is_confluents():
    assert frame(258, b"body") == b"\x00\x00\x00\x01\x02body"
    assert unframe(b"\x00\x00\x00\x01\x02body") == (258, b"body")


def test_keys_and_envelopes_come_back():
    assert CODEC.decode(CODEC.encode(ENVELOPE)) == ENVELOPE
    assert CODEC.decode_key(CODEC.encode_key(ROW)) == {"visit": UUID(int=5)}


def test_a_row_that_breaks_its_contract_can_be_written():
    broken = Envelope(Op.UPDATE, None, dict.fromkeys(ROW), ENVELOPE.source, 0)
    assert CODEC.decode(CODEC.encode(broken)) == broken


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x00\x00", "not-framed"),
        (b"\x01" + CODEC.encode(ENVELOPE)[1:], "not-framed"),
        (frame(8, CODEC.encode(ENVELOPE)[5:]), "schema-unknown"),
        (CODEC.encode(ENVELOPE)[:-1], "malformed"),
        (CODEC.encode(ENVELOPE) + b"\x00", "trailing-bytes"),
    ],
)
def test_what_cannot_be_read_has_a_reason(data, reason):
    with pytest.raises(WireError) as caught:
        CODEC.decode(data)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ('["null","string"]', b"\x04"),  # branch 2 of two
        ('{"type":"enum","name":"e","symbols":["a","b"]}', b"\x04"),
        ('"string"', b"\x04\xc3\x28"),  # not UTF-8
        ('"string"', b"\x03"),  # negative length
        ('{"type":"string","logicalType":"uuid"}', b"\x02a"),
        ('{"type":"array","items":"string"}', b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ('"long"', b"\xff" * 11),
    ],
)
def test_bytes_that_no_writer_makes_are_malformed(schema, body):
    with pytest.raises(WireError):
        AvroSchema(schema).decode(body)


@pytest.mark.parametrize(
    "row",
    [ROW | {"fee": Decimal("1.505")}, ROW | {"person": 5}, ROW | {"state": "ajar"}, ROW | {"other": 1}, {"visit": "x"}],
    ids=["too many digits", "not text", "not a symbol", "a field too many", "not a uuid"],
)
def test_what_the_schema_has_no_room_for_is_not_encodable(row):
    with pytest.raises(WireError) as caught:
        CODEC.encode(Envelope(Op.CREATE, None, row, ENVELOPE.source, 0))
    assert caught.value.reason == "not-encodable"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ä", "ä"),
        (7, "7"),
        (True, "true"),
        (None, ""),
        (Decimal("1.50"), "1.5"),
        (Decimal("1.5"), "1.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.00"), "0"),
        (1e16, "10000000000000000"),
        (0.1, "0.1"),
        (-0.0, "0"),
        (date(987, 1, 2), "0987-01-02"),
        (datetime(2026, 6, 1, 12, tzinfo=UTC), "2026-06-01T12:00:00.000000Z"),
        (datetime(987, 6, 1, 12, tzinfo=timezone(timedelta(hours=1))), "0987-06-01T11:00:00.000000Z"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"\x0a", "0a"),
        ([1, None, "a"], '["1",null,"a"]'),
        ({"b": 1, "a": [date(2026, 1, 1)]}, '{"a":"[\\"2026-01-01\\"]","b":"1"}'),
    ],
)
def test_a_value_has_one_text(value, text):
    assert canonical_text(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), datetime(2026, 1, 1), object()])  # noqa: DTZ001
def test_what_has_no_text(value):
    with pytest.raises(WireError):
        canonical_text(value)
