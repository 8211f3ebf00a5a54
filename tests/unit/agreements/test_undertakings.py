"""What people must do so that an agreement flows: caveats, attestations and reviews, in the fold and in the standing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from agreements import acts
from agreements.checkpoint import seal, unseal
from agreements.instants import end_of
from agreements.inventory.due import due
from agreements.model import Attestation, Limits, Review
from agreements.snapshot import Coverage, Standing
from agreements.standing import moments, stand
from tests.registers import agreement, approved, signer

REFERENCE = "DSA-2026-101"
NOON = datetime(2027, 6, 1, 12, tzinfo=UTC)
DATASET, CAVEAT = "crossings", "return-leg-may-be-missing"
DAY = date(2027, 12, 1)
DATES = agreement().dates.model_copy(update={"review": DAY})
ATTESTATION = Attestation(
    id="training",
    by="work-and-pensions",
    subject="Everybody with access is trained.",
    every=timedelta(days=365),
    grace=timedelta(days=14),
)


def acknowledged(version, caveat=CAVEAT):
    return acts.CaveatAcknowledged(REFERENCE, DATASET, caveat, version)


def made(text="All of them."):
    return acts.AttestationGiven(REFERENCE, "training", text)


def reviewed(following=None, version=1):
    return acts.ReviewHeld(REFERENCE, version, "Still necessary.", following)


def standing(register, now=NOON, *, index=0):
    entry = register.snapshot.agreements[REFERENCE][-1]
    share = next(s for s in entry.agreement.shares if s.dataset == DATASET) if index == 0 else None
    return stand(register.snapshot, Coverage(entry, share), now)


def changed(register, **clauses):
    """The register as it would be had the agreement these clauses, too."""
    (entry,) = register.snapshot.agreements[REFERENCE]
    other = replace(entry, agreement=entry.agreement.model_copy(update=clauses))
    register.snapshot = replace(register.snapshot, agreements={REFERENCE: (other,)})
    return register


def test_a_new_version_of_a_caveat_stops_a_share_until_the_recipient_has_acknowledged_it():
    register = approved()
    assert standing(register).standing is Standing.IN_FORCE
    register.publish(
        DATASET, **{"version: 1.0.0": "version: 1.1.0", f"id: {CAVEAT}, version: 2": f"id: {CAVEAT}, version: 3"}
    )
    assert register.alarms == []
    index = next(i for i, s in enumerate(agreement().shares) if s.dataset == DATASET)
    found = standing(register)
    assert found.standing in (Standing.HELD, Standing.DROPPED)
    assert (found.code, found.clause) == ("caveat-unacknowledged", f"shares[{index}].caveats")
    assert register.do(acknowledged(3), "signatory/ho-siro") == ["not entitled"]
    assert register.do(acknowledged(3), "operator") == ["not entitled"]
    assert register.do(acknowledged(4), "signatory/wp-siro") == ["unknown object"]
    assert register.do(acknowledged(2), "signatory/wp-siro") == ["wrong state"]
    assert register.do(acknowledged(1, "unheard-of"), "signatory/wp-siro") == ["unknown object"]
    assert register.do(acknowledged(3), "signatory/wp-siro") == []
    assert standing(register).standing is Standing.IN_FORCE
    assert register.do(acknowledged(3), "signatory/wp-siro") == ["wrong state"]


def test_an_attestation_stops_before_the_first_and_when_it_is_overdue():
    register = changed(approved(), attestations=(ATTESTATION,))
    assert standing(register)[1:] == ("attestation-overdue", "attestations[0]")
    assert register.do(made(), "signatory/ho-siro") == ["not entitled"]
    assert register.do(acts.AttestationGiven(REFERENCE, "else", "Yes."), "signatory/wp-siro") == ["unknown object"]
    assert register.do(made(), "signatory/wp-siro") == []
    entry, at = register.snapshot.agreements[REFERENCE][0], register.time
    stops = at + ATTESTATION.every + ATTESTATION.grace
    assert standing(register, stops - timedelta(seconds=1)).standing is Standing.IN_FORCE
    assert standing(register, stops).code == "attestation-overdue"
    assert stops in moments(register.snapshot, entry, stops - timedelta(days=1))
    register.time = stops
    assert register.do(made("Again."), "signatory/wp-siro") == []
    assert standing(register, stops + timedelta(days=1)).standing is Standing.IN_FORCE


def test_an_attestation_of_other_words_or_dated_ahead_is_none():
    register = changed(approved(), attestations=(ATTESTATION,))
    register.time = NOON + timedelta(days=9)
    assert register.do(made(), "signatory/wp-siro") == []
    assert standing(register, NOON).code == "attestation-overdue"
    assert standing(register, register.time).standing is Standing.IN_FORCE
    changed(register, attestations=(ATTESTATION.model_copy(update={"subject": "Everybody is vetted."}),))
    assert standing(register, register.time).code == "attestation-overdue"


def test_an_overdue_review_stops_the_agreement_where_it_says_so():
    clause = Review(overdue="suspend", grace=timedelta(days=30))
    register = changed(approved(), review=clause, dates=DATES)
    stops = end_of(DAY) + clause.grace
    assert standing(register, stops - timedelta(seconds=1)).standing is Standing.IN_FORCE
    assert standing(register, stops)[1:] == ("review-overdue", "review.overdue")
    assert (
        standing(changed(approved(), review=Review(overdue="warn"), dates=DATES), stops).standing is Standing.IN_FORCE
    )
    register.time = stops
    following = DAY + timedelta(days=200)
    assert register.do(reviewed(following), "operator") == ["not entitled"]
    assert register.do(reviewed(following, version=2), "signatory/ho-siro") == ["wrong state"]
    assert register.do(reviewed(DAY), "signatory/ho-siro") == ["dates out of order"]
    assert register.do(reviewed(date(2990, 1, 1)), "signatory/ho-siro") == ["dates out of order"]
    assert register.do(reviewed(following), "signatory/ho-siro") == []
    assert standing(register, stops).standing is Standing.IN_FORCE
    assert standing(register, end_of(following) + clause.grace).code == "review-overdue"


def test_the_last_review_is_not_held_before_its_day():
    register = changed(approved(), dates=DATES)
    register.time = end_of(DAY) - timedelta(days=2)
    assert register.do(reviewed(), "signatory/ho-siro") == ["dates out of order"]
    register.time = end_of(DAY) - timedelta(hours=2)
    assert register.do(reviewed(), "signatory/ho-siro") == []
    assert register.do(reviewed(), "signatory/ho-siro") == ["wrong state"]


@pytest.mark.parametrize("act", [acknowledged(2), made(), reviewed()])
def test_nothing_is_done_under_an_agreement_that_has_ended(act):
    register = changed(approved(), attestations=(ATTESTATION,))
    register.do(acts.AgreementTerminated(REFERENCE, "done"), "signatory/wp-siro")
    register.time = NOON + timedelta(days=400)
    assert register.do(act, "signatory/wp-siro") == ["wrong state"]


def test_a_checkpoint_keeps_what_was_done():
    register = changed(approved(), attestations=(ATTESTATION,), dates=DATES)
    register.time = datetime(2028, 1, 1, tzinfo=UTC)
    for act in (made(), reviewed()):
        assert register.do(act, "signatory/wp-siro") == []
    key = signer("worker").key
    restored = unseal(seal(register.snapshot, key), [signer("worker").public_key])
    assert restored == register.snapshot


def test_what_is_due_is_listed_with_the_most_urgent_first():
    clauses = {"attestations": (ATTESTATION,), "dates": DATES, "review": Review(reminders=(timedelta(days=30),))}
    register = changed(approved(), **clauses)
    soon = timedelta(days=90)
    assert [(o.kind, o.at) for o in due(register.snapshot, NOON, soon)] == [("attestation", None)]
    register.do(made(), "signatory/wp-siro")
    at = register.time + ATTESTATION.every
    found = due(register.snapshot, at)
    assert [(o.kind, o.is_overdue) for o in found] == [("attestation", True), ("review", False), ("end", False)]
    reminded = end_of(DAY) - timedelta(days=30)
    assert [o.kind for o in due(register.snapshot, reminded - timedelta(hours=1), timedelta(0))] == []
    assert ("review", True) in [(o.kind, o.is_reminded) for o in due(register.snapshot, reminded, timedelta(0))]
    register.publish(
        DATASET, **{f"id: {CAVEAT}, version: 2": f"id: {CAVEAT}, version: 3", "version: 1.0.0": "version: 1.1.0"}
    )
    (first, *_) = due(register.snapshot, NOON)
    assert (first.kind, first.by, first.what) == ("caveat", "work-and-pensions", f"{CAVEAT}@3 of {DATASET}")
    register.do(acts.AgreementTerminated(REFERENCE, "done"), "signatory/wp-siro")
    assert [one.kind for one in due(register.snapshot, NOON)] == ["certificate"]


def test_a_worker_suspends_at_a_limit_that_says_so_and_does_nothing_else():
    register = approved()
    register.do(acts.WorkerEnrolled("one", signer("worker/one").public_key), "operator")
    reached = acts.LimitReached(REFERENCE, "events_per_day", "2027-06-01")
    assert register.do(reached, "worker/one") == ["agreement not acceptable"]
    changed(register, limits=Limits(events_per_day=5, when_reached="deny"))
    assert register.do(reached, "worker/one") == ["agreement not acceptable"]
    changed(register, limits=Limits(events_per_day=5))
    for actor in ("operator", "signatory/ho-siro"):
        assert register.do(reached, actor) == ["not entitled"]
    assert register.do(reached, "worker/two") == ["not entitled"]
    assert register.do(reached, "worker/one") == []
    assert standing(register)[1:] == ("limit-events", "limits.events_per_day")
    assert register.do(reached, "worker/one") == ["wrong state"]
    for act in (
        acts.AgreementResumed(REFERENCE),
        acts.AgreementSuspended(REFERENCE, "a whim"),
        acts.AgreementTerminated(REFERENCE, "a whim"),
        acts.WorkerEnrolled("two", signer("worker/two").public_key),
        acknowledged(2),
    ):
        assert register.do(act, "worker/one") == ["not entitled"]
    assert register.do(acts.AgreementResumed(REFERENCE), "signatory/wp-siro") == ["wrong state"]
    assert register.do(acts.AgreementResumed(REFERENCE), "signatory/ho-siro") == []
    assert standing(register).standing is Standing.IN_FORCE


@pytest.mark.parametrize(
    ("present", "coming", "found"), [("suspend", "deny", []), ("deny", "suspend", ["agreement not acceptable"])]
)
def test_the_version_in_force_says_what_its_limit_does_and_one_that_has_not_begun_says_nothing(present, coming, found):
    register, reached = two_versions(present, coming), acts.LimitReached(REFERENCE, "events_per_day", "2026-11-24")
    assert register.do(reached, "worker/one") == found


def test_what_an_older_register_accepted_at_a_limit_stays_accepted_and_what_follows_it_too():
    """Then any signed version could say that its limit suspends."""
    register, reached = two_versions("deny", "suspend"), acts.LimitReached(REFERENCE, "events_per_day", "2026-11-24")
    register.snapshot = replace(register.snapshot, stamped_since=None)
    expects = register.snapshot.version(reached.subject())
    record = acts.record(
        reached,
        signer=signer("worker/one"),
        register=register.snapshot.operator_key,
        expects=expects,
        time=register.time,
    )
    assert register.add(record, is_stamped=False) == []
    assert register.do(acts.AgreementResumed(REFERENCE), "signatory/ho-siro", expects=expects + 1) == []
    assert register.do(reached, "worker/one") == ["agreement not acceptable"]


def two_versions(present, coming):
    """A register with an agreement whose next version has not begun, and what the limits of both do."""
    register = approved()
    register.do(acts.WorkerEnrolled("one", signer("worker/one").public_key), "operator")
    (entry,) = register.snapshot.agreements[REFERENCE]
    turn = register.time + timedelta(days=30)

    def version(number, said, **dates):
        changes = {"version": number, "limits": Limits(events_per_day=5, when_reached=said)}
        return replace(entry, agreement=entry.agreement.model_copy(update=changes), **dates)

    versions = (version(1, present, ends_at=turn), version(2, coming, starts_at=turn))
    register.snapshot = replace(register.snapshot, agreements={REFERENCE: versions})
    return register
