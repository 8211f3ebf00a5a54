"""The keys of an agreement by name, and content keys: what *encrypt for recipient* encrypts with, and how a sealed one stands in the register.

Every share that encrypts a field has a key of its own.  The register holds it only sealed to the recipient's X25519 key
(HPKE, `docs/formats/token.md`), one for each version: whoever reads the register reads ciphertext.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agreements.model import Agreement, AgreementKind, Share

PREFIX = "content/"
SealedKeys = Mapping[str, Mapping[int, str]]
"""Content key to version to the sealed key, base64."""


def content_key(reference: str, share: str) -> str:
    """The identifier of a share's content key in the key provider and in the register."""
    return f"{PREFIX}{reference}/{share}"


def pseudonym_key(reference: str) -> str:
    """The identifier of the key that makes an agreement's tokens."""
    return f"pseudonym/{reference}"


def uses(agreement: Agreement, share: Share, identifier: str) -> bool:
    """Whether what is delivered under a share depends on that key."""
    actions = {treatment.action for treatment in share.fields.values()}
    if identifier == pseudonym_key(agreement.reference):
        return share.key == "tokenise" or "tokenise" in actions
    return identifier == content_key(agreement.reference, share.id) and "encrypt" in actions


def encrypting_shares(agreement: Agreement) -> Iterator[str]:
    """The shares that encrypt at least one field for the recipient."""
    for share in agreement.shares if agreement.kind is AgreementKind.DSA else ():
        if any(treatment.action == "encrypt" for treatment in share.fields.values()):
            yield share.id
