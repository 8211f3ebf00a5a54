"""The review of an agreement before anybody signs it: three independent tracks, and what a reviewer may say.

An exceptional disclosure skips the three and is reviewed afterwards, on a track of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Track(StrEnum):
    """What a reviewer looks at."""

    LEGAL = "legal"
    """The power to share, the lawful basis, and why the sharing is right."""
    DATA_PROTECTION = "data-protection"
    """The impact assessment and what people are told."""
    SECURITY = "security"
    """Where and how the recipient keeps what it receives."""
    RETROSPECTIVE = "retrospective"
    """An exceptional disclosure, after it was made."""


TRACKS = (Track.LEGAL, Track.DATA_PROTECTION, Track.SECURITY)
"""The tracks that every agreement passes before it is signed, unless it is an exceptional disclosure."""


class Verdict(StrEnum):
    """What a reviewer says."""

    ACCEPT = "accept"
    RETURN = "return"
    """To be changed and submitted again under the same version number."""
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class TrackReview:
    """One review, as it stands in the register at `position`."""

    track: Track
    verdict: Verdict
    reviewer: str
    organisation: str
    position: int
    time: datetime
    comment: str = ""
