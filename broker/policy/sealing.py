"""Sealing a content key to its recipient: HPKE (RFC 9180), base mode, X25519, HKDF-SHA-256, AES-256-GCM.

The recipient opens it once with its X25519 private key and then reads every value of the share that is encrypted under
that version.  Ed25519 keys sign and cannot do this: a party registers an X25519 key beside them.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from broker.policy import codes
from broker.policy.plan import KeyReference
from contracts.faults import Unusable

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def seal(public_key: str, reference: KeyReference, secret: bytes) -> bytes:
    """`secret` sealed to the party whose X25519 key is `public_key` (hex): encapsulated key and ciphertext.

    What it is for is bound in, so a sealed key cannot be passed off as another share's or version's.
    """
    try:
        recipient = X25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    except ValueError as error:
        raise Unusable(codes.NO_ENCRYPTION_KEY.fault("the recipient's key is not an X25519 key")) from error
    return _SUITE.encrypt(secret, recipient, info=_information(reference))


def unseal(private_key: X25519PrivateKey, reference: KeyReference, sealed: bytes) -> bytes:
    """The secret in `sealed`; raises `Unusable` for one sealed to somebody else or for another purpose."""
    try:
        return _SUITE.decrypt(sealed, private_key, info=_information(reference))
    except (InvalidTag, ValueError) as error:
        raise Unusable(
            codes.NO_ENCRYPTION_KEY.fault(f"{reference.identifier}: the sealed key does not open")
        ) from error


def _information(reference: KeyReference) -> bytes:
    return f"concordat-content-key/1 {reference.identifier} {reference.version}".encode()
