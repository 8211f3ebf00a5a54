"""Agreements as text: `parse(render(x)) == x`, one spelling per value, canonical bytes as RFC 8785 has them."""

from __future__ import annotations

import json
from datetime import date, timedelta

import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from agreements.durations import Duration
from agreements.model import (
    AfterDelivery,
    Agreement,
    Assessments,
    Corrections,
    DataProtectionAssessment,
    Dates,
    Delivery,
    Law,
    Limits,
    Party,
    PublicInterestAssessment,
    Purposes,
    Review,
    Share,
    Under,
)
from agreements.text import canonical, content_hash, document, from_canonical, parse, render
from agreements.treatments import Band, Mask, Treatment

QUICK = settings(max_examples=40, deadline=None, derandomize=True)
TRICKY = st.sampled_from(
    [
        "no",
        "1_000",
        "2026-01-01",
        "null",
        "~",
        "12:30",
        "- a",
        "a: b",
        "#x",
        " x ",
        "x\ny",
        "“q”",
        "a\u2028b",
        "\U0001f600",
        "'",
        '"\\',
    ],
)
PRINTABLE = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff\ufffe\uffff")
TEXT = TRICKY | st.text(PRINTABLE, min_size=1, max_size=30).filter(lambda words: bool(words.strip()))
COUNT = st.integers(1, 2**53 - 1)
DAY = st.dates(date(1900, 1, 1), date(2999, 12, 31))
EXACT = st.integers(1, 10**9).map(lambda seconds: timedelta(seconds=seconds))
CALENDAR = st.builds(Duration, st.integers(0, 119), st.integers(1, 99))
SLUG = st.from_regex(r"[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
REFERENCE = SLUG.map(str.upper)
PURPOSE = st.lists(SLUG, min_size=1, max_size=3).map(".".join)
FIELD = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}(\.[A-Za-z_][A-Za-z0-9_]{0,5}){0,2}", fullmatch=True)
KEPT = st.integers(0, 10_000)
TREATMENT = st.one_of(
    st.sampled_from(["keep", "drop", "tokenise", "encrypt"]).map(lambda action: Treatment(action=action)),
    st.builds(lambda first, last: Treatment(action="mask", mask=Mask(keep_first=first, keep_last=last)), KEPT, KEPT),
    st.integers(1, 10_000).map(lambda longest: Treatment(action="truncate", truncate_characters=longest)),
    (st.sampled_from(["hour", "day", "month", "year", "district"]) | st.builds(Band, width=COUNT)).map(
        lambda grain: Treatment(action="generalise", generalise=grain),
    ),
)


def some(strategy):
    return st.none() | strategy


def several(strategy, least=0):
    return st.lists(strategy, min_size=least, max_size=3).map(tuple)


PARTY = st.builds(
    Party,
    organisation=SLUG,
    side=st.sampled_from(["provider", "recipient"]),
    role=st.sampled_from(["controller", "joint-controller", "processor"]),
    signs=several(TEXT, 1),
    hosting=some(st.sampled_from(["GB", "NO", "FR"])),
)
SHARE = st.builds(
    Share,
    id=SLUG,
    dataset=SLUG,
    contract=st.integers(0, 2**53 - 1),
    purpose=PURPOSE,
    classification_ceiling=st.sampled_from(["OFFICIAL", "SECRET", "TOP SECRET"]),
    rows=some(TEXT),
    key=st.sampled_from(["keep", "tokenise"]),
    fields=st.dictionaries(FIELD, TREATMENT, min_size=1, max_size=4),
    caveats=several(st.builds("{}@{}".format, SLUG, st.integers(1, 10**9 - 1))),
)
PROTECTION = st.builds(DataProtectionAssessment, reference=TEXT, outcome=TEXT, decided_on=DAY)
INTEREST = st.builds(PublicInterestAssessment, decided_on=DAY, text=TEXT)
AFTER = st.builds(
    AfterDelivery,
    retention=some(CALENDAR),
    destruction=some(st.sampled_from(["certificate", "none"])),
    onward_disclosure=st.sampled_from(["never", "with-consent"]),
    corrections=some(st.builds(Corrections, acknowledge_within=CALENDAR)),
    adverse_decision_needs_second_source=st.booleans(),
)
AGREEMENT = st.builds(
    Agreement,
    reference=REFERENCE,
    version=COUNT,
    kind=st.sampled_from(["dsa", "mou", "umbrella-mou"]),
    title=TEXT,
    under=some(st.builds(Under, reference=REFERENCE, version=COUNT, hash=st.just("sha256:" + "0" * 64))),
    parties=several(PARTY, 2),
    purposes=st.builds(Purposes, prohibited=several(PURPOSE)),
    law=st.builds(Law, power=TEXT, lawful_basis=TEXT, regime=st.sampled_from(["uk-gdpr", "part-3", "part-4"])),
    assessments=st.builds(Assessments, data_protection=some(PROTECTION), public_interest=some(INTEREST)),
    shares=several(SHARE),
    limits=st.builds(
        Limits, events_per_day=some(COUNT), distinct_subjects_per_month=some(COUNT), look_back=some(EXACT)
    ),
    dates=st.builds(Dates, start=DAY, end=DAY, review=some(DAY)),
    delivery=st.builds(
        Delivery,
        retention=EXACT,
        cloudevents_headers=st.booleans(),
        when_suspended=st.sampled_from(["hold", "drop"]),
    ),
    after_delivery=AFTER,
    review=st.builds(
        Review, reminders=several(EXACT), overdue=some(st.sampled_from(["warn", "suspend"])), grace=some(EXACT)
    ),
)


@QUICK
@given(AGREEMENT)
def test_what_is_rendered_is_read_as_the_same(agreement):
    text = render(agreement)
    assert parse(text) == agreement
    assert render(parse(text)) == text


@QUICK
@given(AGREEMENT)
def test_canonical_bytes_are_those_of_rfc_8785(agreement):
    data = canonical(agreement)
    assert rfc8785.dumps(json.loads(data)) == data
    assert from_canonical(data) == agreement
    assert content_hash(from_canonical(data)) == content_hash(agreement)


@QUICK
@given(AGREEMENT, AGREEMENT)
def test_different_agreements_have_different_texts_and_hashes(one, other):
    same = one == other
    assert (document(one) == document(other)) == same
    assert (render(one) == render(other)) == same
    assert (content_hash(one) == content_hash(other)) == same


@QUICK
@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                "a:",
                "-",
                "[]",
                "{}",
                "&",
                "*",
                "!",
                "|",
                ">",
                "'x'",
                '"y"',
                "#\n",
                "\n",
                "",
                "\t",
                "1",
                ":",
                ",",
                "?",
                "%",
            ]
        )
    ).map("".join)
)
def test_any_text_is_an_agreement_or_faults_with_a_place(text):
    found = parse(text)
    assert not isinstance(found, Agreement)
    assert all(fault.line >= 1 and fault.column >= 1 for fault in found.items)
