"""Acts at an agreement's end: its termination, the certificate of destruction, and the exception from it."""

from __future__ import annotations

from datetime import date

from agreements.acts import AgreementCertified, AgreementTerminated, CertificateWaived
from agreements.endings import last_approved
from agreements.rules.endings import earliest_last_day
from agreements.signing import Signer
from agreements.snapshot import Snapshot
from broker import clock
from broker.cluster.client import Connection
from broker.register.agreeing import about, entry_of
from broker.register.append import Appended, Deed, act
from broker.register.codes import NO_SUCH
from contracts.faults import Refused


def terminate(
    connection: Connection,
    signer: Signer,
    reference: str,
    *,
    reason: str,
    last_day: date | None = None,
    at_once: bool = False,
) -> Appended:
    """End an agreement for ever: with `last_day`, else at once, or where its text has a notice as early as that allows."""

    def decide(snapshot: Snapshot) -> list[Deed]:
        entry_of(snapshot, reference)
        day = last_day
        if day is None and not at_once:
            day = earliest_last_day(snapshot.agreements[reference], clock.now())
        return [Deed(AgreementTerminated(reference, reason, day, at_once), signer)]

    return act(connection, decide)


def certify(connection: Connection, signer: Signer, reference: str, *, statement: str, document_hash: str) -> Appended:
    """Certify that what was received is destroyed; `document_hash` (`sha256:<hex>`) is of the certificate itself."""
    return about(connection, signer, reference, AgreementCertified(reference, statement, document_hash))


def waive(connection: Connection, signer: Signer, reference: str, *, statement: str | None = None) -> Appended:
    """Agree to close without a certificate; without words of one's own, in those of the other side."""

    def decide(snapshot: Snapshot) -> list[Deed]:
        entry_of(snapshot, reference)
        last = last_approved(snapshot.agreements[reference])
        words = statement or (last.waivers[0].statement if last is not None and last.waivers else None)
        if words is None:
            raise Refused(NO_SUCH.fault(f"words of the other side on {reference}: say your own"))
        return [Deed(CertificateWaived(reference, words), signer)]

    return act(connection, decide)
