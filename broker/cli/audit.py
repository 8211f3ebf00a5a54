"""`concordat audit`: search, export and prove what was decided, with the auditor's rights alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from broker import clock
from broker.audit import codes
from broker.audit.evidence import Evidence
from broker.audit.leaf import OUTCOMES
from broker.audit.report import Report
from broker.audit.search import Coverage, Found, Question, search
from broker.audit.verify import verify as verify_evidence
from broker.cli.output import Json, emit, errors, print_faults, results, table
from broker.cli.times import unix_ms
from broker.cluster.connect import connection
from broker.cluster.principals import AUDITOR
from broker.evidence.directory import DirectoryEvidence
from broker.evidence.directory import export as write_export
from broker.evidence.kafka import KafkaEvidence
from broker.evidence.subject import pseudonyms
from broker.keys import installed
from broker.observe import configure, logger
from broker.settings import load
from contracts.faults import AnswerIsNo, Refused, Unusable

_FAULTS_SHOWN = 20

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)

From = Annotated[
    Path | None,
    typer.Argument(metavar="[PATH]", help="A directory that `audit export` wrote; without it, the topics."),
]
Source = Annotated[Path | None, typer.Option("--export", help="Answer from this export instead of the topics.")]
Limit = Annotated[int, typer.Option(min=1, help="The most decisions to show.")]


@app.command()
def verify(path: From = None, *, json: Json = False) -> None:
    """Prove that every record was decided once, and every delivery logged; exit status 1 when it is not so.

    Works with every worker stopped and its state deleted: it reads topics, or an export of them, and nothing else.

    Example: concordat audit verify evidence/export --json
    """
    with _evidence(path) as evidence:
        report = verify_evidence(evidence)
    emit(report.document(), json=json)
    if not json:
        _show(report)
    if not report.verified:
        if not json:
            print_faults(report.faults[:_FAULTS_SHOWN], json=False)
            if report.faults_found > _FAULTS_SHOWN:
                errors.print(f"{report.faults_found} faults in all; --json has more of them", markup=False)
        raise typer.Exit(AnswerIsNo.exit_status)


@app.command()
def export(
    directory: Annotated[Path, typer.Option("--directory", help="A new or empty directory.")],
    *,
    json: Json = False,
) -> None:
    """Write what offline verification needs; `audit verify DIR` then gives the same answer without Kafka.

    Holds digests of what was delivered, never its contents.

    Example: concordat audit export --directory evidence/export
    """
    with _evidence(None) as evidence:
        manifest = write_export(evidence, directory, clock.now().isoformat(timespec="seconds"))
    size_bytes = sum(entry.size_bytes for entry in manifest.files.values())
    document = {"directory": str(directory), "files": len(manifest.files), "size_bytes": size_bytes}
    emit(document, json=json, table=f"{len(manifest.files)} files, {size_bytes} bytes in {directory}")


@app.command("search")
def search_decisions(
    *,
    agreement: Annotated[str | None, typer.Option(help="The agreement's reference.")] = None,
    share: Annotated[str | None, typer.Option(help="The share's identifier.")] = None,
    outcome: Annotated[str | None, typer.Option(help="One of: " + ", ".join(OUTCOMES) + ".")] = None,
    reason: Annotated[str | None, typer.Option(help="A reason code, such as row-filter-false.")] = None,
    dataset: Annotated[str | None, typer.Option(help="The source dataset.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Decided at or after this time (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Decided before this time (RFC 3339).")] = None,
    source: Source = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Find decisions, in the order of the log.

    Example: concordat audit search --agreement DSA-2026-014 --outcome deny --from 2026-11-01T00:00:00Z
    """
    if outcome is not None and outcome not in OUTCOMES:
        raise Unusable(codes.QUESTION_UNCLEAR.fault(f"--outcome {outcome!r}"))
    question = Question(
        agreement=agreement,
        share=share,
        outcome=outcome,
        reason=reason,
        dataset=dataset,
        since_ms=unix_ms(since, "--from"),
        until_ms=unix_ms(until, "--to"),
    )
    _answer(question, source, limit, "decisions", json=json)


