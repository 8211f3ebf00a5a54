"""Shaping: one plan compiled to functions, from a row to the verdict on it.

DEFAULT-DENY: a verdict has a value only if no label of the record stands against it, the row filter said true, every key was there, no released field was
unavailable and the view could be written.  Nothing is looked up per record but the row's own fields.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from broker.policy.cel import Error, compile_row, parse
from broker.policy.decision import Reason, Verdict
from broker.policy.plan import FieldPlan, Plan
from broker.policy.read import Read, touches, value_at
from broker.policy.record_checks import compile_checks
from broker.policy.treatments import UNTREATABLE, KeyLookup, compile_key, compile_treatment
from contracts.change import Row
from contracts.faults import Faults
from contracts.model import Contract
from contracts.wire import AvroSchema, WireError, frame

LOOK_BACK = Reason("look-back", "limits.look_back")
_Filter = Callable[[Row, Collection[str]], bool | Error]
_Shape = Callable[[Row, list[Reason]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One field of the view, compiled."""

    name: str
    treat: Callable[[Any], Any] | None
    failed: Reason


class Shaper:
    """One plan, ready to decide.  Its secret keys are taken when it is made and are in no attribute's repr."""

    def __init__(self, plan: Plan, contract: Contract, keys: KeyLookup) -> None:
        self._plan = plan
        secrets = {r: keys.key(r.identifier, r.version) for r in plan.key_references}
        key_secret = secrets.get(plan.key.key) if plan.key.key is not None else None
        fits = plan.dataset == contract.dataset and plan.contract_major == contract.major
        # Also under another major version: what was sent must still be withdrawn and deleted (VIEW = FILTER(SOURCE)).
        is_same = plan.dataset == contract.dataset and plan.key.fields == contract.key
        has_key = is_same and (plan.key.key is None or key_secret is not None)
        self._key = compile_key(plan.key, key_secret) if has_key else None
        self._refusal = self._refused(fits=fits, missing=None in secrets.values())
        self._checks = compile_checks(plan)
        self._filter = _filter(plan)
        self._shape = _record(_tree(plan.fields, secrets)) if self._refusal is None else None
        self._schema = AvroSchema(plan.view_text)
        self._released = tuple((field.path, Reason("unavailable", field.clause)) for field in plan.fields)
        self._permitted = (Reason("redacted" if plan.treated else "permitted", plan.clause),)
        self._filtered = (Reason("row-filter-false", f"{plan.clause}.rows"),)
        self._unwritable = (Reason("view-not-encodable", plan.clause),)
        self._deleted = (Reason("deleted", plan.clause),)

    def __repr__(self) -> str:
        return f"Shaper({self._plan.topic})"

    def verdict(self, read: Read, event_time_ms: int | None, now_ms: int) -> Verdict:
        """What one record that keeps its contract means under this plan."""
        key = self.key(read.key)
        if self._refusal is not None:
            return Verdict(key, None, read.gone, True, (self._refusal,))
        if read.row is None:
            return Verdict(key, None, True, True, self._deleted)
        refused = self.refused(read.row, read.unavailable, event_time_ms, now_ms)
        if refused:
            return Verdict(key, None, False, True, refused)
        try:
            value, problems = self.view(read.row)
        except WireError:
            return Verdict(key, None, False, True, self._unwritable)
        return Verdict(key, value, False, self._plan.treated, self._permitted + problems)

    def withdrawn(self, read: Read) -> Verdict:
        """The verdict on a quarantined record of an entity: whatever was sent under its key no longer stands."""
        return Verdict(self.key(read.key), None, False, True, (Reason("quarantined", "on_quarantine"),))

    def key(self, row: Row | None) -> bytes | None:
        """The share's Kafka key of a record, None where there can be none."""
        if row is None or self._key is None:
            return None
        return self._key([row[name] for name in self._plan.key.fields])

    def refused(
        self, row: Row, unavailable: Collection[str], event_time_ms: int | None, now_ms: int
    ) -> tuple[Reason, ...]:
        """Why a row does not qualify, by the first of these that says so; empty when it does.

        The plan itself, the record's labels, released values that the store did not give, the row filter, look-back.
        """
        if self._refusal is not None:
            return (self._refusal,)
        for check in self._checks:
            reason = check(row, unavailable)
            if reason is not None:
                return (reason,)
        if unavailable:
            missing = tuple(reason for path, reason in self._released if touches(path, unavailable))
            if missing:
                return missing
        answer = self._filter(row, unavailable)
        if answer is not True:
            said = f"{self._plan.clause}.rows"
            return self._filtered if answer is False else (Reason(f"row-filter-{answer.code}", said),)
        return (LOOK_BACK,) if self._is_too_old(event_time_ms, now_ms) else ()

    def shaped(self, row: Row) -> tuple[dict[str, Any], tuple[Reason, ...]]:
        """The permitted view of a qualifying row, and the fields that could not be treated (null there)."""
        assert self._shape is not None
        problems: list[Reason] = []
        return self._shape(row, problems), tuple(problems)

    def view(self, row: Row) -> tuple[bytes, tuple[Reason, ...]]:
        """The framed bytes of the view; raises `WireError` for a row that the view's schema has no room for."""
        if self._plan.view_schema is None:
            raise WireError("schema-unknown")
        shaped, problems = self.shaped(row)
        return frame(self._plan.view_schema, self._schema.encode(shaped)), problems

    def _is_too_old(self, event_time_ms: int | None, now_ms: int) -> bool:
        """An event without a time cannot be shown to be recent enough (DEFAULT-DENY)."""
        look_back = self._plan.look_back_ms
        return look_back is not None and (event_time_ms is None or event_time_ms < now_ms - look_back)

    def _refused(self, *, fits: bool, missing: bool) -> Reason | None:
        if not fits:
            return Reason("contract-version", f"{self._plan.clause}.contract")
        if missing:
            return Reason("key-missing", self._plan.clause)
        return None if self._plan.view_schema is not None else Reason("view-unregistered", self._plan.clause)


