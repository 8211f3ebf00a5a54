"""`concordat agreement submit`, `review`, `withdraw` and `sign`: the way of a text to its last signature."""

from __future__ import annotations

from typing import Annotated

import typer

from agreements.reviews import Track, Verdict
from agreements.rules.signatures import missing_offices
from agreements.snapshot import AgreementState
from broker import clock
from broker.cli.acting import As, Key, cluster, said, signatory, text_of
from broker.cli.agreement_check import File, checked
from broker.cli.agreement_terms import ContentHash, Reason, Reference
from broker.cli.agreement_view import entry_document
from broker.cli.output import Json, emit
from broker.keys import installed
from broker.register import commands
from broker.register.append import Appended
from broker.register.codes import NO_SUCH
from broker.settings import load
from contracts.faults import Refused


def submit(file: File, *, as_: As, key: Key, json: Json = False) -> None:
    """Submit an agreement for review and signature.  Who submits it is its drafter.

    A version that was returned is submitted again under its own number; any other has the next number.

    Example: concordat agreement submit DSA-2026-014.agreement.yaml --as sam-lee --key sam.key
    """
    document = text_of(file)
    appended = commands.submit(cluster(), signatory(as_, key), document, str(file))
    agreement = checked(file)
    show_entry(appended, agreement.reference, json=json)


def review(
    reference: Reference,
    *,
    track: Annotated[list[Track], typer.Option(help="What was looked at; may be given again.")],
    verdict: Annotated[Verdict, typer.Option(help="Accept it, return it to be changed, or reject it for good.")],
    as_: As,
    key: Key,
    comment: Annotated[str, typer.Option(help="Why, in words; it stands in the register for ever.")] = "",
    content_hash: ContentHash = None,
    json: Json = False,
) -> None:
    """Say what a track of the newest version comes to.  All three accept it before it can be signed.

    Who drafted a version does not review it.  An exceptional disclosure has the track `retrospective` instead, afterwards.

    Example: concordat agreement review DSA-2026-014 --track legal --verdict accept --as jane-doe --key jane.key
    """
    who = signatory(as_, key)
    reviewed = commands.review(cluster(), who, reference, track, verdict, comment=comment, content_hash=content_hash)
    show_entry(reviewed, reference, json=json)


def withdraw(reference: Reference, *, as_: As, key: Key, reason: Reason = "not given", json: Json = False) -> None:
    """Take back a version that not everybody has signed.  Only the side that submitted it can.

    Example: concordat agreement withdraw DSA-2026-014 --as sam-lee --key sam.key --reason "another basis was found"
    """
    show_entry(commands.withdraw(cluster(), signatory(as_, key), reference, reason=reason), reference, json=json)


def sign(reference: Reference, *, as_: As, key: Key, content_hash: ContentHash = None, json: Json = False) -> None:
    """Sign the newest version.  The last signature that its text asks for puts it in force on its first day.

    Example: concordat agreement sign DSA-2026-014 --as jane-doe --key jane.key
    """
    settings = load()
    keys = installed(settings)
    appended = commands.sign_agreement(
        cluster(settings), signatory(as_, key), reference, keys, content_hash=content_hash
    )
    show_entry(appended, reference, json=json)


def show_entry(appended: Appended, reference: str, *, json: bool) -> None:
    """Print what an agreement has become by an act, and what it waits for."""
    entry = appended.snapshot.agreement(reference)
    if entry is None:
        raise Refused(NO_SUCH.fault(f"the agreement {reference}"))
    missing = [f"{office} of {organisation}" for organisation, office in missing_offices(entry)]
    document = said(appended, **entry_document(entry, appended.snapshot, clock.now()), missing=missing)
    tracks = ", ".join(entry.missing_tracks())
    waiting = ""
    if entry.state is AgreementState.SUBMITTED:
        waiting = f"; still to accept it: {tracks}"
    elif entry.state is AgreementState.AWAITING_SIGNATURES:
        waiting = f"; still to sign: {', '.join(missing)}"
    shown = f"{reference} version {entry.agreement.version} is {entry.state}{waiting}"
    emit(document, json=json, table=shown)
