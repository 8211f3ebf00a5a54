"""Acts by which people do what an agreement asks of them while it runs."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta

from agreements.acts.parts import Act, Reference, Slug, Words

_Number = Annotated[int, Meta(ge=1, le=2**53 - 1)]


class CaveatAcknowledged(Act, frozen=True, tag="caveat.acknowledged"):
    """The recipient's signatory has read one version of a caveat of a dataset that the agreement shares."""

    reference: Reference
    dataset: Slug
    caveat: Slug
    caveat_version: _Number

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class AttestationGiven(Act, frozen=True, tag="attestation.made"):
    """A signatory of the party that owes an attestation confirms it."""

    reference: Reference
    attestation: Slug
    text: Words

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class ReviewHeld(Act, frozen=True, tag="review.recorded"):
    """A party's signatory has reviewed the version in force; `next_review` is the day of the next, None for the last."""

    reference: Reference
    agreement_version: _Number
    text: Words
    next_review: date | None = None

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


UndertakingAct = CaveatAcknowledged | AttestationGiven | ReviewHeld
