"""The life of an agreement: every act in every state, the three tracks, notice, closing, exceptions, and what time makes of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from agreements import acts
from agreements.checkpoint import seal, unseal
from agreements.endings import emptied_shares
from agreements.gates import closed_gates
from agreements.instants import end_of, start_of
from agreements.inventory.due import due, overdue_retrospectives
from agreements.phase import Phase, phase, stages
from agreements.promises import Justification, Termination, Transparency
from agreements.reviews import TRACKS, Track, Verdict
from agreements.snapshot import AgreementState, Coverage, Standing
from agreements.standing import stand
from agreements.text import check, render
from contracts.faults import Faults
from tests.registers import agreement, approved, enrolled, exceptional, signer

REFERENCE = "DSA-2026-101"
HASH = "sha256:" + "1" * 64
SIGNERS = ("wp-siro", "ho-siro", "ho-owner")
LATER = datetime(2045, 6, 1, tzinfo=UTC)


def newest(register):
    return register.snapshot.agreement(REFERENCE)


def phase_of(register, now):
    return phase(register.snapshot, newest(register), now)


def with_(**changes):
    return agreement().model_copy(update=changes)


def signed(one):
    """A register with an agreement that everybody has signed."""
    register = enrolled()
    assert register.submit(one) == []
    for person in SIGNERS:
        assert register.sign(REFERENCE, f"signatory/{person}") == []
    return register


# ---- every act in every state


def submitted():
    register = enrolled()
    register.submit(agreement(), reviewed=False)
    return register


def reviewed(verdict):
    register = submitted()
    register.do(register.reviewing(REFERENCE, Track.LEGAL, verdict), "signatory/ho-owner")
    return register


def withdrawn():
    register = submitted()
    register.do(acts.AgreementWithdrawn(REFERENCE, "not needed"), "signatory/wp-drafter")
    return register


def awaiting():
    register = enrolled()
    register.submit(agreement())
    return register


def suspended():
    register = approved()
    register.do(acts.AgreementSuspended(REFERENCE, "a breach"), "signatory/wp-siro")
    return register


def expired():
    register = approved()
    register.time = LATER
    return register


def terminated():
    register = approved()
    register.do(acts.AgreementTerminated(REFERENCE, "achieved"), "signatory/ho-siro")
    return register


def closed():
    register = terminated()
    register.do(acts.AgreementCertified(REFERENCE, "destroyed", HASH), "signatory/wp-siro")
    return register


STATES = {
    "submitted": submitted,
    "returned": lambda: reviewed(Verdict.RETURN),
    "rejected": lambda: reviewed(Verdict.REJECT),
    "withdrawn": withdrawn,
    "awaiting-signatures": awaiting,
    "approved": approved,
    "suspended": suspended,
    "expired": expired,
    "terminated": terminated,
    "closed": closed,
}
ACTS = {
    "submit the same": lambda r: r.submit(agreement(), reviewed=False),
    "submit the next": lambda r: r.submit(with_(version=2), reviewed=False),
    "accept": lambda r: r.do(r.reviewing(REFERENCE, Track.SECURITY), "signatory/ho-owner"),
    "return": lambda r: r.do(r.reviewing(REFERENCE, Track.LEGAL, Verdict.RETURN), "signatory/ho-owner"),
    "reject": lambda r: r.do(r.reviewing(REFERENCE, Track.LEGAL, Verdict.REJECT), "signatory/ho-owner"),
    "retrospective": lambda r: r.do(r.reviewing(REFERENCE, Track.RETROSPECTIVE), "signatory/ho-owner"),
    "withdraw": lambda r: r.do(acts.AgreementWithdrawn(REFERENCE, "no"), "signatory/wp-drafter"),
    "sign": lambda r: r.sign(REFERENCE, "signatory/wp-siro"),
    "suspend": lambda r: r.do(acts.AgreementSuspended(REFERENCE, "stop"), "signatory/wp-siro"),
    "resume": lambda r: r.do(acts.AgreementResumed(REFERENCE), "signatory/wp-siro"),
    "terminate": lambda r: r.do(acts.AgreementTerminated(REFERENCE, "done"), "signatory/wp-siro"),
    "certify": lambda r: r.do(acts.AgreementCertified(REFERENCE, "destroyed", HASH), "signatory/wp-siro"),
    "waive": lambda r: r.do(acts.CertificateWaived(REFERENCE, "lost"), "signatory/wp-siro"),
}
PERMITTED = {
    "submitted": {"submit the next", "accept", "return", "reject", "withdraw"},
    "returned": {"submit the same", "withdraw"},
    "rejected": {"submit the next"},
    "withdrawn": {"submit the next"},
    "awaiting-signatures": {"submit the next", "return", "reject", "withdraw", "sign"},
    "approved": {"submit the next", "suspend", "terminate"},
    "suspended": {"submit the next", "suspend", "resume", "terminate"},
    "expired": {"submit the next", "suspend", "certify", "waive"},
    "terminated": {"certify", "waive"},
    "closed": set(),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_accepted_in_the_states_that_permit_it_and_ignored_with_an_alarm_in_all_others(state, act):
    register = STATES[state]()
    assert register.alarms == []
    before = register.snapshot.agreements
    found = ACTS[act](register)
    if act in PERMITTED[state]:
        assert found == []
        assert register.snapshot.agreements != before
    else:
        assert found == ["wrong state"]
        assert register.snapshot.agreements == before


def test_the_states_are_what_their_names_say():
    now = datetime(2027, 1, 1, tzinfo=UTC)
    shown = {state: phase_of(make(), LATER if state == "expired" else now).value for state, make in STATES.items()}
    over = {"approved": "in-force", "expired": "closing", "terminated": "closing"}
    assert shown == {state: over.get(state, state) for state in STATES}


# ---- three tracks


def test_three_tracks_accept_before_anybody_signs():
    register = submitted()
    for number, track in enumerate(TRACKS):
        assert register.sign(REFERENCE, "signatory/wp-siro") == ["wrong state"]
        assert newest(register).missing_tracks() == TRACKS[number:]
        assert register.do(register.reviewing(REFERENCE, track), "signatory/ho-owner") == []
        again = register.do(register.reviewing(REFERENCE, track), "signatory/ho-owner")
        assert again == ["wrong state"]
    assert newest(register).state is AgreementState.AWAITING_SIGNATURES
    assert register.sign(REFERENCE, "signatory/wp-siro") == []


def test_who_drafted_does_not_review_nor_does_a_stranger_nor_the_operator():
    register = submitted()
    legal = register.reviewing(REFERENCE, Track.LEGAL)
    assert register.do(legal, "signatory/wp-drafter") == ["separation of duties"]
    assert register.do(legal, "operator") == ["not entitled"]
    assert register.do(legal, "party/home-office") == ["not entitled"]


def test_a_review_is_of_one_text():
    register = submitted()
    stale = register.reviewing(REFERENCE, Track.LEGAL)
    register.do(register.reviewing(REFERENCE, Track.LEGAL, Verdict.RETURN), "signatory/ho-owner")
    assert register.submit(with_(title="Another text"), reviewed=False) == []
    assert register.do(stale, "signatory/ho-owner") == ["another text than the one looked at"]
    assert newest(register).reviews == ()
    assert register.review(REFERENCE) == []


def test_a_returned_version_keeps_its_number_and_its_first_day():
    register = reviewed(Verdict.RETURN)
    began = newest(register).first_submitted_at
    assert register.submit(with_(version=2)) == ["wrong state"]
    assert register.submit(with_(title="Mended")) == []
    (entry,) = register.snapshot.agreements[REFERENCE]
    assert (entry.agreement.version, entry.first_submitted_at) == (1, began)
    assert entry.submitted_at > began


def test_only_the_side_that_submitted_withdraws():
    register = submitted()
    withdraw = acts.AgreementWithdrawn(REFERENCE, "no")
    assert register.do(withdraw, "signatory/ho-siro") == ["not entitled"]
    assert register.do(withdraw, "signatory/wp-siro") == []


ASSESSMENT = agreement().assessments.data_protection
HIGH = agreement().assessments.model_copy(
    update={"data_protection": ASSESSMENT.model_copy(update={"outcome": "high-residual-risk"})}
)
CONSULTED = agreement().assessments.model_copy(
    update={
        "data_protection": ASSESSMENT.model_copy(
            update={"outcome": "high-residual-risk", "consultation": "ICO, 3 March 2026"}
        )
    }
)
NO_ASSESSMENT = agreement().assessments.model_copy(update={"data_protection": None})


@pytest.mark.parametrize(
    ("changes", "track"),
    [
        ({"justification": Justification(benefits="x", necessity="x")}, Track.LEGAL),
        ({"assessments": NO_ASSESSMENT}, Track.DATA_PROTECTION),
        ({"assessments": HIGH}, Track.DATA_PROTECTION),
        ({"transparency": Transparency()}, Track.DATA_PROTECTION),
        ({"assessments": CONSULTED}, None),
        ({"transparency": Transparency(), "law": agreement().law.model_copy(update={"regime": "part-3"})}, None),
    ],
)
def test_gates_keep_a_track_from_accepting_and_are_faults_of_the_text(changes, track):
    one = with_(**changes)
    register = enrolled()
    register.submit(one, reviewed=False)
    for each in TRACKS:
        accepted = register.do(register.reviewing(REFERENCE, each), "signatory/ho-owner")
        assert accepted == (["gate not passed"] if each is track else [])
    found = check(render(one))
    codes = {fault.code.identifier for fault in found.items} if isinstance(found, Faults) else set()
    assert ("AGR-080" in codes) is (track is not None)
    assert {gate.track for gate in closed_gates(one)} == ({track} if track else set())


# ---- time


def test_what_time_makes_of_a_signed_version():
    dates = agreement().dates.model_copy(update={"start": date(2027, 1, 1), "review": date(2028, 1, 1)})
    register = signed(
        with_(dates=dates, after_delivery=agreement().after_delivery.model_copy(update={"destruction": None}))
    )
    assert phase_of(register, datetime(2026, 12, 1, tzinfo=UTC)) is Phase.APPROVED
    assert phase_of(register, datetime(2027, 6, 1, tzinfo=UTC)) is Phase.IN_FORCE
    assert phase_of(register, datetime(2028, 6, 1, tzinfo=UTC)) is Phase.REVIEW_DUE
    assert phase_of(register, LATER) is Phase.EXPIRED


def test_the_lead_time_of_each_stage():
    register = enrolled()
    register.submit(agreement(), reviewed=False)
    register.time += timedelta(hours=2)
    register.review(REFERENCE, Track.SECURITY)
    register.time += timedelta(hours=3)
    register.review(REFERENCE)
    for person in SIGNERS:
        register.sign(REFERENCE, f"signatory/{person}")
    found = stages(newest(register))
    names = ("submitted", "accepted security", "accepted legal", "accepted data-protection", "signed", "in force")
    assert tuple(stage.stage for stage in found) == names
    assert [int(stage.seconds // 3600) for stage in found] == [0, 2, 5, 5, 5, 5]


# ---- supersession


def takeover(share_left_out=None):
    """Version 2 starts on 1 June 2028, perhaps without a share."""
    shares = tuple(share for share in agreement().shares if share.id != share_left_out)
    dates = agreement().dates.model_copy(update={"start": date(2028, 6, 1), "review": None})
    register = approved()
    assert register.submit(with_(version=2, dates=dates, shares=shares)) == []
    for person in SIGNERS:
        assert register.sign(REFERENCE, f"signatory/{person}") == []
    return register


def test_at_every_instant_exactly_one_version_covers():
    register = takeover()
    at = start_of(date(2028, 6, 1))
    for now in (at - timedelta(days=1), at - timedelta(microseconds=1), at, at + timedelta(microseconds=1)):
        standing = [
            coverage.entry.agreement.version
            for coverage in register.snapshot.coverages("travellers")
            if stand(register.snapshot, coverage, now).standing is not Standing.NOT_COVERING
        ]
        assert standing == [1 if now < at else 2]


def test_a_share_that_a_newer_version_leaves_out_is_emptied_when_that_begins():
    register = takeover("residents")
    versions, at = register.snapshot.agreements[REFERENCE], start_of(date(2028, 6, 1))
    assert list(emptied_shares(versions, at - timedelta(seconds=1))) == []
    assert list(emptied_shares(versions, at)) == ["residents"]
    assert list(emptied_shares(takeover().snapshot.agreements[REFERENCE], at)) == []
    assert list(emptied_shares(approved().snapshot.agreements[REFERENCE], LATER)) == []


# ---- the end


def noticed():
    return signed(with_(termination=Termination(notice=timedelta(days=30))))


def test_notice_is_respected_unless_at_once():
    register = noticed()
    early = (register.time + timedelta(days=29)).date()
    assert register.do(acts.AgreementTerminated(REFERENCE, "x"), "signatory/ho-siro") == ["notice not respected"]
    assert register.do(acts.AgreementTerminated(REFERENCE, "x", early), "signatory/ho-siro") == ["notice not respected"]
    last = early + timedelta(days=2)
    assert register.do(acts.AgreementTerminated(REFERENCE, "x", last), "signatory/ho-siro") == []
    entry = newest(register)
    assert (entry.state, entry.ends_at) == (AgreementState.APPROVED, end_of(last))
    first = Coverage(entry, entry.agreement.shares[0])
    assert stand(register.snapshot, first, end_of(last) - timedelta(seconds=1)).standing is not Standing.NOT_COVERING
    assert stand(register.snapshot, first, end_of(last)).standing is Standing.NOT_COVERING
    assert list(emptied_shares((entry,), end_of(last))) == ["departures", "residents"]
    assert register.submit(with_(version=2)) == ["wrong state"]
    assert register.do(acts.AgreementTerminated(REFERENCE, "now", None, at_once=True), "signatory/wp-siro") == []
    assert newest(register).state is AgreementState.TERMINATED


def test_a_version_that_would_begin_after_the_end_never_begins():
    register = takeover()
    register.do(acts.AgreementTerminated(REFERENCE, "done", date(2027, 1, 31)), "signatory/ho-siro")
    old, new = register.snapshot.agreements[REFERENCE]
    assert (old.state, new.state) == (AgreementState.APPROVED, AgreementState.TERMINATED)
    assert old.ends_at == end_of(date(2027, 1, 31))


def test_an_open_draft_is_withdrawn_with_the_end():
    register = approved()
    register.submit(with_(version=2))
    register.do(acts.AgreementTerminated(REFERENCE, "done"), "signatory/ho-siro")
    states = [entry.state for entry in register.snapshot.agreements[REFERENCE]]
    assert states == [AgreementState.TERMINATED, AgreementState.WITHDRAWN]


def test_closing_ends_with_the_recipients_certificate():
    register = approved()
    certified = acts.AgreementCertified(REFERENCE, "Everything is destroyed", HASH)
    assert register.do(certified, "signatory/wp-siro") == ["wrong state"]
    register.do(acts.AgreementTerminated(REFERENCE, "done"), "signatory/ho-siro")
    assert [one.kind for one in due(register.snapshot, register.time)] == ["certificate"]
    assert register.do(certified, "signatory/ho-siro") == ["not entitled"]
    assert register.do(certified, "signatory/wp-siro") == []
    entry = newest(register)
    assert (entry.state, entry.certificate.document_hash) == (AgreementState.CLOSED, HASH)
    assert due(register.snapshot, register.time) == []
    restored = unseal(seal(register.snapshot, signer("operator").key), {signer("operator").public_key})
    assert restored == register.snapshot


def test_closing_ends_when_both_sides_agree_to_an_exception_in_the_same_words():
    register = expired()
    waive = acts.CertificateWaived(REFERENCE, "The archive is kept by order of a court")
    assert register.do(waive, "signatory/wp-siro") == []
    assert register.do(waive, "signatory/wp-drafter") == ["wrong state"]
    assert register.do(acts.CertificateWaived(REFERENCE, "whatever"), "signatory/ho-siro") == ["wrong state"]
    assert newest(register).state is AgreementState.APPROVED
    assert register.do(waive, "signatory/ho-siro") == []
    assert newest(register).state is AgreementState.CLOSED


def test_what_asks_for_no_certificate_is_over_at_once():
    without = agreement().after_delivery.model_copy(update={"destruction": "none"})
    register = signed(with_(after_delivery=without))
    register.do(acts.AgreementTerminated(REFERENCE, "done"), "signatory/ho-siro")
    assert phase_of(register, register.time) is Phase.TERMINATED
    assert register.do(acts.AgreementCertified(REFERENCE, "x", HASH), "signatory/wp-siro") == ["wrong state"]


# ---- exceptional disclosure


def test_an_exceptional_disclosure_skips_the_tracks_and_is_looked_at_afterwards():
    register = signed(exceptional())
    assert newest(register).reviews == ()
    review = register.reviewing(REFERENCE, Track.RETROSPECTIVE)
    (shown,) = [one for one in due(register.snapshot, register.time) if one.kind == "exceptional-review"]
    assert shown.is_overdue is False
    late = datetime(2026, 12, 11, tzinfo=UTC)
    assert overdue_retrospectives(register.snapshot, late) == 1
    assert phase_of(register, late) is Phase.CLOSING
    assert register.do(review, "signatory/wp-siro") == ["separation of duties"]
    assert register.do(review, "signatory/wp-drafter") == ["separation of duties"]
    returned = register.reviewing(REFERENCE, Track.RETROSPECTIVE, Verdict.RETURN)
    clerk = acts.SignatoryEnrolled("home-office", "ho-auditor", "Auditor", signer("signatory/ho-auditor").public_key)
    register.do(clerk, "party/home-office")
    assert register.do(returned, "signatory/ho-auditor") == ["wrong state"]
    assert register.do(review, "signatory/ho-auditor") == []
    assert register.do(review, "signatory/ho-auditor") == ["wrong state"]
    assert overdue_retrospectives(register.snapshot, late) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"dates": agreement().dates.model_copy(update={"start": date(2026, 11, 20), "end": date(2026, 12, 4)})},
        {"exceptional": exceptional().exceptional.model_copy(update={"review_by": date(2027, 1, 1)})},
        {"exceptional": exceptional().exceptional.model_copy(update={"review_by": date(2026, 11, 19)})},
        {"parties": tuple(party.model_copy(update={"signs": party.signs[:1]}) for party in agreement().parties)},
    ],
)
def test_an_exception_that_is_none_is_refused(changes):
    one = exceptional(**changes)
    assert enrolled().submit(one) == ["no exceptional disclosure"]
    found = check(render(one))
    assert isinstance(found, Faults)
    assert {fault.code.identifier for fault in found.items} == {"AGR-084"}


def test_an_ordinary_agreement_has_no_retrospective_review_and_an_exception_no_other():
    register = signed(exceptional())
    assert register.do(register.reviewing(REFERENCE, Track.LEGAL), "signatory/ho-owner") == ["wrong state"]
    waiting = enrolled()
    waiting.submit(exceptional(), reviewed=False)
    assert waiting.do(waiting.reviewing(REFERENCE, Track.LEGAL), "signatory/ho-owner") == ["wrong state"]
    assert newest(waiting).state is AgreementState.AWAITING_SIGNATURES
