"""What two contracts promise is the same exactly when their outlines are."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from contracts.model import Caveat, Contract, FieldType, OnQuarantine
from contracts.outline import outline
from contracts.text import parse
from tests.unit.contracts.test_text import GOOD

CONTRACT = parse(GOOD)
assert isinstance(CONTRACT, Contract)
_OTHER = {
    "dataset": "calls", "version": (1, 2, 4), "kind": "event", "classification": "SECRET", "owner": "police",
    "store": "desk", "name": "Calls", "key": ("person",), "fields": (), "markings": ("SENSITIVE",),
    "caveats": (Caveat("late", 1, "May be late."),), "on_quarantine": OnQuarantine.KEEP,
    "quarantine_encrypted": False, "row_bytes_max": 7, "regime": "part-3", "umbrella_required": True,
}  # fmt: skip


def test_the_outline_is_read_by_people():
    assert outline(CONTRACT)[:3] == ["dataset visits", "version 1.2.3", "kind entity"]
    assert outline(CONTRACT)[-4:] == [
        "visit: uuid, required, identifier",
        "person: string, required, personal, subject",
        "fee: decimal precision=9 scale=2, not-personal",
        "state: enum symbols=open|closed, not-personal",
    ]


@pytest.mark.parametrize("name", [field.name for field in fields(Contract) if field.name not in ("text", "digest")])
def test_each_term_is_in_it(name):
    assert outline(replace(CONTRACT, **{name: _OTHER[name]})) != outline(CONTRACT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("enum: [{ value: open }", "enum: [{ value: open }, { value: lost }"),
        ("decimal(9,2)", "decimal(9,3)"),
        ("name: person, logicalType: string", "name: person, logicalType: string, logicalTypeOptions: { maxLength: 9 }"),
        ("name: person, logicalType: string", "name: person, description: who, logicalType: string"),
        ("logicalType: string, required: true", "logicalType: string"),
        ("[personal, subject]", "[personal, subject, free-text]"),
        (
            'name: fee, logicalType: number, physicalType: "decimal(9,2)"',
            "name: fee, logicalType: array, items: { logicalType: string, required: false }",
        ),
    ],
)  # fmt: skip
def test_each_rule_of_a_field_is_in_it(old, new):
    assert old in GOOD
    changed = parse(GOOD.replace(old, new, 1))
    assert isinstance(changed, Contract), changed
    assert outline(changed) != outline(CONTRACT)


def test_rules_of_what_a_collection_holds_are_in_it():
    listed = "logicalType: array, items: { logicalType: object, properties: [{ name: a, logicalType: string, %stags: [not-personal] }] }"
    old = 'logicalType: number, physicalType: "decimal(9,2)"'
    plain, ruled = (parse(GOOD.replace(old, listed % more)) for more in ("", "required: true, "))
    assert isinstance(plain, Contract)
    assert isinstance(ruled, Contract)
    assert [line for line in outline(ruled) if line not in outline(plain)] == [
        "fee[].a: string, required, not-personal"
    ]


def test_no_rule_of_a_type_is_forgotten():
    known = {
        "name",
        "symbols",
        "values",
        "pattern",
        "characters_min",
        "characters_max",
        "minimum",
        "maximum",
        "precision",
    }
    known |= {"scale", "items", "items_required", "items_min", "items_max", "fields"}
    assert {
        field.name for field in fields(FieldType)
    } == known  # a new one has a place in the outline, or a reason not to
