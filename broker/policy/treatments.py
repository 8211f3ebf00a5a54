"""Treatments: what happens to one value on its way out.  Each is compiled once per plan to a function of the value.

Every function is deterministic and total: a value that cannot be treated becomes `UNTREATABLE`, never the raw value.
Tokens and ciphertexts are text; their forms are `docs/formats/token.md`'s to say.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from agreements.model import Band, Mask
from broker.policy.plan import FieldPlan, KeyPlan
from contracts.wire import canonical_text

Treat = Callable[[Any], Any]
"""A compiled treatment: takes a value that is not null."""
TOKEN_BYTES = 18
"""144 bits of HMAC-SHA-256: 24 characters of base64url without padding."""
_INT64 = range(-(2**63), 2**63)
_POSTCODE = re.compile(
    r"(GIR|[A-Z]{1,2}[0-9][A-Z0-9]?) ?[0-9][ABD-HJLNP-UW-Z]{2}", re.ASCII
)  # group 1 is the outward code


class _Untreatable:
    """The one value that says: this cannot be treated."""

    def __repr__(self) -> str:
        return "UNTREATABLE"


UNTREATABLE: Final = _Untreatable()


class KeyLookup(Protocol):
    """Where the engine gets its secret keys: once, when it is made, never per record."""

    def key(self, identifier: str, version: int) -> bytes | None:
        """The 256-bit key, or None if it does not exist or was destroyed (then nothing that needs it is shared)."""
        ...


def compile_treatment(field: FieldPlan, secret: bytes | None) -> Treat:
    """The function of one field's treatment.  `secret` is the key that `field.key` names."""
    treatment = field.treatment
    if treatment.action == "keep":
        return lambda value: value
    if treatment.action == "mask":
        return _mask(treatment.mask or Mask())
    if treatment.action == "truncate":
        length = treatment.truncate_characters or 1
        return lambda value: str(value)[:length]
    if treatment.action == "generalise":
        step = treatment.generalise
        return _band(step.width) if isinstance(step, Band) else _GENERALISE[step or "year"]
    assert secret is not None
    assert field.key is not None
    make = tokeniser if treatment.action == "tokenise" else encrypter
    shape = make(secret, field.key.version, field.domain)
    return lambda value: shape(canonical_text(value))


def compile_key(key: KeyPlan, secret: bytes | None) -> Callable[[Sequence[Any]], bytes]:
    """The function from the key fields' values, in key order, to the bytes of the share's Kafka key.

    INJECTIVE: different source keys give different share keys (for tokens: but for a collision of 144 bits).
    """
    single = len(key.fields) == 1
    if key.action == "keep":
        return lambda values: (canonical_text(values[0]) if single else composite_text(values)).encode()
    assert secret is not None
    assert key.key is not None
    token = tokeniser(secret, key.key.version, key.domain)
    return lambda values: token(canonical_text(values[0]) if single else composite_text(values)).encode()


def composite_text(values: Sequence[Any]) -> str:
    """Several values as one text that says where each begins: `<characters>:<text>` after one another."""
    texts = [canonical_text(value) for value in values]
    return "".join(f"{len(text)}:{text}" for text in texts)


def tokeniser(secret: bytes, version: int, domain: str) -> Callable[[str], str]:
    """What makes tokens `t<version>.<24 characters>`: HMAC-SHA-256 over the domain and the canonical text."""
    begun = hmac.new(secret, _prefixed("concordat-token/1", domain), hashlib.sha256)
    prefix = f"t{version}."

    def token(text: str) -> str:
        mac = begun.copy()
        mac.update(text.encode())
        return prefix + _base64url(mac.digest()[:TOKEN_BYTES])

    return token


def encrypter(secret: bytes, version: int, domain: str) -> Callable[[str], str]:
    """What makes ciphertexts `e<version>.<base64url>`: AES-SIV (RFC 5297), deterministic, bound to the domain."""
    cipher, context, prefix = AESSIV(_siv_key(secret)), [_prefixed("concordat-value/1", domain)], f"e{version}."
    # AES-SIV of this library takes no empty text, so one byte always stands before it.
    return lambda text: prefix + _base64url(cipher.encrypt(b"\0" + text.encode(), context))


def decrypt(secret: bytes, domain: str, ciphertext: str) -> str | None:
    """The text in a ciphertext made by `encrypter` under the same key and domain; None for anything else."""
    _, separator, body = ciphertext.partition(".")
    try:
        sealed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)) if separator else b""
        opened = AESSIV(_siv_key(secret)).decrypt(sealed, [_prefixed("concordat-value/1", domain)])
    except (InvalidTag, ValueError):
        return None
    return opened[1:].decode()


def _siv_key(secret: bytes) -> bytes:
    """The two 256-bit keys that AES-256-SIV wants, from one."""
    halves = (hmac.digest(secret, b"concordat-siv/1 " + name, "sha256") for name in (b"mac", b"encryption"))
    return b"".join(halves)


def _prefixed(purpose: str, domain: str) -> bytes:
    """Purpose and domain with their lengths, so that no two pairs begin alike."""
    parts = (purpose.encode(), domain.encode())
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _mask(mask: Mask) -> Treat:
    first, last = mask.keep_first, mask.keep_last

    def treat(value: Any) -> str:
        text = str(value)
        hidden = len(text) - first - last
        if hidden <= 0:
            return "*" * len(text)  # keeping both ends would keep everything
        return text[:first] + "*" * hidden + text[len(text) - last :]

    return treat


def _band(width: int) -> Treat:
    def treat(value: Any) -> Any:
        if isinstance(value, float | Decimal) and not math.isfinite(value):
            return UNTREATABLE
        lower = math.floor(value) // width * width
        return lower if lower in _INT64 else UNTREATABLE

    return treat


def _district(value: Any) -> Any:
    found = _POSTCODE.fullmatch(" ".join(str(value).upper().split()))
    return UNTREATABLE if found is None else found[1]


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _month(value: Any) -> str:
    day: date = _utc(value).date() if isinstance(value, datetime) else value
    return f"{day.year:04d}-{day.month:02d}"


def _year(value: Any) -> int:
    day: date = _utc(value).date() if isinstance(value, datetime) else value
    return day.year


_GENERALISE: dict[str, Treat] = {
    "hour": lambda value: _utc(value).replace(minute=0, second=0, microsecond=0),
    "day": lambda value: _utc(value).date(),
    "month": _month,
    "year": _year,
    "district": _district,
}
