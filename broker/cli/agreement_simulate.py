"""`concordat agreement simulate`: what an agreement would have done with past events, before anybody signs it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from agreements.model import Agreement
from agreements.umbrella import under
from broker.cli.acting import As, Key, cluster, signatory
from broker.cli.agreement_named import Wanted, named
from broker.cli.output import Json, emit, progress_bar, results, table
from broker.cli.times import unix_ms
from broker.cluster.connect import connection
from broker.cluster.principals import AUDITOR
from broker.register.codes import NO_SUCH
from broker.register.follow import read_snapshot
from broker.settings import load
from broker.simulation.run import Period, simulate
from contracts.faults import Faults, Refused


def command(
    agreement: Wanted,
    *,
    as_: As,
    key: Key,
    since: Annotated[
        str | None,
        typer.Option("--from", help="From this time on (RFC 3339), by when records came to Kafka; default: all."),
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Before this time (RFC 3339).")] = None,
    rebase: Annotated[
        bool, typer.Option("--rebase", help="Try the agreement REF under the newest version of its umbrella.")
    ] = False,
    json: Json = False,
) -> None:
    """Try an agreement on past events: what would be delivered, withheld and treated, of how many people, against which limits.

    The same rules decide as in a worker.  Nothing is delivered, samples show no personal value, and the register notes who asked.

    Example: concordat agreement simulate DSA-2026-014.agreement.yaml --as sam-lee --key sam.key --from 2026-10-01T00:00:00Z
    """
    period = Period(_time(since, "--from"), _time(until, "--to"))
    settings = load()
    register = cluster(settings)
    tried = _rebased(agreement) if rebase else named(agreement).agreement
    with progress_bar("simulating") as advance:
        report = simulate(register, connection(settings, AUDITOR), signatory(as_, key), tried, period, advance)
    document = report.document()
    emit(document, json=json)
    if not json:
        for shown in _shown(document):
            results.print(shown)


def _rebased(reference: str) -> Agreement:
    """The agreement as it would hold under the newest version of its umbrella."""
    snapshot = read_snapshot(cluster())
    entry = snapshot.agreement(reference)
    found = None if entry is None else under.rebase(snapshot, entry)
    if found is None:
        raise Refused(NO_SUCH.fault(f"a newer version of an umbrella over {reference}"))
    if isinstance(found.effective, Faults):
        raise Refused(*found.effective.items)
    return found.document


def _time(given: str | None, option: str) -> datetime | None:
    milliseconds = unix_ms(given, option)
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _shown(document: dict[str, Any]) -> Iterator[Table | str]:
    """The report as people read it: totals, then each share, then what changes."""
    title = f"{document['reference']} version {document['version']} on {document['records']:,} past records"
    rows = [
        (
            share["share"],
            share["dataset"],
            share["delivered"],
            share["people"],
            share["initial_load"],
            share["gained"],
            share["lost"],
        )
        for share in document["shares"]
    ]
    columns = ("share", "dataset", "delivered", "people", "initial load", "gained", "lost")
    yield table(title, columns, rows)
    for share in document["shares"]:
        withheld = [(one["reason"], one["clause"], one["records"]) for one in share["withheld"]]
        yield table(f"{share['share']}: withheld", ("reason", "clause", "records"), withheld)
        special = {**share["special_category"], **share["criminal_offence"]}
        fields = [
            (one["field"], one["treatment"], one["records"], "special" if one["field"] in special else "")
            for one in share["fields"]
        ]
        yield table(f"{share['share']}: fields that leave", ("field", "treatment", "records", ""), fields)
        samples = [tuple(sample.values()) for sample in share["samples"]]
        yield table(f"{share['share']}: samples, redacted", tuple(one["field"] for one in share["fields"]), samples)
    peaks = [
        (name, peak[unit], peak[figure], peak["limit"])
        for name, unit, figure in (("peak_day", "day", "events"), ("peak_month", "month", "people"))
        if (peak := document[name]) is not None
    ]
    yield table("Peaks against limits", ("", "when", "reached", "limit"), peaks)
    if document["quarantined"]:
        yield table("Broke their contract", ("reason", "records"), list(document["quarantined"].items()))
    if document["compared_with"] is not None:
        found = [(sentence,) for sentence in document["differences"]] or [("nothing",)]
        yield table(f"What changes from version {document['compared_with']}", ("",), found)
