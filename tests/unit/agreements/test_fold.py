"""The fold is the guard: what it accepts, and everything it ignores with an alarm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from agreements import acts
from agreements.append_time import Logged
from agreements.checkpoint import seal, unseal
from agreements.fold import fold_batch
from agreements.instants import end_of, start_of
from agreements.model import Treatment
from agreements.signing import Signer
from agreements.snapshot import EMPTY, AgreementState, Coverage, JobKind, Snapshot, Standing
from agreements.standing import NOT_COVERING, stand
from tests.registers import SIRO, agreement, approved, enrolled, signer

REFERENCE = "DSA-2026-101"
IN_FORCE = datetime(2027, 6, 1, tzinfo=UTC)


def state(register):
    return register.snapshot.agreement(REFERENCE).state


def test_the_last_signature_approves_and_starts_what_entities_need():
    register = approved()
    entry = register.snapshot.agreement(REFERENCE)
    assert entry.state is AgreementState.APPROVED
    assert set(entry.view_schemas) == {share.id for share in entry.agreement.shares}
    entities = {s.id for s in entry.agreement.shares if register.snapshot.contract(s.dataset).contract.kind == "entity"}
    jobs = [job for job in register.snapshot.jobs if job.kind is JobKind.BACKFILL]
    assert {job.share for job in jobs} == entities
    assert {job.position for job in jobs} == {entry.approved_position}
    assert sorted(register.snapshot.schemas) == list(range(1, len(register.snapshot.schemas) + 1))


def test_standing_follows_the_days_in_london():
    snapshot = approved().snapshot
    entry = snapshot.agreement(REFERENCE)
    first = Coverage(entry, entry.agreement.shares[0])
    assert stand(snapshot, first, entry.starts_at - timedelta(microseconds=1)) == NOT_COVERING
    assert stand(snapshot, first, entry.starts_at).standing is Standing.IN_FORCE
    assert stand(snapshot, first, entry.ends_at - timedelta(microseconds=1)).standing is Standing.IN_FORCE
    assert stand(snapshot, first, entry.ends_at) == NOT_COVERING


def test_a_day_begins_and_ends_in_london():
    assert start_of(date(2026, 7, 1)) == datetime(2026, 6, 30, 23, tzinfo=UTC)
    assert end_of(date(2026, 3, 29)) - start_of(date(2026, 3, 29)) == timedelta(hours=23)
    assert end_of(date(2026, 10, 25)) - start_of(date(2026, 10, 25)) == timedelta(hours=25)


def test_who_drafts_cannot_be_the_only_signer_of_a_side():
    register = enrolled()
    register.submit(agreement(), "signatory/wp-siro")
    assert register.sign(REFERENCE, "signatory/wp-siro") == ["separation of duties"]
    assert state(register) is AgreementState.AWAITING_SIGNATURES


def test_a_drafter_may_sign_beside_another_of_the_same_side():
    register = enrolled()
    register.submit(agreement(), "signatory/ho-siro")
    assert register.sign(REFERENCE, "signatory/ho-siro") == []


def test_nobody_signs_for_both_sides():
    register = enrolled()
    twice = acts.SignatoryEnrolled("home-office", "double", SIRO, signer("signatory/wp-siro").public_key)
    assert register.do(twice, "party/home-office") == ["already there"]


def test_an_office_signs_once_and_only_where_it_is_asked():
    register = enrolled()
    register.submit(agreement())
    assert register.sign(REFERENCE, "signatory/wp-drafter") == ["not entitled"]
    assert register.sign(REFERENCE, "signatory/wp-siro") == []
    assert register.sign(REFERENCE, "signatory/wp-siro") == ["not entitled"]


def test_a_signature_on_something_else_is_refused():
    register = enrolled()
    register.submit(agreement())
    honest = register.signing(REFERENCE, "signatory/wp-siro")
    other = honest.statement.replace("sha256:", "sha256:0", 1)
    forged = acts.AgreementSigned(REFERENCE, 1, other, honest.signature)
    assert register.do(forged, "signatory/wp-siro") == ["signature does not verify"]
    stolen = acts.AgreementSigned(REFERENCE, 1, honest.statement, honest.signature)
    assert register.do(stolen, "signatory/ho-siro") == ["signature does not verify"]


def test_the_last_signature_must_carry_every_view_and_no_earlier_one_may():
    register = enrolled()
    register.submit(agreement())
    early = register.signing(REFERENCE, "signatory/wp-siro")
    share = agreement().shares[0].id
    eager = acts.AgreementSigned(REFERENCE, 1, early.statement, early.signature, {share: 1})
    assert register.do(eager, "signatory/wp-siro") == ["schema ids do not fit"]
    for person in ("wp-siro", "ho-siro"):
        register.sign(REFERENCE, f"signatory/{person}")
    last = register.signing(REFERENCE, "signatory/ho-owner")
    bare = acts.AgreementSigned(REFERENCE, 1, last.statement, last.signature)
    assert register.do(bare, "signatory/ho-owner") == ["schema ids do not fit"]
    gap = tuple(acts.NewSchema(s.identifier + 1, s.subject, s.text) for s in last.schemas)
    views = {name: number + 1 for name, number in last.view_schemas.items()}
    dense = acts.AgreementSigned(REFERENCE, 1, last.statement, last.signature, views, gap)
    assert register.do(dense, "signatory/ho-owner") == ["schema ids do not fit"]
    assert register.sign(REFERENCE, "signatory/ho-owner") == []


def test_a_suspension_is_lifted_only_by_who_ordered_it():
    register = approved()
    share = agreement().shares[0].id
    suspended = acts.AgreementSuspended(REFERENCE, "a breach", (share,))
    assert register.do(suspended, "signatory/wp-siro") == []
    assert register.do(acts.AgreementSuspended(REFERENCE, "all"), "operator") == []
    assert state(register) is AgreementState.SUSPENDED
    assert register.do(acts.AgreementResumed(REFERENCE), "signatory/ho-siro") == ["wrong state"]
    assert register.do(acts.AgreementResumed(REFERENCE), "signatory/wp-siro") == []
    assert state(register) is AgreementState.SUSPENDED
    assert register.do(acts.AgreementResumed(REFERENCE), "operator") == []
    assert state(register) is AgreementState.APPROVED


def test_a_partial_suspension_leaves_the_other_shares_in_force():
    register = approved()
    first, *others = [share.id for share in agreement().shares]
    register.do(acts.AgreementSuspended(REFERENCE, "part", (first,)), "signatory/ho-siro")
    entry = register.snapshot.agreement(REFERENCE)
    found = {s.id: stand(register.snapshot, Coverage(entry, s), IN_FORCE) for s in entry.agreement.shares}
    assert found[first].standing in (Standing.HELD, Standing.DROPPED)
    assert (found[first].code, found[first].clause) == ("suspended", "delivery.when_suspended")
    assert all(found[other].standing is Standing.IN_FORCE for other in others)
    assert register.do(acts.AgreementSuspended(REFERENCE, "?", ("no-such",)), "operator") == ["unknown object"]


def test_termination_is_for_ever():
    register = approved()
    assert register.do(acts.AgreementTerminated(REFERENCE, "done"), "operator") == ["not entitled"]
    assert register.do(acts.AgreementTerminated(REFERENCE, "done"), "signatory/ho-siro") == []
    assert register.do(acts.AgreementResumed(REFERENCE), "operator") == ["wrong state"]
    assert register.do(acts.AgreementSuspended(REFERENCE, "x"), "operator") == ["wrong state"]
    assert register.snapshot.coverages("crossings") == ()


def test_a_new_version_takes_over_at_its_start_and_keeps_suspensions():
    register = approved()
    register.do(acts.AgreementSuspended(REFERENCE, "a breach"), "signatory/wp-siro")
    dates = agreement().dates.model_copy(update={"start": date(2028, 1, 1), "review": None})
    assert register.submit(agreement().model_copy(update={"version": 2, "dates": dates})) == []
    for person in ("wp-siro", "ho-siro", "ho-owner"):
        assert register.sign(REFERENCE, f"signatory/{person}") == []
    old, new = register.snapshot.agreements[REFERENCE]
    assert old.ends_at == new.starts_at
    assert new.state is AgreementState.SUSPENDED
    assert {s.reason for s in new.suspensions} == {"a breach"}
    assert register.do(acts.AgreementResumed(REFERENCE), "signatory/wp-siro") == []
    old, new = register.snapshot.agreements[REFERENCE]
    assert (old.state, new.state) == (AgreementState.APPROVED, AgreementState.APPROVED)


def test_versions_follow_one_another_and_terms_are_what_was_checked():
    register = enrolled()
    assert register.submit(agreement().model_copy(update={"version": 2})) == ["wrong state"]
    assert register.submit(agreement(), "signatory/wp-drafter") == []
    loose = acts.AgreementSubmitted(REFERENCE, '{"reference": "DSA-2026-101"}', "[]")
    assert register.do(loose, "signatory/wp-drafter") == ["agreement not acceptable"]
    outsider = acts.AgreementSuspended(REFERENCE, "not mine")
    assert register.do(outsider, "party/home-office") == ["not entitled"]


def test_a_new_version_is_between_the_same_parties():
    register = approved()
    party = signer("party/ministry")
    register.do(acts.PartyAdded("ministry", "Ministry", party.public_key), "operator")
    clerk = acts.SignatoryEnrolled("ministry", "clerk", SIRO, signer("signatory/clerk").public_key)
    assert register.do(clerk, "party/ministry") == []
    parties = tuple(
        p.model_copy(update={"organisation": "ministry"}) if p.side == "recipient" else p for p in agreement().parties
    )
    taken = agreement().model_copy(update={"version": 2, "parties": parties})
    assert register.submit(taken, "signatory/clerk") == ["agreement not acceptable"]
    assert register.do(acts.AgreementTerminated(REFERENCE, "not ours"), "signatory/clerk") == ["not entitled"]
    assert state(register) is AgreementState.APPROVED


def test_a_dataset_keeps_its_owner_and_its_store():
    register = enrolled()
    newer = {"version: 1.0.0": "version: 1.1.0"}
    other = {**newer, "concordat.store, value: borders": "concordat.store, value: pirates"}
    assert register.publish("crossings", **other) == ["contract not acceptable"]
    assert register.publish("crossings") == ["contract not acceptable"]
    assert register.publish("crossings", "signatory/wp-siro", **newer) == ["not entitled"]
    assert register.publish("crossings", **newer) == []
    assert [entry.contract.version for entry in register.snapshot.contracts["crossings"]] == [(1, 0, 0), (1, 1, 0)]


def test_quarantine_acts_are_the_owners():
    register = enrolled()
    replay = acts.QuarantineReplayed("source.crossings", 1, 7)
    assert register.do(replay, "signatory/wp-siro") == ["not entitled"]
    assert register.do(replay, "signatory/ho-siro") == []
    assert [(j.kind, j.dataset, j.partition, j.offset) for j in register.snapshot.jobs] == [
        (JobKind.REPLAY, "crossings", 1, 7),
    ]
    discard = acts.QuarantineDiscarded("source.crossings", 1, 7, "test data")
    assert register.do(discard, "operator") == []
    assert register.snapshot.discarded == {("source.crossings", 1, 7)}
    given_up = register.snapshot
    assert register.do(replay, "signatory/ho-siro") == ["wrong state"], "it was given up"
    assert register.do(acts.QuarantineReplayed("source.none", 0, 0), "operator") == ["unknown object"]
    register.snapshot = replace(given_up, stamped_since=None)
    older = acts.record(
        replay, signer=signer("operator"), register=given_up.operator_key, expects=2, time=register.time
    )
    assert register.add(older, is_stamped=False) == [], "an older register has it, and cites what it led to"
    assert register.do(discard, "operator", expects=3) == []


def test_only_the_operator_enrols_organisations_and_workers():
    register = enrolled()
    key = signer("party/new").public_key
    assert register.do(acts.PartyAdded("new", "New", key), "signatory/ho-siro") == ["not entitled"]
    assert register.do(acts.WorkerEnrolled("w", key), "party/home-office") == ["not entitled"]
    assert register.do(acts.KeyRotated("pseudonym/X", 2), "signatory/ho-siro") == ["not entitled"]
    assert register.do(acts.KeyRotated("pseudonym/X", 3), "operator") == ["stale version"]
    assert register.do(acts.KeyRotated("pseudonym/X", 2), "operator") == []
    assert register.snapshot.key_versions == {"pseudonym/X": 2}
    again = acts.RegisterInitialised(signer("operator").public_key)
    assert register.do(again, "operator") == ["already there"]


def test_a_worker_keeps_every_key_it_had_with_the_positions_it_was_valid_for():
    register = enrolled()
    keys = [signer(f"worker-key-{number}").public_key for number in range(3)]
    positions = []
    for key in keys:
        assert register.do(acts.WorkerEnrolled("worker-1", key), "operator") == []
        positions.append(register.snapshot.position)
    entry = register.snapshot.workers["worker-1"]
    assert [entry.key_at(position) for position in positions] == keys
    assert [entry.key_at(position - 1) for position in positions] == [None, *keys[:2]]
    assert entry.key_at(positions[-1] + 1_000) == keys[-1]
    assert register.do(acts.WorkerEnrolled("worker-2", keys[0]), "operator") == ["already there"]
    restored = unseal(seal(register.snapshot, signer("operator").key), {signer("operator").public_key})
    assert restored.workers == register.snapshot.workers


def test_a_signatory_who_has_ended_acts_no_more():
    register = enrolled()
    register.do(acts.SignatoryEnded("work-and-pensions", "wp-drafter"), "party/work-and-pensions")
    assert register.submit(agreement()) == ["not entitled"]
    again = acts.SignatoryEnrolled("work-and-pensions", "wp-drafter", SIRO, signer("x").public_key)
    assert register.do(again, "party/work-and-pensions") == ["already there"]


@pytest.mark.parametrize(
    "value", [None, b"", b"{}", b"{}\n" + b"0" * 128, b"\xff\n" + b"0" * 128, b"null\n" + b"0" * 128]
)
def test_what_is_no_act_is_ignored(value):
    register = enrolled()
    before = register.snapshot
    folded = fold_batch(before, [Logged(1_000, value, 0)])
    assert [alarm.fault.code.name for alarm in folded.alarms] == ["not an act"]
    assert folded.snapshot.fingerprint == before.fingerprint
    assert folded.snapshot.position == 1_000


def test_an_act_of_another_register_and_one_by_a_strangers_key_are_ignored():
    register = enrolled()
    worker = acts.WorkerEnrolled("worker-1", signer("worker-1").public_key)
    foreign = acts.record(
        worker,
        signer=signer("operator"),
        register="0" * 64,
        expects=0,
        time=register.time,
    )
    assert register.add(foreign) == ["not an act"]
    assert register.do(worker, "operator", key=signer("stranger")) == ["signature does not verify"]
    assert register.do(worker, "operator", expects=1) == ["stale version"]
    assert register.snapshot.workers == {}


def test_a_checkpoint_is_the_snapshot_if_it_is_signed_by_who_is_trusted():
    snapshot = approved().snapshot
    operator = signer("operator")
    sealed = seal(snapshot, operator.key)
    restored = unseal(sealed, {operator.public_key})
    assert isinstance(restored, Snapshot)
    assert restored == snapshot
    assert not isinstance(unseal(sealed, {signer("other").public_key}), Snapshot)
    for place in range(0, len(sealed), 997):
        spoiled = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        assert not isinstance(unseal(spoiled, {operator.public_key}), Snapshot)
    assert unseal(seal(EMPTY, operator.key), {operator.public_key}) == EMPTY


def test_no_secret_is_shown():
    key = signer("operator")
    assert key.key.private_bytes_raw().hex() not in repr(key)
    assert isinstance(key, Signer)


def test_a_key_is_rotated_for_events_alone():
    register = approved()
    key = acts.KeyRotated(f"pseudonym/{REFERENCE}", 2)
    assert register.do(key, "operator") == ["key cannot be rotated while an entity share uses it"]
    assert register.snapshot.key_versions == {}
    register = enrolled()
    events = tuple(share for share in agreement().shares if share.dataset == "crossings")
    register.submit(agreement().model_copy(update={"shares": events}))
    for person in ("wp-siro", "ho-siro", "ho-owner"):
        assert register.sign(REFERENCE, f"signatory/{person}") == []
    assert register.do(key, "operator") == []
    assert register.snapshot.key_versions == {f"pseudonym/{REFERENCE}": 2}


def test_a_key_no_entity_share_uses_may_be_rotated():
    register = approved()
    assert register.do(acts.KeyRotated("subject/2026", 2), "operator") == []
    register.do(acts.AgreementTerminated(REFERENCE, "over"), "signatory/ho-siro")
    assert register.do(acts.KeyRotated(f"pseudonym/{REFERENCE}", 2), "operator") == []


def test_an_encrypting_share_is_active_only_with_its_key_sealed_to_the_recipient():
    register = enrolled()
    share = agreement().shares[0]
    field = next(iter(share.fields))
    fields = {**share.fields, field: Treatment(action="encrypt")}
    shares = (share.model_copy(update={"fields": fields}), *agreement().shares[1:])
    assert register.submit(agreement().model_copy(update={"shares": shares})) == []
    for person in ("wp-siro", "ho-siro"):
        assert register.sign(REFERENCE, f"signatory/{person}") == []
    last, who = register.signing(REFERENCE, "signatory/ho-owner"), "signatory/ho-owner"
    text, refused = "A" * 107 + "=", ["sealed content key missing or not wanted"]

    def sealing(*keys):
        made = tuple(acts.SealedKey(name, version, text) for name, version in keys)
        return register.do(msgspec.structs.replace(last, sealed_keys=made), who)

    assert sealing() == refused
    assert sealing((share.id, 2)) == refused
    assert sealing((share.id, 1), (share.id, 1)) == refused
    assert sealing((share.id, 1), ("another", 1)) == refused
    assert sealing((share.id, 1)) == []
    assert register.snapshot.sealed(REFERENCE, share.id) == {1: text}
    key = f"content/{REFERENCE}/{share.id}"
    assert register.do(acts.KeyRotated("subject/2026", 2, text), "operator") == refused
    assert register.do(acts.KeyRotated(key, 2), "operator") == refused
    assert register.do(acts.KeyRotated(key, 2, text[1:] + "="), "operator") == ["not an act"]
    assert register.do(acts.KeyRotated(key, 2, text), "operator") == []
    assert register.snapshot.sealed(REFERENCE, share.id) == {1: text, 2: text}
    restored = unseal(seal(register.snapshot, signer("operator").key), {signer("operator").public_key})
    assert restored == register.snapshot
