"""What people have done under an agreement so that it may flow: caveats acknowledged, attestations made, reviews recorded.

It belongs to the agreement, not to one version of it: a new version asks again only for what it says differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The recipient has read a caveat in this version."""

    version: int
    by: str
    position: int


@dataclass(frozen=True, slots=True)
class AttestationMade:
    """A party has confirmed, at a time, what an attestation says."""

    subject: str
    """What was confirmed, in the words of the agreement."""
    organisation: str
    by: str
    at: datetime
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class ReviewRecorded:
    """A party's signatory has reviewed one version of the agreement; `next_review` None: it needs no other review."""

    version: int
    next_review: date | None
    by: str
    at: datetime
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Undertakings:
    """Everything of the kind under one reference, the newest of each."""

    caveats: Mapping[str, Acknowledgement] = field(default_factory=lambda: MappingProxyType({}))
    """By `<dataset>/<caveat>`."""
    attestations: Mapping[str, AttestationMade] = field(default_factory=lambda: MappingProxyType({}))
    """By the attestation's identifier."""
    review: ReviewRecorded | None = None


NONE = Undertakings()
"""Of an agreement under which nothing was done yet."""
