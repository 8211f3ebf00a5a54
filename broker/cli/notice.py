"""`concordat notice`: telling everybody who was ever delivered a record what has become of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from agreements.notices import CaseState, NoticeCase, NoticeKind
from broker import clock
from broker.cli.acting import As, Key, cluster, said, signatory
from broker.cli.output import Json, emit, table
from broker.cluster.connect import connection
from broker.cluster.principals import AUDITOR
from broker.codes import NOTHING_TO_CONSUME
from broker.evidence.kafka import KafkaEvidence
from broker.keys import installed
from broker.notices import commands
from broker.register.append import Appended
from broker.register.follow import read_snapshot
from broker.settings import load
from contracts.faults import Refused

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)

Number = Annotated[int, typer.Argument(help="The notice's number.")]
_WAITING = frozenset({CaseState.OPEN, CaseState.OVERDUE})


@app.command()
def issue(
    dataset: Annotated[str, typer.Argument(help="The dataset that the records are of.")],
    *,
    kind: Annotated[NoticeKind, typer.Option(help="What has become of them.")],
    record: Annotated[
        list[str], typer.Option(help="A record's key fields as JSON; given again for a merge or split of several.")
    ],
    text: Annotated[
        str,
        typer.Option(
            help="What the recipients are to do, in words; name nobody in it.  The register does not keep it."
        ),
    ],
    as_: As,
    key: Key,
    json: Json = False,
) -> None:
    """Tell everybody who was ever delivered a record, whether or not their agreement is still in force.

    Correct the record in its store first: the new value then flows by itself to agreements in force.  Each recipient is
    told the keys that its own share has given the record, and nothing else of it.

    Example: concordat notice issue crossings --kind record.corrected --record '{"crossing_id": "C-1"}' --text "direction was wrong" --as jane-doe --key jane.key
    """
    settings = load()
    subject = commands.Subject(dataset, kind, tuple(record), text)
    with KafkaEvidence(connection(settings, AUDITOR)) as evidence:
        appended = commands.issue(cluster(settings), evidence, installed(settings), signatory(as_, key), subject)
    _show(appended, max(appended.snapshot.notices), json=json)


@app.command(name="list")
def list_(
    *,
    open_: Annotated[bool, typer.Option("--open", help="Only where an answer is still waited for.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only where an answer is overdue.")] = False,
    json: Json = False,
) -> None:
    """List notices, the newest last: what they are about, and who has not done what they ask.

    Example: concordat notice list --overdue
    """
    now = clock.now()
    wanted = {CaseState.OVERDUE} if overdue else (_WAITING if open_ else frozenset(CaseState))
    cases = [case for case in read_snapshot(cluster()).notices.values() if case.state(now) in wanted]
    columns = ("number", "kind", "dataset", "issued", "state", "told", "not done")
    rows = [
        (c.number, c.kind, c.dataset, f"{c.at:%Y-%m-%d}", c.state(now), len(c.told), "; ".join(_names(c)))
        for c in cases
    ]
    emit([document(case, now) for case in cases], json=json, table=table("Notices", columns, rows))


@app.command()
def show(number: Number, *, json: Json = False) -> None:
    """Show one notice: who was told, by when they are to answer, and what they answered.

    Example: concordat notice show 3
    """
    case, now = commands.case_of(read_snapshot(cluster()), number), clock.now()
    emit(document(case, now), json=json, table=_table(case, now))


@app.command()
def acknowledge(
    number: Number,
    *,
    refuse: Annotated[
        str | None,
        typer.Option(help="Refuse, and why, in words; without it: done.  It stands in the register for ever."),
    ] = None,
    share: Annotated[
        str | None, typer.Option(help="Only for this share, as REFERENCE/SHARE; otherwise all that wait.")
    ] = None,
    as_: As,
    key: Key,
    json: Json = False,
) -> None:
    """Answer a notice to your organisation: what it asks is done, or is refused.

    Example: concordat notice acknowledge 3 --as jane-doe --key jane.key
    """
    appended = commands.acknowledge(cluster(), signatory(as_, key), number, refused=refuse, share=share)
    _show(appended, number, json=json)


@app.command()
def close(
    number: Number,
    *,
    reason: Annotated[str, typer.Option(help="Why, in words; it stands in the register for ever.")],
    as_: As,
    key: Key,
    json: Json = False,
) -> None:
    """Stop waiting for answers that are overdue: the case ends as partially executed, and names who did not answer.

    Example: concordat notice close 3 --reason "reported to the regulator" --as jane-doe --key jane.key
    """
    _show(commands.close(cluster(), signatory(as_, key), number, reason), number, json=json)


@app.command()
def read(
    organisation: Annotated[str, typer.Argument(help="Whose notices; its own credential is used.")],
    *,
    json: Json = False,
) -> None:
    """Read your organisation's notices, oldest first, from its own topic.

    Example: concordat notice read work-and-pensions
    """
    reached = connection(load(), organisation)
    if reached.username not in (None, organisation):  # the administrator's would be used in its place
        raise Refused(NOTHING_TO_CONSUME.fault(f"no credential of `{organisation}` is here"))
    found = commands.letters(reached, organisation)
    columns = ("number", "kind", "from", "share", "records", "answer by", "text")
    rows = [
        (o.number, o.kind, o.organisation, f"{o.reference}/{o.share}", " ".join(o.keys), o.answer_by, o.text)
        for o in found
    ]
    emit(found, json=json, table=table(f"Notices to {organisation}", columns, rows))


def document(case: NoticeCase, now: datetime) -> dict[str, Any]:
    """A case for programs."""
    return {
        "number": case.number,
        "kind": case.kind,
        "dataset": case.dataset,
        "organisation": case.organisation,
        "issued_by": case.by,
        "issued_at": case.at,
        "position": case.position,
        "state": case.state(now),
        "told": [
            {
                "recipient": told.recipient,
                "reference": told.reference,
                "share": told.share,
                "answer_by": told.answer_by,
                "digest": told.digest,
                "answer": told.answer,
                "done": told.is_done,
            }
            for told in case.told
        ],
        "not_done": _names(case),
        "unsearched": case.unsearched,
        "closing": case.closing,
    }


def _show(appended: Appended, number: int, *, json: bool) -> None:
    case, now = commands.case_of(appended.snapshot, number), clock.now()
    emit(said(appended, **document(case, now)), json=json, table=_table(case, now))


def _table(case: NoticeCase, now: datetime) -> Any:
    columns = ("recipient", "share", "answer by", "answer")
    rows: list[tuple[object, ...]] = [
        (t.recipient, f"{t.reference}/{t.share}", t.answer_by, t.failure or "done") for t in case.told
    ]
    rows += [("", share, "", "not searched: a version of its key is not here") for share in case.unsearched]
    title = f"Notice {case.number}, {case.kind} in {case.dataset}: {case.state(now)}"
    if case.closing is not None:
        title += f"; closed by {case.closing.by}: {case.closing.reason}"
    return table(title, columns, rows)


def _names(case: NoticeCase) -> list[str]:
    """Who has not done it, and why."""
    return [f"{t.recipient} ({t.reference}/{t.share}): {t.failure}" for t in case.told if t.failure]
