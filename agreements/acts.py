"""Acts: everything that can be said in the register, as a closed union, and how an act becomes a record.

A record's value is two lines: the statement (canonical JSON) and its actor's Ed25519 signature (hexadecimal) over exactly
those bytes.  Its key is the name of the object that the act concerns.  `docs/formats/register.md` is the format's page.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from agreements.signing import ACT_DOMAIN, Signer, sign, whole_milliseconds

PublicKey = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
SignatureHex = Annotated[str, Meta(pattern="^[0-9a-f]{128}$")]
Slug = Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Name = Annotated[str, Meta(pattern="^[a-z0-9]+([-.][a-z0-9]+)*$", max_length=128)]
Reference = Annotated[str, Meta(pattern="^[A-Z0-9]+(-[A-Z0-9]+)*$", max_length=64)]
Words = Annotated[str, Meta(min_length=1, max_length=10_000)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
SealedText = Annotated[str, Meta(pattern="^[A-Za-z0-9+/]{107}=$")]
"""A content key sealed by HPKE, 80 bytes, as base64."""


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """The base of every act."""

    def subject(self) -> str:
        """The object whose version this act expects and raises by one."""
        raise TypeError(f"{type(self).__name__} is not an act by itself")


class NewSchema(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A schema registered by an act: the next id of the dense counter, and its one canonical text."""

    identifier: Count
    subject: Words
    text: Annotated[str, Meta(min_length=1, max_length=500_000)]


class SealedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a share's content key, sealed to the recipient: ciphertext that the recipient alone can open."""

    share: Slug
    key_version: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    sealed: SealedText


class RegisterInitialised(Act, frozen=True, tag="register.initialised"):
    """The first act: the operator's key, which is also the register's name in every later statement."""

    operator_key: PublicKey

    def subject(self) -> str:
        """`register`."""
        return "register"


class PartyAdded(Act, frozen=True, tag="party.added"):
    """The operator enrols an organisation with its own Ed25519 key and, for encrypted fields, its X25519 key."""

    organisation: Slug
    name: Words
    public_key: PublicKey
    encryption_key: PublicKey | None = None

    def subject(self) -> str:
        """`party/<organisation>`."""
        return f"party/{self.organisation}"


class SignatoryEnrolled(Act, frozen=True, tag="signatory.enrolled"):
    """A party enrols a person who acts for it in an office."""

    organisation: Slug
    identifier: Name
    office: Words
    public_key: PublicKey

    def subject(self) -> str:
        """`party/<organisation>`."""
        return f"party/{self.organisation}"


class SignatoryEnded(Act, frozen=True, tag="signatory.ended"):
    """A party ends a signatory: later acts by that key are refused."""

    organisation: Slug
    identifier: Name

    def subject(self) -> str:
        """`party/<organisation>`."""
        return f"party/{self.organisation}"


class WorkerEnrolled(Act, frozen=True, tag="worker.enrolled"):
    """The operator enrols a worker's instance and the key that signs its segment headers; again to replace the key."""

    identifier: Name
    public_key: PublicKey

    def subject(self) -> str:
        """`worker/<identifier>`."""
        return f"worker/{self.identifier}"


class ContractPublished(Act, frozen=True, tag="contract.published"):
    """An owner publishes a version of a contract: its text, and the schemas that its records carry."""

    dataset: Slug
    text: Annotated[str, Meta(min_length=1, max_length=500_000)]
    key_schema: Count
    value_schema: Count
    schemas: tuple[NewSchema, ...] = ()

    def subject(self) -> str:
        """`contract/<dataset>`."""
        return f"contract/{self.dataset}"


