"""The inventory: finding, near duplicates, the public register out and in, and the expression in other words."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from agreements.inventory.duplicates import overlaps
from agreements.inventory.finding import Wanted, found
from agreements.inventory.odrl import expression
from agreements.inventory.public_register import COLUMNS, REDACTED, drafts, published, register_text
from agreements.snapshot import AgreementEntry, AgreementState
from agreements.text import content_hash, parse
from contracts.faults import Faults
from tests.unit.agreements.test_faulty_documents import SOUND

BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)


def changed(*replacements: tuple[str, str]):
    text = SOUND
    for before, after in replacements:
        assert before in text, before
        text = text.replace(before, after)
    agreement = parse(text)
    assert not isinstance(agreement, Faults), str(agreement)
    return agreement


def entry(agreement):
    return AgreementEntry(agreement, content_hash(agreement), "x", AgreementState.APPROVED, 1, BEGIN, END)


@pytest.mark.parametrize(
    ("wanted", "is_found"),
    [
        (Wanted(), True),
        (Wanted(state="approved", party="home-office", dataset="border-crossings"), True),
        (Wanted(state="suspended"), False),
        (Wanted(party="health"), False),
        (Wanted(dataset="visas"), False),
        (Wanted(purpose="benefits"), True),
        (Wanted(purpose="benefit"), False),
        (Wanted(words="UK departures"), True),
        (Wanted(words="departures moon"), False),
    ],
)
def test_an_agreement_is_found_by_what_it_has(wanted, is_found):
    assert bool(found([entry(parse(SOUND))], wanted)) == is_found


def test_a_planted_near_duplicate_is_found_and_a_stranger_is_not():
    twin = changed(
        ("DSA-2026-014", "DSA-2026-099"),
        ("purpose: benefits.entitlement", "purpose: benefits"),
        ("      direction: keep", "      direction: tokenise\n      port: keep"),
    )
    other_parties = changed(("DSA-2026-014", "DSA-2026-098"), ("work-and-pensions", "health-security"))
    other_purpose = changed(("DSA-2026-014", "DSA-2026-097"), ("benefits.entitlement", "tax"))
    other_fields = changed(("DSA-2026-014", "DSA-2026-096"), ("direction: keep", "a: keep"), ("crossed_at:", "b:"))
    pairs = overlaps([parse(SOUND), twin, other_parties, other_purpose, other_fields])
    assert [(one.first, one.second) for one in pairs] == [("DSA-2026-014 departures", "DSA-2026-099 departures")]
    assert (pairs[0].percent, pairs[0].fields) == (66, ("crossed_at", "direction"))


PUBLIC = (
    "transparency: { ",
    'transparency: { publish: true, redactions: ["shares[0].fields.direction", law.power], ',
)


def test_only_what_is_published_is_in_the_register_and_redactions_are_kept():
    agreement = changed(PUBLIC)
    rows = list(published([(parse(SOUND), "approved"), (agreement, "approved")]))
    assert len(rows) == 1
    row = rows[0]
    assert list(csv.DictReader(io.StringIO(register_text(rows)))) == [row]
    assert set(row) == set(COLUMNS)
    assert (row["powers"], row["disclosed information"]) == (REDACTED, "crossed at")
    assert (row["start"], row["end"], row["review date"]) == ("2026-12-01", "2029-11-30", "2027-12-01")
    assert row["controllers"] == "home-office; work-and-pensions"


def test_no_cell_of_the_register_is_a_formula():
    row = dict.fromkeys(COLUMNS, "") | {"title": "=HYPERLINK(1)"}
    assert "'=HYPERLINK(1)" in register_text([row])


REGISTER = """\
Name,Purpose,Benefits,Disclosed information,Start date,End date,Review date,Powers,Controllers
Fuel poverty,To help,Warmth,Names,01/12/2026,2028-11-30,,Section 36,Department for Energy;Some Council
Debt,To recover,Money,Debts,1 December 2026,30 November 2027,2027-06-01,Section 48,A;B;C
"""


def test_an_existing_register_becomes_drafts_that_can_be_read():
    made = drafts(REGISTER)
    assert list(made) == ["IMPORTED-0001", "IMPORTED-0002"]
    first, second = (parse(text) for text in made.values())
    assert (first.kind, second.kind) == ("dsa", "mou")
    assert [party.organisation for party in first.parties] == ["department-for-energy", "some-council"]
    assert (str(first.dates.start), str(second.dates.review)) == ("2026-12-01", "2027-06-01")
    assert first.law.power == "Section 36"


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("Controllers", "Parties", 1),
        ("01/12/2026", "soon", 2),
        ("Department for Energy;Some Council", "Department for Energy", 2),
    ],
)
def test_a_register_that_cannot_be_read_is_refused_with_its_line(before, after, line):
    refused = drafts(REGISTER.replace(before, after))
    assert isinstance(refused, Faults)
    assert [fault.line for fault in refused.items] == [line]


def test_the_expression_says_that_it_is_only_one():
    made = expression(parse(SOUND))
    assert made["concordat:expressionOnly"] is True
    assert made["concordat:contentHash"] == content_hash(parse(SOUND))
    assert made["permission"][0]["constraint"][0]["rightOperand"] == "concordat:purpose:benefits.entitlement"
    assert [one["action"] for one in made["obligation"]] == ["delete"]
