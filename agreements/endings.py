"""When an agreement is over, what is then outstanding, and whose topics are emptied.

The duty to certify belongs to the agreement, not to one version: what a superseded version delivered is held on under the
newer one, and is certified when that is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from agreements.entries import SIGNED, AgreementEntry, AgreementState
from agreements.model import AgreementKind


def last_approved(versions: Sequence[AgreementEntry]) -> AgreementEntry | None:
    """The newest version that everybody signed: the one by which the agreement ends."""
    return next((entry for entry in reversed(versions) if entry.was_signed), None)


def is_over(entry: AgreementEntry, now: datetime) -> bool:
    """Whether a version that everybody signed has had its time: by an act, or by its last day."""
    return entry.state not in SIGNED or now >= entry.ends_at


def owes_certificate(entry: AgreementEntry) -> bool:
    """Whether its text asks for a certificate of destruction, and there is neither one nor an exception by both sides.

    Nothing is delivered under another kind than a DSA, so that nothing is to be destroyed.
    """
    asked = entry.agreement.after_delivery.destruction == "certificate"
    return (
        asked
        and entry.agreement.kind is AgreementKind.DSA
        and entry.was_signed
        and entry.state is not AgreementState.CLOSED
    )


def is_closing(versions: Sequence[AgreementEntry], now: datetime) -> bool:
    """Whether the agreement is over and a certificate is outstanding."""
    last = last_approved(versions)
    return last is not None and is_over(last, now) and owes_certificate(last)


def emptied_shares(versions: Sequence[AgreementEntry], now: datetime) -> Iterator[str]:
    """The shares whose topics hold nothing any more: of an agreement ended by an act, and those a newer version left out.

    An agreement that simply expired keeps its topics until it is closed.
    """
    last = last_approved(versions)
    if last is None:
        return
    approved = [entry for entry in versions if entry.was_signed]
    named = dict.fromkeys(share.id for entry in approved for share in entry.shares)
    by_act = last.ending is not None or last.state not in SIGNED
    if by_act and is_over(last, now):
        yield from named
        return
    living = [entry for entry in approved if entry.state in SIGNED and now < entry.ends_at] or [last]
    kept = {share.id for entry in living for share in entry.shares}
    yield from (share for share in named if share not in kept)
