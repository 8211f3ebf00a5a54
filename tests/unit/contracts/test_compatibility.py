"""What may follow what within a major version."""

from __future__ import annotations

import pytest

from contracts.compatibility import faults, reasons
from contracts.model import Contract
from contracts.text import parse
from tests.unit.contracts.test_text import GOOD


def read(text: str) -> Contract:
    contract = parse(text)
    assert isinstance(contract, Contract), contract
    return contract


NEXT = GOOD.replace("1.2.3", "1.3.0")
ADDED = "      - { name: note, logicalType: string, tags: [free-text] }\n"


@pytest.mark.parametrize("text", [NEXT, NEXT + ADDED], ids=["the same", "a field more"])
def test_compatible(text):
    assert reasons(read(GOOD), read(text)) == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1.3.0", "1.2.3", "does not rise"),
        ("value: entity", "value: event", "the kind changes"),
        ("primaryKey: true, required: true, tags: [identifier] }", "required: true, tags: [identifier] }", "the key changes"),
        ("OFFICIAL", "SECRET", "classification rises"),
        ("name: person", "name: human", "`person` is gone"),
        ('logicalType: number, physicalType: "decimal(9,2)"', "logicalType: integer", "from decimal to integer"),
        ("required: true, tags: [personal", "tags: [personal", "no longer required"),
        ("{ value: open }, ", "", "value schema"),
        ("decimal(9,2)", "decimal(9,3)", "precision or scale"),
    ],
)  # fmt: skip
def test_incompatible(old, new, says):
    assert old in NEXT
    text = NEXT.replace(old, new, 1)
    if says == "the key changes":
        text = text.replace("required: true, tags: [personal", "primaryKey: true, required: true, tags: [personal")
    assert any(says in reason for reason in reasons(read(GOOD), read(text)))


def test_every_published_version_of_the_major_counts_and_no_other():
    broken = read(NEXT.replace("name: person", "name: human"))
    assert len(faults(broken, [read(GOOD), read(GOOD.replace("1.2.3", "1.2.4"))])) >= 2
    assert faults(broken, [read(GOOD.replace("1.2.3", "0.9.0"))]) == ()
