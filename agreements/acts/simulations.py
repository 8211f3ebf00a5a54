"""Acts on simulations: that somebody tried an agreement on past events."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from agreements.acts.parts import Act, Reference, Slug, Words


class AgreementSimulated(Act, frozen=True, tag="agreement.simulated"):
    """A signatory of a party tries an agreement, signed or not, on the events of a period; None is open on that side."""

    reference: Reference
    content_hash: Words
    organisations: Annotated[tuple[Slug, ...], Meta(min_length=2, max_length=200)]
    """The parties of what was tried."""
    since: datetime | None = None
    until: datetime | None = None

    def subject(self) -> str:
        """`simulation/<reference>`."""
        return f"simulation/{self.reference}"


SimulationAct = AgreementSimulated
