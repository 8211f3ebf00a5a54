"""Rows held against their contract: each rule, its code and path, and never a value."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from contracts.change import Envelope, Op, Origin
from contracts.check import REASONS, Checker, Violation
from contracts.model import Contract, Field, FieldType, Kind, TypeName

T = TypeName
ORIGIN = Origin("store", "things", "0/1", 0, None, snapshot=False)


def contract(*fields: Field, kind: Kind = Kind.ENTITY) -> Contract:
    return Contract("things", (1, 0, 0), kind, "OFFICIAL", "owner", "store", "Things", ("id",), fields)


def found(type_: FieldType, value: object) -> list[str]:
    """The codes for one value of a required field."""
    violations = Checker(contract(Field("x", type_, required=True))).row({"x": value})
    assert all(violation.path == "x" for violation in violations)
    return [violation.code for violation in violations]


@pytest.mark.parametrize(
    ("type_", "value", "codes"),
    [
        (FieldType(T.STRING), None, ["required"]),
        (FieldType(T.STRING), 5, ["type"]),
        (FieldType(T.STRING, pattern="^[A-Z]{2}"), "AB", []),
        (FieldType(T.STRING, pattern="[A-Z]{2}"), "ABC", ["pattern"]),
        (FieldType(T.STRING, pattern="(a+)+"), "a" * 5000 + "b", ["pattern"]),
        (FieldType(T.STRING, characters_min=2, characters_max=3), "ä", ["too-short"]),
        (FieldType(T.STRING, characters_min=2, characters_max=3), "äöüß", ["too-long"]),
        (FieldType(T.STRING, values=("a b", "c")), "a b", []),
        (FieldType(T.STRING, values=("a b", "c")), "a", ["enum"]),
        (FieldType(T.ENUM, symbols=("open",)), "shut", ["enum"]),
        (FieldType(T.UUID), UUID(int=1), []),
        (FieldType(T.UUID), str(UUID(int=1)), ["type"]),
        (FieldType(T.INTEGER), True, ["type"]),
        (FieldType(T.INTEGER, minimum=1, maximum=2), 0, ["too-small"]),
        (FieldType(T.INTEGER, minimum=1, maximum=2), 3, ["too-large"]),
        (FieldType(T.DOUBLE, minimum=0.1, maximum=0.1), 0.1, []),
        (FieldType(T.DOUBLE), float("nan"), ["not-finite"]),
        (FieldType(T.DOUBLE), 1, ["type"]),
        (FieldType(T.DECIMAL, precision=4, scale=2, maximum=99.5), Decimal("99.50"), []),
        (FieldType(T.DECIMAL, precision=4, scale=2, maximum=99.5), Decimal("99.51"), ["too-large"]),
        (FieldType(T.DECIMAL, precision=4, scale=2), Decimal(100), ["precision"]),
        (FieldType(T.DECIMAL, precision=4, scale=2), Decimal("0.001"), ["precision"]),
        (FieldType(T.DECIMAL, precision=4, scale=2), Decimal("1.100"), []),
        (FieldType(T.DECIMAL, precision=4, scale=2), Decimal("0E+99"), []),
        (FieldType(T.DECIMAL, precision=76, scale=0), Decimal("9" * 76), []),
        (FieldType(T.DECIMAL, precision=76, scale=0), Decimal("1E+999999"), ["precision"]),
        (FieldType(T.DECIMAL, precision=4, scale=2), Decimal("sNaN"), ["not-finite"]),
        (FieldType(T.DATE), datetime(2026, 1, 1, tzinfo=UTC), ["type"]),
        (FieldType(T.DATE, minimum="2026-01-01"), date(2025, 12, 31), ["too-small"]),
        (FieldType(T.TIMESTAMP), datetime(2026, 1, 1), ["type"]),  # noqa: DTZ001 - a time without a zone is the case
        (FieldType(T.TIMESTAMP), date(2026, 1, 1), ["type"]),
        (
            FieldType(T.TIMESTAMP, maximum="2026-01-01T00:00:00Z"),
            datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
            [],
        ),
        (FieldType(T.BYTES), b"", []),
        (FieldType(T.ARRAY, items=FieldType(T.INTEGER), items_min=1, items_max=2), [], ["too-few-items"]),
        (FieldType(T.ARRAY, items=FieldType(T.INTEGER), items_max=2), [1, "2", None], ["too-many-items", "type", "required"]),
        (FieldType(T.ARRAY, items=FieldType(T.INTEGER), items_required=False), [None], []),
        (FieldType(T.MAP, items=FieldType(T.BOOLEAN)), {"a": True, "b": 1}, ["type"]),
        (FieldType(T.MAP, items=FieldType(T.BOOLEAN)), [], ["type"]),
    ],
)  # fmt: skip
def test_one_value(type_, value, codes):
    assert found(type_, value) == codes
    assert set(codes) <= set(REASONS)


NESTED = FieldType(
    T.RECORD,
    fields=(Field("name", FieldType(T.STRING), required=True), Field("born", FieldType(T.DATE), required=True)),
)


def test_a_nested_record_is_checked_by_path():
    checker = Checker(contract(Field("person", NESTED, required=True)))
    row = {"person": {"name": 5, "extra": "x"}}
    assert checker.row(row) == (
        Violation("type", "person.name"),
        Violation("required", "person.born"),
        Violation("unknown-field", "person"),
    )
    assert checker.row({"person": "x"}) == (Violation("type", "person"),)


@pytest.mark.parametrize("missing", [("person.born",), ("person",)])
def test_what_the_store_did_not_give_is_not_a_violation(missing):
    checker = Checker(contract(Field("person", NESTED, required=True)))
    assert checker.row({"person": {"name": "n", "born": None}}, missing) == ()


def test_a_field_whose_name_only_begins_like_a_missing_one_is_checked():
    checker = Checker(contract(Field("ab", FieldType(T.STRING), required=True)))
    assert checker.row({"ab": None}, ("a",)) == (Violation("required", "ab"),)


def test_an_unknown_field_is_a_violation_without_its_name():
    assert Checker(contract()).row({"secret name": 1}) == (Violation("unknown-field"),)


@pytest.mark.parametrize("op", list(Op))
def test_events_are_only_appended(op):
    envelope = Envelope(op, None, {"x": 1}, ORIGIN, 0)
    checker = Checker(contract(Field("x", FieldType(T.INTEGER)), kind=Kind.EVENT))
    expected = () if op in (Op.CREATE, Op.READ) else (Violation("operation"),)
    assert checker.change(envelope) == expected


def test_an_entity_change_needs_its_row_unless_it_is_gone():
    checker = Checker(contract(Field("x", FieldType(T.INTEGER), required=True)))
    assert checker.change(Envelope(Op.UPDATE, None, None, ORIGIN, 0)) == (Violation("row-missing"),)
    assert checker.change(Envelope(Op.DELETE, None, None, ORIGIN, 0)) == ()
    assert checker.change(Envelope(Op.CREATE, None, {"x": None}, ORIGIN, 0, ("x",))) == ()
