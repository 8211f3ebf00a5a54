"""For one event: what would leave, and the line of the agreement that says so."""

from __future__ import annotations

from agreements.text import render
from broker.cluster.client import Message
from broker.simulation.explaining import explained
from tests.policy_world import NOW_MS, PERSON, agreement, entity_contract, record, share
from tests.unit.simulation.test_simulation import snapshot

PEOPLE = entity_contract()
TRIED = agreement(share({"name": "keep", "born": "drop", "id": "tokenise"}, rows='status == "active"'))


def found(status: str):
    one = record(PEOPLE, 0, PERSON | {"status": status})
    message = Message("source.people", 0, 0, NOW_MS, one.key, one.value)
    (only,) = explained(TRIED, render(TRIED), snapshot(PEOPLE), message)
    return only


def test_each_field_is_decided_by_a_line():
    only = found("active")
    lines = {one.field: (one.fate, one.words) for one in only.decided}
    assert only.shared
    assert lines["name"] == ("kept", "name: keep")
    assert lines["id"] == ("treated", "id: tokenise")
    assert lines["visits"] == ("dropped", "fields:"), "what is not named there"
    assert (
        render(TRIED).splitlines()[next(o.line for o in only.decided if o.field == "name") - 1].strip() == "name: keep"
    )


def test_a_record_that_does_not_qualify_is_decided_by_the_row_filter():
    only = found("left")
    record_itself = next(one for one in only.decided if one.field is None)
    assert not only.shared
    assert (record_itself.fate, record_itself.clause) == ("not-shared", "shares[0].rows")
    assert record_itself.words.startswith("rows: ")
    assert {one.fate for one in only.decided if one.field in ("name", "id")} == {"not-shared"}
