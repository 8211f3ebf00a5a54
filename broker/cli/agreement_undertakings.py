"""`concordat agreement acknowledge`, `attest`, `reviewed`, and what is due: keeping an agreement running."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from agreements.durations import ExactDuration
from agreements.inventory.due import Due, due
from agreements.snapshot import Snapshot
from broker.cli.acting import As, Key, cluster, said, signatory
from broker.cli.output import Json, emit, table
from broker.register import undertaking

Reference = Annotated[str, typer.Argument(help="The agreement's reference, such as DSA-2026-014.")]
Text = Annotated[str, typer.Option(help="What you confirm or found, in words; it stands in the register for ever.")]
_EXACT: TypeAdapter[timedelta] = TypeAdapter(ExactDuration)


def acknowledge(
    reference: Reference,
    caveats: Annotated[list[str], typer.Argument(help="Caveats as CAVEAT@VERSION, as the contract has them now.")],
    *,
    as_: As,
    key: Key,
    json: Json = False,
) -> None:
    """Acknowledge known limitations of the data; what was held for them is then released.

    Example: concordat agreement acknowledge DSA-2026-014 return-leg-may-be-missing@2 --as jane-doe --key jane.key
    """
    appended = undertaking.acknowledge(cluster(), signatory(as_, key), reference, caveats)
    entry = appended.snapshot.agreement(reference)
    waiting = [] if entry is None else undertaking.waiting_caveats(appended.snapshot, entry)
    names = [f"{caveat}@{version} of {dataset}" for dataset, caveat, version in waiting]
    shown = f"{reference}: acknowledged {', '.join(caveats)}" + (
        f"; still waiting: {', '.join(names)}" if names else ""
    )
    emit(said(appended, reference=reference, acknowledged=caveats, waiting=names), json=json, table=shown)


def attest(
    reference: Reference,
    attestation: Annotated[str, typer.Argument(help="The attestation's identifier in the agreement.")],
    *,
    text: Text,
    as_: As,
    key: Key,
    json: Json = False,
) -> None:
    """Make an attestation that your organisation owes.

    Example: concordat agreement attest DSA-2026-014 training --text "all 40 trained" --as jane-doe --key jane.key
    """
    appended = undertaking.attest(cluster(), signatory(as_, key), reference, attestation, text)
    shown = f"{reference}: attested {attestation}"
    emit(said(appended, reference=reference, attestation=attestation), json=json, table=shown)


def reviewed(
    reference: Reference,
    *,
    text: Text,
    next_review: Annotated[
        datetime | None,
        typer.Option("--next", formats=["%Y-%m-%d"], help="The day of the next review; left out for the last."),
    ] = None,
    as_: As,
    key: Key,
    json: Json = False,
) -> None:
    """Record that the agreement was reviewed while it runs.

    Example: concordat agreement reviewed DSA-2026-014 --text "still needed" --next 2028-12-01 --as jane-doe --key jane.key
    """
    day: date | None = None if next_review is None else next_review.date()
    appended = undertaking.record_review(cluster(), signatory(as_, key), reference, text, day)
    shown = f"{reference}: reviewed; " + (f"the next review is due on {day}" if day else "this was the last review")
    emit(said(appended, reference=reference, next_review=day), json=json, table=shown)


def show_due(snapshot: Snapshot, now: datetime, within: timedelta | None, *, json: bool) -> None:
    """What is to be done under every agreement, the most urgent first."""
    found = due(snapshot, now, within)
    columns = ("reference", "kind", "what", "by", "until", "")
    rows = [(o.reference, o.kind, o.what, o.by or "either party", o.at or "now", _state(o)) for o in found]
    document = [one._asdict() for one in found]
    emit(document, json=json, table=table("Due", columns, rows) if rows else "nothing is due")


def read_within(text: str | None) -> timedelta | None:
    """A span as agreements write it; raises `typer.BadParameter` for anything else."""
    if text is None:
        return None
    try:
        return _EXACT.validate_python(text)
    except ValidationError as error:
        raise typer.BadParameter(str(error.errors()[0]["msg"]), param_hint="--within") from error


def _state(one: Due) -> str:
    return "overdue" if one.is_overdue else ("reminder" if one.is_reminded else "")
