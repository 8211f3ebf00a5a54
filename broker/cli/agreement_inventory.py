"""`concordat agreement list` and what else looks at all agreements: due dates, duplicates, the public register."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agreements.inventory import public_register
from agreements.inventory.duplicates import LEAST_PERCENT, overlaps
from agreements.inventory.finding import Wanted, found
from agreements.inventory.odrl import expression
from agreements.model import Agreement
from agreements.phase import phase
from agreements.snapshot import AgreementState, Snapshot
from broker import clock
from broker.cli.acting import cluster, text_of
from broker.cli.agreement_named import Wanted as AgreementWanted
from broker.cli.agreement_named import named
from broker.cli.agreement_undertakings import read_within, show_due
from broker.cli.agreement_view import entry_document
from broker.cli.output import Json, emit, table, write
from broker.register.codes import NO_SUCH
from broker.register.follow import read_snapshot
from contracts.faults import Faults, Refused, Unusable


def list_(
    *,
    state: Annotated[str | None, typer.Option(help="Only those in this state, such as approved.")] = None,
    party: Annotated[str | None, typer.Option(help="Only those of this organisation.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only those over this dataset.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Only those with this purpose, or one below it.")] = None,
    search: Annotated[str | None, typer.Option(help="Only those whose text has all of these words.")] = None,
    due: Annotated[bool, typer.Option("--due", help="What is to be done instead, the most urgent first.")] = False,
    within: Annotated[str | None, typer.Option(help="With --due: nothing later than this, such as P90D.")] = None,
    json: Json = False,
) -> None:
    """List the newest version of every agreement; or what is due under them: ends, reviews, attestations, caveats.

    Example: concordat agreement list --dataset border-crossings --state approved
    """
    span = read_within(within)
    snapshot, now = read_snapshot(cluster()), clock.now()
    if due:
        show_due(snapshot, now, span, json=json)
        return
    if state is not None and state not in list(AgreementState):
        raise Unusable(NO_SUCH.fault(f"a state {state}; there are {', '.join(AgreementState)}"))
    newest = [versions[-1] for _, versions in sorted(snapshot.agreements.items())]
    entries = found(newest, Wanted(state, party, dataset, purpose, search))
    rows = [
        (
            e.agreement.reference,
            e.agreement.version,
            phase(snapshot, e, now),
            "exceptional" if e.agreement.exceptional is not None else e.agreement.kind.value,
            e.recipient,
            e.agreement.dates.start,
            e.agreement.dates.end,
        )
        for e in entries
    ]
    columns = ("reference", "version", "phase", "kind", "recipient", "start", "end")
    document = [entry_document(entry, snapshot, now) for entry in entries]
    emit(document, json=json, table=table("Agreements", columns, rows))


def duplicates(
    agreement: Annotated[
        str | None, typer.Argument(metavar="[FILE|REF]", help="Only overlaps with this one; default: among all.")
    ] = None,
    *,
    least_percent: Annotated[
        int, typer.Option(min=1, max=100, help="From how much overlap of fields on.")
    ] = LEAST_PERCENT,
    json: Json = False,
) -> None:
    """Find agreements that may say the same thing twice: same parties, related purposes, overlapping fields.

    Example: concordat agreement duplicates DSA-2026-014.agreement.yaml
    """
    known = [versions[-1].agreement for versions in read_snapshot(cluster()).agreements.values()]
    one = None if agreement is None else named(agreement).agreement
    if one is not None:
        known = [one, *(other for other in known if other.reference != one.reference)]
    pairs = [
        pair
        for pair in overlaps(known, least_percent)
        if one is None or one.reference in (pair.first.split()[0], pair.second.split()[0])
    ]
    rows = [(f"{p.percent} %", p.first, p.second, p.dataset, ", ".join(p.fields)) for p in pairs]
    columns = ("fields in both", "share", "share", "dataset", "fields")
    emit([pair._asdict() for pair in pairs], json=json, table=table("Overlaps", columns, rows))


def extract(
    *,
    output: Annotated[Path | None, typer.Option(help="Default: standard output.")] = None,
    json: Json = False,
) -> None:
    """Print the public register: the agreements that their parties publish, less what they redact, as CSV.

    Example: concordat agreement extract --output register.csv
    """
    rows = list(public_register.published(_statuses(read_snapshot(cluster()))))
    text = public_register.register_text(rows)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    if json:
        emit(rows, json=True)
    elif output is None:
        write(text)


def import_(
    file: Annotated[Path, typer.Argument(help="A register as CSV, with the columns of `agreement extract`.")],
    *,
    directory: Annotated[Path, typer.Option(help="Where the drafts go, a file each.")] = Path(),
    json: Json = False,
) -> None:
    """Make drafts from a register that exists; nothing is submitted, and `agreement check` names what each still lacks.

    Example: concordat agreement import register.csv --directory drafts
    """
    made = public_register.drafts(text_of(file))
    if isinstance(made, Faults):
        raise Unusable(*made.in_file(str(file)).items)
    directory.mkdir(parents=True, exist_ok=True)
    files = {reference: directory / f"{reference}.agreement.yaml" for reference in made}
    if there := [str(path) for path in files.values() if path.exists()]:
        raise Refused(NO_SUCH.fault(f"room for {', '.join(there)}: the file is there already"))
    for reference, path in files.items():
        path.write_text(made[reference], encoding="utf-8")
    document = [{"reference": reference, "file": str(path)} for reference, path in files.items()]
    emit(document, json=json, table="\n".join(str(path) for path in files.values()))


def express(agreement: AgreementWanted, *, json: Json = False) -> None:
    """Print an agreement in the words of ODRL and DPV: an expression only, nothing is enforced from it.

    Example: concordat agreement express DSA-2026-014
    """
    del json  # it is JSON either way
    emit(expression(named(agreement).agreement), json=True)


def _statuses(snapshot: Snapshot) -> list[tuple[Agreement, str]]:
    newest = (versions[-1] for _, versions in sorted(snapshot.agreements.items()))
    return [(entry.agreement, entry.state.value) for entry in newest]