def event_time_ms(plan_path: str | None, read: Read) -> int | None:
    """When the event happened, in Unix milliseconds: the field tagged `pole:event.time`, else the store's time."""
    value = None if plan_path is None or read.row is None else value_at(read.row, plan_path)
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1000)
    if isinstance(value, date):
        return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000)
    if read.envelope is not None:
        return read.envelope.ts_ms
    return read.record.timestamp_ms


def _filter(plan: Plan) -> _Filter:
    if plan.rows is None:
        return lambda _row, _unavailable: True
    parsed = parse(plan.rows)
    if isinstance(parsed, Faults):  # a compiled plan never has this; a plan from elsewhere shares nothing
        return lambda _row, _unavailable: Error("syntax")
    return compile_row(parsed)


def _tree(fields: Sequence[FieldPlan], secrets: dict[Any, bytes | None]) -> dict[str, Any]:
    """The fields by name, records as nested mappings, in the order of the contract."""
    tree: dict[str, Any] = {}
    for field in fields:
        *parents, name = field.path.split(".")
        inner = tree
        for parent in parents:
            inner = inner.setdefault(parent, {})
        secret = None if field.key is None else secrets[field.key]
        treat = None if field.action == "keep" else compile_treatment(field, secret)
        inner[name] = _Leaf(name, treat, Reason("untreatable", field.clause))
    return tree


def _record(tree: dict[str, Any]) -> _Shape:
    leaves = tuple(leaf for leaf in tree.values() if isinstance(leaf, _Leaf))
    records = tuple((name, _record(inner)) for name, inner in tree.items() if isinstance(inner, dict))

    def shape(row: Row, problems: list[Reason]) -> dict[str, Any]:
        shaped: dict[str, Any] = {}
        for leaf in leaves:
            value = row.get(leaf.name)
            if value is not None and leaf.treat is not None:
                value = leaf.treat(value)
                if value is UNTREATABLE:
                    problems.append(leaf.failed)
                    value = None
            shaped[leaf.name] = value
        for name, inner in records:
            held = row.get(name)
            shaped[name] = None if held is None else inner(held, problems)
        return shaped

    return shape
