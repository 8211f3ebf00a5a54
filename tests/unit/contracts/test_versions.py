"""A document is held against the version of the standard that it names, not against another one."""

from __future__ import annotations

import pytest

from contracts.odcs import read
from contracts.versions import NEWEST, schema_of, version_named


def _document(version: str, rest: str, *, status: bool = True) -> str:
    lines = [f"apiVersion: {version}", "kind: DataContract", "id: trees", "version: 1.0.0"]
    return "\n".join([*lines, *(["status: draft"] if status else []), rest]) + "\n"


def _property(text: str) -> str:
    return f"schema:\n  - name: trees\n    properties:\n      - {{ name: height, {text} }}"


def _quality(text: str) -> str:
    return f"schema:\n  - name: trees\n    quality:\n      - {{ {text} }}"


def _codes(version: str, rest: str, *, status: bool = True) -> list[str]:
    return [fault.code.identifier for fault in read(_document(version, rest, status=status)).faults]


_RULES = [
    # what is written; whether 3.0, 3.1 and 3.2 have it so
    (_property("logicalType: number, logicalTypeOptions: { minimum: 1, exclusiveMinimum: true }"), "yes no no"),
    (_property("logicalType: number, logicalTypeOptions: { exclusiveMinimum: 1 }"), "no yes yes"),
    (_property('logicalType: date, logicalTypeOptions: { exclusiveMaximum: "2030-01-01" }'), "no yes yes"),
    (_property("physicalType: int"), "yes yes yes"),
    (_property("logicalType: timestamp"), "no yes yes"),
    (_property("logicalType: map, map: { key: { logicalType: string }, value: { logicalType: string } }"), "no no yes"),
    (_property("logicalType: map"), "no no no"),
    (_property("logicalType: string, deprecated: true"), "no no yes"),
    (_property("logicalType: string, tag: [tall]"), "no no no"),
    (_property("logicalType: string, id: height-1"), "no yes yes"),
    (_quality("type: library, rule: nullCheck, mustBe: 0"), "yes no no"),
    (_quality("rule: nullCheck"), "yes no no"),
    (_quality("type: library, metric: nullValues, mustBe: 0"), "no yes yes"),
    (_quality("type: sql, query: SELECT 1"), "yes no no"),
    (_quality("type: sql, query: SELECT 1, mustBe: 0"), "yes yes yes"),
    ("team: [{ name: Ann }]", "yes no no"),
    ("team: [{ username: ann, name: Ann }]", "yes yes yes"),
    ("team: { members: [{ username: ann }] }", "no yes yes"),
    ("support: [{ channel: post }]", "no yes yes"),
    ("servers: [{ server: a, type: hive, host: h, database: d }]", "no yes yes"),
    ("servers: [{ server: a, type: postgresql, host: h, port: 1, database: d, schema: s }]", "yes yes yes"),
    ("servers: [{ server: a, type: postgresql, host: h, port: '${PORT}', database: d, schema: s }]", "no no yes"),
    ("customProperties: [{ property: a, value: b, vendor: c }]", "yes no yes"),
    ("roles: [{ role: reader, colour: green }]", "yes no no"),
    ("context: { instructions: count the rings }", "no no yes"),
]


@pytest.mark.parametrize(("rest", "expected"), _RULES)
def test_each_version_has_its_own_rules(rest, expected):
    for version, has_it in zip(("v3.0.2", "v3.1.0", "v3.2.0"), expected.split(), strict=True):
        codes = _codes(version, rest)
        assert (codes == []) is (has_it == "yes"), (version, codes)
        assert set(codes) <= {"CON-003", "CON-004"}


def test_a_status_is_required_until_3_1():
    rest = "name: Trees"
    assert [_codes(v, rest, status=False) for v in ("v3.0.0", "v3.1.0", "v3.2.0")] == [["CON-003"], ["CON-003"], []]


def test_version_2_has_another_structure_and_one_fault_says_so():
    assert _codes("v2.2.2", "datasetDomain: forestry\nquantumName: trees") == ["CON-003"]


@pytest.mark.parametrize("named", ["v9.0.0", "3", None, 7, "v3.x.0", "v3.0", "v99999.0.0"])
def test_a_version_that_is_not_known_is_read_as_the_newest(named):
    assert version_named({"apiVersion": named}) == NEWEST
    assert schema_of(NEWEST)["required"] == ["version", "apiVersion", "kind", "id"]


def test_plain_words_of_sections_that_are_only_kept_are_not_judged():
    kept = "slaProperties: [{ property: retention, value: 3, unit: y }]\ncontractCreatedTs: 2026-01-31T10:00:00Z"
    assert _codes("v3.2.0", kept) == []
    assert _codes("v3.2.0", _property("logicalType: date, examples: [2026-01-31, no, 1e3]")) == []
    assert _codes("v3.2.0", _quality("metric: rowCount, mustBeGreaterThan: 1e3")) == []
    assert _codes("v3.2.0", "name: no") == ["CON-014"]
    assert _codes("v3.2.0", _property("logicalType: string, tags: [no]")) == ["CON-014"]
