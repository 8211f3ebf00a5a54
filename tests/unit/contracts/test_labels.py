"""The vocabulary of labels: what covers what, and what an owner may not say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.compatibility import reasons
from contracts.faults import Faults
from contracts.labels import covers, labelled
from contracts.model import Contract
from contracts.text import parse
from tests.registers import EXAMPLES

TEXT = (EXAMPLES / "contracts" / "travellers.contract.yaml").read_text(encoding="utf-8")
EMAIL = "{ name: email, logicalType: string, tags: [personal] }"


def changed(field: str) -> Contract | Faults:
    assert EMAIL in TEXT
    return parse(TEXT.replace(EMAIL, field))


@pytest.mark.parametrize(
    ("word", "tag", "expected"),
    [
        ("special-category", "special-category:health", True),
        ("special-category", "special-category", True),
        ("special-category", "special-categoryx", False),
        ("pole:person.contact", "pole:person.contact.email", True),
        ("pole:person.contact", "pole:person.contacts", False),
        ("pole:person.contact.email", "pole:person.contact", False),
        ("protected", "protected:child", True),
    ],
)
def test_a_word_covers_what_stands_below_it(word, tag, expected):
    assert covers(word, tag) is expected


@pytest.mark.parametrize(
    "field",
    [
        '{ name: child, logicalType: boolean, tags: ["protected:child"] }',
        '{ name: out, logicalType: string, enum: [{ value: none }, { value: all }], tags: ["protected:opt-out"] }',
        '{ name: category, logicalType: string, tags: ["le:subject-category"] }',
        '{ name: email, logicalType: string, tags: ["pole:person.contact.email"] }',
        '{ name: caution, logicalType: string, tags: ["criminal-offence:caution"] }',
    ],
)
def test_the_vocabulary_has_room_for_marks_and_categories(field):
    assert isinstance(changed(field), Contract), str(changed(field))


@pytest.mark.parametrize(
    ("field", "code", "words"),
    [
        ('{ name: child, logicalType: string, tags: ["protected:child"] }', "CON-011", "a boolean, or an enum with the value `none`"),
        (
            '{ name: child, logicalType: string, enum: [{ value: yes_ }, { value: no_ }], tags: ["protected:child"] }',
            "CON-011",
            "a boolean, or an enum",
        ),
        ('{ name: child, logicalType: boolean, tags: [not-personal, "protected:child"] }', "CON-011", "both `not-personal` and personal"),
        ('{ name: category, logicalType: integer, tags: ["le:subject-category"] }', "CON-011", "a string or an enum"),
        ('{ name: child, logicalType: boolean, tags: ["protected"] }', "CON-011", "`protected`"),
        ('{ name: child, logicalType: boolean, tags: ["le:other"] }', "CON-011", "`le:other`"),
        (
            ('{ name: a, logicalType: string, tags: ["le:subject-category"] }\n'
            '      - { name: b, logicalType: string, tags: ["le:subject-category"] }'),
            "CON-012",
            "`a`, `b`; at most one is",
        ),
    ],
)  # fmt: skip
def test_what_a_label_needs_is_checked(field, code, words):
    found = changed(field)
    assert isinstance(found, Faults), "it was accepted"
    assert [fault.code.identifier for fault in found.items] == [code]
    assert words in found.items[0].message
    assert found.items[0].line is not None


def test_labelled_fields_are_found_by_what_covers_them():
    contract = parse(TEXT)
    assert labelled(contract, "special-category") == ("nationality",)
    assert labelled(contract, "pole:person") == ("reference", "given_name", "family_name", "date_of_birth")


def test_the_regime_is_one_of_three_and_stays():
    other = "  - { property: concordat.regime, value: part-3 }\nschema:"
    held = parse(TEXT.replace("schema:", other, 1).replace("version: 1.0.0", "version: 1.1.0"))
    assert held.regime == "part-3"
    assert parse(TEXT).regime == "uk-gdpr"
    assert "the regime changes" in reasons(parse(TEXT), held)
    wrong = parse(TEXT.replace("schema:", other.replace("part-3", "part-5"), 1))
    assert [fault.code.identifier for fault in wrong.items] == ["CON-006"]


def test_a_new_version_does_not_lose_what_records_are_withheld_by():
    marked = changed('{ name: child, logicalType: boolean, tags: ["protected:child"] }')
    later = replace(marked, version=(1, 1, 0))
    plain = replace(
        later, fields=tuple(replace(f, tags=frozenset({"personal"})) if f.name == "child" else f for f in later.fields)
    )
    gone = replace(later, fields=tuple(f for f in later.fields if f.name != "child"))
    assert reasons(marked, later) == ()
    for new in (plain, gone):
        assert "`child` loses protected:child, on which it may depend what is shared" in reasons(marked, new)
