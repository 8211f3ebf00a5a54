"""The reference engine on real bytes: quarantine, filters, treatments, keys, and settling both kinds of dataset."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from agreements.model import Band
from agreements.snapshot import SchemaEntry, Standing
from broker.policy.decision import Mode, Outcome, Reason, Sent, SourceRecord
from broker.policy.engine import Circumstance, Engine
from broker.policy.reference import EvaluationFailed, ReferenceEngine, SubjectPseudonym, schema_ids, subject_key
from broker.policy.settle import digest
from contracts.avro import value_schema
from contracts.change import Op
from contracts.model import OnQuarantine
from contracts.wire import AvroSchema, frame, unframe
from tests.policy_world import (
    CANARY,
    CROSSING,
    NOW,
    NOW_MS,
    PERSON,
    VALUE_SCHEMA,
    VIEW_SCHEMA,
    Keys,
    engine_of,
    entity_contract,
    entry_of,
    event_contract,
    plan_of,
    record,
    schemas_of,
    share,
    treatment,
)

PEOPLE, CROSSINGS = entity_contract(), event_contract()
NAMES = plan_of(PEOPLE, share({"id": "tokenise", "status": "keep"}, rows="status == 'active'"))
OUTBOUND = plan_of(CROSSINGS, share({"direction": "keep"}, dataset="crossings", rows="direction == 'outbound'"))


def _one(contract, plan, source, now_ms=NOW_MS, **arguments):
    return engine_of(contract, plan, **arguments).evaluate([source], now_ms)[0]


def _view(plan, value):
    number, body = unframe(value)
    assert number == VIEW_SCHEMA
    return AvroSchema(plan.view_text).decode(body)


def _person(**changes):
    return dict(PERSON) | changes


def test_the_view_holds_exactly_the_treated_fields():
    plan = plan_of(PEOPLE, share({
        "id": "tokenise", "name": treatment("truncate", truncate_characters=4), "born": treatment("generalise", generalise="year"),
        "address.postcode": treatment("generalise", generalise="district"), "visits": treatment("generalise", generalise=Band(width=10)),
        "device": treatment("mask"), "seen": treatment("generalise", generalise="hour"), "codes": "keep", "balance": "keep", "photo": "encrypt",
    }))  # fmt: skip
    verdict = _one(PEOPLE, plan, record(PEOPLE, 5, PERSON)).verdicts[0]
    view = _view(plan, verdict.value)
    assert view | {"id": "", "photo": ""} == {
        "id": "", "name": "name", "born": 1990, "address": {"postcode": "SW1A"}, "visits": 30, "balance": PERSON["balance"],
        "device": "*" * 36, "seen": datetime(2026, 5, 31, 22, tzinfo=UTC), "codes": ["a", "b"], "photo": "",
    }  # fmt: skip
    assert verdict.key.decode() == view["id"]
    assert view["photo"].startswith("e1.")
    assert verdict.treated
    assert verdict.reasons == (Reason("redacted", "shares[0]"),)
    assert CANARY.encode() not in verdict.value + verdict.key


def test_null_stays_null_and_an_absent_record_stays_absent():
    plan = plan_of(
        PEOPLE,
        share(
            {
                "name": treatment("mask"),
                "address.country": "keep",
                "visits": treatment("generalise", generalise=Band(width=2)),
            }
        ),
    )
    source = record(PEOPLE, 1, _person(name=None, address=None, visits=None))
    assert _view(plan, _one(PEOPLE, plan, source).verdicts[0].value) == {"name": None, "address": None, "visits": None}


def test_a_value_that_cannot_be_treated_is_left_out_with_its_reason():
    plan = plan_of(PEOPLE, share({"address.postcode": treatment("generalise", generalise="district")}))
    verdict = _one(PEOPLE, plan, record(PEOPLE, 1, _person(address={"postcode": CANARY, "country": "GB"}))).verdicts[0]
    assert _view(plan, verdict.value) == {"address": {"postcode": None}}
    assert Reason("untreatable", "shares[0].fields.address.postcode") in verdict.reasons


def test_what_is_evaluated_names_sequence_time_and_subject():
    found = _one(CROSSINGS, OUTBOUND, record(CROSSINGS, 8, CROSSING))
    assert (found.sequence, found.faults) == (8, ())
    assert found.event_time_ms == NOW_MS - 86_400_000
    secret = Keys().key(subject_key(2026), 1)
    assert found.subject == SubjectPseudonym(secret, 2026, "pole:person.identifier")(CROSSING["traveller"])
    assert found.subject.startswith("s2026.")
    assert _one(CROSSINGS, OUTBOUND, record(CROSSINGS, 8, CROSSING), keys=Keys("subject/2026")).subject is None
    assert _one(PEOPLE, NAMES, record(PEOPLE, 1, PERSON)).subject == found.subject, "one person, one pseudonym"


def _broken(source, **changes):
    return replace(source, **changes)


GOOD = record(PEOPLE, 3, PERSON)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (_broken(GOOD, key=None), "key-null"),
        (_broken(GOOD, key=b""), "key-empty"),
        (_broken(GOOD, key=b"truncate"), "key-not-framed"),
        (_broken(GOOD, key=frame(2, b"\x02a")), "key-schema-unknown"),
        (_broken(GOOD, key=GOOD.key + b"\0"), "key-trailing-bytes"),
        (_broken(GOOD, key=GOOD.key[:-1]), "key-malformed"),
        (_broken(GOOD, value=b""), "empty"),
        (_broken(GOOD, value=b"{}"), "not-framed"),
        (_broken(GOOD, value=frame(77, b"")), "schema-unknown"),
        (_broken(GOOD, value=frame(1, GOOD.key[5:])), "schema-unknown"),
        (_broken(GOOD, value=GOOD.value[:-1]), "malformed"),
        (_broken(GOOD, value=GOOD.value[:20]), "malformed"),
        (_broken(GOOD, value=GOOD.value + b"\0"), "trailing-bytes"),
        (_broken(GOOD, value=GOOD.value[:5] + b"\xff" * 40), "malformed"),
        (_broken(GOOD, value=GOOD.value[:5] + b"\0" * 700_000), "oversize"),
        (_broken(GOOD, key=record(PEOPLE, 1, _person(id="other")).key), "key-mismatch"),
        (record(PEOPLE, 3, None, key=PERSON), "contract-row-missing"),
        (record(PEOPLE, 3, None, op=Op.TRUNCATE, key=PERSON), "truncate"),
        (record(PEOPLE, 3, _person(score=float("nan"))), "contract-not-finite"),
    ],
)
def test_what_cannot_be_read_is_quarantined_without_a_word_of_the_data(source, reason):
    found = _one(PEOPLE, NAMES, source)
    assert found.faults[0].code == reason
    assert all(CANARY not in f"{fault.code}{fault.clause}" for fault in found.faults)
    decisions = engine_of(PEOPLE, NAMES).settle([found], [Circumstance(Standing.IN_FORCE, {})], Mode.LIVE).decisions
    assert [(one.outcome, one.plan, one.key, one.value) for one in decisions] == [
        (Outcome.QUARANTINE, None, None, None)
    ]


@pytest.mark.parametrize("text", ["no schema", "[" * 100_000, "null", '{"type": "record"}'])
def test_a_registered_schema_that_is_none_stops_no_reader_and_its_records_are_quarantined(text):
    schemas = schemas_of(PEOPLE)
    schemas[77] = SchemaEntry(77, schemas[VALUE_SCHEMA].subject, 2, text)
    engine = ReferenceEngine(entry_of(PEOPLE), (NAMES,), schemas, Keys())
    assert engine.evaluate([GOOD], NOW_MS)[0].faults == ()
    broken = engine.evaluate([_broken(GOOD, value=frame(77, b""))], NOW_MS)[0]
    assert broken.faults == (Reason("schema-unknown"),)


def test_a_second_spelling_of_the_same_record_is_malformed():
    assert GOOD.value[5] == 0, "no before image: the union's first branch"
    overlong = GOOD.value[:5] + b"\x80\x00" + GOOD.value[6:]
    assert _one(PEOPLE, NAMES, replace(GOOD, value=overlong)).faults == (Reason("malformed"),)
    second_key = GOOD.key[:5] + bytes((GOOD.key[5] | 0x80, 0)) + GOOD.key[6:]
    assert _one(PEOPLE, NAMES, replace(GOOD, key=second_key)).faults == (Reason("key-malformed"),)


@pytest.mark.parametrize("op", [Op.UPDATE, Op.DELETE, Op.TRUNCATE])
def test_an_event_is_never_changed(op):
    source = record(CROSSINGS, 1, CROSSING, op=Op.CREATE)
    assert _one(CROSSINGS, OUTBOUND, source).faults == ()
    changed = AvroSchema(value_schema(CROSSINGS))
    value = changed.decode(source.value[5:]) | {"op": op.value}
    found = _one(CROSSINGS, OUTBOUND, replace(source, value=frame(2, changed.encode(value))))
    assert found.faults[0].code in ("contract-operation", "truncate")
    assert _one(CROSSINGS, OUTBOUND, replace(source, value=None)).faults[0].code == "contract-operation"


def test_look_back_is_held_against_the_events_own_time():
    plan = plan_of(CROSSINGS, share({"direction": "keep"}, dataset="crossings"), look_back=timedelta(days=2))
    for age, shared in (
        (timedelta(days=2), True),
        (timedelta(days=2, milliseconds=1), False),
        (timedelta(days=-1), True),
    ):
        verdict = _one(CROSSINGS, plan, record(CROSSINGS, 1, dict(CROSSING) | {"crossed_at": NOW - age})).verdicts[0]
        assert (verdict.value is not None) is shared
        assert shared or verdict.reasons == (Reason("look-back", "limits.look_back"),)


def test_a_row_filter_that_errs_shares_nothing_and_says_why():
    plan = plan_of(PEOPLE, share({"name": "keep"}, rows="!(name == 'x')"))
    verdict = _one(PEOPLE, plan, record(PEOPLE, 1, _person(name=None))).verdicts[0]
    assert (verdict.value, verdict.reasons) == (None, (Reason("row-filter-absent", "shares[0].rows"),))
    gap = record(PEOPLE, 1, _person(name=None), unavailable=("name",))
    assert _one(PEOPLE, plan, gap).verdicts[0].value is None


def test_an_unavailable_released_field_is_never_sent_as_null_but_a_full_before_image_fills_it():
    plan = plan_of(PEOPLE, share({"name": "keep"}))
    gap = record(PEOPLE, 1, _person(name=None), unavailable=("name",))
    assert _one(PEOPLE, plan, gap).verdicts[0].reasons == (Reason("unavailable", "shares[0].fields.name"),)
    filled = record(PEOPLE, 1, _person(name=None), unavailable=("name",), before=PERSON)
    assert _view(plan, _one(PEOPLE, plan, filled).verdicts[0].value) == {"name": PERSON["name"]}
    other = record(PEOPLE, 1, _person(photo=None), unavailable=("photo",))
    assert _one(PEOPLE, plan, other).verdicts[0].value is not None


@pytest.mark.parametrize("missing", ["pseudonym/DSA-2026-001", "content/DSA-2026-001/main"])
def test_a_missing_key_shares_nothing(missing):
    plan = plan_of(PEOPLE, share({"id": "tokenise", "name": "encrypt"}))
    verdict = _one(PEOPLE, plan, GOOD, keys=Keys(missing)).verdicts[0]
    assert (verdict.value, verdict.reasons) == (None, (Reason("key-missing", "shares[0]"),))
    assert (verdict.key is None) is missing.startswith("pseudonym")


def test_a_plan_for_another_major_version_shares_nothing():
    newer = entity_contract(version=(2, 0, 0))
    verdict = _one(newer, NAMES, GOOD).verdicts[0]
    assert (verdict.value, verdict.reasons[0].code) == (None, "contract-version")


def test_what_was_sent_before_a_new_major_version_is_still_withdrawn_and_deleted():
    newer = entity_contract(version=(2, 0, 0))
    engine, key = engine_of(newer, NAMES), _one(PEOPLE, NAMES, GOOD).verdicts[0].key
    held = Circumstance(Standing.IN_FORCE, {key: Sent(b"x", b"y", 1)})
    for source, outcome in ((GOOD, Outcome.WITHDRAW), (replace(GOOD, value=None), Outcome.DELETE)):
        found = engine.evaluate([source], NOW_MS)
        assert [(d.outcome, d.key) for d in engine.settle(found, [held], Mode.LIVE).decisions] == [(outcome, key)]
        never = engine.settle(found, [Circumstance(Standing.IN_FORCE, {})], Mode.LIVE).decisions
        assert [(d.outcome, d.key) for d in never] == [(Outcome.DENY, None)]


def test_the_engine_fills_the_interface_and_never_shows_a_secret():
    engine: Engine = engine_of(PEOPLE, NAMES)
    secret = Keys().key("pseudonym/DSA-2026-001", 1)
    assert secret.hex() not in repr(engine)
    assert str(secret) not in repr(vars(engine.shapers[0]))
    assert schema_ids([GOOD, SourceRecord(1, 1, None, b"x")]) == {1, 2}


def test_a_fault_of_the_policy_itself_names_only_the_offset(monkeypatch):
    engine = engine_of(PEOPLE, NAMES)

    def fail(*_):
        raise KeyError(CANARY)

    monkeypatch.setattr(engine.shapers[0], "_filter", fail)
    with pytest.raises(EvaluationFailed) as raised:
        engine.evaluate([GOOD], NOW_MS)
    assert (raised.value.offset, raised.value.__cause__) == (3, None)
    assert CANARY not in str(raised.value)


class _Entity:
    """Decides batches one after another under one plan, keeping the sent-key state as the worker does."""

    def __init__(self, contract=PEOPLE, plan=NAMES):
        self.contract, self.engine, self.sent, self.offset = contract, engine_of(contract, plan), {}, 0

    def __call__(self, *sources, standing=Standing.IN_FORCE, mode=Mode.LIVE):
        settled = self.engine.settle(
            self.engine.evaluate(sources, NOW_MS), [Circumstance(standing, dict(self.sent))], mode
        )
        for change in settled.changes:
            if change.sent is None:
                del self.sent[change.key]
            else:
                self.sent[change.key] = change.sent
        return [decision.outcome.value for decision in settled.decisions], settled.decisions

    def outcomes(self, *sources, **arguments):
        return self(*sources, **arguments)[0]


def _row(offset, status="active", **changes):
    return record(PEOPLE, offset, _person(status=status, **changes))


def _tombstone(offset):
    return replace(_row(offset), value=None)


def _deleted(offset):
    return record(PEOPLE, offset, None, op=Op.DELETE, key=PERSON)


def test_the_life_of_an_entity():
    entity = _Entity()
    assert entity.outcomes(_row(1, "left")) == ["deny"]
    assert entity.outcomes(_deleted(2)) == ["deny"], "never sent: never a word"
    assert entity.outcomes(_row(3)) == ["redact"]
    assert entity.outcomes(_row(4, name="Another")) == ["unchanged"], "a withheld field changed"
    outcomes, decisions = entity(_row(5, "left"))
    assert outcomes == ["withdraw"]
    assert decisions[0].value is None
    assert decisions[0].key is not None
    assert decisions[0].sent_before is not None
    assert entity.outcomes(_row(6, "left")) == ["deny"]
    assert entity.outcomes(_row(7)) == ["redact"]
    assert entity.outcomes(_deleted(8)) == ["delete"]
    assert entity.outcomes(_deleted(9), _tombstone(10)) == ["deny", "deny"], "a tombstone is idempotent"
    assert entity.sent == {}


def test_changes_of_one_key_in_a_batch_see_each_other():
    entity = _Entity()
    sources = [_row(1), _row(2), _row(3, "left"), _row(4, "left"), _row(5), _deleted(6), _tombstone(7), _row(8)]
    expected = ["redact", "unchanged", "withdraw", "deny", "redact", "delete", "deny", "redact"]
    assert entity.outcomes(*sources) == expected
    assert [sent.source_offset for sent in entity.sent.values()] == [8]


def test_unchanged_compares_bytes_only():
    entity = _Entity()
    entity(_row(1))
    entity.sent = {key: Sent(sent.digest, b"", -1) for key, sent in entity.sent.items()}
    assert entity.outcomes(_row(2)) == ["unchanged"]


@pytest.mark.parametrize(
    ("standing", "outcome"), [(Standing.HELD, "hold"), (Standing.DROPPED, "deny"), (Standing.NOT_COVERING, "deny")]
)
def test_nothing_flows_while_an_agreement_does_not_stand(standing, outcome):
    entity = _Entity()
    entity(_row(1))
    before = dict(entity.sent)
    outcomes, decisions = entity(_row(2, "left"), _deleted(3), _row(4), standing=standing)
    assert outcomes == [outcome, outcome, "unchanged"]
    assert entity.sent == before
    assert all(one.key is None and one.value is None for one in decisions)
    fresh = _Entity()
    assert fresh.outcomes(_row(1), _row(2, "left"), standing=standing) == [outcome, "deny"]
    event = engine_of(CROSSINGS, OUTBOUND)
    sources = [record(CROSSINGS, 1, CROSSING), record(CROSSINGS, 2, dict(CROSSING) | {"direction": "inbound"})]
    settled = event.settle(event.evaluate(sources, NOW_MS), [Circumstance(standing, {})], Mode.LIVE)
    assert [(one.outcome.value, one.reasons[0].code) for one in settled.decisions][1] == ("deny", "row-filter-false")
    assert settled.decisions[0].outcome.value == outcome


def _unreadable(offset):
    return replace(_row(offset), value=b"junk")


def test_a_quarantined_update_withdraws_what_was_sent_if_the_contract_says_so():
    entity = _Entity()
    assert entity.outcomes(_unreadable(1)) == ["quarantine"], "never sent: never a word"
    entity(_row(2))
    outcomes, decisions = entity(_unreadable(3), _unreadable(4))
    assert outcomes == ["quarantine", "quarantine", "withdraw"], "quarantines first, once per record"
    assert decisions[2].record.offset == 3
    assert entity.sent == {}
    keeping = entity_contract(on_quarantine=OnQuarantine.KEEP)
    kept = _Entity(keeping, plan_of(keeping, share({"id": "tokenise"})))
    kept(_row(1))
    assert kept.outcomes(_unreadable(2)) == ["quarantine"]
    assert len(kept.sent) == 1


def test_a_quarantined_update_is_silent_while_the_agreement_is_suspended():
    entity = _Entity()
    entity(_row(1))
    assert entity.outcomes(_unreadable(2), standing=Standing.HELD) == ["quarantine"]
    assert len(entity.sent) == 1


def test_leaves_are_in_strict_order_and_every_record_has_one_decision_per_plan():
    other = plan_of(PEOPLE, share({"status": "keep"}, identifier="second"), reference="DSA-2026-002")
    engine = engine_of(PEOPLE, NAMES, other)
    sources = [_row(1), _unreadable(2), _row(3, "left", id="someone else"), _unreadable(4)]
    settled = engine.settle(engine.evaluate(sources, NOW_MS), [Circumstance(Standing.IN_FORCE, {})] * 2, Mode.REPLAY)
    order = [(one.plan, one.record.offset, one.outcome.value) for one in settled.decisions]
    assert order == [
        (None, 2, "quarantine"), (None, 4, "quarantine"),
        (0, 1, "redact"), (0, 2, "withdraw"), (0, 3, "deny"),
        (1, 1, "redact"), (1, 2, "withdraw"), (1, 3, "redact"),
    ]  # fmt: skip
    assert {one.mode for one in settled.decisions} == {Mode.REPLAY}


def test_one_persons_keys_and_tokens_under_two_agreements_cannot_be_joined():
    other = plan_of(PEOPLE, share({"id": "tokenise"}), reference="DSA-2026-002")
    one, two = (
        v
        for v in engine_of(PEOPLE, plan_of(PEOPLE, share({"id": "tokenise"})), other)
        .evaluate([GOOD], NOW_MS)[0]
        .verdicts
    )
    assert one.key != two.key
    assert one.value != two.value


def test_a_permit_has_every_field_as_it_is():
    contract = entity_contract(
        fields=tuple(f for f in PEOPLE.fields if f.name in ("status", "visits")), key=("status",)
    )
    plan = plan_of(contract, share({"status": "keep", "visits": "keep"}, key="keep"))
    engine = engine_of(contract, plan)
    source = record(contract, 1, {"status": "active", "visits": 3})
    settled = engine.settle(engine.evaluate([source], NOW_MS), [Circumstance(Standing.IN_FORCE, {})], Mode.LIVE)
    assert settled.decisions[0].outcome is Outcome.PERMIT
    assert settled.decisions[0].key == b"active"
    assert settled.changes[0].sent == Sent(digest(settled.decisions[0].value), plan.digest, 1)
    assert json.loads(plan.canonical)["dropped"] == []


def test_a_date_may_be_the_events_time():
    contract = event_contract()
    fields = tuple(
        replace(f, type=replace(f.type, name=type(f.type.name).DATE)) if f.name == "crossed_at" else f
        for f in contract.fields
    )
    contract = replace(contract, fields=fields)
    plan = plan_of(contract, share({"direction": "keep"}, dataset="crossings"))
    found = _one(contract, plan, record(contract, 1, dict(CROSSING) | {"crossed_at": date(2026, 5, 31)}))
    assert found.event_time_ms == int(datetime(2026, 5, 31, tzinfo=UTC).timestamp() * 1000)
