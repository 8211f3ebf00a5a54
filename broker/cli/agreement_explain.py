"""`concordat agreement explain`: what would leave of one event, and which line of the agreement says so."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from broker.audit.codes import QUESTION_UNCLEAR
from broker.cli.agreement_named import Wanted, named
from broker.cli.output import Json, emit, results, table
from broker.cluster.client import Connection, Message
from broker.cluster.connect import connection
from broker.cluster.principals import AUDITOR
from broker.cluster.reader import Reader
from broker.register.codes import NO_SUCH
from broker.register.follow import read_snapshot
from broker.settings import load
from broker.simulation.explaining import Decided, explained
from contracts import topics
from contracts.faults import Refused, Unusable

_PLACE = re.compile(r"([a-z0-9-]+)/(\d+)/(\d+)", re.ASCII)


def command(
    agreement: Wanted,
    *,
    event: Annotated[str, typer.Option(metavar="DATASET/PARTITION/OFFSET", help="The event on its source topic.")],
    values: Annotated[
        bool, typer.Option("--values", help="Also show the values, before and after: personal data.")
    ] = False,
    json: Json = False,
) -> None:
    """Say of one past event what would leave under an agreement, and which clause, line and sentence decides each field.

    Example: concordat agreement explain DSA-2026-014 --event border-crossings/0/1234
    """
    cluster = connection(load(), AUDITOR)
    tried, document = named(agreement)
    found = list(explained(tried, document, read_snapshot(cluster), _event(cluster, event)))
    if not found:
        raise Refused(NO_SUCH.fault(f"a share of {tried.reference} over the dataset of {event}"))
    shown = [
        {
            "share": one.share,
            "shared": one.shared,
            "sentence": one.sentence,
            "decided": [_document(decided, values=values) for decided in one.decided],
        }
        for one in found
    ]
    emit(shown, json=json)
    if not json:
        columns = ("field", "fate", "line", "the line says", "so")
        extra = ("source", "received") if values else ()
        for one in found:
            rows = [_row(decided, values=values) for decided in one.decided]
            results.print(table(f"{one.share}: {one.sentence}", (*columns, *extra), rows))


def _event(cluster: Connection, given: str) -> Message:
    place = _PLACE.fullmatch(given)
    if place is None:
        raise Unusable(QUESTION_UNCLEAR.fault(f"--event {given!r} is not DATASET/PARTITION/OFFSET"))
    topic, partition, offset = topics.source(place[1]), int(place[2]), int(place[3])
    with Reader(cluster) as reader:
        if partition < reader.partitions(topic):
            for message in reader.read(topic, partition, offset, offset + 1):
                return message
    raise Refused(NO_SUCH.fault(f"a record at {given}"))


def _document(decided: Decided, *, values: bool) -> dict[str, object]:
    shown = decided._asdict()
    if not values:
        del shown["source"], shown["received"]
    return shown


def _row(decided: Decided, *, values: bool) -> tuple[object, ...]:
    shown = (decided.field or "(the record)", decided.fate, decided.line, decided.words, decided.sentence)
    return (*shown, decided.source, decided.received) if values else shown
