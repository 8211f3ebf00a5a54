"""Reviews of an agreement before it is signed, and its withdrawal."""

from __future__ import annotations

from collections.abc import Iterable

from agreements.acts import AgreementReviewed, AgreementWithdrawn
from agreements.clauses import report_hash
from agreements.reviews import Track, Verdict
from agreements.signing import Signer
from agreements.snapshot import Snapshot
from broker.cluster.client import Connection
from broker.register.agreeing import about, check_hash, entry_of
from broker.register.append import Appended, Deed, act


def review(
    connection: Connection,
    signer: Signer,
    reference: str,
    tracks: Iterable[Track],
    verdict: Verdict = Verdict.ACCEPT,
    *,
    comment: str = "",
    content_hash: str | None = None,
) -> Appended:
    """Say what tracks of the newest version come to, all in one transaction.

    `content_hash` is of the text that was looked at; raises `Refused` where another has been submitted since.
    """

    def decide(snapshot: Snapshot) -> list[Deed]:
        entry = entry_of(snapshot, reference)
        check_hash(entry, content_hash)
        hashes = (entry.content_hash, report_hash(entry.report))
        version = entry.agreement.version
        said = (AgreementReviewed(reference, version, *hashes, track, verdict, comment) for track in tracks)
        return [Deed(one, signer) for one in said]

    tracks = tuple(tracks)
    return act(connection, decide)


def withdraw(connection: Connection, signer: Signer, reference: str, *, reason: str) -> Appended:
    """Take a version back that not everybody has signed."""
    return about(connection, signer, reference, AgreementWithdrawn(reference, reason))
