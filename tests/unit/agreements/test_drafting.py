"""Templates, guidance, drafting by questions, and editing in place."""

from __future__ import annotations

import pytest

from agreements.drafting.editing import edited, value_text
from agreements.drafting.questions import QUESTIONS, Draft
from agreements.drafting.templates import TEMPLATES, template, with_guidance
from agreements.model import Agreement
from agreements.text import check, parse, render
from contracts.faults import Faults
from tests.unit.agreements.test_faulty_documents import SOUND


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_an_agreement_with_and_without_guidance(name):
    plain, guided = template(name, guidance=False), template(name)
    assert isinstance(check(plain), Agreement), str(check(plain))
    assert parse(guided) == parse(plain)
    assert guided.count("#") > plain.count("#") + 10
    assert all(any(question.clause == clause for question in QUESTIONS) for clause in ("reference", "shares[0].fields"))


def test_guidance_stands_above_its_clause_and_is_not_said_twice():
    lines = template("dsa").splitlines()
    place = lines.index('    rows: a_field == "a value"')
    assert lines[place - 1] == "    # The row filter in the CEL subset; None shares every row."
    assert with_guidance(template("dsa")) == template("dsa")


@pytest.mark.parametrize(
    ("clause", "given", "changed"),
    [
        ("dates.end", "2031-01-01", "  end: 2031-01-01 # kept\n"),
        ("title", "No", 'title: "No" # kept\n'),
        ("title", "a: b", 'title: "a: b" # kept\n'),
        ("shares[0].fields", "{ port: keep, crossed_at: { generalise: year } }", "{ port: keep, crossed_at: { generalise: year } } # kept"),
        ("purposes.prohibited", "[profiling]", "  prohibited: [profiling] # kept\n"),
        ("limits.look_back", "P30D", "  look_back: P30D # kept\n"),
    ],
)  # fmt: skip
def test_one_clause_is_changed_and_comments_stay(clause, given, changed):
    place = SOUND.index(
        value_text(SOUND, clause).split()[0].rstrip(":"), SOUND.index(clause.rpartition(".")[2].partition("[")[0] + ":")
    )
    end = SOUND.index("\n", place if clause != "shares[0].fields" else SOUND.index("generalise"))
    commented = SOUND[:end] + " # kept" + SOUND[end:]
    found = edited(commented, clause, given)
    assert changed in found
    assert found.count("\n") == commented.count("\n") - (clause == "shares[0].fields")
    assert isinstance(parse(found), Agreement)


@pytest.mark.parametrize(
    ("clause", "given"),
    [
        ("dates.end", "2031-02-30"),
        ("dates.end", "tomorrow"),
        ("version", "one"),
        ("law.regime", "uk"),
        ("shares[0].fields", "{ port: show }"),
        ("shares[0].fields", "keep"),
        ("costs", "none"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_words(clause, given):
    found = edited(SOUND, clause, given)
    assert isinstance(found, Faults)
    assert all(fault.message for fault in found.items)


def test_an_edit_gives_the_agreement_that_was_meant():
    found = parse(edited(SOUND, "shares[0].purpose", "benefits.pension"))
    assert found.shares[0].purpose == "benefits.pension"
    assert render(found) == render(parse(SOUND)).replace("purpose: benefits.entitlement", "purpose: benefits.pension")


def test_a_draft_takes_what_fits_and_says_what_does_not():
    draft = Draft(template("dsa", guidance=False))
    assert draft.answer("reference", "dsa-1") is not None
    assert draft.answer("reference", "DSA-1") is None
    assert draft.answer("shares[0].fields", "{ name: keep }") is None
    assert parse(draft.text).shares[0].fields.keys() == {"name"}
    for question in QUESTIONS:
        if draft.shown(question.clause) is not None:
            assert draft.guidance(question.clause) or question.words
