"""`concordat quarantine`: records that broke their contract; list and show them, decide them again, or give them up."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from agreements.signing import Signer
from broker.cli.acting import operator_key_path, signatory
from broker.cli.output import Json, emit, table
from broker.cluster.connect import connection
from broker.cluster.principals import OPERATOR
from broker.delivery.quarantine import KeySealer, Quarantined, find_quarantined, quarantined, reveal, to_decide
from broker.keys import installed
from broker.register.enrolment import discard_quarantined, replay_quarantined
from broker.register.follow import read_snapshot
from broker.settings import Settings, load

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Records that broke their contract.")

Identifier = Annotated[str, typer.Argument(help="As `quarantine list` prints it: source topic, partition, offset.")]
Actor = Annotated[str, typer.Option("--as", help="Who acts: `operator`, or a signatory of the owner, by identifier.")]
Key = Annotated[Path | None, typer.Option(help="The actor's private key; by default the operator's.")]


@app.command("list")
def list_(*, json: Json = False) -> None:
    """Every quarantined record with its reasons and standing; never what it holds.

    Example: concordat quarantine list
    """
    cluster = connection(load(), OPERATOR)
    discarded = read_snapshot(cluster).discarded
    newest = {entry.identifier: entry for entry in quarantined(cluster)}
    found = [_described(entry, discarded) for entry in newest.values()]
    rows = [(one["id"], one["dataset"], ", ".join(one["reasons"]), one["decided"], one["state"]) for one in found]
    emit(found, json=json, table=table("Quarantine", ("id", "dataset", "reasons", "decided", "state"), rows))


@app.command()
def show(
    identifier: Identifier,
    *,
    reveal_content: Annotated[bool, typer.Option("--reveal", help="Open and print what the record holds.")] = False,
    json: Json = False,
) -> None:
    """One quarantined record; what it holds only with --reveal, which opens it with this machine's key.

    Example: concordat quarantine show source.border-crossings/0/17
    """
    settings = load()
    cluster = connection(settings, OPERATOR)
    entry = find_quarantined(cluster, identifier)
    described = _described(entry, read_snapshot(cluster).discarded)
    if reveal_content:
        content = reveal(entry, KeySealer(installed(settings)))
        described |= {"key": _base64(content.key), "value": _base64(content.value)}
    rows = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in described.items()]
    emit(described, json=json, table=table(identifier, ("", ""), rows))


@app.command()
def replay(identifier: Identifier, *, actor: Actor = "operator", key: Key = None, json: Json = False) -> None:
    """Decide a record again, once, under the contract and the agreements as they are now.

    Example: concordat quarantine replay source.border-crossings/0/17
    """
    settings = load()
    cluster = connection(settings, OPERATOR)
    place = to_decide(cluster, identifier)
    appended = replay_quarantined(cluster, _signer(settings, actor, key), *place)
    _say(identifier, "asked to be decided again", appended.positions[0], json=json)


@app.command()
def discard(
    identifier: Identifier,
    *,
    reason: Annotated[str, typer.Option(help="Why it is given up; kept in the register.")],
    actor: Actor = "operator",
    key: Key = None,
    json: Json = False,
) -> None:
    """Give a record up for good; its quarantine leaf stays in the audit.

    Example: concordat quarantine discard source.border-crossings/0/17 --reason "a test row"
    """
    settings = load()
    cluster = connection(settings, OPERATOR)
    place = to_decide(cluster, identifier)
    appended = discard_quarantined(cluster, _signer(settings, actor, key), *place, reason=reason)
    _say(identifier, "discarded", appended.positions[0], json=json)


def _described(entry: Quarantined, discarded: frozenset[tuple[str, int, int]]) -> dict[str, Any]:
    """What may be shown of a record: everything but its content."""
    decided = datetime.fromtimestamp(entry.decided_ms / 1000, UTC).isoformat(timespec="seconds")
    given_up = (entry.topic, entry.partition, entry.offset) in discarded
    kept = {name: value for name, value in msgspec.structs.asdict(entry).items() if name not in ("content", "reasons")}
    reasons = [f"{reason.code} {reason.clause}".strip() for reason in entry.reasons]
    state = "discarded" if given_up else "waiting" if entry.offset >= 0 else "mend at its store"
    return {"id": entry.identifier, **kept, "reasons": reasons, "decided": decided, "state": state}


def _signer(settings: Settings, actor: str, key: Path | None) -> Signer:
    return signatory(actor, key or operator_key_path(settings))


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _say(identifier: str, what: str, position: int, *, json: bool) -> None:
    document = {"id": identifier, "register_position": position}
    emit(document, json=json, table=f"{identifier}: {what} (register position {position})")
