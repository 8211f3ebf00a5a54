"""The clause report: every clause of an agreement in exactly one class (NOTHING-UNENFORCED).

`enforced` on every event, `partly` enforced, a `gate` before activation, or `attested` by a party.  A clause for which this
version of the broker has no mechanism is `unenforced`, and an agreement that has one cannot be submitted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec
from pydantic import BaseModel

from agreements.model import Agreement, AgreementKind

Path = tuple[int | str, ...]


class ClauseClass(StrEnum):
    """What makes a clause hold."""

    ENFORCED = "enforced"
    PARTLY = "partly"
    GATE = "gate"
    ATTESTED = "attested"
    UNENFORCED = "unenforced"


class ClauseLine(NamedTuple):
    """One clause, its class, and by what it is enforced, or why it is not."""

    path: Path
    clause: str
    clause_class: ClauseClass
    mechanism: str


_E, _P, _G, _A, _U = ClauseClass
_NO_LIMITS = "no counters are kept yet, so nothing would stop at the limit"
_NO_REVIEWS = "no reminder is sent and nothing is suspended at a review yet"
_PROMISE = "the recipient's promise; in the signed text"
_CLAUSES: dict[str, tuple[ClauseClass, str]] = {
    "concordat": (_G, "names the form; another form is refused"),
    "reference": (_E, "cited by every decision, with version and content hash"),
    "version": (_E, "cited by every decision"),
    "kind": (_G, "only a DSA can be activated"),
    "title": (_A, "in the signed text"),
    "under": (_U, "an umbrella cannot be checked yet, so nothing would show that this only narrows it"),
    "parties.organisation": (_E, "only the recipient's Kafka user may read a share's topic"),
    "parties.side": (_E, "shares flow from the provider's datasets to the recipient's topics"),
    "parties.role": (_A, "in the signed text"),
    "parties.signs": (_G, "every office named has signed"),
    "parties.hosting": (_A, "in the signed text"),
    "purposes.prohibited": (_P, "no share may have such a purpose; use by the recipient is its promise"),
    "law": (_A, "in the signed text"),
    "assessments": (_A, "in the signed text"),
    "shares.id": (_E, "one topic for each share"),
    "shares.dataset": (_E, "no other dataset is read for the share"),
    "shares.contract": (_E, "records of another major version are not shared"),
    "shares.purpose": (_P, "cited by every decision; use by the recipient is its promise"),
    "shares.classification_ceiling": (_E, "a contract above the ceiling does not compile"),
    "shares.rows": (_E, "row filter on every record; an error is not shared"),
    "shares.key": (_E, "every key is treated"),
    "shares.fields": (_E, "what is not named is dropped; each field's treatment on every record"),
    "shares.caveats": (_G, "the contract must have these caveats in these versions"),
    "limits.events_per_day": (_U, _NO_LIMITS),
    "limits.distinct_subjects_per_month": (_U, _NO_LIMITS),
    "limits.look_back": (_E, "event time at delivery"),
    "dates.start": (_E, "nothing flows before"),
    "dates.end": (_E, "nothing flows after"),
    "dates.review": (_A, "in the signed text; the parties keep the date"),
    "delivery.retention": (_P, "the topic's retention for events; an entity's topic keeps the newest view of each key"),
    "delivery.cloudevents_headers": (_U, "these headers are not written yet"),
    "delivery.when_suspended": (_E, "records are held or dropped while suspended"),
    "after_delivery": (_A, _PROMISE),
    "review": (_U, _NO_REVIEWS),
}


def clause_report(agreement: Agreement) -> tuple[ClauseLine, ...]:
    """Every clause that the agreement has, in the order of its text.  A clause not in the table is `unenforced`."""
    return tuple(_line(agreement, path) for path in _paths(agreement, ()))


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


def _line(agreement: Agreement, path: Path) -> ClauseLine:
    name = _name(path)
    clause_class, mechanism = _CLAUSES.get(name, (ClauseClass.UNENFORCED, "this version does not know the clause"))
    if name == "kind" and agreement.kind is not AgreementKind.DSA:
        clause_class, mechanism = ClauseClass.UNENFORCED, "only a DSA can be activated by this version"
    if name == "delivery.cloudevents_headers" and not agreement.delivery.cloudevents_headers:
        clause_class, mechanism = ClauseClass.ENFORCED, "no such header is written"
    return ClauseLine(path, spelled(path), clause_class, mechanism)


def _name(path: Path) -> str:
    return ".".join(part for part in path if isinstance(part, str))


def _paths(value: object, path: Path) -> Iterator[Path]:
    """The path of every clause that is present: as deep as the table goes."""
    if _is_absent(value):
        return
    if _name(path) in _CLAUSES:
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
    return value is None or value == ()
