"""Contracts as text: what is read, and that every fault has its place and all come in one run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from contracts.faults import Faults
from contracts.model import Contract, Kind, OnQuarantine, TypeName
from contracts.text import digest, parse

GOOD = """\
apiVersion: v3.2.0
kind: DataContract
id: visits
name: Visits
version: 1.2.3
status: active
customProperties:
  - { property: concordat.kind, value: entity }
  - { property: concordat.classification, value: OFFICIAL }
  - { property: concordat.owner, value: border-force }
schema:
  - name: visits
    logicalType: object
    properties:
      - { name: visit, logicalType: string, logicalTypeOptions: { format: uuid }, primaryKey: true, required: true, tags: [identifier] }
      - { name: person, logicalType: string, required: true, tags: [personal, subject] }
      - { name: fee, logicalType: number, physicalType: "decimal(9,2)", tags: [not-personal] }
      - { name: state, logicalType: string, enum: [{ value: open }, { value: closed }], tags: [not-personal] }
"""
EXAMPLES = Path(__file__).parents[3] / "examples" / "contracts"
PUBLISHED = Path(os.environ.get("CONCORDAT_TEST_ODCS", Path(__file__).parents[4] / "shared" / "data" / "odcs"))


def faults_of(text: str) -> list[tuple[str, int, int]]:
    """Code, line and column of every fault."""
    found = parse(text, "visits.yaml")
    assert isinstance(found, Faults), found
    assert all(fault.file == "visits.yaml" for fault in found.items)
    return [(fault.code.identifier, fault.line, fault.column) for fault in found.items]


def test_a_whole_contract_is_read():
    contract = parse(GOOD)
    assert isinstance(contract, Contract), contract
    assert (contract.dataset, contract.version, contract.kind) == ("visits", (1, 2, 3), Kind.ENTITY)
    assert (contract.owner, contract.store, contract.key) == ("border-force", "border-force", ("visit",))
    assert (contract.on_quarantine, contract.quarantine_encrypted) == (OnQuarantine.WITHDRAW, True)
    types = [field.type for field in contract.fields]
    assert [type_.name for type_ in types] == [TypeName.UUID, TypeName.STRING, TypeName.DECIMAL, TypeName.ENUM]
    assert (types[2].precision, types[2].scale, types[3].symbols) == (9, 2, ("open", "closed"))
    assert contract.text == GOOD
    assert contract.digest == digest(GOOD)
    assert contract.fields[1].line == 16


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.name)
def test_the_demonstration_contracts_are_read(file):
    text = file.read_text()
    contract = parse(text, file.name)
    assert isinstance(contract, Contract), contract
    assert contract.text == text


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("status: active", "status: active\nstatus: active", [("CON-002", 7, 1)]),
        ("status: active", "status: no", [("CON-014", 6, 9)]),
        ("status: active", "status: 2026-01-31", [("CON-014", 6, 9)]),
        ("version: 1.2.3", "version: 1_000", [("CON-014", 5, 10)]),
        ("version: 1.2.3", "version: 12:30", [("CON-014", 5, 10)]),
        ("version: 1.2.3", "version: 1.2", [("CON-003", 5, 10)]),
        ("name: Visits", "name: 0x1F", [("CON-014", 4, 7)]),
        ("name: Visits", "nome: Visits", [("CON-003", 4, 7)]),
        ("name: Visits", "no: Visits", [("CON-014", 4, 1), ("CON-003", 4, 5)]),
        ("id: visits", "id: 7-visits", [("CON-008", 3, 5)]),
        ("apiVersion: v3.2.0", "apiVersion: v3.0.2", [("CON-004", 18, 51)]),
        ("logicalType: object", "logicalType: object\n    colour: red", [("CON-003", 14, 13)]),
        ("concordat.kind, value: entity", "concordat.kind, value: table", [("CON-006", 8, 40)]),
        ("concordat.kind, value: entity", "concordat.kinds, value: entity", [("CON-005", 8, 3), ("CON-006", 8, 5)]),
        ("concordat.owner, value: border-force", "concordat.owner, value: Border Force", [("CON-006", 10, 41)]),
        ("primaryKey: true, required: true", "required: true", [("CON-009", 15, 7)]),
        ("primaryKey: true, required: true", "primaryKey: true", [("CON-009", 15, 9)]),
        ("required: true, tags: [personal, subject]", "required: yes, tags: [personal, subject]", [("CON-014", 16, 56)]),
        ("tags: [personal, subject]", "tags: [personal]", [("CON-012", 15, 7)]),
        ("tags: [personal, subject]", "tags: [personal, subject, not-personal]", [("CON-011", 16, 9)]),
        ("tags: [personal, subject]", "tags: [persnal, subject]", [("CON-011", 16, 9)]),
        ("tags: [identifier]", "tags: [proposed:identifier]", [("CON-010", 15, 9)]),
        ("tags: [identifier]", "tags: []", [("CON-010", 15, 9)]),
        ("logicalType: number", "logicalType: vector", [("CON-007", 17, 35)]),
        ("decimal(9,2)", "decimal(2,9)", [("CON-007", 17, 9)]),
        ("name: state", "name: 2nd", [("CON-008", 18, 17)]),
        ("name: state", "name: fee", [("CON-008", 18, 17)]),
        ("{ value: open }", "{ value: 5 }", [("CON-007", 18, 61)]),
        ("logicalType: string, enum: [{ value: open }", "logicalType: integer, enum: [{ value: open }", [("CON-007", 18, 52)]),
        ("{ format: uuid }", "{ pattern: '[' }", [("CON-007", 15, 76)]),
    ],
)  # fmt: skip
def test_each_fault_has_its_code_and_place(old, new, expected):
    assert old in GOOD
    assert faults_of(GOOD.replace(old, new, 1)) == expected


def test_all_faults_come_in_one_run_and_in_the_order_of_the_text():
    text = GOOD.replace("status: active", "status: no").replace("[personal, subject]", "[]").replace("(9,2)", "(0,2)")
    found = faults_of(text)
    assert [code for code, _, _ in found] == ["CON-014", "CON-010", "CON-007"]
    assert [place for _, *place in found] == sorted(place for _, *place in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "- a",
        "a: [",
        "\0",
        "[" * 3000,
        "a: &a [*a]\n",
        "? [1, 2]\n: 3\n",
        "!!int x: !!int y\n",
        "a: 08\n",
        "a: .nan\n",
        "--- {}\n--- {}\n",
        "schema: [1]\n",
        "schema: [{properties: [1, {name: [a], logicalType: {}}]}]\n",
        "schema: [{properties: {a: 1}}]\n",
        "customProperties: {a: 1}\n",
        "customProperties: [{property: [1]}]\n",
        "id: [a]\nversion: {}\napiVersion: []\n",
        "schema: [{properties: [{name: a, logicalType: [x], logicalTypeOptions: 3, enum: 5, tags: 5, map: 3, items: 3}]}]",
        "x: " + "9" * 5000,
    ],
)
def test_whatever_the_text_it_gives_faults_and_never_crashes(text):
    assert isinstance(parse(text), Faults)


def test_deeply_nested_properties_are_read_in_good_time():
    nested = "{ name: x, logicalType: string, tags: [identifier] }"
    for _ in range(9):
        nested = f"{{ name: deep, logicalType: object, properties: [ {nested} ] }}"
    began = time.monotonic()
    assert isinstance(parse(f"{GOOD}      - {nested}\n"), Contract)
    assert time.monotonic() - began < 3


def test_two_nested_types_of_one_avro_name_are_refused():
    enum = "logicalType: string, enum: [{ value: open }], tags: [identifier]"
    added = f"      - {{ name: a, logicalType: object, properties: [ {{ name: b, {enum} }} ] }}\n      - {{ name: a_b, {enum} }}\n"
    assert faults_of(GOOD + added) == [("CON-008", 15, 7)]


@pytest.mark.parametrize("file", sorted(PUBLISHED.glob("*.yaml")), ids=lambda file: file.name)
def test_contracts_published_by_others_lack_our_terms_and_it_is_said(file):
    found = parse(file.read_text(), file.name)
    assert isinstance(found, Faults)
    missing = [fault.message for fault in found.items if fault.code.identifier == "CON-005"]
    assert sum("concordat." in message for message in missing) == 3
    assert all(fault.line is not None and fault.column is not None for fault in found.items)


def test_others_contracts_are_here():
    if not PUBLISHED.is_dir():
        pytest.skip("the contracts that others published are not here; CONCORDAT_TEST_ODCS names their folder")
