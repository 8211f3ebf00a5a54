r"""Ed25519 signatures over the exact stored bytes of a statement, each kind of statement in its own domain.

A signature is over `<domain>\n` followed by the statement's bytes, so that one made for an act can never pass as one on
an agreement.  Statements are canonical JSON; what is verified is always the bytes as they are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ACT_DOMAIN = "concordat.act/1"
AGREEMENT_DOMAIN = "concordat.agreement-signature/1"
CHECKPOINT_DOMAIN = "concordat.register-checkpoint/1"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who acts, and the key that proves it.

    `actor` is `operator`, `party/<organisation>` or `signatory/<identifier>`.  Its `repr` never shows the key.
    """

    actor: str
    key: Ed25519PrivateKey = field(repr=False)

    @property
    def public_key(self) -> str:
        """The public part, 64 hexadecimal digits."""
        return public_hex(self.key)


class AgreementStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a signatory signs: this agreement, compiled to this clause report, in this office, at this time."""

    type: str
    agreement: str
    """Content hash of the agreement."""
    clause_report: str
    """Hash of the clause report."""
    signatory: str
    organisation: str
    office: str
    time: datetime


def agreement_statement(
    content_hash: str,
    report_hash: str,
    *,
    signatory: str,
    organisation: str,
    office: str,
    time: datetime,
) -> str:
    """The exact text that is signed and stored."""
    statement = AgreementStatement(
        AGREEMENT_DOMAIN,
        content_hash,
        report_hash,
        signatory,
        organisation,
        office,
        whole_milliseconds(time),
    )
    return msgspec.json.encode(statement, order="sorted").decode()


def read_agreement_statement(text: str) -> AgreementStatement:
    """The statement in stored text; raises `msgspec.DecodeError` for anything else."""
    return msgspec.json.decode(text, type=AgreementStatement)


def sign(key: Ed25519PrivateKey, domain: str, statement: bytes) -> str:
    """The signature in hexadecimal."""
    return key.sign(_message(domain, statement)).hex()


def verifies(public_key: str, domain: str, statement: bytes, signature: str) -> bool:
    """Whether `signature` is by `public_key` over these bytes in this domain; False for anything malformed."""
    try:
        known = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        known.verify(bytes.fromhex(signature), _message(domain, statement))
    except (InvalidSignature, ValueError):
        return False
    return True


def public_hex(key: Ed25519PrivateKey) -> str:
    """The public key of `key`, 64 hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()


def whole_milliseconds(time: datetime) -> datetime:
    """The time in UTC, cut to the milliseconds that statements carry."""
    utc = time.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _message(domain: str, statement: bytes) -> bytes:
    return domain.encode() + b"\n" + statement
