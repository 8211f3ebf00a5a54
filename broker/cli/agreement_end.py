"""`concordat agreement terminate`, `certify` and `waive`: the end of an agreement, and its closing."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from broker import clock
from broker.cli.acting import As, Key, cluster, signatory
from broker.cli.agreement_sign import show_entry
from broker.cli.agreement_stop import show_stop
from broker.cli.agreement_terms import Reason, Reference
from broker.cli.output import Json
from broker.register import commands
from broker.register.codes import TEXT_FILE
from contracts.faults import Unavailable


def terminate(
    reference: Reference,
    *,
    as_: As,
    key: Key,
    reason: Reason = "not given",
    last_day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="In Europe/London.  Default: the first that the notice allows, or now."
        ),
    ] = None,
    at_once: Annotated[bool, typer.Option(help="Now, whatever the notice; needs --reason.")] = False,
    json: Json = False,
) -> None:
    """End an agreement for ever, and wait until every worker has confirmed it.

    Where its text has a notice, it ends with the first day that the notice allows.

    Example: concordat agreement terminate DSA-2026-014 --as jane-doe --key jane.key --reason "purpose achieved"
    """
    if at_once and (last_day is not None or reason == "not given"):
        raise typer.BadParameter("--at-once needs --reason, and no --last-day")
    began = clock.monotonic_seconds()
    day = None if last_day is None else last_day.date()
    who = signatory(as_, key)
    appended = commands.terminate(cluster(), who, reference, reason=reason, last_day=day, at_once=at_once)
    show_stop(appended, reference, began, json=json)


def certify(
    reference: Reference,
    document: Annotated[Path, typer.Argument(help="The certificate; only its hash goes into the register.")],
    *,
    as_: As,
    key: Key,
    statement: Annotated[str, typer.Option(help="What is certified, in words; it stands in the register for ever.")],
    json: Json = False,
) -> None:
    """Certify, for the recipient, that what was received under an agreement that is over is destroyed.  It is then closed.

    Example: concordat agreement certify DSA-2026-014 certificate.pdf --statement "All copies" --as sam-lee --key sam.key
    """
    try:
        digest = hashlib.sha256(document.read_bytes()).hexdigest()
    except OSError as error:
        raise Unavailable(TEXT_FILE.fault(f"{document}: {error.strerror}")) from error
    who = signatory(as_, key)
    certified = commands.certify(cluster(), who, reference, statement=statement, document_hash=f"sha256:{digest}")
    show_entry(certified, reference, json=json)


def waive(
    reference: Reference,
    *,
    as_: As,
    key: Key,
    statement: Annotated[str | None, typer.Option(help="Why there is none.  Default: the other side's words.")] = None,
    json: Json = False,
) -> None:
    """Agree that an agreement is closed without a certificate.  It is when the other side has agreed in the same words.

    Example: concordat agreement waive DSA-2026-014 --statement "kept by order of a court" --as sam-lee --key sam.key
    """
    waived = commands.waive(cluster(), signatory(as_, key), reference, statement=statement)
    show_entry(waived, reference, json=json)
