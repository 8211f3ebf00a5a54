"""The clause report: every clause of an agreement in exactly one class (NOTHING-UNENFORCED).

`enforced` on every event, `partly` enforced, a `gate` before activation, or `attested` by a party.  A clause for which this
version of the broker has no mechanism is `unenforced`, and an agreement that has one cannot be submitted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from pydantic import BaseModel

from agreements.mechanisms import MECHANISMS, ClauseClass, Mechanism
from agreements.model import Agreement

Path = tuple[int | str, ...]
_UNKNOWN = Mechanism(ClauseClass.UNENFORCED, "this version does not know the clause", "")


class ClauseLine(NamedTuple):
    """One clause, its class, and by what it is enforced, or why it is not."""

    path: Path
    clause: str
    clause_class: ClauseClass
    mechanism: str
    shown_by: str
    """The test that shows it."""


def clause_report(agreement: Agreement) -> tuple[ClauseLine, ...]:
    """Every clause that the agreement has, in the order of its text.  A clause not in the table is `unenforced`."""
    return tuple(_line(path) for path in _paths(agreement, ()))


def unenforced(agreement: Agreement) -> tuple[ClauseLine, ...]:
    """The clauses that nothing would enforce; sign-off needs none."""
    return tuple(line for line in clause_report(agreement) if line.clause_class is ClauseClass.UNENFORCED)


def report_text(agreement: Agreement) -> str:
    """The clause report as it is signed: canonical JSON, a list of {class, clause, mechanism}."""
    lines = [
        {"class": line.clause_class.value, "clause": line.clause, "mechanism": line.mechanism}
        for line in clause_report(agreement)
    ]
    return msgspec.json.encode(lines, order="sorted").decode()


def report_hash(text: str) -> str:
    """`sha256:<hex>` of a clause report's text."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def leaves_nothing_unenforced(text: str) -> bool:
    """Whether a report's text puts every clause into one of the four classes."""

    class Line(msgspec.Struct, rename={"clause_class": "class"}, forbid_unknown_fields=True):
        clause_class: str
        clause: str
        mechanism: str

    try:
        lines = msgspec.json.decode(text, type=list[Line])
    except msgspec.DecodeError:
        return False
    settled = {member.value for member in ClauseClass if member is not ClauseClass.UNENFORCED}
    return bool(lines) and all(line.clause_class in settled for line in lines)


def spelled(path: Path) -> str:
    """A clause's path as people and decisions cite it: `shares[0].rows`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def clause_name(path: Path) -> str:
    """A clause's name in `MECHANISMS`: its path without the numbers of list items."""
    return ".".join(part for part in path if isinstance(part, str))


def _line(path: Path) -> ClauseLine:
    name = clause_name(path)
    clause_class, mechanism, shown_by = MECHANISMS.get(name, _UNKNOWN)
    return ClauseLine(path, spelled(path), clause_class, mechanism, shown_by)


def _paths(value: object, path: Path) -> Iterator[Path]:
    """The path of every clause that is present: as deep as the table goes."""
    if _is_absent(value):
        return
    if clause_name(path) in MECHANISMS:
        yield path
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths(getattr(value, name), (*path, name))
    elif isinstance(value, tuple) and isinstance(value[0], BaseModel):
        for index, item in enumerate(value):
            yield from _paths(item, (*path, index))
    else:
        yield path


def _is_absent(value: object) -> bool:
    if isinstance(value, BaseModel):
        return all(_is_absent(getattr(value, name)) for name in type(value).model_fields)
    return value is None or value is False or value == ()
