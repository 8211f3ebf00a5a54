"""`concordat contract figures`: how complete, valid, timely and distinct a dataset is, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from broker.cli.output import Json, emit, progress_bar, results, table
from broker.cli.times import unix_ms
from broker.cluster.connect import connection
from broker.cluster.principals import AUDITOR
from broker.figures.gather import Figures, gather
from broker.figures.tally import Delay, ReasonCount
from broker.register.codes import NO_SUCH
from broker.register.follow import read_snapshot
from broker.settings import load
from contracts.faults import Refused


def figures(
    dataset: Annotated[str, typer.Argument(help="The dataset's identifier, such as border-crossings.")],
    *,
    since: Annotated[
        str | None, typer.Option(help="Only what came to Kafka at or after this time (RFC 3339); default: all.")
    ] = None,
    json: Json = False,
) -> None:
    """Show how good a dataset is: complete, valid, timely, distinct keys, what was quarantined; and its store's columns.

    Every figure is worked out anew from Kafka, in one way for all datasets; none shows a value of the data.

    Example: concordat contract figures border-crossings --since 2026-11-01T00:00:00Z
    """
    since_ms = unix_ms(since, "--since")
    cluster = connection(load(), AUDITOR)
    snapshot = read_snapshot(cluster)
    entry = snapshot.contract(dataset)
    if entry is None:
        raise Refused(NO_SUCH.fault(f"a contract for {dataset}"))
    with progress_bar("reading") as advance:
        found = gather(cluster, snapshot, entry, since_ms, advance)
    emit(found, json=json)
    if not json:
        for one in tables(found):
            results.print(one)


def tables(found: Figures) -> Iterator[Table]:
    """The figures as people read them: the dataset, what is not valid, its fields."""
    counted = found.counted
    validity, keys, completeness = counted.validity, counted.keys, counted.completeness
    title = f"{found.dataset} {found.version}, since {_time(found.since_ms) or 'the oldest record kept'}"
    distinct = (
        str(keys.distinct) if keys.exact else f"about {keys.distinct} (standard error {_percent(keys.standard_error)})"
    )
    yield table(
        title,
        ("figure", "value"),
        [
            ("records", counted.records),
            ("rows, deletions", f"{counted.rows}, {counted.deletions}"),
            ("first and last event", f"{_time(counted.first_event_ms) or '-'}, {_time(counted.last_event_ms) or '-'}"),
            ("required fields complete", _percent(completeness.required)),
            ("optional fields complete", _percent(completeness.optional)),
            ("valid against the contract", f"{_percent(validity.share)}: {validity.valid}, and {validity.invalid} not"),
            ("commit to source topic", _delay(counted.timeliness.to_topic)),
            ("commit to decision", _delay(counted.timeliness.to_decision)),
            ("not decided yet", counted.timeliness.undecided),
            ("distinct keys", distinct),
            ("records without a key", keys.without_key),
            (
                "quarantined by worker, by connector",
                f"{found.quarantine.by_worker}, {found.quarantine.by_connector}",
            ),
            ("discarded, decided again in vain", f"{found.quarantine.discarded}, {found.quarantine.failed_again}"),
        ],
    )
    reasons = [("contract", one) for one in validity.reasons] + [
        ("quarantine", one) for one in found.quarantine.reasons
    ]
    if reasons:
        yield table("Why records are not valid", ("found in", "reason", "field", "records"), map(_reason, reasons))
    origin = found.lineage
    server = " ".join(f"{name}={value}" for name, value in origin.server.items())
    yield table(
        f"Fields, from {' '.join(filter(None, (origin.store, server, origin.table or 'a table that is not named')))}",
        ("field", "required", "complete", "null", "unavailable", "column"),
        [
            (
                one.path,
                "yes" if one.required else "",
                _percent(one.completeness),
                one.null,
                one.unavailable,
                origin.columns[one.path],
            )
            for one in completeness.fields
        ],
    )


def _reason(one: tuple[str, ReasonCount]) -> tuple[str, str, str, int]:
    return one[0], one[1].code, one[1].field, one[1].records


def _percent(share: float | None) -> str:
    """Rounded down to a hundredth: what is not whole never reads 100 %."""
    return "-" if share is None else f"{int(share * 10_000) / 100:g} %"


def _delay(delay: Delay) -> str:
    if not delay.changes:
        return "-"
    text = f"p50 {delay.p50} ms, p95 {delay.p95} ms, maximum {delay.maximum} ms, of {delay.changes} changes"
    return text + (f"; {delay.negative} before their commit: two clocks differ" if delay.negative else "")


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
