"""Suspension of a part: what it names is resolved once, and a suspended field leaves no more."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from agreements import acts
from agreements.checkpoint import seal, unseal
from agreements.selection import Selection, select
from agreements.snapshot import SIGNED, Coverage, JobKind, Standing
from agreements.standing import stand
from broker.cluster.access import may_read
from broker.policy.compile import compile_plan
from contracts.faults import Refused
from tests.registers import agreement, approved, signer

REFERENCE = "DSA-2026-101"
IN_FORCE = datetime(2027, 6, 1, tzinfo=UTC)
NAME, BIRTH = ("residents", "family_name"), ("residents", "date_of_birth")
PEOPLE = ("wp-siro", "ho-siro", "ho-owner")


def entry_of(register):
    return register.snapshot.agreement(REFERENCE)


def effective(register, share):
    return next(c.share for c in register.snapshot.coverages("travellers") if c.share.id == share)


def asked_for(register, after):
    return [(j.share, j.kind) for j in register.snapshot.jobs if j.position > after]


@pytest.mark.parametrize(
    ("only", "found"),
    [
        (["departures"], Selection(("departures",), ())),
        (["share=residents"], Selection(("residents",), ())),
        (["purpose=benefits"], Selection(("departures", "residents"), ())),
        (["purpose=benefits.entitlement.residence"], Selection(("departures", "residents"), ())),
        (["dataset=crossings"], Selection(("departures",), ())),
        (["recipient=work-and-pensions"], Selection(("departures", "residents"), ())),
        (["field=family_name"], Selection((), (NAME,))),
        (["field=residents/family_name"], Selection((), (NAME,))),
        (["field=family_name", "share=residents"], Selection(("residents",), ())),
        (["field=reference"], Selection(("residents",), ())),
    ],
)
def test_what_is_asked_for_is_resolved_to_shares_and_fields(only, found):
    snapshot = approved().snapshot
    entries = [entry for entry in snapshot.agreements[REFERENCE] if entry.state in SIGNED]
    assert select(entries, only, lambda share: snapshot.contract(share.dataset).contract.key) == found


@pytest.mark.parametrize(
    "only",
    [
        "purpose=benefit",
        "purpose=benefits.entitlement.residence.other",
        "share=x",
        "dataset=ports",
        "recipient=home-office",
        "field=departures/family_name",
        "field=officer_note",
        "field=family",
        "colour=red",
        "",
    ],
)
def test_what_means_nothing_there_is_refused(only):
    snapshot = approved().snapshot
    with pytest.raises(Refused, match="AGR-082"):
        select(snapshot.agreements[REFERENCE], [only], lambda _: ())


def test_a_suspended_field_is_in_no_plan_and_rows_are_derived_again():
    register = approved()
    before, whole = register.snapshot.position, entry_of(register)
    assert register.suspend_fields(REFERENCE, "signatory/wp-siro", NAME) == []
    entry, share = entry_of(register), effective(register, "residents")
    assert "family_name" not in share.fields
    assert entry.agreement == whole.agreement, "the signed text stays as it is"
    plan = compile_plan(entry.agreement, entry.content_hash, share, register.snapshot.contract("travellers").contract)
    assert "family_name" in plan.dropped
    assert "family_name" not in plan.view_text
    assert entry.view_schemas["residents"] != whole.view_schemas["residents"]
    assert entry.view_schemas["departures"] == whole.view_schemas["departures"]
    assert asked_for(register, before) == [("residents", JobKind.CORRECTION)]
    assert stand(register.snapshot, Coverage(entry, share), IN_FORCE).standing is Standing.IN_FORCE
    assert may_read(entry, "residents", IN_FORCE)
    restored = unseal(seal(register.snapshot, signer("operator").key), {signer("operator").public_key})
    assert restored == register.snapshot


def test_each_side_lifts_its_own_and_the_field_comes_back_when_nobody_stops_it():
    register = approved()
    whole = effective(register, "residents")
    register.suspend_fields(REFERENCE, "signatory/wp-siro", NAME, BIRTH)
    register.suspend_fields(REFERENCE, "signatory/ho-siro", NAME)
    assert register.resume(REFERENCE, "signatory/wp-siro") == []
    assert set(whole.fields) - set(effective(register, "residents").fields) == {"family_name"}
    assert register.resume(REFERENCE, "signatory/ho-siro") == []
    assert effective(register, "residents") == whole
    assert entry_of(register).state == "approved"


def test_the_operator_may_suspend_a_field_too():
    register = approved()
    assert register.suspend_fields(REFERENCE, "operator", NAME) == []
    assert register.resume(REFERENCE, "signatory/ho-siro") == ["wrong state"]
    assert register.resume(REFERENCE, "operator") == []


def test_an_act_without_the_views_that_it_needs_is_ignored():
    register = approved()
    named = (acts.SuspendedField(*NAME),)
    assert register.do(acts.AgreementSuspended(REFERENCE, "x", (), named), "operator") == ["schema ids do not fit"]
    view = acts.ShareView(1, "departures", entry_of(register).view_schemas["departures"])
    whole = acts.AgreementSuspended(REFERENCE, "x", ("departures",), (), (), (view,))
    assert register.do(whole, "operator") == ["schema ids do not fit"]
    unknown = acts.AgreementSuspended(REFERENCE, "x", (), (acts.SuspendedField("departures", "family_name"),))
    assert register.do(unknown, "operator") == ["unknown object"]
    register.suspend_fields(REFERENCE, "operator", NAME)
    assert register.do(acts.AgreementResumed(REFERENCE), "operator") == ["schema ids do not fit"]


def test_a_share_without_a_field_left_is_stopped_as_a_whole():
    register = approved()
    fields = [("residents", path) for path in effective(register, "residents").fields]
    assert register.suspend_fields(REFERENCE, "operator", *fields) == []
    entry = entry_of(register)
    found = stand(register.snapshot, Coverage(entry, effective(register, "residents")), IN_FORCE)
    assert (found.standing, found.code) == (Standing.HELD, "suspended")
    assert not may_read(entry, "residents", IN_FORCE)
    assert register.resume(REFERENCE, "operator") == []
    back = Coverage(entry_of(register), effective(register, "residents"))
    assert stand(register.snapshot, back, IN_FORCE).standing is Standing.IN_FORCE


def test_signing_a_newer_version_lifts_no_suspended_field():
    register = approved()
    register.suspend_fields(REFERENCE, "signatory/wp-siro", NAME)
    dates = agreement().dates.model_copy(update={"start": date(2026, 1, 1)})
    assert register.submit(agreement().model_copy(update={"version": 2, "dates": dates})) == []
    for person in PEOPLE:
        assert register.sign(REFERENCE, f"signatory/{person}") == []
    assert "family_name" not in effective(register, "residents").fields
    assert entry_of(register).agreement.version == 2
