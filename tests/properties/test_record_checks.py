"""Random shares and records: the engine checks labels exactly as a slow, obvious twin does, and in the same order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agreements.shares import Confidence
from broker.policy.decision import Reason
from contracts.model import TypeName
from tests.policy_world import NOW_MS, PERSON, engine_of, entity_contract, field, plan_of, record, share

BASE = entity_contract()
CONTRACT = replace(
    BASE,
    fields=(
        *BASE.fields,
        field("category", TypeName.STRING, "le:subject-category"),
        field("child", TypeName.BOOLEAN, "protected:child"),
        field("objects", TypeName.ENUM, "protected:opt-out", symbols=("none", "all")),
        field("shielded", TypeName.BOOLEAN, "protected:always"),
    ),
)
CATEGORIES = ("suspect", "convicted", "victim", "witness")
CONFIDENCES = {"score": TypeName.DOUBLE, "visits": TypeName.INTEGER, "balance": TypeName.DECIMAL}
hundredths = st.integers(0, 120)
shares = st.builds(
    dict,
    withhold=st.lists(st.sampled_from(("protected", "protected:child", "protected:opt-out")), unique=True).map(tuple),
    subject_categories=st.lists(st.sampled_from(CATEGORIES), unique=True).map(tuple),
    confidence=st.none()
    | st.builds(Confidence, field=st.sampled_from(sorted(CONFIDENCES)), at_least_percent=st.integers(1, 100)),
    rows=st.none() | st.just("status == 'active'"),
)
rows = st.fixed_dictionaries(
    {
        "category": st.none() | st.sampled_from((*CATEGORIES, "other")),
        "child": st.none() | st.booleans(),
        "objects": st.none() | st.sampled_from(("none", "all")),
        "shielded": st.sampled_from((False, False, False, True, None)),
        "score": st.none() | hundredths.map(lambda number: number / 100),
        "visits": st.none() | st.integers(-1, 2),
        "balance": st.none() | hundredths.map(lambda number: Decimal(number) / 100),
        "status": st.sampled_from(("active", "left")),
    }
)
away = st.lists(st.sampled_from(("category", "child", "objects", "shielded", "score", "visits", "balance")), max_size=1)


def twin(clauses, row, unavailable):
    """Why the record is not shared: the first reason, or None."""
    known = {name: None if name in unavailable else value for name, value in row.items()}
    if known["shielded"] is not False:
        return Reason("withheld", "shares[0]")
    if {"protected", "protected:child"} & set(clauses["withhold"]) and known["child"] is not False:
        return Reason("withheld", "shares[0]")
    if {"protected", "protected:opt-out"} & set(clauses["withhold"]) and known["objects"] != "none":
        return Reason("withheld", "shares[0]")
    if clauses["subject_categories"] and known["category"] not in clauses["subject_categories"]:
        return Reason("subject-category", "shares[0].subject_categories")
    confidence = clauses["confidence"]
    if confidence is not None:
        value = known[confidence.field]
        if value is None or round(Decimal(str(value)) * 100) < confidence.at_least_percent:
            return Reason("confidence", "shares[0].confidence")
    if clauses["rows"] is not None and known["status"] != "active":
        return Reason("row-filter-false", "shares[0].rows")
    return None


@given(shares, rows, away)
def test_records_are_checked_as_the_twin_does(clauses, row, unavailable):
    plan = plan_of(CONTRACT, share({"status": "keep"}, **clauses))
    source = record(CONTRACT, 1, dict(PERSON) | row, unavailable=tuple(unavailable))
    (evaluated,) = engine_of(CONTRACT, plan).evaluate([source], NOW_MS)
    assert not evaluated.faults
    (verdict,) = evaluated.verdicts
    expected = twin(clauses, row, unavailable)
    assert (verdict.value is None) == (expected is not None)
    if expected is not None:
        assert verdict.reasons == (expected,)
