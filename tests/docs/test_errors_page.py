"""The page of error codes is made from the code, and says something about each."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

from broker.codes import every_code, page
from contracts.faults import Code

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "agreements", "connectors", "broker")


def test_the_page_is_current():
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == page(), "run: python -m broker.codes"


def test_every_code_is_well_formed_and_complete():
    for identifier, code in every_code().items():
        assert re.fullmatch(r"[A-Z]{3}-[0-9]{3}", identifier)
        for text in (code.name, code.cause, code.effect, code.remedy):
            assert text.strip(), identifier


def test_no_code_of_the_sources_is_missing_from_the_table():
    """A constant that somebody forgot to put into CODES would be printed and could not be explained."""
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("codes.py")):
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        defined = {name for name, value in vars(module).items() if isinstance(value, Code)}
        listed = {name for name in defined if getattr(module, name) in module.CODES}
        assert defined == listed, module.__name__
        assert {getattr(module, name).identifier for name in defined} <= set(every_code()), module.__name__


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
