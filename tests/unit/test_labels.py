"""What the owner's labels forbid a share: each fault with its code and the clause that it names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agreements.model import Agreement, Law
from agreements.shares import Confidence, CriminalOffence
from agreements.snapshot import Standing
from broker.policy.compile import compile_plan
from broker.policy.decision import Mode, Reason
from broker.policy.engine import Circumstance
from broker.policy.plan import CategoryPlan, ConfidencePlan, Plan, RecordChecks
from broker.proofs.labels import ASSESSED, CONDITION
from contracts.faults import Faults
from contracts.model import TypeName
from tests.policy_world import NOW_MS, PERSON, VIEW_SCHEMA, agreement, engine_of, entity_contract, field, record, share

BASE = entity_contract()
CONTRACT = replace(
    BASE,
    fields=(
        *BASE.fields,
        field("email", TypeName.STRING, "personal", "pole:person.contact.email"),
        field("health", TypeName.STRING, "special-category:health"),
        field("offence", TypeName.STRING, "criminal-offence"),
        field("category", TypeName.ENUM, "le:subject-category", symbols=("victim", "suspect")),
        field("child", TypeName.BOOLEAN, "protected:child"),
        field("objects", TypeName.ENUM, "protected:opt-out", symbols=("none", "all")),
    ),
)


def compiled(made: Agreement, contract=CONTRACT):
    return compile_plan(made, "sha256:" + "0" * 64, made.shares[0], contract)


def faults(made: Agreement, contract=CONTRACT):
    found = compiled(made, contract)
    assert isinstance(found, Faults), "it compiled"
    return [(fault.code.identifier, fault.message.partition(":")[0]) for fault in found.items]


def law(regime, cross_regime=None):
    return Law(power="An Act", lawful_basis="A basis", regime=regime, cross_regime=cross_regime)


def test_never_covers_what_stands_below_a_word_in_any_treatment_and_any_share():
    for treated in ("keep", "tokenise", "encrypt", "mask"):
        made = agreement(share({"email": treated}, never=("pole:person.contact",)))
        assert faults(made) == [("POL-030", "shares[0].fields.email")]
    elsewhere = share(
        {"x": "keep"}, identifier="other", dataset="elsewhere", never=("special-category", "pole:person.contact")
    )
    found = compiled(agreement(share({"email": "keep"}), elsewhere))
    assert "shares[1].never[1] says that no pole:person.contact may leave" in str(found)
    assert isinstance(
        compiled(agreement(share({"email": "drop", "status": "keep"}, never=("pole:person.contact",)))), Plan
    )
    assert isinstance(compiled(agreement(share({"email": "keep"}, never=("pole:person.cont",)))), Plan)


def test_never_also_holds_for_the_key():
    made = agreement(share({"status": "keep"}, never=("pole:person",)))
    assert faults(made) == [("POL-030", "shares[0].fields.id")]


def test_special_and_criminal_data():
    one = share({"health": "tokenise", "offence": "keep"})
    expected = [
        ("POL-031", "shares[0].fields.health"),
        ("POL-033", "shares[0].fields.health"),
        ("POL-032", "shares[0].fields.offence"),
    ]
    assert faults(agreement(one)) == expected
    allowed = one.model_copy(
        update={"special_category": CONDITION, "criminal_offence": CriminalOffence(condition="One")}
    )
    assert faults(agreement(allowed)) == [("POL-033", "shares[0].fields.health")]
    assert isinstance(compiled(agreement(allowed).model_copy(update={"assessments": ASSESSED})), Plan)
    assert isinstance(compiled(agreement(share({"health": "drop", "offence": "drop", "status": "keep"}))), Plan)


def test_another_regime():
    held = replace(CONTRACT, regime="part-4")
    made = agreement(share({"status": "keep"}))
    assert faults(made, held) == [("POL-034", "law.regime")]
    for clause in (law("part-4"), law("uk-gdpr", "A reason")):
        assert isinstance(compiled(made.model_copy(update={"law": clause}), held), Plan)


def test_markings():
    marked = replace(CONTRACT, markings=("SENSITIVE", "PERSONAL"))
    found = compiled(agreement(share({"status": "keep"}, handling=("SENSITIVE",))), marked)
    assert "people is marked PERSONAL" in str(found)
    assert isinstance(
        compiled(agreement(share({"status": "keep"}, handling=("PERSONAL", "SENSITIVE", "EYES"))), marked), Plan
    )


@pytest.mark.parametrize(
    ("clauses", "fault"),
    [
        ({"withhold": ("protected:elder",)}, ("POL-037", "shares[0].withhold[0]")),
        ({"confidence": Confidence(field="name", at_least_percent=60)}, ("POL-038", "shares[0].confidence")),
        ({"confidence": Confidence(field="nothing", at_least_percent=60)}, ("POL-038", "shares[0].confidence")),
    ],
)
def test_a_check_that_has_nothing_to_look_at_is_a_fault(clauses, fault):
    assert faults(agreement(share({"status": "keep"}, **clauses))) == [fault]


def test_categories_are_named_where_the_dataset_tells_them_and_only_there():
    categorised = agreement(share({"status": "keep"}, subject_categories=("victim",)))
    assert faults(categorised, BASE) == [("POL-036", "shares[0].subject_categories")]
    part_3, held = law("part-3"), replace(CONTRACT, regime="part-3")
    plain = agreement(share({"status": "keep"}))
    assert faults(plain.model_copy(update={"law": part_3}), held) == [("POL-036", "shares[0].subject_categories")]
    assert isinstance(compiled(categorised.model_copy(update={"law": part_3}), held), Plan)


def test_the_checks_stand_in_the_plan_and_in_its_digest():
    one = share(
        {"status": "keep"},
        withhold=("protected",),
        subject_categories=("witness", "victim"),
        confidence=Confidence(field="score", at_least_percent=60),
    )
    plan = compiled(agreement(one))
    assert plan.checks == RecordChecks(
        ("child", "objects"),
        CategoryPlan("category", "shares[0].subject_categories", ("victim", "witness")),
        ConfidencePlan("score", "shares[0].confidence", 60),
    )
    assert plan.document["checks"]["confidence"] == {
        "path": "score",
        "clause": "shares[0].confidence",
        "at_least_percent": 60,
    }
    assert plan.digest != compiled(agreement(one.model_copy(update={"withhold": ("protected:child",)}))).digest


def test_a_mark_that_always_protects_needs_no_clause():
    shielded = replace(CONTRACT, fields=(*CONTRACT.fields, field("shielded", TypeName.BOOLEAN, "protected:always")))
    assert compiled(agreement(share({"status": "keep"})), shielded).checks.marks == ("shielded",)
    assert compiled(agreement(share({"status": "keep"}, withhold=("protected:child",))), shielded).checks.marks == (
        "child",
        "shielded",
    )


def test_a_mark_that_is_set_later_takes_back_what_was_sent_and_does_not_say_why():
    plan = compile_plan(
        agreement(share({"status": "keep"}, withhold=("protected:child",))),
        "sha256:0",
        share({"status": "keep"}, withhold=("protected:child",)),
        CONTRACT,
        view_schema_id=VIEW_SCHEMA,
    )
    engine = engine_of(CONTRACT, plan)
    row = dict(PERSON) | {
        "child": False,
        "email": None,
        "health": None,
        "offence": None,
        "category": None,
        "objects": "all",
    }
    rows = (row, row | {"child": None}, row | {"child": True}, row)
    sources = [record(CONTRACT, offset, after) for offset, after in enumerate(rows)]
    settled = engine.settle(engine.evaluate(sources, NOW_MS), [Circumstance(Standing.IN_FORCE, {})], Mode.LIVE)
    assert [decision.outcome for decision in settled.decisions] == ["redact", "withdraw", "deny", "redact"]
    assert settled.decisions[1].reasons == settled.decisions[2].reasons == (Reason("withheld", "shares[0]"),)
