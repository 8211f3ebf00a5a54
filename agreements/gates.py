"""The gates of review: the clauses without which a track cannot be accepted, so that nothing comes into force without them.

The power and the lawful basis are keys of every agreement.  Nothing is delivered under another kind than a DSA, so that only
a DSA has further gates; an exceptional disclosure skips the tracks and is reviewed afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agreements.model import Agreement, AgreementKind
from agreements.reviews import Track

Path = tuple[int | str, ...]


class Gate(NamedTuple):
    """A clause that is missing, the track that waits for it, and why."""

    track: Track
    path: Path
    message: str


def closed_gates(agreement: Agreement) -> tuple[Gate, ...]:
    """Every gate that is not passed; empty for an agreement that may be accepted on each of its tracks."""
    if agreement.kind is not AgreementKind.DSA or agreement.exceptional is not None:
        return ()
    return (*_legal(agreement), *_data_protection(agreement))


def _legal(agreement: Agreement) -> Iterator[Gate]:
    for name in ("benefits", "necessity", "proportionality"):
        if getattr(agreement.justification, name) is None:
            yield Gate(Track.LEGAL, ("justification",), f"`justification.{name}` is missing")


def _data_protection(agreement: Agreement) -> Iterator[Gate]:
    assessment = agreement.assessments.data_protection
    if assessment is None:
        yield Gate(Track.DATA_PROTECTION, ("assessments",), "`assessments.data_protection` is missing")
    elif assessment.outcome == "high-residual-risk" and assessment.consultation is None:
        path = ("assessments", "data_protection")
        yield Gate(Track.DATA_PROTECTION, path, "the residual risk is high: `consultation` of the regulator is missing")
    if agreement.law.regime == "uk-gdpr" and agreement.transparency.privacy_notice is None:
        yield Gate(Track.DATA_PROTECTION, ("transparency",), "`transparency.privacy_notice` is missing")
