"""Explanations: one source record beside what a department received, and why each field is missing."""

from __future__ import annotations

from dataclasses import replace

from broker.policy.decision import Reason
from broker.policy.explain import REASON_CODES, Fate, explain, reason_sentence
from contracts.change import Op
from tests.policy_world import NOW_MS, PERSON, engine_of, entity_contract, plan_of, record, share, treatment

CONTRACT = entity_contract()
PLAN = plan_of(
    CONTRACT,
    share(
        {
            "id": "tokenise",
            "status": "keep",
            "name": "keep",
            "address.postcode": treatment("generalise", generalise="district"),
        },
        rows="visits > 10",
    ),
)


def _explained(**changes):
    row = dict(PERSON) | changes
    return explain(engine_of(CONTRACT, PLAN), 0, record(CONTRACT, 1, row), NOW_MS)


def _field(explained, path):
    return next(field for field in explained.fields if field.path == path)


def test_every_field_of_the_contract_has_its_clause_and_sentence_in_order():
    explained = _explained(name=None)
    assert explained.shared
    assert [field.path for field in explained.fields] == [path for path, _ in CONTRACT.leaves()]
    assert _field(explained, "id").fate is Fate.TREATED
    assert _field(explained, "id").received != PERSON["id"]
    assert _field(explained, "id").sentence == "id is treated: shares[0].fields.id says tokenise."
    assert _field(explained, "status").sentence == "status is as in the source: shares[0].fields.status says keep."
    assert _field(explained, "name").sentence == "name has no value in the source."
    assert _field(explained, "address.postcode").received == "SW1A"
    dropped = _field(explained, "born")
    assert (dropped.fate, dropped.source, dropped.received) == (Fate.DROPPED, PERSON["born"], None)
    assert "does not name it" in dropped.sentence


def test_an_untreatable_value_is_said_to_be_left_out():
    found = _field(_explained(address={"postcode": "?", "country": "GB"}), "address.postcode")
    assert found.received is None
    assert "cannot be treated" in found.sentence


def test_a_record_that_does_not_qualify_says_why():
    explained = _explained(visits=3)
    assert (explained.shared, explained.received) == (False, None)
    assert explained.sentence == "The row filter does not admit this record (shares[0].rows)."
    assert _field(explained, "status").fate is Fate.NOT_SHARED


def test_deletions_and_quarantined_records_are_explained_too():
    engine = engine_of(CONTRACT, PLAN)
    gone = explain(engine, 0, record(CONTRACT, 1, None, op=Op.DELETE, key=PERSON), NOW_MS)
    assert (gone.reasons[0].code, gone.key is not None) == ("deleted", True)
    junk = explain(engine, 0, replace(record(CONTRACT, 1, PERSON), value=b"junk"), NOW_MS)
    assert junk.sentence == "The record does not begin with a schema id."


def test_every_reason_is_a_sentence():
    for code in REASON_CODES:
        assert reason_sentence(Reason(code)).endswith(".")
    assert reason_sentence(Reason("contract-enum", "status")) == "The record breaks its contract: enum (status)."
    assert reason_sentence(Reason("row-filter-no-such-overload")).startswith("The row filter has no answer")
    assert reason_sentence(Reason("key-malformed")) == "The record's key cannot be read: malformed."
