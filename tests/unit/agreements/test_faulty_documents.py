"""A corpus of faulty agreements: each is one change of a sound one, with the code and the place that are expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from agreements.clauses import ClauseClass, clause_report, leaves_nothing_unenforced, report_text
from agreements.compare import changes
from agreements.drafting.templates import template
from agreements.mechanisms import MECHANISMS
from agreements.model import Agreement
from agreements.text import check, parse, places
from contracts.faults import Faults
from tests.registers import EXAMPLES

SOUND = """\
concordat: agreement/1
reference: DSA-2026-014
version: 1
kind: dsa
title: Departures from the UK
parties:
  - organisation: home-office
    side: provider
    role: controller
    signs: [Senior Information Risk Owner, Information Asset Owner]
  - organisation: work-and-pensions
    side: recipient
    role: controller
    signs: [Senior Information Risk Owner]
    hosting: GB
purposes:
  prohibited: [marketing, profiling]
law:
  power: Social Security Administration Act 1992
  lawful_basis: UK GDPR Article 6(1)(e)
  regime: uk-gdpr
shares:
  - id: departures
    dataset: border-crossings
    contract: 1
    purpose: benefits.entitlement
    classification_ceiling: OFFICIAL
    rows: direction == "outbound"
    key: tokenise
    fields:
      direction: keep
      crossed_at: { generalise: day }
    caveats: [return-leg-may-be-missing@2]
limits:
  look_back: P90D
dates:
  start: 2026-12-01
  end: 2029-11-30
  review: 2027-12-01
delivery:
  retention: P30D
  when_suspended: hold
after_delivery:
  retention: P2Y
justification: { benefits: Fewer errors, necessity: No other source, proportionality: Two fields }
assessments:
  data_protection: { reference: DPIA-1, outcome: low-residual-risk, decided_on: 2026-08-14 }
