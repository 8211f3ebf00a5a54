"""The page and the schema of an agreement's text form are made from the model, explain every key, and fit the examples."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings

from agreements.drafting import reference
from agreements.drafting.json_schema import json_schema, schema_text
from agreements.mechanisms import MECHANISMS
from agreements.text import document, parse
from tests.agreement_strategies import AGREEMENT
from tests.registers import EXAMPLES

AGREEMENTS = sorted((EXAMPLES / "agreements").glob("*.agreement.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def test_the_page_and_the_schema_are_current():
    text = reference.PAGE.read_text(encoding="utf-8")
    assert text == reference.page(text), "run: python -m agreements"
    assert reference.SCHEMA.read_text(encoding="utf-8") == schema_text(), "run: python -m agreements"


def test_every_key_says_what_may_stand_there_and_every_clause_has_a_class():
    found = {key.path.replace("[]", ""): key for key in reference.every_key()}
    assert all(key.form and key.meaning for key in found.values())
    assert set(MECHANISMS) <= set(found), "a mechanism for a clause that does not exist"
    for path, key in found.items():
        if "clauses" not in key.form:
            beginnings = {path[:end] for end in range(1, len(path) + 1) if path[end:][:1] in ("", ".")}
            assert beginnings & set(MECHANISMS), path


@settings(max_examples=30, deadline=None, derandomize=True)
@given(AGREEMENT)
def test_every_agreement_fits_the_schema(agreement):
    VALIDATOR.validate(json.loads(json.dumps(document(agreement), default=str)))


@pytest.mark.parametrize(
    ("key", "value"), [("unknown", 1), ("version", "1"), ("kind", "other"), ("reference", "lower")]
)
def test_what_is_no_agreement_does_not_fit(key, value):
    plain = json.loads(json.dumps(document(parse(AGREEMENTS[0].read_text())), default=str))
    assert not VALIDATOR.is_valid(plain | {key: value})
