"""`concordat agreement flatten`, and what holds of an agreement under its umbrella."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from agreements import text
from agreements.clauses import clause_report
from agreements.compare import changes
from agreements.model import Agreement, AgreementKind
from agreements.snapshot import AgreementEntry, Snapshot
from agreements.umbrella.codes import UMBRELLA
from agreements.umbrella.meet import Effective, flatten, meet
from agreements.umbrella.meeting import Origin
from agreements.umbrella.under import Rebase, rebase, what_holds
from broker.cli.acting import cluster, text_of
from broker.cli.agreement_named import Wanted, named
from broker.cli.output import Json, emit, write
from broker.register.acceptable import registered
from broker.register.follow import read_snapshot
from contracts.faults import AnswerIsNo, Fault, Faults, Unusable

Under = Annotated[
    Path | None,
    typer.Option("--under", help="The text of the umbrella that the agreement names; default: the register's."),
]


def command(agreement: Wanted, *, under: Under = None, json: Json = False) -> None:
    """Print one self-standing agreement with the effect that this one has under its umbrella.

    Example: concordat agreement flatten DSA-2026-014.agreement.yaml --under UMOU-2025-002.agreement.yaml
    """
    tried, document = named(agreement)
    holds = under_file(tried, document, under) if under is not None else _under_registered(tried, document)
    if isinstance(holds, Faults):
        raise AnswerIsNo(*(holds.in_file(agreement) if Path(agreement).exists() else holds).items)
    alone = flatten(holds)
    if json:
        found = {"reference": alone.reference, "version": alone.version, "content_hash": text.content_hash(alone)}
        emit(found | {"text": text.render(alone), "origins": origins(holds)}, json=True)
    else:
        write(text.render(alone))


def under_file(agreement: Agreement, document: str, under: Path) -> Effective | Faults:
    """What holds under the umbrella in a file, if that is the one which the agreement names; raises `Unusable` for its form."""
    umbrella_text = text_of(under)
    umbrella = text.parse(umbrella_text, str(under))
    if isinstance(umbrella, Faults):
        raise Unusable(*umbrella.items)
    places = text.places(document)
    if fault := _is_another(agreement, umbrella, places):
        return Faults((fault,))
    return meet(umbrella, agreement, places=places, umbrella_places=text.places(umbrella_text))


def origins(holds: Effective) -> dict[str, dict[str, str | None]]:
    """Each clause of what holds, to its path in the umbrella and in the agreement."""
    found = {line.clause: holds.origin(line.clause) for line in clause_report(flatten(holds))}
    return {clause: origin._asdict() for clause, origin in found.items()}


def origin_words(origin: Origin) -> str:
    """Where a clause comes from, for people."""
    both = origin.umbrella is not None and origin.agreement is not None
    return "both" if both else "umbrella" if origin.umbrella is not None else "agreement"


def umbrella_document(entry: AgreementEntry, snapshot: Snapshot) -> dict[str, Any]:
    """What `show` and `list` say of an agreement's umbrella; empty for one that stands under none."""
    under = entry.agreement.under
    if under is None:
        return {}
    needed = rebase(snapshot, entry)
    return {
        "under": under.model_dump(),
        "rebase_needed": None if needed is None else _rebase_document(entry, needed),
    }


def _rebase_document(entry: AgreementEntry, needed: Rebase) -> dict[str, Any]:
    """A newer umbrella's differences, and what it would change of the agreement or refuse in it."""
    refused = needed.effective.items if isinstance(needed.effective, Faults) else ()
    changed = () if isinstance(needed.effective, Faults) else changes(entry.agreement, needed.effective.agreement)
    names = ("clause", "before", "after")
    return {
        "pinned": needed.pinned,
        "newest": needed.newest,
        "umbrella": [dict(zip(names, one, strict=True)) for one in needed.clauses],
        "agreement": [dict(zip(names, one, strict=True)) for one in changed],
        "faults": [fault.document() for fault in refused],
    }


def _under_registered(agreement: Agreement, document: str) -> Effective | Faults:
    if agreement.under is None:
        return Effective(agreement, {})
    snapshot = read_snapshot(cluster())
    entry = registered(agreement, snapshot)
    if entry is not None:
        return Effective(entry.agreement, {})
    return what_holds(snapshot.agreements.get, agreement, text.places(document))


def _is_another(agreement: Agreement, umbrella: Agreement, places: dict[str, tuple[int, int]]) -> Fault | None:
    under = agreement.under
    found = (umbrella.reference, umbrella.version, text.content_hash(umbrella))
    if under is None:
        return UMBRELLA.fault(f"{agreement.reference} has no `under`: it stands under nothing")
    if umbrella.kind is AgreementKind.DSA:
        return UMBRELLA.fault(f"{umbrella.reference} is a DSA, which is no umbrella")
    for key, said, real in zip(
        ("reference", "version", "hash"), (under.reference, under.version, under.hash), found, strict=True
    ):
        if said != real:
            line, column = places.get(f"under.{key}", (None, None))
            return UMBRELLA.fault(f"`under.{key}` says {said}; the umbrella has {real}", line=line, column=column)
    return None
