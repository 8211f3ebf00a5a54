"""Acts on an agreement before anybody signs it: reviews of its tracks, and its withdrawal."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from agreements.acts.parts import Act, Count, Reference, Words
from agreements.reviews import Track, Verdict

Hash = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]


class AgreementReviewed(Act, frozen=True, tag="agreement.reviewed"):
    """A signatory of either party who did not draft it says what a track comes to: of exactly this text and clause report."""

    reference: Reference
    agreement_version: Count
    content_hash: Hash
    clause_report: Hash
    track: Track
    verdict: Verdict
    comment: Annotated[str, Meta(max_length=10_000)] = ""

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class AgreementWithdrawn(Act, frozen=True, tag="agreement.withdrawn"):
    """The side that submitted a version takes it back before everybody has signed it."""

    reference: Reference
    reason: Words

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


ReviewAct = AgreementReviewed | AgreementWithdrawn