transparency: { privacy_notice: "https://www.example.gov.uk/privacy" }
"""
FORM = [
    ("version: 1\n", "version: '1'\n", "AGR-005", (3, 10)),
    ("version: 1\n", "version: 1_000\n", "AGR-006", (3, 10)),
    ("version: 1\n", "version: 010\n", "AGR-006", (3, 10)),
    ("version: 1\n", "version: 1.0\n", "AGR-006", (3, 10)),
    ("version: 1\n", "version: 0\n", "AGR-007", (3, 10)),
    ("version: 1\n", "version: true\n", "AGR-005", (3, 10)),
    ("version: 1\n", "version: 9007199254740993\n", "AGR-007", (3, 10)),
    ("version: 1\n", "version: 1\nversion: 1\n", "AGR-004", (4, 1)),
    ("version: 1\n", "", "AGR-003", (1, 1)),
    ("concordat: agreement/1\n", "", "AGR-003", (1, 1)),
    ("agreement/1", "agreement/2", "AGR-007", (1, 12)),
    ("kind: dsa", "kind: DSA", "AGR-007", (4, 7)),
    ("DSA-2026-014", "dsa-2026-014", "AGR-007", (2, 12)),
    ("DSA-2026-014", "2026-01-01", "AGR-005", (2, 12)),
    ("title: Departures from the UK", "title: no", "AGR-006", (5, 8)),
    ("title: Departures from the UK", "title: 'no'\nremark: x", "AGR-002", (6, 1)),
    ("title: Departures from the UK", "title: 2026-12-01", "AGR-005", (5, 8)),
    ("title: Departures from the UK", "title:", "AGR-008", (5, 1)),
    ("title: Departures from the UK", "title: null", "AGR-008", (5, 1)),
    ("title: Departures from the UK", "title: '  '", "AGR-007", (5, 8)),
    ("title: Departures from the UK", "title: *other", "AGR-009", (5, 8)),
    ("title: Departures from the UK", "title: &it Departures", "AGR-009", (5, 8)),
    ("title: Departures from the UK", "title: !!str Departures", "AGR-009", (5, 8)),
    ("title: Departures from the UK", "title: [Departures", "AGR-001", None),
    ("title: Departures from the UK", "title: a: b", "AGR-001", (5, 9)),
    ("title: Departures from the UK", "title: a\x07b", "AGR-001", (5, 9)),
    ("title: Departures from the UK", "? [a, b]\n: c\ntitle: x", "AGR-009", (5, 3)),
    ("side: provider", "side: giver", "AGR-007", (8, 11)),
    ("hosting: GB", "hosting: NO", "AGR-006", (15, 14)),
    ("signs: [Senior Information Risk Owner]", "signs: Senior", "AGR-005", (14, 12)),
    ("signs: [Senior Information Risk Owner]", "signs: []", "AGR-007", (14, 12)),
    ("regime: uk-gdpr", "regime: gdpr", "AGR-007", (21, 11)),
    ("regime: uk-gdpr", "regime: uk-gdpr\n  regme: uk-gdpr", "AGR-002", (22, 3)),
    ("contract: 1\n", "contract: -1\n", "AGR-007", (25, 15)),
    ("direction: keep", "direction: show", "AGR-007", (31, 18)),
    ("direction: keep", "direction: { truncate: 0 }", "AGR-007", (31, 18)),
    ("direction: keep", "direction: { mask: {} }", "AGR-007", (31, 18)),
    ("direction: keep", "direction: { action: keep }", "AGR-007", (31, 18)),
    ("generalise: day", "generalise: week", "AGR-007", (32, 19)),
    ("direction: keep", "a b: keep", "AGR-007", (31, 7)),
    ("direction: keep", "on: keep", "AGR-006", (31, 7)),
    ("missing@2", "missing", "AGR-007", (33, 15)),
    ("look_back: P90D", "look_back: P3M", "AGR-007", (35, 14)),
    ("look_back: P90D", "look_back: P1DT24H", "AGR-007", (35, 14)),
    ("look_back: P90D", "look_back: 90", "AGR-007", (35, 14)),
    ("look_back: P90D", "lookback: P90D", "AGR-002", (35, 3)),
    ("retention: P2Y", "retention: P24M", "AGR-007", (44, 14)),
    ("start: 2026-12-01", "start: '2026-12-01'", "AGR-005", (37, 10)),
    ("start: 2026-12-01", "start: 2026-02-30", "AGR-007", (37, 10)),
    ("start: 2026-12-01", "start: 2026-12-01T00:00:00Z", "AGR-006", (37, 10)),
    ("start: 2026-12-01", "start: 3026-12-01", "AGR-007", (37, 10)),
]
MEANING = [
    (
        "when_suspended: hold",
        "when_suspended: hold\n  window:\n    opens: '08:00'\n    closes: '08:00'",
        "AGR-070",
        (45, 13),
    ),
    ("end: 2029-11-30", "end: 2026-11-30", "AGR-021", (38, 8)),
    ("review: 2027-12-01", "review: 2030-12-01", "AGR-021", (39, 11)),
    ("organisation: work-and-pensions", "organisation: home-office", "AGR-020", (11, 19)),
    ("side: recipient", "side: provider", "AGR-020", (7, 3)),
    ("signs: [Senior Information Risk Owner]", "signs: [Officer, Officer]", "AGR-020", (14, 12)),
    ("prohibited: [marketing, profiling]", "prohibited: [benefits]", "AGR-023", (26, 14)),
    ("look_back: P90D", "look_back: PT12H", "AGR-024", (35, 14)),
    ("limits:\n", "geography: { countries: [IE] }\nlimits:\n", "AGR-029", (15, 14)),
    ("    key: tokenise\n", "    never_with: [border-crossings]\n    key: tokenise\n", "AGR-028", (29, 17)),
    (
        "kind: dsa",
        'kind: mou\nunder: { reference: UMOU-1, version: 1, hash: "sha256:' + "0" * 64 + '" }',
        "AGR-020",
        (5, 8),
    ),
    ("prohibited: [marketing, profiling]", "permitted: [benefit, tax]", "AGR-063", (26, 14)),
    ("[return-leg-may-be-missing@2]", "[a@1, a@2]", "AGR-026", (33, 14)),
]


def only_fault(found):
    assert isinstance(found, Faults), found
    return {(fault.code.identifier, (fault.line, fault.column)) for fault in found.items}


def test_the_sound_document_has_no_fault():
    assert isinstance(check(SOUND), Agreement)
    assert isinstance(check(template("dsa")), Agreement)
    for file in sorted((EXAMPLES / "agreements").glob("*.yaml")):
        assert isinstance(check(file.read_text()), Agreement), file


@pytest.mark.parametrize(("before", "after", "code", "place"), FORM)
def test_a_fault_of_form_is_named_with_its_place(before, after, code, place):
    assert before in SOUND
    found = parse(SOUND.replace(before, after, 1))
    expected = only_fault(found)
    assert len(expected) == 1, str(found)
    ((found_code, found_place),) = expected
    assert found_code == code, str(found)
    assert place is None or found_place == place, str(found)


@pytest.mark.parametrize(("before", "after", "code", "place"), MEANING)
def test_a_fault_of_meaning_is_named_with_its_place(before, after, code, place):
    assert before in SOUND
    text = SOUND.replace(before, after, 1)
    assert isinstance(parse(text), Agreement)
    assert (code, place) in only_fault(check(text)), str(check(text))


def test_all_faults_are_reported_at_once_in_the_order_of_the_text():
    text = SOUND
    for before, after in (
        ("version: 1\n", "version: 1_000\n"),
        ("title: Departures from the UK", "title: no"),
        ("regime: uk-gdpr", "regme: uk-gdpr"),
        ("direction: keep", "direction: show"),
        ("look_back: P90D", "lookback: P90D"),
    ):
        text = text.replace(before, after)
    found = parse(text, "x.yaml")
    assert isinstance(found, Faults)
    codes = [fault.code.identifier for fault in found.items]
    assert codes == ["AGR-006", "AGR-006", "AGR-003", "AGR-002", "AGR-007", "AGR-002"]
    assert {fault.file for fault in found.items} == {"x.yaml"}
    assert "did you mean `regime`?" in str(found)
    assert "did you mean `look_back`?" in str(found)


def test_a_document_that_is_too_deep_or_too_large_is_refused():
    assert only_fault(parse("a: " + "[" * 50 + "]" * 50)) == {("AGR-009", (1, 15))}
    assert only_fault(parse("a: " + "x" * 1_000_001)) == {("AGR-010", (1, 1))}


def test_every_clause_is_in_one_class():
    agreement = check(SOUND)
    report = clause_report(agreement)
    assert len({line.clause for line in report}) == len(report)
    assert {line.clause_class for line in report} <= set(ClauseClass) - {ClauseClass.UNENFORCED}
    assert leaves_nothing_unenforced(report_text(agreement))
    assert not leaves_nothing_unenforced("[]")
    unknown = report_text(agreement).replace('"gate"', '"unenforced"', 1)
    assert not leaves_nothing_unenforced(unknown)


def test_places_and_changes_speak_in_clause_paths():
    assert places(SOUND)["shares[0].rows"] == (28, 11)
    other = check(SOUND.replace("direction: keep", "direction: tokenise").replace("hosting: GB", "hosting: FR"))
    assert changes(check(SOUND), other) == [
        ("parties[work-and-pensions].hosting", "GB", "FR"),
        ("shares[departures].fields.direction", "keep", "tokenise"),
    ]


def test_the_test_that_shows_each_mechanism_exists():
    root = Path(__file__).parents[3]
    for name, mechanism in MECHANISMS.items():
        if mechanism.clause_class is ClauseClass.UNENFORCED:
            assert not mechanism.shown_by, name
            continue
        file, _, function = mechanism.shown_by.partition("::")
        assert f"def {function}" in (root / file).read_text(), name
