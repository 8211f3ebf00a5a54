"""Treatments value by value, tokens and ciphertexts in their documented form, sealed keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from agreements.model import Band, Mask
from broker.policy.plan import FieldPlan, KeyPlan, KeyReference, treatment_text
from broker.policy.sealing import seal, unseal
from broker.policy.treatments import (
    UNTREATABLE,
    compile_key,
    compile_treatment,
    composite_text,
    decrypt,
    encrypter,
    tokeniser,
)
from contracts.faults import Unusable
from contracts.model import TypeName
from tests.policy_world import treatment

SECRET = bytes(range(32))
REFERENCE = KeyReference("content/DSA-1/main", 4)


def _treat(one, value, secret=None):
    key = REFERENCE if one.action in ("tokenise", "encrypt") else None
    return compile_treatment(FieldPlan("f", "c", one, TypeName.STRING, "d", key), secret)(value)


@pytest.mark.parametrize(
    ("mask", "value", "treated"),
    [
        (Mask(), "secret", "******"),
        (Mask(keep_last=2), "secret", "****et"),
        (Mask(keep_first=1, keep_last=1), "secret", "s****t"),
        (Mask(keep_first=3, keep_last=3), "secret", "******"),
        (Mask(keep_last=9), "secret", "******"),
        (Mask(keep_first=1), "", ""),
        (Mask(keep_last=4), UUID(int=0xABCD), "*" * 32 + "abcd"),
    ],
)
def test_mask(mask, value, treated):
    assert _treat(treatment("mask", mask=mask), value) == treated


@pytest.mark.parametrize(
    ("step", "value", "treated"),
    [
        ("hour", datetime(2026, 5, 31, 22, 30, 15, 7, UTC), datetime(2026, 5, 31, 22, tzinfo=UTC)),
        ("day", datetime(2026, 5, 31, 22, 30, tzinfo=UTC), date(2026, 5, 31)),
        ("day", datetime(2026, 6, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), date(2026, 5, 31)),
        ("month", date(1990, 5, 17), "1990-05"),
        ("month", datetime(990, 5, 17, tzinfo=UTC), "0990-05"),
        ("year", date(1990, 5, 17), 1990),
        ("year", datetime(2026, 1, 1, tzinfo=UTC), 2026),
        ("district", "SW1A 1AA", "SW1A"),
        ("district", " sw1a1aa ", "SW1A"),
        ("district", "M1 1AE", "M1"),
        ("district", "GIR 0AA", "GIR"),
        ("district", "SW1A", UNTREATABLE),
        ("district", "not a postcode", UNTREATABLE),
        ("district", "", UNTREATABLE),
        (Band(width=10), 37, 30),
        (Band(width=10), -1, -10),
        (Band(width=10), 40, 40),
        (Band(width=1), 2.9, 2),
        (Band(width=5), Decimal("12.50"), 10),
        (Band(width=5), float("nan"), UNTREATABLE),
        (Band(width=5), float("inf"), UNTREATABLE),
        (Band(width=5), 1e300, UNTREATABLE),
        (Band(width=7), -(2**63), UNTREATABLE),
    ],
)
def test_generalise(step, value, treated):
    found = _treat(treatment("generalise", generalise=step), value)
    assert found is treated if treated is UNTREATABLE else (found == treated and type(found) is type(treated))


def test_truncate_and_keep():
    assert _treat(treatment("truncate", truncate_characters=3), "abcdef") == "abc"
    assert _treat(treatment("truncate", truncate_characters=3), "ab") == "ab"
    value = ["anything"]
    assert _treat(treatment("keep"), value) is value


def test_the_token_is_as_its_page_says():
    def prefixed(text):
        return len(text.encode()).to_bytes(4, "big") + text.encode()

    message = prefixed("concordat-token/1") + prefixed("pole:person.identifier") + b"AB123456C"
    mac = hmac.digest(SECRET, message, hashlib.sha256)[:18]
    expected = "t7." + base64.urlsafe_b64encode(mac).decode()
    assert tokeniser(SECRET, 7, "pole:person.identifier")("AB123456C") == expected
    assert len(expected) == len("t7.") + 24


def test_tokens_differ_by_key_domain_and_value_only():
    token = tokeniser(SECRET, 1, "a")
    assert token("x") == tokeniser(SECRET, 1, "a")("x")
    others = [
        token("y"),
        tokeniser(SECRET, 1, "b")("x"),
        tokeniser(bytes(32), 1, "a")("x"),
        tokeniser(SECRET, 1, "ax")(""),
    ]
    assert len({token("x"), *others}) == 5


def test_a_ciphertext_opens_only_under_its_key_and_domain():
    sealed = encrypter(SECRET, 4, "d")("Ann é")
    assert sealed.startswith("e4.")
    assert decrypt(SECRET, "d", sealed) == "Ann é"
    assert decrypt(SECRET, "other", sealed) is None
    assert decrypt(bytes(32), "d", sealed) is None
    for broken in ("", "e4.", "e4.AAAA", sealed[:-2], "plain", "e4.é", sealed[:6] + "A" + sealed[7:]):
        assert decrypt(SECRET, "d", broken) in (None, "Ann é" if broken == sealed else None)


def test_tokenise_and_encrypt_take_values_of_any_single_type():
    for value in (
        "x",
        1,
        True,
        0.5,
        Decimal("1.5"),
        date(2026, 1, 1),
        datetime(2026, 1, 1, tzinfo=UTC),
        b"\xff",
        UUID(int=1),
    ):
        assert _treat(treatment("tokenise"), value, SECRET).startswith("t4.")
        assert _treat(treatment("encrypt"), value, SECRET).startswith("e4.")


def test_keys():
    tokenised = compile_key(KeyPlan("tokenise", "c", ("a",), "pole:person.identifier", KeyReference("k", 2)), SECRET)
    assert tokenised(["AB"]).decode() == tokeniser(SECRET, 2, "pole:person.identifier")("AB")
    assert compile_key(KeyPlan("keep", "c", ("a",), "d", None), None)(["LHR"]) == b"LHR"
    composite = compile_key(KeyPlan("keep", "c", ("a", "b"), "d", None), None)
    assert composite(["LHR", 12]) == b"3:LHR2:12"
    assert composite_text(["a1:", "b"]) != composite_text(["a", "1:b"])


def test_a_content_key_is_sealed_to_one_party_and_one_purpose():
    private = X25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw().hex()
    sealed = seal(public, REFERENCE, SECRET)
    assert SECRET not in sealed
    assert sealed != seal(public, REFERENCE, SECRET)
    assert unseal(private, REFERENCE, sealed) == SECRET
    for key, reference, data in (
        (X25519PrivateKey.generate(), REFERENCE, sealed),
        (private, KeyReference(REFERENCE.identifier, 5), sealed),
        (private, KeyReference("content/DSA-2/main", 4), sealed),
        (private, REFERENCE, sealed[:-1]),
        (private, REFERENCE, b""),
    ):
        with pytest.raises(Unusable) as raised:
            unseal(key, reference, data)
        assert SECRET.hex() not in str(raised.value)


@pytest.mark.parametrize("public", ["", "zz", "00", "é" * 64])
def test_a_key_that_is_none_is_refused(public):
    with pytest.raises(Unusable):
        seal(public, REFERENCE, SECRET)


def test_treatments_in_words():
    assert (
        treatment_text(treatment("mask", mask=Mask(keep_first=1, keep_last=2)))
        == "mask, keeping the first 1 and the last 2"
    )
    assert treatment_text(treatment("mask")) == "mask"
    assert treatment_text(treatment("generalise", generalise=Band(width=5))) == "generalise to bands of 5"
    assert treatment_text(treatment("generalise", generalise="district")) == "generalise to district"
