"""Acts: everything that can be said in the register, as a closed union, and how an act becomes a record.

A record's value is two lines: the statement (canonical JSON) and its actor's Ed25519 signature (hexadecimal) over exactly
those bytes.  Its key is the name of the object that the act concerns.  `docs/formats/register.md` is the format's page.

Each module here holds the acts on one kind of object and ends with their union; `AnyAct` is the union of those.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from agreements.acts.agreements import (
    AgreementAct,
    AgreementResumed,
    AgreementSigned,
    AgreementSubmitted,
    AgreementSuspended,
)
from agreements.acts.contracts import ContractAct, ContractPublished, QuarantineDiscarded, QuarantineReplayed
from agreements.acts.endings import AgreementCertified, AgreementTerminated, CertificateWaived, EndingAct
from agreements.acts.limits import LimitReached
from agreements.acts.notices import NoticeAcknowledged, NoticeAct, NoticeClosed, NoticeIssued
from agreements.acts.parties import (
    KeyRotated,
    PartyAct,
    PartyAdded,
    RegisterInitialised,
    SignatoryEnded,
    SignatoryEnrolled,
    WorkerEnrolled,
)
from agreements.acts.parts import Act, Count, NewSchema, PublicKey, SealedKey, ShareView, SuspendedField, Words
from agreements.acts.reviews import AgreementReviewed, AgreementWithdrawn, ReviewAct
from agreements.acts.simulations import AgreementSimulated, SimulationAct
from agreements.acts.undertakings import AttestationGiven, CaveatAcknowledged, ReviewHeld, UndertakingAct
from agreements.signing import ACT_DOMAIN, Signer, sign, whole_milliseconds

__all__ = [
    "Act",
    "AgreementCertified",
    "AgreementResumed",
    "AgreementReviewed",
    "AgreementSigned",
    "AgreementSimulated",
    "AgreementSubmitted",
    "AgreementSuspended",
    "AgreementTerminated",
    "AgreementWithdrawn",
    "AnyAct",
    "AttestationGiven",
    "CaveatAcknowledged",
    "CertificateWaived",
    "ContractPublished",
    "KeyRotated",
    "LimitReached",
    "NewSchema",
    "NoticeAcknowledged",
    "NoticeClosed",
    "NoticeIssued",
    "PartyAdded",
    "QuarantineDiscarded",
    "QuarantineReplayed",
    "Record",
    "RegisterInitialised",
    "ReviewHeld",
    "SealedKey",
    "ShareView",
    "SignatoryEnded",
    "SignatoryEnrolled",
    "Statement",
    "SuspendedField",
    "WorkerEnrolled",
    "read_statement",
    "record",
    "split",
]

AnyAct = (
    PartyAct
    | ContractAct
    | AgreementAct
    | ReviewAct
    | EndingAct
    | SimulationAct
    | UndertakingAct
    | NoticeAct
    | LimitReached
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
_YEARS = range(1900, 3000)
"""As the days of an agreement: a date worked out from an act's time and a length of time is always one of the calendar."""


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
    if found.type != ACT_DOMAIN or found.time.tzinfo is None or found.time.year not in _YEARS:
        raise ValueError("not a statement of an act")
    return found
