"""Questions: every filter narrows, nothing is left out silently, and no pseudonym is shown."""

from dataclasses import replace

import pytest

from broker.audit.search import Coverage, Question, search
from tests.unit.audit.world import DECIDED_MS, SOURCE, honest


def ask(world=None, **question):
    coverage = Coverage()
    return list(search((world or honest()).segments(), Question(**question), coverage)), coverage


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ({}, 25),
        ({"agreement": "A"}, 8),
        ({"agreement": "A", "outcome": "deny"}, 2),
        ({"share": "flow"}, 23),
        ({"outcome": "quarantine"}, 2),
        ({"reason": "a-reason"}, 25),
        ({"reason": "another"}, 0),
        ({"dataset": "travellers"}, 9),
        ({"since_ms": DECIDED_MS}, 25),
        ({"since_ms": DECIDED_MS + 1}, 0),
        ({"until_ms": DECIDED_MS}, 0),
        ({"subjects": frozenset({"s2026.x"})}, 0),
        ({"decision": "source.crossings/0/1/2"}, 1),
        ({"decision": "source.crossings/0/1/9"}, 0),
    ],
)
def test_a_question_finds_what_it_asks_for(question, count):
    found, coverage = ask(**question)
    assert len(found) == count
    assert coverage.segments == 8
    assert coverage.faults == []


def test_a_segment_that_cannot_be_read_is_named_in_the_answer():
    world = honest()
    made = world.chains[SOURCE, 0][0]
    world.chains[SOURCE, 0][0] = replace(made, parts=(b"",))
    found, coverage = ask(world)
    assert len(found) == 20
    assert [fault.code.identifier for fault in coverage.faults] == ["AUD-002"]


def test_an_answer_shows_the_clause_and_no_pseudonym_or_key():
    found, _ = ask(agreement="A")
    document = found[0].document()
    assert document["decision"] == "source.crossings/0/0/1"
    assert document["reasons"] == [{"code": "a-reason", "clause": "shares[0].rows"}]
    assert document["decided_at"] == "2026-06-01T00:00:00.000Z"
    assert document["concerns_a_person"] is False
    assert not {"subject", "key", "sent"} & document.keys()
