"""The public register of agreements: what is published of each, and drafts made from a register that exists.

The columns are those of the register of information sharing under the Digital Economy Act 2017: what is shared, why, by whom,
under which power, from when to when.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from agreements.clauses import Path, spelled
from agreements.english import field_words
from agreements.inventory.codes import NOT_A_REGISTER
from agreements.model import Agreement, Side
from agreements.text import document
from agreements.yaml_text import write
from contracts.faults import Fault, Faults

COLUMNS = (
    "reference",
    "title",
    "purpose",
    "benefits",
    "disclosed information",
    "method",
    "contact",
    "start",
    "end",
    "review date",
    "retention period",
    "status",
    "powers",
    "controllers",
    "processors",
)
REDACTED = "[redacted]"
_SOURCES: Mapping[str, str] = {
    "title": "title",
    "benefits": "justification.benefits",
    "start": "dates.start",
    "end": "dates.end",
    "review date": "dates.review",
    "retention period": "after_delivery.retention",
    "powers": "law.power",
}
"""Columns that are one clause."""


def published(found: Iterable[tuple[Agreement, str]]) -> Iterator[dict[str, str]]:
    """One row for each (agreement, status) whose parties publish it; clauses under `transparency.redactions` are left out."""
    for agreement, status in found:
        if agreement.transparency.publish:
            yield _row(agreement, status)


def register_text(rows: Iterable[Mapping[str, str]]) -> str:
    """The register as CSV; a cell that a spreadsheet would take for a formula is text there."""
    made = io.StringIO()
    writer = csv.DictWriter(made, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"'{cell}" if cell[:1] in "=+-@\t" and cell else cell for name, cell in row.items()})
    return made.getvalue()


def drafts(text: str) -> dict[str, str] | Faults:
    """Reference to a draft's text, one for each row of a register in CSV; what a register does not say stays to be written.

    A draft is read as an agreement; `agreement check` then names what it still lacks.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    names = {_normal(name): name for name in reader.fieldnames or ()}
    missing = [name for name in ("title", "controllers", "start", "end") if name not in names]
    if missing:
        return Faults((NOT_A_REGISTER.fault(f"no column {', '.join(missing)}", line=1, column=1),))
    found: dict[str, str] = {}
    faults: list[Fault] = []
    for number, row in enumerate(reader, start=1):
        cells = {name: (row.get(column) or "").strip() for name, column in names.items()}
        try:
            made = _draft(cells, number)
        except ValueError as error:
            faults.append(NOT_A_REGISTER.fault(str(error), line=reader.line_num, column=1))
            continue
        if made["reference"] in found:
            faults.append(NOT_A_REGISTER.fault(f"{made['reference']} stands twice", line=reader.line_num, column=1))
        found[made["reference"]] = write(made)
    return Faults(tuple(faults)) if faults else found


def _row(agreement: Agreement, status: str) -> dict[str, str]:
    hidden = agreement.transparency.redactions
    flat = {clause: text for clause, text in _flat(document(agreement), ()) if not _is_under(clause, hidden)}
    shares = [
        (index, share) for index, share in enumerate(agreement.shares) if not _is_under(f"shares[{index}]", hidden)
    ]
    fields = [
        field_words(path)
        for index, share in shares
        for path, treatment in share.fields.items()
        if treatment.action != "drop" and not _is_under(f"shares[{index}].fields.{path}", hidden)
    ]
    purposes = [share.purpose for index, share in shares if not _is_under(f"shares[{index}].purpose", hidden)]
    controllers = [party.organisation for party in agreement.parties if party.role != "processor"]
    processors = [one.organisation for party in agreement.parties for one in party.processors]
    contacts = [one.address for party in agreement.parties for one in party.contacts]
    row = {name: flat.get(clause, REDACTED if _is_under(clause, hidden) else "") for name, clause in _SOURCES.items()}
    return {
        "reference": agreement.reference,
        "purpose": "; ".join(dict.fromkeys(purposes)) or REDACTED,
        "disclosed information": "; ".join(dict.fromkeys(fields)) or REDACTED,
        "method": "events on a topic that only the recipient reads",
        "contact": REDACTED if _is_under("parties.contacts", hidden) else "; ".join(contacts),
        "status": status,
        "controllers": "; ".join(controllers),
        "processors": "; ".join(processors),
        **row,
    }


def _flat(value: Any, path: Path) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _flat(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _flat(member, (*path, index))
    else:
        yield spelled(path), str(value)


def _is_under(clause: str, hidden: Iterable[str]) -> bool:
    return any(clause == one or clause.startswith((f"{one}.", f"{one}[")) for one in hidden)


def _draft(cells: Mapping[str, str], number: int) -> dict[str, Any]:
    organisations = [_slug(name) for name in re.split(r"[;\n]", cells["controllers"]) if name.strip()]
    if len(organisations) < 2:
        raise ValueError(f"row {number}: two controllers at least, with `;` between them")
    reference = re.sub("[^A-Z0-9]+", "-", cells.get("reference", "").upper()).strip("-") or f"IMPORTED-{number:04d}"
    unknown = "to be written"
    parties = [
        {"organisation": name, "side": side.value, "role": "controller", "signs": ["Senior Information Risk Owner"]}
        for name, side in zip(organisations, (Side.PROVIDER, *[Side.RECIPIENT] * len(organisations)), strict=False)
    ]
    made: dict[str, Any] = {
        "concordat": "agreement/1",
        "reference": reference,
        "version": 1,
        "kind": "dsa" if len(organisations) == 2 else "mou",
        "title": cells["title"],
        "parties": parties,
        "law": {"power": cells.get("powers") or unknown, "lawful_basis": unknown, "regime": "uk-gdpr"},
        "justification": {
            "benefits": cells.get("benefits") or unknown,
            "necessity": cells.get("purpose") or unknown,
            "proportionality": cells.get("disclosed information") or unknown,
        },
        "dates": {"start": _day(cells["start"], number), "end": _day(cells["end"], number)},
    }
    if cells.get("review date"):
        made["dates"]["review"] = _day(cells["review date"], number)
    return made


def _day(given: str, number: int) -> date:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d %B %Y"):
        try:
            return datetime.strptime(given, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise ValueError(f"row {number}: {given!r} is no day (2026-12-01, 01/12/2026 or 1 December 2026)")


def _slug(name: str) -> str:
    return re.sub("[^a-z0-9]+", "-", name.strip().lower()).strip("-")


def _normal(name: str) -> str:
    words = " ".join(name.replace("_", " ").replace("-", " ").lower().split())
    return {
        "name": "title",
        "start date": "start",
        "end date": "end",
        "review": "review date",
        "retention": "retention period",
    }.get(words, words)
