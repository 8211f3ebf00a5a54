"""`concordat consume`: what a department receives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from broker import clock, settings
from broker.cli.output import Json, emit, errors, table
from broker.client import Received, Subscription, registry_schemas, sealed_keys
from broker.cluster import principals
from broker.cluster.client import Connection
from broker.cluster.connect import connection
from broker.cluster.reader import Reader
from broker.codes import NOTHING_TO_CONSUME
from broker.decryption import Decrypter
from broker.register.follow import read_snapshot
from broker.register.keyfiles import encryption_key
from contracts import topics
from contracts.faults import Refused


def command(
    reference: Annotated[str, typer.Argument(help="The agreement's reference.")],
    as_: Annotated[
        str | None,
        typer.Option("--as", help="The organisation whose credential is used.  Default: the agreement's recipient."),
    ] = None,
    share: Annotated[str | None, typer.Option(help="One share; all that may be read otherwise.")] = None,
    records_max: Annotated[int | None, typer.Option("--max", help="Stop after this many records.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after this many seconds without a record.")] = None,
    group: Annotated[str | None, typer.Option(help="Go on where this consumer group left off.")] = None,
    registry: Annotated[str | None, typer.Option(help="The schema registry's address.")] = None,
    decryption_key: Annotated[
        Path | None, typer.Option(help="The organisation's X25519 private key: decrypts what is encrypted for it.")
    ] = None,
    json: Json = False,  # noqa: FBT002 - typer reads the default
) -> None:
    """Read an agreement's share topics as the department does: committed records only, decoded.

    Without a consumer group it begins with the first record that is kept.

    Example: concordat consume DSA-2026-014 --as work-and-pensions --max 10
    """
    chosen = settings.load()
    as_ = as_ or _recipient(chosen, reference)
    reached = connection(chosen, as_)
    wanted = _wanted(reached, as_, reference, share)
    address = registry or f"http://{chosen.serve_host}:{chosen.serve_port}"
    properties = reached.properties
    signed_in = address, properties.get("sasl.username", ""), properties.get("sasl.password", "")
    schemas = registry_schemas(*signed_in)
    decrypter = Decrypter(encryption_key(decryption_key), sealed_keys(*signed_in)) if decryption_key else None
    name = group or f"{as_}.consume-{clock.now_ms()}"
    found: list[Received] = []
    with Subscription(reached, wanted, schemas, group=name, decrypter=decrypter) as subscription:
        try:
            _collect(subscription, found, records_max, seconds, quiet=json)
        except KeyboardInterrupt:
            errors.print("stopped")
        if group is not None:
            subscription.commit()
    if not found:
        errors.print(f"no record in {', '.join(wanted)}", markup=False)
    emit([_document(received) for received in found], json=json)


def _wanted(reached: Connection, organisation: str, reference: str, share: str | None) -> tuple[str, ...]:
    """The topics to read; raises `Refused` when the organisation may read none of them."""
    if reached.username not in (
        None,
        organisation,
    ):  # no credential of theirs is here, so the administrator's would be used
        raise Refused(NOTHING_TO_CONSUME.fault(f"no credential of `{organisation}` is here"))
    visible = _visible(reached, reference)
    wanted = visible if share is None else tuple(name for name in visible if name == topics.share(reference, share))
    if not wanted:
        of = f"share {share} of {reference}" if share else f"topic of {reference}"
        others = f"; it may read {', '.join(visible)}" if visible else ""
        raise Refused(NOTHING_TO_CONSUME.fault(f"`{organisation}` may read no {of}{others}"))
    return wanted


def _recipient(chosen: settings.Settings, reference: str) -> str:
    """Whose credential to use: the Kafka user that the settings name, else the recipient by the register."""
    named = chosen.kafka.get("sasl_username")
    if named is not None:
        return named
    entry = read_snapshot(connection(chosen, principals.SERVICE)).agreement(reference)
    if entry is None:
        raise Refused(NOTHING_TO_CONSUME.fault(f"the register has no agreement {reference}"))
    return entry.recipient


def _visible(reached: Connection, reference: str) -> tuple[str, ...]:
    """The share topics of an agreement that this principal may see, receipts left out."""
    with Reader(reached) as reader:
        names = reader.topics(f"share.{reference.lower()}.")
    return tuple(name for name in names if name.count(".") == 2)


def _collect(
    subscription: Subscription, found: list[Received], records_max: int | None, seconds: float | None, *, quiet: bool
) -> None:
    heard_at = clock.monotonic_seconds()
    while seconds is None or clock.monotonic_seconds() - heard_at < seconds:
        received = subscription.poll(0.2)
        if not received:
            continue
        heard_at = clock.monotonic_seconds()
        room = len(received) if records_max is None else records_max - len(found)
        found += received[:room]
        if not quiet:
            _show(received[:room])
        if records_max is not None and len(found) >= records_max:
            return


def _show(received: list[Received]) -> None:
    rows = [
        (r.topic, f"{r.partition}/{r.offset}", r.key, "withdrawn" if r.value is None else _text(r.value))
        for r in received
    ]
    emit(None, json=False, table=table("", ("topic", "place", "key", "value"), rows))


def _text(value: dict[str, Any]) -> str:
    """A value for people: its fields as JSON has them."""
    return msgspec.json.encode(_plain(value)).decode()


def _document(received: Received) -> dict[str, Any]:
    value = received.value
    plain = None if value is None else {name: _plain(item) for name, item in value.items()}
    return received._asdict() | {"value": plain}


def _plain(value: Any) -> Any:
    """A decoded value as JSON can carry it: dates and times as text, bytes as hexadecimal."""
    match value:
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case bytes():
            return value.hex()
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
