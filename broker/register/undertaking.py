"""Acts by which people keep an agreement running: acknowledge a caveat, make an attestation, record a review."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from agreements.acts import AttestationGiven, CaveatAcknowledged, ReviewHeld
from agreements.duties import unacknowledged
from agreements.signing import Signer
from agreements.snapshot import AgreementEntry, Snapshot
from broker.cluster.client import Connection
from broker.register.append import Appended, Deed, act
from broker.register.codes import NO_SUCH
from contracts.faults import Refused


def acknowledge(
    connection: Connection, signer: Signer, reference: str, caveats: Sequence[str] | None = None
) -> Appended:
    """Acknowledge caveats (`<caveat>@<version>`) for every share of the agreement that waits for them, in one transaction.

    None is every caveat that it waits for.  Raises `Refused` for a caveat that no share waits for: it is not in a contract now, or was acknowledged already.
    """

    def decide(snapshot: Snapshot) -> list[Deed]:
        waiting = waiting_caveats(snapshot, _entry(snapshot, reference))
        deeds = [
            Deed(CaveatAcknowledged(reference, dataset, caveat, version), signer)
            for dataset, caveat, version in waiting
            if caveats is None or f"{caveat}@{version}" in caveats
        ]
        known = {f"{caveat}@{version}" for _, caveat, version in waiting}
        if unknown := [caveat for caveat in caveats or () if caveat not in known]:
            raise Refused(
                *(NO_SUCH.fault(f"the caveat {caveat} that {reference} would wait for") for caveat in unknown)
            )
        return deeds

    return act(connection, decide)


def waiting_caveats(snapshot: Snapshot, entry: AgreementEntry) -> list[tuple[str, str, int]]:
    """Dataset, caveat and version of everything that the recipient has still to acknowledge, each once."""
    found = {
        (share.dataset, caveat.identifier, caveat.version)
        for share in entry.agreement.shares
        for caveat in unacknowledged(snapshot, entry, share)
    }
    return sorted(found)


def attest(connection: Connection, signer: Signer, reference: str, attestation: str, text: str) -> Appended:
    """Make an attestation that the signer's party owes."""
    return act(connection, lambda _: [Deed(AttestationGiven(reference, attestation, text), signer)])


def record_review(
    connection: Connection, signer: Signer, reference: str, text: str, next_review: date | None = None
) -> Appended:
    """Record that the newest version was reviewed; `next_review` is the day of the next review, None for the last."""

    def decide(snapshot: Snapshot) -> list[Deed]:
        version = _entry(snapshot, reference).agreement.version
        return [Deed(ReviewHeld(reference, version, text, next_review), signer)]

    return act(connection, decide)


def _entry(snapshot: Snapshot, reference: str) -> AgreementEntry:
    entry = snapshot.agreement(reference)
    if entry is None:
        raise Refused(NO_SUCH.fault(f"the agreement {reference}"))
    return entry
