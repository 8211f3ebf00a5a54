"""Notices in the register: who may issue and answer, by when, and how a case ends."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from agreements import acts
from agreements.acts.notices import Telling
from agreements.checkpoint import seal, unseal
from agreements.durations import Duration
from agreements.instants import day_of, end_of
from agreements.notices import WITHIN, CaseState, NoticeKind, answer_by
from agreements.promises import AfterDelivery, Answered
from agreements.snapshot import AgreementState
from tests.registers import agreement, approved, signer

REFERENCE, DATASET, SHARE = "DSA-2026-101", "crossings", "departures"
OWNER, RECIPIENT = "signatory/ho-owner", "signatory/wp-siro"


def promised(**clauses: str) -> AfterDelivery:
    return AfterDelivery(**{name: Answered(acknowledge_within=within) for name, within in clauses.items()})


@pytest.fixture
def register():
    found = approved()
    (share,) = (s for s in agreement().shares if s.dataset == DATASET)
    assert share.id == SHARE
    return found


def issued(register, *, number=1, kind=NoticeKind.CORRECTED, days=None, shares=(SHARE,), **changes):
    day = day_of(register.time)
    due = answer_by(register.snapshot.agreement(REFERENCE).agreement, kind, day)
    if days is not None:
        due = day + timedelta(days=days)
    tellings = tuple(
        Telling(
            **{
                "reference": REFERENCE,
                "share": s,
                "recipient": "work-and-pensions",
                "answer_by": due,
                "digest": "0" * 64,
            }
            | changes
        )
        for s in shares
    )
    return acts.NoticeIssued(number, kind, DATASET, tellings)


def answered(refused=None, number=1, share=SHARE):
    return acts.NoticeAcknowledged(number, REFERENCE, share, refused)


def state(register, after=timedelta(0)):
    return register.snapshot.notices[1].state(register.time + after)


def test_a_case_is_open_until_the_recipient_has_done_it(register):
    assert register.do(issued(register), OWNER) == []
    assert state(register) is CaseState.OPEN
    assert state(register, timedelta(days=WITHIN.days + 2)) is CaseState.OVERDUE
    assert register.do(answered("nothing is held any more"), RECIPIENT) == []
    assert state(register) is CaseState.PARTIALLY_EXECUTED
    assert register.snapshot.notices[1].told[0].failure == "refused: nothing is held any more"
    assert register.do(answered(), RECIPIENT) == []
    assert state(register) is CaseState.COMPLETE
    assert register.do(answered("no"), RECIPIENT) == ["wrong state"]


def test_only_the_owner_issues_and_only_the_recipient_answers(register):
    for actor in (RECIPIENT, "operator", "party/home-office"):
        assert register.do(issued(register), actor) == ["not entitled"]
    assert register.do(issued(register, number=2), OWNER) == ["already there"]
    assert register.do(issued(register), OWNER) == []
    assert register.do(issued(register), OWNER, expects=1) == ["already there"]
    for actor in (OWNER, "operator"):
        assert register.do(answered(), actor) == ["not entitled"]
    assert register.do(answered(share="elsewhere"), RECIPIENT) == ["unknown object"]
    assert register.do(answered(number=2), RECIPIENT) == ["unknown object"]


def test_nobody_is_told_who_never_had_a_share_of_the_dataset(register):
    for wrong in ({"recipient": "health"}, {"share": "people"}, {"reference": "DSA-2026-102"}):
        assert register.do(issued(register, **wrong), OWNER) == ["unknown object"], wrong
    assert register.do(issued(register, shares=(SHARE, SHARE)), OWNER) == ["already there"]
    (entry,) = register.snapshot.agreements[REFERENCE]
    draft = replace(entry, state=AgreementState.SUBMITTED, approved_position=None)
    register.snapshot = replace(register.snapshot, agreements={REFERENCE: (draft,)})
    assert register.do(issued(register, days=30), OWNER) == ["unknown object"]


def test_an_ended_agreement_is_told_and_answers_as_it_promised(register):
    (entry,) = register.snapshot.agreements[REFERENCE]
    said = entry.agreement.model_copy(update={"after_delivery": promised(corrections="P5D")})
    ended = replace(entry, agreement=said, state=AgreementState.TERMINATED)
    register.snapshot = replace(register.snapshot, agreements={REFERENCE: (ended,)})
    for days in (4, 6, 30):
        assert register.do(issued(register, days=days), OWNER) == ["deadline not the agreement's"]
    assert register.do(issued(register, days=5), OWNER) == []
    due = register.snapshot.notices[1].told[0].answer_by
    assert due == day_of(register.time) + timedelta(days=5)
    register.time = end_of(due) - timedelta(seconds=2)
    closing = acts.NoticeClosed(1, "They do not answer.")
    assert register.do(closing, OWNER) == ["wrong state"]
    register.time = end_of(due)
    assert state(register) is CaseState.OVERDUE
    assert register.do(closing, RECIPIENT) == ["not entitled"]
    assert register.do(closing, OWNER) == []
    assert state(register) is CaseState.PARTIALLY_EXECUTED
    assert register.do(closing, OWNER) == ["wrong state"]
    assert register.do(answered(), RECIPIENT) == []
    assert state(register) is CaseState.COMPLETE


def test_a_case_that_could_not_be_searched_everywhere_is_never_complete(register):
    act = issued(register)
    unsearched = acts.NoticeIssued(act.number, act.kind, act.dataset, act.told, ("DSA-2020-001/old",))
    assert register.do(unsearched, OWNER) == []
    assert register.do(answered(), RECIPIENT) == []
    assert state(register) is CaseState.PARTIALLY_EXECUTED


@pytest.mark.parametrize(
    ("kind", "clause"),
    [
        (NoticeKind.CORRECTED, "corrections"),
        (NoticeKind.ERASED, "erasures"),
        (NoticeKind.RESTRICTED, "erasures"),
        (NoticeKind.MERGED, "identity_changes"),
        (NoticeKind.SPLIT, "identity_changes"),
    ],
)
def test_each_kind_is_answered_within_its_own_clause(kind, clause):
    day, everything = date(2026, 11, 26), ("corrections", "erasures", "identity_changes")
    others = promised(**dict.fromkeys([name for name in everything if name != clause], "P1D"))
    assert answer_by(agreement().model_copy(update={"after_delivery": others}), kind, day) == date(2026, 12, 26)
    said = agreement().model_copy(update={"after_delivery": promised(**{clause: "P3M2D"})})
    assert answer_by(said, kind, day) == date(2027, 2, 28)


def test_months_end_where_the_month_does():
    assert Duration(months=1).after(date(2027, 1, 31)) == date(2027, 2, 28)
    assert Duration(months=13, days=1).after(date(2026, 12, 31)) == date(2028, 2, 1)


def test_a_checkpoint_keeps_cases(register):
    assert register.do(issued(register), OWNER) == []
    assert register.do(answered("no"), RECIPIENT) == []
    key = signer("checkpoint")
    found = unseal(seal(register.snapshot, key.key), [key.public_key])
    assert found.notices == register.snapshot.notices
    assert isinstance(found.notices[1].told[0].answer.at, datetime)
