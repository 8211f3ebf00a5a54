"""Random labels, treatments and clauses: compilation refuses exactly what a slow, obvious twin refuses."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agreements.model import Assessments, Law
from agreements.shares import CriminalOffence
from broker.policy.compile import compile_plan
from broker.proofs.labels import ASSESSED, CONDITION
from contracts.faults import Faults
from contracts.model import TypeName
from tests.policy_world import agreement, entity_contract, field, share

WORDS = ("special-category", "special-category:health", "criminal-offence", "pole:person", "pole:person.contact")
TAGS = (
    *("special-category", "special-category:health", "special-category:faith", "criminal-offence", "personal"),
    *("pole:person.contact", "pole:person.contact.email", "pole:person.contacts", "pole:object.name"),
)
REGIMES = ("uk-gdpr", "part-3", "part-4")
MARKINGS = ("SENSITIVE", "PERSONAL")
PATHS = ("one", "two", "three")
tags = st.lists(st.sampled_from(TAGS), min_size=1, max_size=3, unique=True)
some = st.lists(st.sampled_from(MARKINGS), unique=True).map(tuple)
words = st.lists(st.sampled_from(WORDS), max_size=2, unique=True).map(tuple)
worlds = st.fixed_dictionaries(
    {
        "tags": st.tuples(tags, tags, tags),
        "treatments": st.tuples(*[st.sampled_from(("keep", "drop", "tokenise", "mask"))] * 3),
        "never": words,
        "never_elsewhere": words,
        "special": st.booleans(),
        "criminal": st.booleans(),
        "assessed": st.booleans(),
        "held": st.sampled_from(REGIMES),
        "regime": st.sampled_from(REGIMES),
        "cross": st.booleans(),
        "markings": some,
        "handling": some,
    }
)


def below(word, tag):
    return tag == word or (tag.startswith(word) and tag[len(word)] in ".:")


def twin(world):
    """Each fault that there must be: code and clause."""
    found = set()
    ruled_out = {*world["never"], *world["never_elsewhere"]}
    leaving = {
        path: carried
        for path, carried, treated in zip(PATHS, world["tags"], world["treatments"], strict=True)
        if treated != "drop"
    }
    leaving["id"] = ["personal", "subject", "pole:person.identifier"]
    for path, carried in leaving.items():
        where = f"shares[0].fields.{path}"
        if any(below(word, tag) for word in ruled_out for tag in carried):
            found.add(("POL-030", where))
        if any(tag.startswith("special-category") for tag in carried):
            found |= set() if world["special"] else {("POL-031", where)}
            found |= set() if world["assessed"] else {("POL-033", where)}
        if "criminal-offence" in carried and not world["criminal"]:
            found.add(("POL-032", where))
    if world["held"] != world["regime"] and not world["cross"]:
        found.add(("POL-034", "law.regime"))
    if not set(world["markings"]) <= set(world["handling"]):
        found.add(("POL-035", "shares[0].handling"))
    return found


def compiled(world):
    base = entity_contract(regime=world["held"], markings=world["markings"])
    own = tuple(field(path, TypeName.STRING, *carried) for path, carried in zip(PATHS, world["tags"], strict=True))
    contract = replace(base, fields=(*base.fields, *own))
    one = share(
        {"status": "keep", **dict(zip(PATHS, world["treatments"], strict=True))},
        never=world["never"],
        special_category=CONDITION if world["special"] else None,
        criminal_offence=CriminalOffence(condition="Schedule 1") if world["criminal"] else None,
        handling=world["handling"],
    )
    elsewhere = share({"x": "keep"}, identifier="other", dataset="elsewhere", never=world["never_elsewhere"])
    law = Law(
        power="An Act",
        lawful_basis="A basis",
        regime=world["regime"],
        cross_regime="A reason" if world["cross"] else None,
    )
    changes = {"law": law, "assessments": ASSESSED if world["assessed"] else Assessments()}
    made = agreement(one, elsewhere).model_copy(update=changes)
    return compile_plan(made, "sha256:0", one, contract)


@given(worlds)
def test_labels_forbid_what_the_twin_forbids(world):
    found, expected = compiled(world), twin(world)
    faults = found.items if isinstance(found, Faults) else ()
    assert {(fault.code.identifier, fault.message.partition(":")[0]) for fault in faults} == expected
    if not expected:
        leaving = {planned.path for planned in found.fields}
        wanted = {path for path, treated in zip(PATHS, world["treatments"], strict=True) if treated != "drop"}
        assert leaving == {"status", *wanted}
