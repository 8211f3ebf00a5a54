"""Treatments over generated values: deterministic, injective where promised, inverse where promised, never raw."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agreements.model import Band, Mask
from broker.policy.plan import FieldPlan, KeyPlan, KeyReference
from broker.policy.treatments import UNTREATABLE, compile_key, compile_treatment, decrypt, encrypter, tokeniser
from contracts.model import TypeName
from tests.policy_world import treatment

_PROFILE = settings(max_examples=150, deadline=None, derandomize=True)
_SECRETS = st.binary(min_size=32, max_size=32)
_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(_SECRETS, _TEXT, _TEXT, _TEXT, _TEXT)
@_PROFILE
def test_tokens_are_a_function_of_domain_and_text_and_tell_them_apart(secret, domain, text, other_domain, other):
    one, two = tokeniser(secret, 1, domain)(text), tokeniser(secret, 1, other_domain)(other)
    assert (one == two) == ((domain, text) == (other_domain, other))
    assert one.isascii()
    assert one.isprintable()


@given(_SECRETS, _TEXT, _TEXT)
@_PROFILE
def test_decryption_is_the_inverse_of_encryption(secret, domain, text):
    sealed = encrypter(secret, 9, domain)(text)
    assert sealed == encrypter(secret, 9, domain)(text)
    assert decrypt(secret, domain, sealed) == text


@given(
    _SECRETS,
    st.lists(st.tuples(_TEXT, _TEXT | st.integers().map(str)), min_size=2, max_size=2),
    st.sampled_from(["keep", "tokenise"]),
)
@_PROFILE
def test_composite_keys_are_injective(secret, pair, action):
    reference = KeyReference("k", 1) if action == "tokenise" else None
    make = compile_key(KeyPlan(action, "c", ("a", "b"), "d", reference), secret)
    assert (make(pair[0]) == make(pair[1])) == (pair[0] == pair[1])


@given(_TEXT, st.integers(0, 5), st.integers(0, 5))
@_PROFILE
def test_a_mask_keeps_the_length_and_only_the_ends(text, first, last):
    one = treatment("mask", mask=Mask(keep_first=first, keep_last=last))
    masked = compile_treatment(FieldPlan("f", "c", one, TypeName.STRING), None)(text)
    assert len(masked) == len(text)
    hidden = len(text) - first - last
    if hidden <= 0:
        assert masked == "*" * len(text)
    else:
        assert masked[first : first + hidden] == "*" * hidden
        assert masked[:first] + masked[first + hidden :] == text[:first] + text[first + hidden :]


@given(st.integers(-(2**63), 2**63 - 1) | st.floats(), st.integers(1, 10**6))
@_PROFILE
def test_a_band_holds_its_number(number, width):
    one = treatment("generalise", generalise=Band(width=width))
    lower = compile_treatment(FieldPlan("f", "c", one, TypeName.DOUBLE), None)(number)
    if lower is not UNTREATABLE:
        assert lower % width == 0
        assert lower <= number < lower + width
    else:
        assert not -(2**63) + width <= number < 2**63
