"""Datasets that never go together, and countries outside which nothing may be kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from agreements.checks import problems
from agreements.combination import clashes
from agreements.model import Dates
from agreements.promises import Geography
from agreements.snapshot import AgreementState, Coverage, Standing
from agreements.standing import moments, stand
from broker.proofs.world import NOW, agreement, entry_of, share, snapshot_of
from tests.registers import agreement as example
from tests.registers import approved, enrolled

PLAIN = agreement(share())
EXCLUDING = agreement(share(never_with=("elsewhere",)))
BESIDE = agreement(share(dataset="elsewhere"), reference="DSA-BESIDE")
EXCLUDED = agreement(share(dataset="elsewhere", never_with=("proof",)), reference="DSA-BESIDE")


def dated(made, start, end):
    return made.model_copy(update={"dates": Dates(start=start, end=end)})


def codes(made):
    return [problem.code.identifier for problem in problems(made)]


@pytest.mark.parametrize(("one", "other"), [(EXCLUDING, BESIDE), (PLAIN, EXCLUDED)])
def test_an_agreement_clashes_whichever_of_the_two_says_so(one, other):
    (found,) = clashes(one, [entry_of(other)], NOW)
    assert (found.share, found.dataset) == (0, "elsewhere")
    assert not list(clashes(PLAIN, [entry_of(BESIDE)], NOW))


@pytest.mark.parametrize(
    "other",
    [
        replace(entry_of(BESIDE), state=AgreementState.TERMINATED),
        replace(entry_of(BESIDE), state=AgreementState.SUBMITTED),
        entry_of(dated(BESIDE, date(2025, 1, 1), date(2025, 12, 31))),
        entry_of(dated(BESIDE, date(2027, 1, 1), date(2027, 12, 31))),
        entry_of(BESIDE.model_copy(update={"reference": EXCLUDING.reference})),
        entry_of(
            BESIDE.model_copy(
                update={
                    "parties": tuple(
                        p.model_copy(update={"organisation": f"x-{p.organisation}"}) for p in BESIDE.parties
                    )
                }
            )
        ),
    ],
)
def test_what_does_not_stand_beside_it_does_not_clash(other):
    assert not list(clashes(EXCLUDING, [other], NOW))


@pytest.mark.parametrize(("mine", "theirs", "standing"), [(5, 3, Standing.DROPPED), (3, 5, Standing.IN_FORCE)])
def test_the_later_of_two_stops(mine, theirs, standing):
    snapshot = snapshot_of([entry_of(EXCLUDING, position=mine), entry_of(BESIDE, position=theirs)])
    (coverage,) = snapshot.coverages("proof")
    found = stand(snapshot, coverage, NOW)
    assert found.standing is standing
    if standing is Standing.DROPPED:
        assert (found.code, found.clause) == ("combination", "shares[0].never_with")


def test_the_standing_changes_when_the_other_begins_and_ends():
    other = entry_of(dated(BESIDE, date(2026, 7, 1), date(2026, 7, 31)), position=3)
    snapshot = snapshot_of([entry_of(EXCLUDING, position=5), other])
    (coverage,) = snapshot.coverages("proof")
    assert stand(snapshot, coverage, NOW).standing is Standing.IN_FORCE
    assert {other.starts_at, other.ends_at} <= set(moments(snapshot, coverage.entry, NOW))
    assert stand(snapshot, coverage, other.starts_at).standing is Standing.DROPPED
    assert stand(snapshot, coverage, other.ends_at).standing is Standing.IN_FORCE
    assert stand(snapshot, Coverage(other, other.agreement.shares[0]), other.starts_at).standing is Standing.IN_FORCE


def other_share():
    """The example's other share under a reference of its own, kept apart from the first."""
    made = example("DSA-2026-101")
    apart = made.shares[1].model_copy(update={"never_with": ("crossings",)})
    return made.model_copy(update={"reference": "DSA-2026-109", "shares": (apart,)})


def test_the_register_refuses_the_second_at_submission():
    register = approved("DSA-2026-101")
    assert register.submit(other_share()) == ["never together"]
    assert register.submit(other_share().model_copy(update={"shares": example("DSA-2026-101").shares[1:]})) == []


def test_the_register_refuses_the_second_at_its_last_signature():
    register = enrolled()
    for made in (example("DSA-2026-101"), other_share()):
        assert register.submit(made) == []
    for reference, last in (("DSA-2026-101", []), ("DSA-2026-109", ["never together"])):
        for person in ("wp-siro", "ho-siro"):
            assert register.sign(reference, f"signatory/{person}") == []
        assert register.sign(reference, "signatory/ho-owner") == last


def test_one_agreement_does_not_share_what_it_keeps_apart():
    both = agreement(share(never_with=("elsewhere",)), share(id="other", dataset="elsewhere"))
    assert "AGR-028" in codes(both)
    assert "AGR-028" not in codes(EXCLUDING)


@pytest.mark.parametrize(("hosting", "is_fault"), [("GB", False), ("US", True), (None, True)])
def test_the_recipient_keeps_the_data_in_an_agreed_country(hosting, is_fault):
    parties = tuple(p.model_copy(update={"hosting": hosting}) for p in PLAIN.parties)
    made = PLAIN.model_copy(update={"parties": parties, "geography": Geography(countries=("GB",))})
    assert ("AGR-029" in codes(made)) is is_fault
    assert "AGR-029" not in codes(PLAIN)
