"""Well signed and harmful: acts that must become alarms, since a fold that fails would stop every reader for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from agreements import acts, text
from agreements.model import AgreementKind, Limits, Side, Under
from agreements.snapshot import AgreementState
from contracts.faults import Faults
from tests.registers import SIRO, agreement, approved, enrolled, signer

REFERENCE = "DSA-2026-101"


def test_a_last_day_at_the_end_of_the_calendar_is_refused():
    register = approved()
    act = acts.AgreementTerminated(REFERENCE, "forever", last_day=date.max)
    assert register.do(act, "signatory/wp-siro") == ["wrong state"]


@pytest.mark.parametrize("time", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_a_time_at_the_end_of_the_calendar_is_no_act(time):
    register = approved()
    register.time = time if time.year == 1 else time - timedelta(seconds=1)
    act = acts.AgreementTerminated(REFERENCE, "forever", last_day=date(2027, 6, 1))
    assert register.do(act, "signatory/wp-siro") == ["not an act"]


@pytest.mark.parametrize(("clause", "longer"), [("P30D", "P36526D"), ("P2Y", "P100Y1M"), ("P2Y", "P36526D")])
def test_a_length_of_time_that_could_leave_the_calendar_is_refused(clause, longer):
    changed = text.render(agreement()).replace(f"retention: {clause}", f"retention: {longer}")
    found = text.parse(changed)
    assert isinstance(found, Faults)
    assert "hundred years" in found.items[0].message


@pytest.mark.parametrize("side", list(Side))
def test_terms_between_two_of_one_side_are_refused(side):
    register = enrolled()
    parties = tuple(party.model_copy(update={"side": side}) for party in agreement().parties)
    one_sided = agreement().model_copy(update={"kind": AgreementKind.MOU, "reference": "MOU-1", "parties": parties})
    assert register.submit(one_sided) == ["parties do not fit the kind"]


def reversed_parties():
    """The example with the parties' sides changed: the recipient would provide what is the other's."""
    other = {Side.PROVIDER: Side.RECIPIENT, Side.RECIPIENT: Side.PROVIDER}
    parties = tuple(party.model_copy(update={"side": other[party.side]}) for party in agreement().parties)
    return agreement().model_copy(update={"parties": parties})


def test_nobody_provides_a_dataset_of_somebody_else():
    assert enrolled().submit(reversed_parties()) == ["not entitled"]


def test_a_dataset_that_got_its_owner_after_the_submission_is_not_signed_away():
    register = enrolled()
    published = register.snapshot.contracts
    register.snapshot = replace(register.snapshot, contracts={})
    assert register.submit(reversed_parties()) == []
    register.snapshot = replace(register.snapshot, contracts=published)
    assert register.sign(REFERENCE, "signatory/wp-siro") == []
    assert register.sign(REFERENCE, "signatory/ho-siro") == []
    assert register.sign(REFERENCE, "signatory/ho-owner") == ["not entitled"]


def test_filters_that_are_too_long_together_are_refused():
    register = enrolled()
    rows = "route == 'a' || " * 600 + "route == 'b'"
    shares = tuple(share.model_copy(update={"rows": rows}) for share in agreement().shares)
    above = agreement().model_copy(update={"reference": "MOU-1", "kind": AgreementKind.MOU, "shares": shares})
    assert register.submit(above) == []
    for person in ("wp-siro", "ho-siro", "ho-owner"):
        assert register.sign("MOU-1", f"signatory/{person}") == []
    entry = register.snapshot.agreement("MOU-1")
    assert entry.state is AgreementState.APPROVED
    own = tuple(share.model_copy(update={"rows": rows.replace("a", "c")}) for share in agreement().shares)
    under = Under(reference="MOU-1", version=1, hash=entry.content_hash)
    below = agreement().model_copy(update={"under": under, "shares": own})
    assert register.submit(below) == ["document too large"]


def test_a_worker_does_not_stop_an_umbrella_under_which_nothing_is_counted():
    register = enrolled()
    limits = Limits(events_per_day=5)
    above = agreement().model_copy(update={"reference": "MOU-1", "kind": AgreementKind.MOU, "limits": limits})
    assert register.submit(above) == []
    for person in ("wp-siro", "ho-siro", "ho-owner"):
        assert register.sign("MOU-1", f"signatory/{person}") == []
    register.do(acts.WorkerEnrolled("one", signer("worker/one").public_key), "operator")
    act = acts.LimitReached("MOU-1", "events_per_day", "2026-11-24")
    assert register.do(act, "worker/one") == ["wrong state"]


def test_a_key_is_not_given_twice_by_a_line_break_behind_it():
    register = enrolled()
    key = signer("signatory/ho-siro").public_key + "\n"
    act = acts.SignatoryEnrolled("home-office", "second-person", SIRO, key)
    assert register.do(act, "party/home-office") == ["not an act"]


def test_a_name_has_no_line_break_behind_it():
    register = enrolled()
    act = acts.PartyAdded("revenue\n", "Revenue", signer("party/revenue").public_key)
    assert register.do(act, "operator") == ["not an act"]
