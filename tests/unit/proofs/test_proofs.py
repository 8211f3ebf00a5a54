"""NOTHING-UNENFORCED: every mechanism is proved, and no agreement comes into force where one has been taken out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agreements import acts
from agreements.clauses import clause_name, clause_report
from agreements.mechanisms import MECHANISMS, ClauseClass
from agreements.snapshot import PartyEntry
from broker.keys import FileKeys
from broker.proofs import prove
from broker.proofs.codes import UNPROVEN
from broker.proofs.umbrellas import signed
from broker.proofs.world import PROVIDER, RECIPIENT, Seen, entry_of, snapshot_of
from broker.register.agreeing import activating
from contracts.faults import Refused, Unusable
from tests.unit.proofs.mutants import ABOVE, EVERY_LABEL, MUTATIONS, everything

ACTING = {name for name, mechanism in MECHANISMS.items() if mechanism.clause_class in prove.PROVED}
GATES = {name for name, mechanism in MECHANISMS.items() if mechanism.clause_class is ClauseClass.GATE}
CASES = [(name, number) for name, mutants in sorted(MUTATIONS.items()) for number in range(len(mutants))]


def _activate(directory: Path) -> acts.AgreementSigned:
    """What the last signature on an agreement with every acting clause leads to."""
    parties = {name: PartyEntry(name, name, "00" * 32, (), 1) for name in (PROVIDER, RECIPIENT)}
    entry = entry_of(everything())
    snapshot = replace(snapshot_of([entry, signed(ABOVE)], EVERY_LABEL), parties=parties)
    last = acts.AgreementSigned(entry.agreement.reference, 1, "statement", "00" * 64)
    return activating(last, entry, snapshot, FileKeys(directory / "secrets"))


def test_every_clause_that_acts_has_a_proof_and_mutants():
    assert set(prove.PROOFS) - GATES == ACTING
    assert set(MUTATIONS) == set(prove.PROOFS)
    assert all(MUTATIONS.values())
    assert {clause_name(line.path) for line in clause_report(everything())} >= set(prove.PROOFS)


def test_every_mechanism_is_proved(tmp_path):
    assert prove.failing(ACTING) == {}
    prove.check_every_mechanism()
    assert prove.unproven(everything()) == ()
    assert set(_activate(tmp_path).view_schemas) == {share.id for share in everything().shares}


@pytest.mark.parametrize(("clause", "number"), CASES)
def test_no_agreement_comes_into_force_without_the_mechanism(clause, number, monkeypatch, tmp_path):
    others_hold = dict.fromkeys(prove.PROOFS, lambda: "")
    monkeypatch.setattr(prove, "PROOFS", others_hold | {clause: prove.PROOFS[clause]})
    for name, replacement in MUTATIONS[clause][number].items():
        monkeypatch.setattr(name, replacement)
    with pytest.raises(Refused) as refused:
        _activate(tmp_path)
    assert {fault.code for fault in refused.value.faults} == {UNPROVEN}
    named = {fault.message.split("`")[1] for fault in refused.value.faults}
    assert named == {line.clause for line in clause_report(everything()) if clause_name(line.path) == clause}


def test_a_clause_without_a_proof_and_a_proof_that_breaks_prove_nothing(monkeypatch):
    assert prove.failing(["shares.unheard"]) == {"shares.unheard": "there is no proof of its mechanism"}

    def broken() -> str:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(prove, "PROOFS", {**prove.PROOFS, "shares.rows": broken})
    (fault,) = prove.unproven(everything())
    assert "`shares[0].rows`" in fault.message
    assert "ZeroDivisionError" in fault.message
    assert "secret" not in str(fault)
    with pytest.raises(Unusable):
        prove.check_every_mechanism()


def test_what_was_seen_is_said_in_words():
    assert str(Seen("deny", ("look-back",))) == "deny (look-back)"
    assert str(Seen("permit")) == "permit (no reason)"
