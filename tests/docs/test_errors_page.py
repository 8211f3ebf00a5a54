"""The page of error codes is made from the code, and says something about each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from broker.codes import every_code, page

ROOT = Path(__file__).parents[2]


def test_the_page_is_current():
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == page(), "run: python -m broker.codes"


def test_every_code_is_well_formed_and_complete():
    for identifier, code in every_code().items():
        assert re.fullmatch(r"[A-Z]{3}-[0-9]{3}", identifier)
        for text in (code.name, code.cause, code.effect, code.remedy):
            assert text.strip(), identifier


def test_no_code_of_the_sources_is_missing_from_the_table():
    """A constant that somebody forgot to put into CODES would be printed and could not be explained."""
    defined = set()
    for package in ("contracts", "agreements", "connectors", "broker"):
        for path in (ROOT / package).rglob("codes.py"):
            defined |= set(re.findall(r'= Code\(\s*"([A-Z]{3}-[0-9]{3})"', path.read_text(encoding="utf-8")))
    assert defined == set(every_code())


@pytest.mark.parametrize("arguments", [["CDT-001"], ["cdt-001:"], ["CDT-001", "--json"]])
def test_explain_prints_cause_effect_and_remedy(concordat, arguments):
    done = concordat("explain", *arguments)
    assert done.status == 0
    if "--json" in arguments:
        assert set(json.loads(done.out)) == {"identifier", "name", "cause", "effect", "remedy"}
    else:
        assert all(word in done.out for word in ("Cause:", "Effect:", "Remedy:"))


def test_explain_refuses_a_code_that_does_not_exist(concordat):
    done = concordat("explain", "ZZZ-999")
    assert done.status == 2
    assert done.err.startswith("CDT-003 ")
