"""Differences between agreements in words: what a signatory reads before signing a new version."""

from __future__ import annotations

import pytest

from agreements.compare import changes, differences
from agreements.english import field_words, treatment_words
from agreements.text import check
from agreements.treatments import read_treatment
from tests.unit.agreements.test_faulty_documents import SOUND


def said(*replacements: tuple[str, str]) -> list[str]:
    other = SOUND
    for before, after in replacements:
        assert before in other
        other = other.replace(before, after)
    return [found.sentence for found in differences(check(SOUND), check(other))]


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("      direction: keep", "      direction: keep\n      born: { generalise: year }", "adds born, year only, to share departures"),
        ("      direction: keep", "      direction: tokenise", "shares direction in share departures as a pseudonym instead of as it is"),
        ("{ generalise: day }", "drop", "no longer shares crossed at in share departures (it was shared day only)"),
        ("2029-11-30", "2030-11-30", "changes the last day from 2029-11-30 to 2030-11-30"),
        ("P2Y", "P3Y", "changes how long the recipient may keep the data from P2Y to P3Y"),
        ("    hosting: GB\n", "", "removes where work-and-pensions keeps the data (it was GB)"),
        ("  look_back: P90D", "  look_back: P90D\ncosts: none", "adds costs: none"),
        ('direction == "outbound"', 'direction != "inbound"', 'changes which rows share departures has from direction == "outbound" to direction != "inbound"'),
    ],
)  # fmt: skip
def test_a_difference_is_one_sentence(before, after, sentence):
    assert said((before, after)) == [sentence]


def test_a_share_that_is_added_is_named_clause_by_clause():
    more = "limits:\n"
    share = "  - {id: second, dataset: x, contract: 1, purpose: a.b, classification_ceiling: OFFICIAL, key: keep, fields: {z: keep}}\n"
    found = differences(check(SOUND), check(SOUND.replace(more, share + more)))
    assert {difference.clause for difference in found} >= {"shares[second].dataset", "shares[second].fields.z"}
    assert all(difference.before is None for difference in found)


def test_nothing_differs_from_itself():
    assert differences(check(SOUND), check(SOUND)) == ()
    assert changes(check(SOUND), check(SOUND)) == []


def test_every_treatment_has_words():
    forms = [
        "keep",
        "drop",
        "tokenise",
        "encrypt",
        "mask",
        {"mask": {"keep_first": 1, "keep_last": 2}},
        {"truncate": 3},
    ]
    forms += [{"generalise": grain} for grain in ("hour", "day", "month", "year", "district", {"band": 10})]
    words = [treatment_words(read_treatment(form)) for form in forms]
    assert len(set(words)) == len(words)
    assert words[5] == "the first 1 and the last 2 characters only"


def test_a_field_of_a_record_is_named_from_the_inside():
    assert field_words("traveller.date_of_birth") == "date of birth of traveller"
