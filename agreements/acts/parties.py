"""Acts on the register itself, organisations, people, workers and keys."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from agreements.acts.parts import Act, Name, PublicKey, SealedText, Slug, Words


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


class KeyRotated(Act, frozen=True, tag="key.rotated"):
    """The operator made a new version of a key in the key provider; the key itself is never here.

    `sealed` is the new version of a content key, sealed to its recipient; other keys have none.
    """

    identifier: Annotated[str, Meta(pattern=r"^[a-z]+/[A-Za-z0-9./-]+\Z", max_length=256)]
    key_version: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    sealed: SealedText | None = None

    def subject(self) -> str:
        """`key/<identifier>`."""
        return f"key/{self.identifier}"


PartyAct = RegisterInitialised | PartyAdded | SignatoryEnrolled | SignatoryEnded | WorkerEnrolled | KeyRotated
