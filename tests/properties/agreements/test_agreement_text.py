"""Agreements as text: `parse(render(x)) == x`, one spelling per value, canonical bytes as RFC 8785 has them."""

from __future__ import annotations

import json

import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from agreements.model import Agreement
from agreements.text import canonical, content_hash, document, from_canonical, parse, render
from tests.agreement_strategies import AGREEMENT

QUICK = settings(max_examples=40, deadline=None, derandomize=True)


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
