"""The corpus of faulty agreements goes on: clauses behind a sound document, each faulty in one way, with code and place."""

from __future__ import annotations

import pytest

from agreements.text import check
from contracts.faults import Faults
from tests.unit.agreements.test_faulty_documents import FORM, MEANING, SOUND

LINES = SOUND.count("\n")
BEHIND = [
    ("change: ''", "AGR-007", (1, 9)),
    ("change: ~", "AGR-008", (1, 1)),
    ("under: { reference: UMOU-1, version: 1, hash: 'sha256:00' }", "AGR-007", (1, 47)),
    ("under: { reference: UMOU-1, version: 1 }", "AGR-003", (1, 8)),
    ("under: UMOU-1", "AGR-005", (1, 8)),
    ("exceptional: { threat: Somebody }", "AGR-003", (1, 14)),
    ("exceptional: { threat: Somebody, review_by: soon }", "AGR-005", (1, 45)),
    ("geography: { countries: [] }", "AGR-007", (1, 25)),
    ("geography: { countries: [gb] }", "AGR-007", (1, 26)),
    ("geography: { countries: [NO] }", "AGR-006", (1, 26)),
    ("geography: { countries: [GB], country: x }", "AGR-002", (1, 31)),
    ("security: { standard: 27001 }", "AGR-005", (1, 23)),
    ("security: { certificate: x }", "AGR-002", (1, 13)),
    ("attestations: [{ id: a, by: home-office, subject: x, every: P1Y }]", "AGR-007", (1, 61)),
    ("attestations: [{ id: A, by: home-office, subject: x, every: P365D }]", "AGR-007", (1, 22)),
    ("attestations: [{ by: home-office, subject: x, every: P365D }]", "AGR-003", (1, 16)),
    ("attestations: { id: a }", "AGR-005", (1, 15)),
    ("subject_access: { answered_by: home-office }", "AGR-003", (1, 17)),
    ("subject_access: { answered_by: Home Office, within: P30D }", "AGR-007", (1, 32)),
    ("breach: { notify_within: PT24H, contact: x }", "AGR-007", (1, 26)),
    ("breach: { notify_within: P1D }", "AGR-003", (1, 9)),
    ("audit: { log_retention: P84M }", "AGR-007", (1, 25)),
    ("audit: { right: yes }", "AGR-006", (1, 17)),
    ("returns: [{ subject: x, every: P12M }]", "AGR-007", (1, 32)),
    ("costs: 100", "AGR-005", (1, 8)),
    ("costs: 1.50", "AGR-006", (1, 8)),
    ("disputes: [a, b]", "AGR-005", (1, 11)),
    ("liability: off", "AGR-006", (1, 12)),
    ("variation:", "AGR-008", (1, 1)),
    ("review: { reminders: P90D }", "AGR-005", (1, 22)),
    ("review: { reminders: [P3M] }", "AGR-007", (1, 23)),
    ("review: { overdue: stop }", "AGR-007", (1, 20)),
    ("termination: { notice: P3M }", "AGR-007", (1, 24)),
    ("termination: { notice: 90 }", "AGR-007", (1, 24)),
    ("subject_access: { answered_by: home-office, within: P1M, by: x }", "AGR-002", (1, 58)),
    ("titel: x", "AGR-002", (1, 1)),
    ("law: { power: x, lawful_basis: y, regime: uk-gdpr }", "AGR-004", (1, 1)),
    ("geography:\n  countries: [GB]\n  countries: [GB]", "AGR-004", (3, 3)),
    ("audit: { right: x", "AGR-001", None),
    ("\taudit: x", "AGR-001", None),
]


@pytest.mark.parametrize(("text", "code", "place"), BEHIND)
def test_a_faulty_clause_is_named_with_its_place(text, code, place):
    found = check(f"{SOUND}{text}\n")
    assert isinstance(found, Faults)
    assert {fault.code.identifier for fault in found.items} == {code}
    if place is not None:
        assert [(fault.line, fault.column) for fault in found.items] == [(LINES + place[0], place[1])]


def test_the_corpus_has_a_hundred_documents():
    assert len(FORM) + len(MEANING) + len(BEHIND) >= 100