class AgreementSubmitted(Act, frozen=True, tag="agreement.submitted"):
    """A signatory of a party submits an agreement for signature: its canonical text and its clause report."""

    reference: Reference
    document: Annotated[str, Meta(min_length=2, max_length=800_000)]
    clause_report: Annotated[str, Meta(min_length=2, max_length=800_000)]

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class AgreementSigned(Act, frozen=True, tag="agreement.signed"):
    """One signature.  The last one that is needed activates: with every share's view schema, and sealed content keys."""

    reference: Reference
    agreement_version: Count
    statement: Words
    signature: SignatureHex
    view_schemas: dict[str, int] = {}
    schemas: tuple[NewSchema, ...] = ()
    sealed_keys: tuple[SealedKey, ...] = ()

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class AgreementSuspended(Act, frozen=True, tag="agreement.suspended"):
    """Either party, or the operator, stops an agreement or some of its shares; `shares` empty is every share."""

    reference: Reference
    reason: Words
    shares: tuple[Slug, ...] = ()

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class AgreementResumed(Act, frozen=True, tag="agreement.resumed"):
    """Whoever ordered suspensions lifts all of its own."""

    reference: Reference

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class AgreementTerminated(Act, frozen=True, tag="agreement.terminated"):
    """Either party ends an agreement for ever; before approval, withdraws it."""

    reference: Reference
    reason: Words

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class KeyRotated(Act, frozen=True, tag="key.rotated"):
    """The operator made a new version of a key in the key provider; the key itself is never here.

    `sealed` is the new version of a content key, sealed to its recipient; other keys have none.
    """

    identifier: Annotated[str, Meta(pattern="^[a-z]+/[A-Za-z0-9./-]+$", max_length=256)]
    key_version: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    sealed: SealedText | None = None

    def subject(self) -> str:
        """`key/<identifier>`."""
        return f"key/{self.identifier}"


class QuarantineReplayed(Act, frozen=True, tag="quarantine.replayed"):
    """The dataset's owner has a quarantined source record decided again."""

    topic: Words
    partition: Count
    offset: Count

    def subject(self) -> str:
        """`quarantine/<topic>/<partition>/<offset>`."""
        return f"quarantine/{self.topic}/{self.partition}/{self.offset}"


class QuarantineDiscarded(Act, frozen=True, tag="quarantine.discarded"):
    """The dataset's owner gives a quarantined source record up."""

    topic: Words
    partition: Count
    offset: Count
    reason: Words

    def subject(self) -> str:
        """`quarantine/<topic>/<partition>/<offset>`."""
        return f"quarantine/{self.topic}/{self.partition}/{self.offset}"


AnyAct = (
    RegisterInitialised
    | PartyAdded
    | SignatoryEnrolled
    | SignatoryEnded
    | WorkerEnrolled
    | ContractPublished
    | AgreementSubmitted
    | AgreementSigned
    | AgreementSuspended
    | AgreementResumed
    | AgreementTerminated
    | KeyRotated
    | QuarantineReplayed
    | QuarantineDiscarded
)


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An act with who does it, when, on which register, and the version of its object that it expects."""

    type: str
    register: PublicKey
    actor: Words
    time: datetime
    expects: Count
    act: AnyAct


class Record(msgspec.Struct, frozen=True):
    """A record of the register taken apart: the exact bytes that were signed, and the signature."""

    statement: bytes
    signature: str


_STATEMENT = msgspec.json.Decoder(Statement)


def record(act: AnyAct, *, signer: Signer, register: str, expects: int, time: datetime) -> bytes:
    """The value of the record that says `act`."""
    statement = Statement(ACT_DOMAIN, register, signer.actor, whole_milliseconds(time), expects, act)
    encoded = msgspec.json.encode(statement, order="sorted")
    return encoded + b"\n" + sign(signer.key, ACT_DOMAIN, encoded).encode()


def split(value: bytes) -> Record:
    """Take a record's value apart; raises `ValueError` if it is not two lines."""
    statement, separator, signature = value.partition(b"\n")
    if not separator or len(signature) != 128 or not signature.isascii():
        raise ValueError("a record is a statement and a signature")
    return Record(statement, signature.decode())


def read_statement(statement: bytes) -> Statement:
    """Decode a statement; raises `ValueError` for bytes that are not one."""
    try:
        found = _STATEMENT.decode(statement)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    if found.type != ACT_DOMAIN or found.time.tzinfo is None:
        raise ValueError("not a statement of an act")
    return found
