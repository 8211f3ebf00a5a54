"""CloudEvents headers: those of the standard and the agreement's own, on every record and tombstone, and nothing personal."""

from __future__ import annotations

import re

from agreements.model import Delivery
from agreements.snapshot import Standing
from broker.policy.compile import compile_plan
from broker.policy.decision import Mode, Outcome
from broker.policy.engine import Circumstance
from broker.policy.plan import KeyReference, Plan
from contracts.change import Op
from tests.policy_world import (
    CANARY,
    NOW_MS,
    PERSON,
    VIEW_SCHEMA,
    Keys,
    agreement,
    engine_of,
    entity_contract,
    plan_of,
    record,
    share,
)

PEOPLE = entity_contract()
SHARE = share({"status": "keep"}, rows="status == 'active'", caveats=("late@1", "partial@2"))
LEFT = dict(PERSON) | {"status": "left"}


def plan(reference="DSA-2026-001", key_versions=None) -> Plan:
    made = agreement(SHARE, reference=reference).model_copy(update={"delivery": Delivery(cloudevents_headers=True)})
    found = compile_plan(made, "sha256:0", SHARE, PEOPLE, view_schema_id=VIEW_SCHEMA, key_versions=key_versions)
    assert isinstance(found, Plan), found
    return found


def delivered(made: Plan, *sources, keys=None, partition=2):
    """Outcome and headers of each delivery of a batch."""
    engine = engine_of(PEOPLE, made, keys=keys)
    settled = engine.settle(engine.evaluate(sources, NOW_MS), [Circumstance(Standing.IN_FORCE, {})], Mode.LIVE)
    return [(decision.outcome, dict(engine.headers(decision, partition))) for decision in settled.decisions]


def test_a_shared_record_says_what_it_is_and_under_which_terms():
    ((outcome, headers),) = delivered(plan(), record(PEOPLE, 7, PERSON))
    assert outcome is Outcome.REDACT
    identifier = headers.pop("ce_id").decode()
    assert re.fullmatch(r"t1\.[A-Za-z0-9_-]{24}", identifier)
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_type": b"concordat.record.shared",
        "ce_source": b"/share.dsa-2026-001.main/2",
        "ce_agreementid": b"DSA-2026-001",
        "ce_agreementver": b"1",
        "ce_purpose": b"benefits.entitlement",
        "ce_share": b"main",
        "ce_caveatid": b"late@1,partial@2",
    }
    assert all(re.fullmatch(r"ce_[a-z0-9]{1,20}", name) for name in headers)
    assert not any(CANARY.encode() in value for value in headers.values())


def test_tombstones_have_headers_and_identifiers_of_their_own():
    sources = (
        record(PEOPLE, 1, PERSON),
        record(PEOPLE, 2, LEFT),
        record(PEOPLE, 3, PERSON),
        record(PEOPLE, 4, None, op=Op.DELETE, before=PERSON),
    )
    found = delivered(plan(), *sources)
    assert [headers["ce_type"].rpartition(b".")[2] for _, headers in found] == [
        b"shared",
        b"withdrawn",
        b"shared",
        b"deleted",
    ]
    assert len({headers["ce_id"] for _, headers in found}) == 4


def test_an_identifier_is_the_same_each_time_and_another_elsewhere():
    source = record(PEOPLE, 7, PERSON)

    def identifier(*arguments, **named):
        ((_, headers),) = delivered(*arguments, source, **named)
        return headers["ce_id"]

    assert identifier(plan()) == identifier(plan())
    others = (plan("DSA-2026-002"), plan(key_versions={"pseudonym/DSA-2026-001": 2}))
    found = {identifier(plan()), *(identifier(other) for other in others), identifier(plan(), partition=3)}
    assert len(found) == 4


def test_without_the_clause_there_are_none_and_without_the_key_nothing_is_shared():
    assert delivered(plan_of(PEOPLE, SHARE), record(PEOPLE, 7, PERSON)) == [(Outcome.REDACT, {})]
    ((outcome, headers),) = delivered(plan(), record(PEOPLE, 7, PERSON), keys=Keys("pseudonym/DSA-2026-001"))
    assert (outcome, headers) == (Outcome.DENY, {})


def test_the_plan_names_the_headers_and_their_key():
    made = plan()
    assert made.key_references == (KeyReference("pseudonym/DSA-2026-001", 1),)
    assert made.document["headers"]["fixed"]["ce_share"] == "main"
    assert plan_of(PEOPLE, SHARE).document["headers"] is None
    assert made.digest != plan_of(PEOPLE, SHARE).digest
