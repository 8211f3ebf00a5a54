"""Explaining: for one source record and one plan, which clause decided what, field by field and in words.

It says by the same functions that decide.  Its result holds the record's values, so it is for the owner of the data and
for demonstrations, never for a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from broker.policy.decision import Reason, SourceRecord
from broker.policy.plan import FieldPlan, treatment_text
from broker.policy.read import value_at
from broker.policy.reference import ReferenceEngine
from contracts.change import Row


class Fate(StrEnum):
    """What became of one field of the source record."""

    KEPT = "kept"
    TREATED = "treated"
    DROPPED = "dropped"
    NOT_SHARED = "not-shared"
    """The agreement would let it out, but the record as a whole did not qualify."""


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """One field: what the source holds, what the department received, and the clause that decided it."""

    path: str
    fate: Fate
    clause: str
    treatment: str
    source: Any
    received: Any
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One record under one plan.  `received` None means that the department receives nothing (or a withdrawal)."""

    topic: str
    shared: bool
    reasons: tuple[Reason, ...]
    sentence: str
    key: bytes | None
    source: Row | None
    received: dict[str, Any] | None
    fields: tuple[FieldExplanation, ...]


def explain(engine: ReferenceEngine, plan_index: int, record: SourceRecord, now_ms: int) -> Explanation:
    """What one record means under one of the engine's plans at `now_ms`, and why."""
    plan, shaper = engine.plans[plan_index], engine.shapers[plan_index]
    read = engine.reader.read(record)
    if read.faults or read.row is None:
        reasons = read.faults or (Reason("deleted", plan.clause),)
        return Explanation(
            plan.topic, False, reasons, reason_sentence(reasons[0]), shaper.key(read.key), None, None, ()
        )
    verdict = shaper.verdict(read, engine.event_time_ms(read), now_ms)
    received = shaper.shaped(read.row)[0] if verdict.value is not None else None
    named = {field.path: field for field in plan.fields}
    paths = sorted((*named, *plan.dropped), key=_order(engine))
    fields = tuple(_field(path, named.get(path), plan.clause, read.row, received) for path in paths)
    sentence = reason_sentence(verdict.reasons[0])
    return Explanation(
        plan.topic, received is not None, verdict.reasons, sentence, verdict.key, read.row, received, fields
    )


def reason_sentence(reason: Reason) -> str:
    """A reason code with its clause as one English sentence."""
    where = f" ({reason.clause})" if reason.clause else ""
    for prefix, words in _FAMILIES.items():
        if reason.code.startswith(prefix) and reason.code not in _SENTENCES:
            return f"{words}: {reason.code.removeprefix(prefix)}{where}."
    return _SENTENCES.get(reason.code, f"Decided by rule {reason.code}") + f"{where}."


def _order(engine: ReferenceEngine) -> Any:
    places = {path: place for place, (path, _) in enumerate(engine.reader.contract.leaves())}
    return places.__getitem__


def _field(path: str, planned: FieldPlan | None, clause: str, row: Row, received: Row | None) -> FieldExplanation:
    source = value_at(row, path)
    if planned is None:
        sentence = f"{path} is missing: {clause}.fields does not name it, and what is not named is dropped."
        return FieldExplanation(path, Fate.DROPPED, f"{clause}.fields", "drop", source, None, sentence)
    treatment = treatment_text(planned.treatment)
    if received is None:
        sentence = f"{path} is missing: the record as a whole is not shared."
        return FieldExplanation(path, Fate.NOT_SHARED, planned.clause, treatment, source, None, sentence)
    value = value_at(received, path)
    if source is None:
        sentence = f"{path} has no value in the source."
    elif value is None:
        sentence = f"{path} is missing: {planned.clause} says {treatment}, and this value cannot be treated so."
    elif planned.action == "keep":
        sentence = f"{path} is as in the source: {planned.clause} says keep."
    else:
        sentence = f"{path} is treated: {planned.clause} says {treatment}."
    fate = Fate.KEPT if planned.action == "keep" else Fate.TREATED
    return FieldExplanation(path, fate, planned.clause, treatment, source, value, sentence)


_SENTENCES = {
    "permitted": "The agreement permits this record with every field as it is",
    "redacted": "The agreement permits this record with some fields treated or dropped",
    "row-filter-false": "The row filter does not admit this record",
    "row-filter-absent": "The row filter reads a field that has no value in this record",
    "row-filter-unavailable": "The row filter reads a field whose value the store did not give",
    "withheld": "The record is withheld to protect a person",
    "subject-category": "The person's law-enforcement category is not one of those agreed, or is not known",
    "confidence": "The record's confidence is lower than agreed, or is not known",
    "look-back": "The event is older than the agreement looks back",
    "key-missing": "A key that this share needs does not exist or was destroyed",
    "contract-version": "The record follows another major version of the contract than the agreement names",
    "view-unregistered": "The schema of this share's view is not registered",
    "view-not-encodable": "The record has no form in the view's schema",
    "unavailable": "The store did not give the value of a field that would be shared",
    "untreatable": "A value cannot be treated as agreed, so it was left out",
    "deleted": "The source deleted this record",
    "unchanged": "What the department holds is already the same",
    "combination": "The recipient receives a dataset already that never goes together with this one",
    "suspended": "The agreement is suspended",
    "limit-events": "The agreement's deliveries of the day have been made",
    "limit-subjects": "The agreement has been about as many different people this month as it may be",
    "caveat-unacknowledged": "The department has not yet acknowledged a known limitation of this data",
    "attestation-overdue": "A party has not made an attestation that it owes",
    "review-overdue": "The agreement has not been reviewed on the day that it names",
    "embargo": "The change is held until the agreement's embargo on it is over",
    "outside-window": "The change is held until the hours come in which the agreement delivers",
    "field-suspended": "A field of this row is suspended and its newer state waits, so the row is taken back until that is released",
    "plan-unusable": "The agreement cannot be applied to the data as it is described now; the change is held until it can",
    "not-in-force": "The agreement is not in force",
    "quarantined": "The newest record of this key is quarantined, so the older one no longer stands",
    "truncate": "The store emptied the whole table, which names no keys",
    "key-null": "The record has no key",
    "key-mismatch": "The record's key and the key fields in its row differ",
    "key-incomplete": "A key field has no value",
    "oversize": "The record is larger than its contract allows",
    "schema-unknown": "The record names a schema that this dataset does not have",
    "malformed": "The record's bytes are not what its schema says",
    "trailing-bytes": "Bytes follow the end of the record",
    "not-framed": "The record does not begin with a schema id",
    "empty": "The record is empty",
}
_FAMILIES = {
    "row-filter-": "The row filter has no answer for this record",
    "contract-": "The record breaks its contract",
    "key-": "The record's key cannot be read",
}
REASON_CODES = tuple(sorted(_SENTENCES))
"""Every reason code that stands for itself; the families of codes begin with one of `_FAMILIES`."""
