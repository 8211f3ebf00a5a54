"""The engine on generated input: a slow twin of settling, default deny, canaries, and hostile bytes."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agreements.model import Band, Mask
from agreements.snapshot import Standing
from broker.policy.compile import compile_plan
from broker.policy.decision import Evaluated, Mode, Reason, Sent, SourceRecord, Verdict
from broker.policy.engine import Circumstance
from broker.policy.explain import Fate, explain
from broker.policy.plan import Plan
from broker.policy.settle import settle
from contracts.faults import Faults
from contracts.wire import AvroSchema
from tests.policy_world import (
    CANARY,
    NOW_MS,
    PERSON,
    agreement,
    engine_of,
    entity_contract,
    plan_of,
    record,
    share,
    treatment,
)

_PROFILE = settings(max_examples=120, deadline=None, derandomize=True)
CONTRACT = entity_contract()
PLANS = tuple(plan_of(CONTRACT, share({"id": "tokenise"}), reference=f"DSA-{n}") for n in (1, 2))
KEYS, VALUES = (b"k1", b"k2", b"k3"), (b"v1", b"v2")


def _digest(value):
    return hashlib.sha256(value).digest()


@st.composite
def _evaluated(draw, offset):
    """One record over a few keys and views, as an evaluator might give it."""
    key = draw(st.sampled_from(KEYS))
    kind = draw(st.sampled_from(["value", "value", "none", "gone", "faulty", "unreadable"]))
    verdicts = []
    for index in range(len(PLANS)):
        value = draw(st.sampled_from([*VALUES, None])) if kind == "value" else None
        own = None if draw(st.integers(0, 9)) == 0 else key + bytes([index])
        verdicts.append(Verdict(own, value, kind == "gone", treated=True, reasons=(Reason("r"),)))
    faults = (Reason("malformed"),) if kind in ("faulty", "unreadable") else ()
    kept = () if kind == "unreadable" else tuple(verdicts)
    return Evaluated(SourceRecord(offset, 0, key, b""), offset, 0, None, faults, kept, key)


_BATCHES = st.integers(0, 8).flatmap(lambda n: st.tuples(*(_evaluated(offset) for offset in range(n))))
_SENT = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3)


def _twin(batch, standing, held, index):
    """What a department holds after each record, told in the words of the specification, one record at a time."""
    held, told = dict(held), []
    for one in batch:
        if not one.verdicts:
            continue
        verdict = one.verdicts[index]
        had, wants = held.get(verdict.key), verdict.value
        offset = one.record.offset
        if one.faults:
            if standing is Standing.IN_FORCE and had is not None:
                told.append((offset, "withdraw", verdict.key, None))
                del held[verdict.key]
        elif verdict.key is None:
            told.append((offset, "deny", None, None))
        elif had == wants:
            told.append((offset, "deny" if wants is None else "unchanged", None, None))
        elif standing is not Standing.IN_FORCE:
            told.append((offset, "hold" if standing is Standing.HELD else "deny", None, None))
        elif wants is None:
            told.append((offset, "delete" if verdict.gone else "withdraw", verdict.key, None))
            del held[verdict.key]
        else:
            told.append((offset, "redact", verdict.key, wants))
            held[verdict.key] = wants
    return told, held


@given(_BATCHES, st.tuples(*[st.sampled_from(Standing)] * 2), _SENT)
@_PROFILE
def test_settling_does_what_its_slow_twin_does(batch, standings, held):
    before = [{key + bytes([index]): value for key, value in held.items()} for index in range(2)]
    circumstances = [
        Circumstance(standing, {key: Sent(_digest(value), b"old", -1) for key, value in sent.items()})
        for standing, sent in zip(standings, before, strict=True)
    ]
    settled = settle(PLANS, batch, circumstances, Mode.LIVE)
    expected = [(None, one.record.offset, "quarantine", None, None) for one in batch if one.faults]
    for index, standing in enumerate(standings):
        told, after = _twin(batch, standing, before[index], index)
        expected += [(index, *each) for each in told]
        state = {key: sent.digest for key, sent in circumstances[index].sent.items()}
        for change in (c for c in settled.changes if c.plan == index):
            if change.sent is None:
                del state[change.key]
            else:
                assert change.sent.plan_digest == PLANS[index].digest
                state[change.key] = change.sent.digest
        assert state == {key: _digest(value) for key, value in after.items()}
    found = [(d.plan, d.record.offset, d.outcome.value, d.key, d.value) for d in settled.decisions]
    assert found == expected


@given(_BATCHES, st.integers(0, 8), _SENT)
@_PROFILE
def test_where_a_batch_is_cut_makes_no_difference(batch, cut, held):
    sent = [{key + bytes([i]): Sent(_digest(value), b"", -1) for key, value in held.items()} for i in range(2)]

    def decide(part):
        made = settle(PLANS, part, [Circumstance(Standing.IN_FORCE, dict(state)) for state in sent], Mode.LIVE)
        for change in made.changes:
            if change.sent is None:
                sent[change.plan].pop(change.key)
            else:
                sent[change.plan][change.key] = change.sent
        return list(made.decisions)

    whole = settle(PLANS, batch, [Circumstance(Standing.IN_FORCE, dict(state)) for state in sent], Mode.LIVE)
    parts = [*decide(batch[:cut]), *decide(batch[cut:])]
    parts.sort(key=lambda d: (-1 if d.plan is None else d.plan, d.record.offset))
    assert parts == list(whole.decisions)


_PATHS = [path for path, _ in CONTRACT.leaves()]
_ACTIONS = st.sampled_from([
    treatment("keep"), treatment("drop"), treatment("mask"), treatment("mask", mask=Mask(keep_last=2)), treatment("tokenise"),
    treatment("encrypt"), treatment("truncate", truncate_characters=2), treatment("generalise", generalise="year"),
    treatment("generalise", generalise="district"), treatment("generalise", generalise=Band(width=10)),
])  # fmt: skip
_SHARES = st.builds(
    lambda fields, rows, key: share(fields, rows=rows, key=key),
    st.dictionaries(st.sampled_from([*_PATHS, "address", "nothing"]), _ACTIONS, min_size=1, max_size=5),
    st.sampled_from(
        [None, "flag", "visits > 30", "status == 'left'", "name.contains('x')", "nothing == 1", "!has(name)"]
    ),
    st.sampled_from(["tokenise", "tokenise", "keep"]),
)
_GAPS = st.lists(st.sampled_from(["name", "photo", "address.postcode", "score"]), max_size=2, unique=True)


def _leaves(value, prefix=""):
    for name, inner in value.items():
        if isinstance(inner, dict) and f"{prefix}{name}" not in _PATHS:
            yield from _leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


@given(_SHARES, _GAPS)
@settings(_PROFILE, max_examples=250)
def test_default_deny(one, gaps):
    plan = compile_plan(agreement(one), "sha256:0", one, CONTRACT, view_schema_id=9)
    if isinstance(plan, Faults):
        return
    named = {path for path, t in one.fields.items() if t.action != "drop"}
    row = dict(PERSON) | ({"name": None} if "name" in gaps else {})
    source = record(CONTRACT, 1, row, unavailable=tuple(gaps))
    engine = engine_of(CONTRACT, plan)
    verdict = engine.evaluate([source], NOW_MS)[0].verdicts[0]
    explained = explain(engine, 0, source, NOW_MS)
    assert explained.shared is (verdict.value is not None)
    assert {f.path for f in explained.fields} == set(_PATHS)
    assert {f.path for f in explained.fields if f.fate is not Fate.DROPPED} == named
    assert CANARY.encode() not in (verdict.key or b"")
    if verdict.value is None:
        assert named & set(gaps) or one.rows is not None
        return
    assert not named & set(gaps)
    view = dict(_leaves(AvroSchema(plan.view_text).decode(verdict.value[5:])))
    assert set(view) == named
    kept = {path for path, t in one.fields.items() if t.action == "keep"}
    if not kept & {"id", "name"}:
        assert CANARY.encode() not in verdict.value
    for path in kept:
        assert view[path] == dict(_leaves(PERSON))[path]


_GOOD = record(CONTRACT, 1, PERSON)
_ENGINE = engine_of(CONTRACT, *PLANS[:1])


@st.composite
def _mutated(draw, data):
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(changed)))
        length = draw(st.integers(0, 3))
        changed[place : place + length] = draw(st.binary(max_size=3))
    return bytes(changed)


@given(_mutated(_GOOD.key), _mutated(_GOOD.value), st.booleans())
@settings(_PROFILE, max_examples=400)
def test_hostile_bytes_are_decided_and_never_raise(key, value, both):
    source = replace(_GOOD, key=key if both else _GOOD.key, value=value)
    found = _ENGINE.evaluate([source], NOW_MS)
    settled = _ENGINE.settle(found, [Circumstance(Standing.IN_FORCE, {})], Mode.LIVE)
    assert len(settled.decisions) == 1
    assert CANARY not in repr(found[0].faults)


def test_a_plan_compiled_twice_is_the_same_plan():
    one = share({"id": "tokenise", "name": "encrypt", "born": treatment("generalise", generalise="year")}, rows="flag")
    first, second = plan_of(CONTRACT, one), plan_of(CONTRACT, one)
    assert isinstance(first, Plan)
    assert first == second
    assert first.canonical == second.canonical
    assert first.digest.hex() == hashlib.sha256(first.canonical).hexdigest()
