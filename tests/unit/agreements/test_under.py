"""Umbrellas in the register: who may stand under which, who has signed it, and what its suspension and end do below."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from agreements import acts, text
from agreements.checkpoint import seal, unseal
from agreements.instants import end_of
from agreements.inventory.due import due
from agreements.model import Agreement, AgreementKind, Dates, Limits, Party, Purposes, Side, Under
from agreements.snapshot import AgreementState, Coverage, Snapshot, Standing
from agreements.standing import moments, stand
from agreements.umbrella.meet import Effective
from agreements.umbrella.under import accessions, expiring, rebase
from contracts.faults import Faults
from tests.registers import SIRO, Register, agreement, enrolled, signer

DSA = "DSA-2026-101"
UMBRELLA = "UMOU-2026-001"
SIGNERS = ("wp-siro", "ho-siro", "ho-owner")


def umbrella(version: int = 1, **clauses) -> Agreement:
    """An umbrella whose shares are those of the example, for any number of parties."""
    base = agreement(DSA)
    given = {"reference": UMBRELLA, "kind": AgreementKind.UMBRELLA_MOU, "version": version}
    return base.model_copy(update=given | clauses)


def below(register: Register, pinned: int = 1, **clauses) -> Agreement:
    """The example under a version of the umbrella as it stands in the register."""
    entry = register.snapshot.agreements[UMBRELLA][pinned - 1]
    under = Under(reference=UMBRELLA, version=pinned, hash=entry.content_hash)
    return agreement(DSA).model_copy(update={"under": under} | clauses)


def signed(register: Register, submitted: Agreement, *people: str) -> Register:
    """The register once that agreement was submitted and signed."""
    assert register.submit(submitted) == []
    for person in people or SIGNERS:
        assert register.sign(submitted.reference, f"signatory/{person}") == []
    if submitted.kind is AgreementKind.DSA:
        register.acknowledge(submitted.reference, "signatory/wp-siro")
    return register


def standing(snapshot: Snapshot, share: int = 0) -> tuple[Standing, str, str]:
    entry = snapshot.agreements[DSA][-1]
    found = stand(snapshot, Coverage(entry, entry.shares[share]), entry.starts_at)
    return found.standing, found.code, found.clause


@pytest.fixture
def above() -> Register:
    """A register with a signed umbrella."""
    return signed(enrolled(), umbrella())


def test_an_umbrella_is_approved_and_delivers_nothing(above):
    entry = above.snapshot.agreement(UMBRELLA)
    assert entry.state is AgreementState.APPROVED
    assert entry.view_schemas == {}
    assert above.snapshot.coverages("crossings") == ()
    assert above.snapshot.jobs == ()


def test_what_holds_is_in_the_entry_and_the_hash_is_that_of_the_text(above):
    own = below(above, limits=Limits(look_back=timedelta(days=5)), purposes=Purposes(prohibited=("marketing",)))
    signed(above, own)
    entry = above.snapshot.agreement(DSA)
    assert entry.document == own
    assert entry.content_hash == text.content_hash(own)
    assert set(entry.agreement.purposes.prohibited) == {"marketing", *agreement(DSA).purposes.prohibited}
    assert [coverage.share for coverage in above.snapshot.coverages("crossings")] == [
        share for share in entry.agreement.shares if share.dataset == "crossings"
    ]
    assert standing(above.snapshot)[0] is Standing.IN_FORCE


def test_widening_is_ignored_by_the_fold(above):
    assert above.submit(below(above, dates=Dates(start=date(2026, 1, 1), end=date(2099, 1, 1)))) == ["widening"]
    assert above.snapshot.agreement(DSA) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reference": "UMOU-UNHEARD"}, "does not have it"),
        ({"version": 2}, "does not have it"),
        ({"hash": "sha256:" + "0" * 64}, "its content hash is"),
    ],
)
def test_an_umbrella_that_is_another_is_refused(above, change, said):
    own = below(above)
    assert above.submit(own.model_copy(update={"under": own.under.model_copy(update=change)})) == [
        "umbrella cannot be stood under"
    ]
    assert said in above.alarms[-1].fault.message


def test_an_umbrella_that_is_not_signed_or_is_no_umbrella_is_refused():
    register = enrolled()
    register.submit(umbrella())
    assert register.submit(below(register)) == ["umbrella cannot be stood under"]
    signed(register, agreement(DSA))
    entry = register.snapshot.agreement(DSA)
    under = Under(reference=DSA, version=1, hash=entry.content_hash)
    other = agreement(DSA).model_copy(update={"reference": "DSA-2026-999", "under": under})
    assert register.submit(other) == ["umbrella cannot be stood under"]
    assert "a DSA is no umbrella" in register.alarms[-1].fault.message


def test_an_mou_of_two_parties_is_an_umbrella_too_once_both_have_signed():
    register = signed(enrolled(), umbrella(kind=AgreementKind.MOU))
    signed(register, below(register))
    assert register.snapshot.agreement(DSA).state is AgreementState.APPROVED


def test_only_a_dsa_stands_under_another(above):
    other = below(above, reference="UMOU-2026-002", kind=AgreementKind.UMBRELLA_MOU)
    assert above.submit(other) == ["parties do not fit the kind"]


def many() -> Agreement:
    third = Party(organisation="revenue", side=Side.RECIPIENT, role="controller", signs=(SIRO,))
    return umbrella(parties=(*umbrella().parties, third))


def with_revenue() -> Register:
    register = enrolled()
    register.do(acts.PartyAdded("revenue", "revenue", signer("party/revenue").public_key), "operator")
    key = signer("signatory/hm-siro").public_key
    register.do(acts.SignatoryEnrolled("revenue", "hm-siro", SIRO, key), "party/revenue")
    return register


def test_each_party_of_an_umbrella_of_many_accedes_for_itself():
    register = with_revenue()
    register.submit(many())
    for person in ("hm-siro", "ho-siro"):
        assert register.sign(UMBRELLA, f"signatory/{person}") == []
    assert register.snapshot.agreement(UMBRELLA).state is AgreementState.AWAITING_SIGNATURES
    assert register.sign(UMBRELLA, "signatory/ho-owner") == []
    entry = register.snapshot.agreement(UMBRELLA)
    assert entry.state is AgreementState.APPROVED
    assert accessions(entry) == {"home-office", "revenue"}
    assert register.submit(below(register)) == ["umbrella cannot be stood under"]
    assert "work-and-pensions has not signed it" in register.alarms[-1].fault.message
    approved_at = entry.approved_position
    assert register.sign(UMBRELLA, "signatory/wp-siro") == []
    entry = register.snapshot.agreement(UMBRELLA)
    assert (entry.state, entry.approved_position) == (AgreementState.APPROVED, approved_at)
    signed(register, below(register))
    assert register.sign(UMBRELLA, "signatory/wp-siro") != []


def test_a_suspended_umbrella_stops_what_is_under_it_until_it_is_resumed(above):
    signed(above, below(above))
    assert above.do(acts.AgreementSuspended(UMBRELLA, "a breach"), "signatory/ho-siro") == []
    assert standing(above.snapshot) == (Standing.HELD, "umbrella-suspended", "under")
    assert above.snapshot.agreement(DSA).state is AgreementState.APPROVED
    assert above.do(acts.AgreementResumed(UMBRELLA), "signatory/ho-siro") == []
    assert standing(above.snapshot)[0] is Standing.IN_FORCE


def test_one_share_of_an_umbrella_stops_what_lies_under_that_share(above):
    signed(above, below(above))
    first = above.snapshot.agreement(UMBRELLA).agreement.shares[0].id
    above.do(acts.AgreementSuspended(UMBRELLA, "one of them", (first,)), "operator")
    assert standing(above.snapshot, 0)[1] == "umbrella-suspended"
    assert standing(above.snapshot, 1)[0] is Standing.IN_FORCE


def test_a_share_that_a_newer_umbrella_calls_otherwise_stops_what_lies_under_the_older(above):
    signed(above, below(above))
    renamed = tuple(share.model_copy(update={"id": f"new-{share.id}"}) for share in umbrella().shares)
    signed(above, umbrella(2, shares=renamed))
    assert standing(above.snapshot, 0)[0] is Standing.IN_FORCE
    assert above.do(acts.AgreementSuspended(UMBRELLA, "one of them", (renamed[0].id,)), "operator") == []
    assert standing(above.snapshot, 0)[1] == "umbrella-suspended"
    assert standing(above.snapshot, 1)[0] is Standing.IN_FORCE


def test_the_end_of_an_umbrella_ends_what_is_under_it(above):
    short = umbrella(2, dates=Dates(start=agreement(DSA).dates.start, end=date(2027, 3, 31)))
    signed(above, short)
    late = below(above, 2)
    assert above.submit(late) == ["widening"]
    signed(above, below(above, 2, dates=Dates(start=late.dates.start, end=date(2027, 3, 31))))
    assert above.snapshot.agreement(DSA).ends_at == end_of(date(2027, 3, 31))
    above.do(acts.AgreementTerminated(UMBRELLA, "no longer needed"), "signatory/ho-siro")
    assert standing(above.snapshot)[1:] == ("umbrella-ended", "under")


def test_a_notice_given_to_an_umbrella_ends_what_is_under_it_with_its_last_day(above):
    signed(above, below(above))
    day = date(2027, 3, 31)
    assert above.do(acts.AgreementTerminated(UMBRELLA, "no longer needed", last_day=day), "signatory/ho-siro") == []
    entry = above.snapshot.agreements[DSA][-1]
    coverage = Coverage(entry, entry.shares[0])
    last = end_of(day)
    assert last in moments(above.snapshot, entry, entry.starts_at)
    assert stand(above.snapshot, coverage, last - timedelta(microseconds=1)).standing is Standing.IN_FORCE
    assert stand(above.snapshot, coverage, last).code == "umbrella-ended"


def test_a_new_version_of_the_umbrella_changes_nothing_below_and_shows_that_a_rebase_is_needed(above):
    signed(above, below(above))
    entry = above.snapshot.agreement(DSA)
    assert rebase(above.snapshot, entry) is None
    signed(above, umbrella(2, purposes=Purposes(prohibited=("research",)), limits=Limits(look_back=timedelta(days=1))))
    assert above.snapshot.agreements[UMBRELLA][0].state is not AgreementState.TERMINATED
    assert above.snapshot.agreement(DSA) == entry
    assert standing(above.snapshot)[0] is Standing.IN_FORCE
    needed = rebase(above.snapshot, entry)
    assert (needed.pinned, needed.newest) == (1, 2)
    assert [one.reference for one in due(above.snapshot, above.time) if one.kind == "re-base"] == [DSA]
    assert {clause for clause, _, _ in needed.clauses} >= {"purposes.prohibited", "limits.look_back"}
    assert isinstance(needed.effective, Effective | Faults)
    assert above.submit(below(above, 1, version=2)) == ["umbrella cannot be stood under"]


def test_what_was_replaced_above_is_not_activated_below(above):
    above.submit(below(above))
    for person in SIGNERS[:-1]:
        above.sign(DSA, f"signatory/{person}")
    dates = agreement(DSA).dates
    signed(above, umbrella(2, dates=dates.model_copy(update={"start": date(2026, 11, 1)})))
    assert above.sign(DSA, f"signatory/{SIGNERS[-1]}") == ["umbrella cannot be stood under"]


def test_an_umbrella_that_ends_soon_names_what_is_under_it(above):
    signed(above, below(above))
    end = above.snapshot.agreement(UMBRELLA).ends_at
    assert expiring(above.snapshot, end - timedelta(days=91)) == ()
    (found,) = expiring(above.snapshot, end - timedelta(days=90))
    assert (found.umbrella.agreement.reference, found.agreements) == (UMBRELLA, (DSA,))
    assert expiring(above.snapshot, end) == ()
    early, soon = (due(above.snapshot, end - timedelta(days=days)) for days in (91, 90))
    reminded = [one.reference for one in soon if one.kind == "umbrella-end" and one.is_reminded]
    assert reminded == [DSA]
    assert not any(one.is_reminded for one in early if one.kind == "umbrella-end")


def test_an_owner_can_require_an_umbrella():
    register = enrolled()
    old, required = "concordat.kind, value: event }", "concordat.umbrella, value: required }"
    changes = {old: f"{old}\n  - {{ property: {required}", "version: 1.0.0": "version: 1.0.1"}
    assert register.publish("crossings", **changes) == []
    assert register.snapshot.contract("crossings").contract.umbrella_required
    assert register.submit(agreement(DSA)) == ["umbrella required"]
    signed(register, umbrella())
    signed(register, below(register))


def test_a_checkpoint_keeps_what_holds_and_what_was_signed(above):
    signed(above, below(above, limits=Limits(look_back=timedelta(days=2))))
    key = signer("checkpoint")
    found = unseal(seal(above.snapshot, key.key), [key.public_key])
    assert isinstance(found, Snapshot)
    assert found.agreements == above.snapshot.agreements
    assert replace(found, agreements={}).position == above.snapshot.position
