"""How agreements are shown: to programs as documents, to people as tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.table import Table

from agreements import text
from agreements.acts import (
    AgreementCertified,
    AgreementResumed,
    AgreementReviewed,
    AgreementSigned,
    AgreementSubmitted,
    AgreementSuspended,
    AgreementTerminated,
    AgreementWithdrawn,
    AttestationGiven,
    CaveatAcknowledged,
    CertificateWaived,
    ReviewHeld,
)
from agreements.phase import phase, stages
from agreements.rules.signatures import missing_offices
from agreements.signing import read_agreement_statement
from agreements.snapshot import AgreementEntry, Coverage, Snapshot
from agreements.standing import stand
from broker.cli.agreement_umbrella import umbrella_document
from broker.cli.output import table
from broker.register.history import Accepted
from broker.register.stop import Stop
from contracts import topics


def entry_document(entry: AgreementEntry, snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    """One version of an agreement as programs read it; `standing` is each share's at `now`."""
    agreement = entry.agreement
    return {
        "reference": agreement.reference,
        "version": agreement.version,
        "title": agreement.title,
        "state": entry.state,
        "phase": phase(snapshot, entry, now),
        "exceptional": agreement.exceptional is not None,
        "stages": [stage._asdict() for stage in stages(entry)],
        "ending": entry.ending,
        "certificate": entry.certificate,
        "waivers": entry.waivers,
        "content_hash": entry.content_hash,
        "drafted_by": entry.drafted_by,
        "recipient": entry.recipient,
        "starts_at": entry.starts_at,
        "ends_at": entry.ends_at,
        "reviews": entry.reviews,
        "missing_tracks": entry.missing_tracks(),
        "signatures": entry.signatures,
        "missing_signatures": [{"organisation": o, "office": office} for o, office in missing_offices(entry)],
        "suspensions": [
            {
                "position": suspension.position,
                "since": suspension.since,
                "by": suspension.by,
                "reason": suspension.reason,
                "organisation": suspension.organisation,
                "shares": None if suspension.shares is None else sorted(suspension.shares),
                "fields": [{"share": share, "path": path} for share, path in suspension.fields],
            }
            for suspension in entry.suspensions
        ],
        "shares": [
            {
                "id": share.id,
                "dataset": share.dataset,
                "purpose": share.purpose,
                "topic": topics.share(agreement.reference, share.id),
                "view_schema": entry.view_schemas.get(share.id),
                "standing": stand(snapshot, Coverage(entry, share), now).standing,
            }
            for share in entry.shares
        ],
        **umbrella_document(entry, snapshot),
    }


def shown_document(entry: AgreementEntry, snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    """As `entry_document`, with its text and each share's sealed content keys (version to base64).

    Sealed keys are ciphertext: the recipient alone can open them.
    """
    reference = entry.agreement.reference
    document = entry_document(entry, snapshot, now)
    for share in document["shares"]:
        share["sealed_keys"] = dict(snapshot.sealed(reference, share["id"]))
    return document | {"text": text.render(entry.document)}


def entry_table(entry: AgreementEntry, snapshot: Snapshot, now: datetime) -> Table:
    """One version of an agreement for people."""
    document = entry_document(entry, snapshot, now)
    rows = [(name, document[name]) for name in ("title", "state", "phase", "content_hash", "drafted_by", "recipient")]
    rows += [("starts", entry.starts_at), ("ends", entry.ends_at)]
    rows += [("signed", f"{s.office} of {s.organisation}: {s.signatory}") for s in entry.signatures]
    rows += [("to sign", f"{office} of {organisation}") for organisation, office in missing_offices(entry)]
    rows += [("suspended", f"{s.since} by {s.by}: {s.reason}") for s in entry.suspensions]
    if (needed := document.get("rebase_needed")) is not None:
        rows += [
            ("re-base needed", f"version {needed['newest']} of the umbrella is approved; pinned to {needed['pinned']}")
        ]
        rows += [(f"  {one['clause']}", f"{one['before']} becomes {one['after']}") for one in needed["umbrella"]]
    rows += [("share", f"{s['id']}: {s['dataset']} to {s['topic']}, {s['standing']}") for s in document["shares"]]
    return table(f"{entry.agreement.reference} version {entry.agreement.version}", ("", ""), rows)


def stages_table(entry: AgreementEntry) -> Table:
    """How long each stage of a version took, from its first submission on."""
    rows = [(stage.stage, stage.at, f"{stage.seconds / 86_400:.2f}") for stage in stages(entry)]
    return table(f"Stages of version {entry.agreement.version}", ("stage", "at", "days"), rows)


def history_rows(found: list[Accepted]) -> list[tuple[int, datetime, str, str, str]]:
    """Position, time, act, actor and detail of each act."""
    return [(one.position, one.statement.time, one.act_type, one.statement.actor, _detail(one)) for one in found]


def stop_text(stop: Stop) -> str:
    """What was seen of a stop, in words, with the worst case."""
    worst = f"worst case {stop.worst_case_seconds:g} s: a worker that is dead or paused cannot commit after that"
    if stop.confirmed and stop.partitions:
        return (
            f"confirmed at register position {stop.position} by every worker, {stop.partitions} partitions,"
            f" in {stop.seconds:.3f} s\n{worst}"
        )
    if not stop.partitions:
        return "its datasets have no source topic yet: nothing can flow"
    if not stop.workers:
        return f"no worker is running, so nothing flows; register position {stop.position}\n{worst}"
    return f"NOT confirmed after {stop.seconds:.3f} s by {', '.join(stop.unconfirmed)}\n{worst}"


def _detail(one: Accepted) -> str:
    said = ""
    match one.statement.act:
        case AgreementSubmitted(document=document):
            said = f"{len(document)} bytes"
        case AgreementReviewed(track=track, verdict=verdict, agreement_version=version, comment=comment):
            said = f"version {version}, {track}: {verdict}" + (f": {comment}" if comment else "")
        case AgreementSigned(statement=signed, agreement_version=version):
            stated = read_agreement_statement(signed)
            said = f"version {version}, {stated.office} of {stated.organisation}"
        case AgreementSuspended(reason=reason, shares=shares, fields=fields, only=only):
            named = only or (*shares, *(f"{field.share}/{field.path}" for field in fields))
            said = f"{', '.join(named) or 'every share'}: {reason}"
        case AgreementTerminated(reason=reason, last_day=day, at_once=at_once):
            end = f"with {day}: " if day is not None else "at once: " if at_once else ""
            said = f"{end}{reason}"
        case AgreementCertified(statement=statement, document_hash=digest):
            said = f"{statement} ({digest})"
        case AgreementWithdrawn(reason=said) | CertificateWaived(statement=said):
            pass
        case AgreementResumed():
            said = "its own suspensions"
        case _:
            said = _kept(one)
    return said


def _kept(one: Accepted) -> str:
    """Of an act by which somebody keeps an agreement running."""
    match one.statement.act:
        case CaveatAcknowledged(dataset=dataset, caveat=caveat, caveat_version=version):
            return f"{caveat}@{version} of {dataset}"
        case AttestationGiven(attestation=attestation, text=text):
            return f"{attestation}: {text}"
        case ReviewHeld(text=text, next_review=following):
            return f"{text}; next on {following}" if following else text
        case _:
            return ""
