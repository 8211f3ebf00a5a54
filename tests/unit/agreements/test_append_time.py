"""TRUSTED-TIME: an act counts only if its claim is near the time at which Kafka appended it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agreements import acts
from agreements.append_time import TOLERANCE, Logged, milliseconds
from agreements.checkpoint import seal, unseal
from agreements.fold import fold, fold_batch
from agreements.promises import Termination
from agreements.signing import AGREEMENT_DOMAIN, CHECKPOINT_DOMAIN, sign
from agreements.snapshot import EMPTY, AgreementState, Snapshot
from tests.registers import agreement, approved, enrolled, signer

REFERENCE = "DSA-2026-101"
MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
OPERATOR = signer("operator")
STARTED = enrolled()
"""Only read."""


def dated(register, act, actor: str, claimed) -> bytes:
    """The record of an act that claims another time than now, by the right key: a modified client writes it."""
    version = register.snapshot.version(act.subject())
    return acts.record(act, signer=signer(actor), register=OPERATOR.public_key, expects=version, time=claimed)


def enrolment(name: str = "w1") -> acts.WorkerEnrolled:
    return acts.WorkerEnrolled(name, signer(name).public_key)


@pytest.mark.parametrize("apart", [-HOUR, HOUR, -TOLERANCE - MILLISECOND, TOLERANCE + MILLISECOND])
def test_an_act_dated_back_or_ahead_is_ignored_and_says_so(apart):
    register = enrolled()
    before = register.snapshot
    assert register.add(dated(register, enrolment(), "operator", register.time + apart)) == ["time not the record's"]
    (alarm,) = register.alarms
    assert (alarm.fault.code.identifier, alarm.actor) == ("AGR-090", "operator")
    assert ("behind Kafka's" in alarm.fault.message) == (apart < timedelta())
    assert register.snapshot.workers == {}
    assert (register.snapshot.fingerprint, register.snapshot.versions) == (before.fingerprint, before.versions)
    assert register.add(dated(register, enrolment(), "operator", register.time)) == []


@pytest.mark.parametrize("apart", [-TOLERANCE, timedelta(), TOLERANCE])
def test_an_act_within_the_tolerance_counts_and_keeps_its_own_time(apart):
    register = approved()
    suspended = acts.AgreementSuspended(REFERENCE, "a breach")
    assert register.add(dated(register, suspended, "signatory/wp-siro", register.time + apart)) == []
    (stop,) = register.snapshot.agreement(REFERENCE).suspensions
    assert stop.since == register.time + apart


def test_notice_cannot_be_given_in_the_past():
    """A notice of thirty days, dated back by thirty, would end the agreement now."""
    register = enrolled()
    noticed = agreement().model_copy(update={"termination": Termination(notice=timedelta(days=30))})
    assert register.submit(noticed) == []
    for person in ("wp-siro", "ho-siro", "ho-owner"):
        register.sign(REFERENCE, f"signatory/{person}")
    register.time = register.snapshot.agreement(REFERENCE).starts_at + timedelta(days=60)
    last = (register.time + timedelta(days=1)).date()
    ended = acts.AgreementTerminated(REFERENCE, "at once, they say", last)
    given_at = register.time - timedelta(days=30)
    assert register.add(dated(register, ended, "signatory/wp-siro", given_at)) == ["time not the record's"]
    assert register.add(dated(register, ended, "signatory/wp-siro", register.time)) == ["notice not respected"]
    assert register.snapshot.agreement(REFERENCE).state is AgreementState.APPROVED


@pytest.mark.parametrize(
    ("time", "refused"),
    [
        (lambda now: now - HOUR, "time not the record's"),
        (lambda now: now + HOUR, "time not the record's"),
        (lambda now: now.replace(tzinfo=None), "signature does not verify"),
        (lambda now: now, None),
    ],
)
def test_the_signature_in_an_act_has_the_time_of_the_act(time, refused):
    register = enrolled()
    register.submit(agreement())
    act = register.signing(REFERENCE, "signatory/wp-siro")
    said = json.loads(act.statement)
    said["time"] = time(register.time).isoformat()
    statement = json.dumps(said)
    signature = sign(signer("signatory/wp-siro").key, AGREEMENT_DOMAIN, statement.encode())
    dated_act = acts.AgreementSigned(REFERENCE, act.agreement_version, statement, signature)
    assert register.do(dated_act, "signatory/wp-siro") == ([] if refused is None else [refused])


def test_a_register_from_before_is_believed_until_kafka_stamps_an_act_and_not_after():
    stamped = approved()
    old = [one._replace(appended_ms=None) for one in stamped.records]
    register = enrolled()
    register.snapshot, alarms = fold_batch(EMPTY, old)
    register.records = old
    assert alarms == ()
    assert register.snapshot.agreements == stamped.snapshot.agreements
    assert register.snapshot.stamped_since is None
    register.time = stamped.time
    assert register.add(dated(register, enrolment("w1"), "operator", register.time), is_stamped=False) == []
    assert register.add(dated(register, enrolment("w2"), "operator", register.time - HOUR)) == ["time not the record's"]
    assert register.snapshot.stamped_since is None, "what is ignored leaves no trace"
    assert register.add(dated(register, enrolment("w2"), "operator", register.time)) == []
    assert register.snapshot.stamped_since == register.snapshot.position
    late = dated(register, enrolment("w3"), "operator", register.time)
    assert register.add(late, is_stamped=False) == ["record without Kafka's time"]
    assert sorted(register.snapshot.workers) == ["w1", "w2"]


def test_a_checkpoint_goes_on_under_the_same_rule():
    register = enrolled()
    assert register.snapshot.stamped_since == 0
    restored = unseal(seal(register.snapshot, OPERATOR.key), {OPERATOR.public_key})
    assert isinstance(restored, Snapshot)
    assert restored == register.snapshot
    now_ms = milliseconds(register.time)
    honest = dated(register, enrolment(), "operator", register.time)
    back = dated(register, enrolment(), "operator", register.time - HOUR)
    for value, appended_ms in ((honest, None), (back, now_ms), (honest, now_ms)):
        logged = Logged(1_000, value, appended_ms)
        assert fold(restored, logged) == fold(register.snapshot, logged)
    assert fold(restored, Logged(1_000, honest, None)).alarms[0].fault.code.identifier == "AGR-091"
    assert fold(restored, Logged(1_000, honest, now_ms)).alarms == ()


def test_a_checkpoint_from_before_the_rule_is_not_used():
    header, body, _ = seal(enrolled().snapshot, OPERATOR.key).split(b"\n")
    older = json.loads(body)
    del older["stamped_since"]
    signed = header + b"\n" + json.dumps(older).encode()
    found = unseal(signed + b"\n" + sign(OPERATOR.key, CHECKPOINT_DOMAIN, signed).encode(), {OPERATOR.public_key})
    assert not isinstance(found, Snapshot)
    assert found.code.identifier == "AGR-052"


def test_the_fingerprint_covers_kafkas_time():
    register = enrolled()
    value = dated(register, enrolment(), "operator", register.time)
    now_ms = milliseconds(register.time)
    chains = {fold(register.snapshot, Logged(1_000, value, now_ms + later)).snapshot.fingerprint for later in range(3)}
    assert len(chains) == 3


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(-400_000, 400_000), min_size=1, max_size=6),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_whoever_reads_ignores_the_same_acts(apart_ms, cuts):
    """However the records reach a reader: at once, in batches, or over a checkpoint."""
    start = STARTED
    records = []
    for number, ahead_ms in enumerate(apart_ms):
        name = f"w{number}"
        claimed = start.time + timedelta(milliseconds=ahead_ms)
        records.append(
            Logged(1_000 + number, dated(start, enrolment(name), "operator", claimed), milliseconds(start.time))
        )
    near = [f"w{n}" for n, ahead_ms in enumerate(apart_ms) if abs(ahead_ms) <= TOLERANCE / MILLISECOND]
    whole = fold_batch(start.snapshot, records)
    assert sorted(whole.snapshot.workers) == near
    snapshot, alarms = start.snapshot, ()
    for logged, is_restarted in zip(records, [*cuts, False], strict=False):
        if is_restarted:
            snapshot = unseal(seal(snapshot, OPERATOR.key), {OPERATOR.public_key})
        snapshot, found = fold(snapshot, logged)
        alarms += found
    assert (snapshot, alarms) == whole
