"""What acts are made of: the base of every act, and the terms and parts that several acts share."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

# `\Z` and not `$`, which a line break may follow: one key or name would have two spellings.
PublicKey = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
SignatureHex = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\Z", max_length=64)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9]+([-.][a-z0-9]+)*\Z", max_length=128)]
Reference = Annotated[str, Meta(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*\Z", max_length=64)]
Words = Annotated[str, Meta(min_length=1, max_length=10_000)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
SealedText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{107}=\Z")]
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


class ShareView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The view schema that a share of one version has from an act on."""

    agreement_version: Count
    share: Slug
    view_schema: Count


class SuspendedField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of a share that must stop leaving, and what stands below it."""

    share: Slug
    path: Annotated[str, Meta(min_length=1, max_length=256)]
