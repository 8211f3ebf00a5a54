"""The row-filter language: the official cases, our own, faults with places, and totality."""

from __future__ import annotations

import math

import pytest

from broker.policy.cel import Error, check_filter, compile_row, evaluate_cel, parse
from broker.policy.cel.parser import CHARACTERS_MAX, DEPTH_MAX
from contracts.faults import Faults
from tests.cel_cases import OFFICIAL, OWN, bindings_of, cases_of, value_of
from tests.policy_world import PERSON, entity_contract


def _same(found, wanted):
    if isinstance(wanted, float):
        return type(found) is float and (found == wanted) and math.copysign(1, found) == math.copysign(1, wanted)
    if isinstance(wanted, list):
        return type(found) is list and len(found) == len(wanted) and all(map(_same, found, wanted))
    return type(found) is type(wanted) and found == wanted


def _holds(case):
    found = evaluate_cel(case["expr"], bindings_of(case))
    if case["expect"] == "error":
        return isinstance(found, Error)
    return _same(found, value_of(case["expect"]))


@pytest.mark.parametrize("case", cases_of(OWN), ids=lambda case: case["name"])
def test_our_own_cases(case):
    assert _holds(case), evaluate_cel(case["expr"], bindings_of(case))


@pytest.mark.skipif(not OFFICIAL.exists(), reason="the official cases are not beside this checkout")
def test_the_official_cases_of_the_subset():
    cases = cases_of(OFFICIAL)
    assert len(cases) > 100
    assert [case["name"] for case in cases if not _holds(case)] == []


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ("a ==", 1, 5),
        ("a ==\n  ", 2, 3),
        ("a == # 1", 1, 6),
        ("a\n&& b c", 2, 6),
        ("a == 99999999999999999999", 1, 6),
        ("a == 'x\\q'", 1, 6),
        ("has(1)", 1, 1),
        ("a.in", 1, 3),
        ("a == for", 1, 6),
    ],
)
def test_a_syntax_fault_has_its_place(text, line, column):
    faults = parse(text)
    assert isinstance(faults, Faults)
    assert (faults.items[0].line, faults.items[0].column) == (line, column)


def test_size_and_depth_are_bounded():
    assert isinstance(parse("!" * 3 + "a" * CHARACTERS_MAX), Faults)
    deep = "size([" * (DEPTH_MAX // 2) + "1" + "])" * (DEPTH_MAX // 2)
    assert isinstance(parse(deep), Faults)
    assert isinstance(evaluate_cel(deep, {}), Error)
    assert isinstance(parse("(" * 5000 + "1" + ")" * 5000), object)
    assert evaluate_cel(" && ".join(["true"] * 1500), {}) is True
    assert evaluate_cel(" || ".join(["false"] * 1500), {}) is False


def _row(text, row, unavailable=()):
    parsed = parse(text)
    assert not isinstance(parsed, Faults), str(parsed)
    return compile_row(parsed)(row, unavailable)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("status == 'active'", True),
        ("status in ['left']", False),
        ("address.country == 'GB' && has(address.postcode)", True),
        ("has(name)", True),
        ("has(missing)", False),
        ("has(missing.inner)", "absent"),
        ("missing == 'x'", "absent"),
        ("missing == 'x' || status == 'active'", True),
        ("missing == 'x' && status == 'left'", False),
        ("missing != 'x'", "absent"),
        ("!has(missing)", True),
        ("born < timestamp('2000-01-01T00:00:00Z')", True),
        ("seen.getHours('Europe/London') == 23", True),
        ("visits >= 37 && score < 1", True),
        ("balance > 12", True),
        ("device == '12345678-1234-5678-1234-567812345678'", True),
        ("'b' in codes && 'k' in labels && labels.k == 'v'", True),
        ("labels.other == 'v'", "absent"),
        ("visits", "no-such-overload"),
        ("visits == 37 ? name : 'x'", "no-such-overload"),
        ("photo == b'\\x00\\xff' && flag", True),
    ],
)
def test_row_filters(text, answer):
    found = _row(text, dict(PERSON))
    assert found is answer if isinstance(answer, bool) else (isinstance(found, Error) and found.code == answer)


@pytest.mark.parametrize(
    ("text", "unavailable"),
    [
        ("name == 'x'", "name"),
        ("has(name)", "name"),
        ("!has(name)", "name"),
        ("has(address.postcode)", "address"),
        ("has(address)", "address.postcode"),
        ("address.country == 'GB'", "address"),
    ],
)
def test_whatever_touches_an_unavailable_value_is_an_error(text, unavailable):
    assert _row(text, dict(PERSON), (unavailable,)) == Error("unavailable")
    assert _row(text, dict(PERSON), ("zzz",)) in (True, False)
    assert _row(f"{text} || status == 'active'", dict(PERSON), (unavailable,)) is True


def test_a_row_that_keeps_no_contract_gives_an_error_and_never_raises():
    for value in (object(), [], "text", 7, {1: 2}, float("nan")):
        for text in ("name.inner == 1", "name == 1", "has(name.x)", "size(name) > 0", "name in [1]", "'a' in name"):
            assert _row(text, {"name": value}) in (True, False) or isinstance(_row(text, {"name": value}), Error)


@pytest.mark.parametrize(
    "text",
    [
        "status == 'active' && address.country in ['GB', 'IE']",
        "has(name) && name.matches('^A') || visits > 3",
        "born.getFullYear() < 2000 && seen > timestamp('2026-01-01T00:00:00Z')",
        "balance >= 10 && score < 0.5 && size(codes) == 2 && labels.k == 'v'",
        "flag ? visits == 1 : has(device)",
    ],
)
def test_a_well_typed_filter_has_no_fault(text):
    assert check_filter(parse(text), entity_contract()) is None


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("nothing == 1", "POL-002", (1, 1)),
        ("address.nothing == 'x'", "POL-002", (1, 9)),
        ("visits == 'x'", "POL-003", (1, 8)),
        ("status < 1", "POL-003", (1, 8)),
        ("visits", "POL-003", (1, 1)),
        ("status && true", "POL-003", (1, 1)),
        ("!visits", "POL-003", (1, 2)),
        ("-status == 'x'", "POL-003", (1, 1)),
        ("name == null", "POL-003", (1, 6)),
        ("visits in ['a']", "POL-003", (1, 8)),
        ("status.inner == 'x'", "POL-003", (1, 8)),
        ("name.matches('(')", "POL-003", (1, 14)),
        ("name.matches(status)", "POL-003", (1, 14)),
        ("name.startsWith(1)", "POL-003", (1, 6)),
        ("seen > timestamp('yesterday')", "POL-003", (1, 8)),
        ("seen.getHours('Nowhere') == 1", "POL-003", (1, 6)),
        ("now() > seen", "POL-003", (1, 1)),
        ("[1].exists(x, x == 1)", "POL-002", (1, 12)),
        ("flag ? 1 : 'x'", "POL-003", (1, 1)),
        ("flag &&\n  visits == 'x'", "POL-003", (2, 10)),
        ("address == address", "POL-003", (1, 9)),
    ],
)
def test_a_type_fault_has_its_code_and_place(text, code, place):
    faults = check_filter(parse(text), entity_contract())
    assert faults is not None
    assert (faults.items[0].code.identifier, (faults.items[0].line, faults.items[0].column)) == (code, place)


def test_all_type_faults_are_reported_at_once():
    faults = check_filter(parse("nothing == 1 && visits == 'x' && status"), entity_contract())
    assert faults is not None
    assert [fault.code.identifier for fault in faults.items] == ["POL-002", "POL-003", "POL-003"]