@app.command()
def subject(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The person's identifier, as the stores have it.")],
    *,
    reason: Annotated[str, typer.Option(help="Why you ask; it is logged.")] = "",
    source: Source = None,
    limit: Limit = 1_000,
    json: Json = False,
) -> None:
    """Who received data about this person, and under which clause.

    The identifier is turned into the auditors' pseudonyms here; it is not logged and not shown again.

    Example: concordat audit subject TRV-000042 --reason "subject access request 2026-311"
    """
    if not reason.strip():
        raise Refused(codes.REASON_NEEDED.fault("--reason is empty"))
    settings = load()
    configure(settings.log_level)
    with _evidence(source) as evidence:
        wanted = pseudonyms(identifier, evidence, installed(settings))
    logger("concordat.audit").info("subject_query", reason=reason, count=len(wanted))
    _answer(Question(subjects=wanted), source, limit, "decisions about this person", json=json)


@app.command()
def decision(
    identifier: Annotated[str, typer.Argument(metavar="ID")], *, source: Source = None, json: Json = False
) -> None:
    """Show one decision by its identifier.

    Example: concordat audit decision source.border-crossings/3/17/0
    """
    coverage = Coverage()
    with _evidence(source) as evidence:
        found = next(search(evidence.segments(), Question(decision=identifier), coverage), None)
    if found is None:
        raise AnswerIsNo(codes.NO_SUCH_DECISION.fault(identifier), *coverage.faults)
    document = found.document()
    said = {
        **document,
        "reasons": _reasons(document),
        "source": " ".join(f"{k} {v}" for k, v in document["source"].items()),
    }
    emit(document, json=json, table=table("decision", ["what", "value"], list(said.items())))


@contextmanager
def _evidence(path: Path | None) -> Iterator[Evidence]:
    """The topics, read as the auditor, or the export at `path`."""
    if path is not None:
        yield DirectoryEvidence(path)
        return
    with KafkaEvidence(connection(load(), AUDITOR)) as evidence:
        yield evidence


def _answer(question: Question, source: Path | None, limit: int, title: str, *, json: bool) -> None:
    """Print what is found; an answer that rests on an unreadable segment says so and is no answer (exit status 1)."""
    coverage = Coverage()
    with _evidence(source) as evidence:
        found = list(islice(search(evidence.segments(), question, coverage), limit + 1))
    is_cut = len(found) > limit
    document = {
        "decisions": [one.document() for one in found[:limit]],
        "complete": not is_cut and not coverage.faults,
        "segments": coverage.segments,
        "faults": [fault.document() for fault in coverage.faults],
    }
    columns = ["decision", "outcome", "agreement", "share", "reasons", "decided at", "mode"]
    emit(document, json=json, table=table(title, columns, [_row(one) for one in found[:limit]]))
    if not json:
        said = f"the first {limit} only; see --limit" if is_cut else f"complete over {coverage.segments} segments"
        errors.print(said, markup=False)
    if coverage.faults:
        if not json:
            print_faults(coverage.faults, json=False)
        raise typer.Exit(AnswerIsNo.exit_status)


def _row(found: Found) -> list[Any]:
    document = found.document()
    names = ("decision", "outcome", "agreement", "share")
    return [*(document[name] for name in names), _reasons(document), document["decided_at"], document["mode"]]


def _reasons(document: dict[str, Any]) -> str:
    """Codes with their clauses, as people read them."""
    return " ".join(f"{one['code']}@{one['clause']}" if one["clause"] else one["code"] for one in document["reasons"])


def _show(report: Report) -> None:
    document = report.document()
    outcomes = list(OUTCOMES)
    rows = [
        [
            share["topic"],
            share["decisions"],
            *(share["by_outcome"].get(name, 0) for name in outcomes),
            share["delivered"],
        ]
        for share in document["shares"]
    ]
    total = ["all", report.decisions, *(report.by_outcome.get(name, 0) for name in outcomes), ""]
    results.print(table("decisions", ["topic", "all", *outcomes, "on the topic"], [*rows, total]))
    columns = ["source", "partition", "segments", "records", "from", "to", "not decided yet", "superseded"]
    names = ("topic", "partition", "segments", "records", "start", "end", "undecided", "superseded")
    partitions = [[one[name] for name in names] for one in document["partitions"]]
    results.print(table("sources", columns, partitions))
    ranges = [
        [share["topic"], *(one[name] for name in ("partition", "first", "last", "records"))]
        for share in document["shares"]
        for one in share["exposed"]
    ]
    if ranges:
        results.print(table("exposed, not delivered", ["topic", "partition", "first", "last", "records"], ranges))
    results.print(
        f"{'verified' if report.verified else 'NOT VERIFIED'}: {report.tree_size} segments, root {report.root}"
    )
    for sentence in document["claim"]:
        results.print(sentence, markup=False)
