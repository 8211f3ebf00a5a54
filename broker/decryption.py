"""Decrypting, at the recipient, what a share encrypts for it: HPKE opens a version's content key, AES-SIV each value.

Which fields are encrypted, and in which domain, stands in the share's schema (`concordat.treatment`, `concordat.domain`).
The private key stays on the recipient's machine; sealed keys are ciphertext and may come from anywhere.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from agreements.content_keys import content_key
from broker.codes import KEY_UNAVAILABLE
from broker.policy.plan import KeyReference
from broker.policy.sealing import unseal
from broker.policy.treatments import decrypt
from contracts import topics
from contracts.faults import Unavailable

_Path = tuple[str, ...]
SealedOf = Callable[[str], Mapping[int, str]]
"""A share topic's sealed content keys: version to base64."""


class Decrypter:
    """Puts the original values (their canonical text) in the place of ciphertexts.

    Raises `Unusable` for a private key that does not open a sealed key, `ValueError` for a ciphertext that is not one of
    the share's, and `Unavailable` for a version that nobody has sealed.
    """

    def __init__(self, private_key: X25519PrivateKey, sealed_of: SealedOf) -> None:
        self._private_key, self._sealed_of = private_key, sealed_of
        self._secret = cache(self._opened)
        self._fields = cache(lambda text: tuple(_encrypted(json.loads(text), ())))

    def decrypted(self, topic: str, schema_text: str, value: dict[str, Any]) -> dict[str, Any]:
        """`value`, a record of the share `topic` in the schema of that text, with every encrypted field decrypted."""
        for path, domain in self._fields(schema_text):
            value = self._replaced(value, path, topic, domain)
        return value

    def _replaced(self, value: Any, path: _Path, topic: str, domain: str) -> Any:
        if value is None:
            return None
        if path:
            return {**value, path[0]: self._replaced(value[path[0]], path[1:], topic, domain)}
        version = value.partition(".")[0].removeprefix("e")
        if not version.isdecimal():
            raise ValueError("not a ciphertext")
        text = decrypt(self._secret(topic, int(version)), domain, value)
        if text is None:
            raise ValueError("a ciphertext of another share, key or field")
        return text

    def _opened(self, topic: str, version: int) -> bytes:
        reference, share = topics.share_of(topic) or ("", "")
        identifier = content_key(reference, share)
        sealed = self._sealed_of(topic).get(version)
        if sealed is None:
            raise Unavailable(KEY_UNAVAILABLE.fault(f"no sealed version {version} of {identifier}"))
        try:
            data = base64.b64decode(sealed, validate=True)
        except binascii.Error as error:
            raise Unavailable(
                KEY_UNAVAILABLE.fault(f"the sealed version {version} of {identifier} is damaged")
            ) from error
        return unseal(self._private_key, KeyReference(identifier, version), data)


def _encrypted(schema: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    """The encrypted fields of a view's schema: path and domain."""
    for member in schema if isinstance(schema, list) else [schema]:
        for field in member.get("fields", ()) if isinstance(member, dict) else ():
            inner = (*path, field["name"])
            if field.get("concordat.treatment") == "encrypt":
                yield inner, field["concordat.domain"]
            else:
                yield from _encrypted(field["type"], inner)
