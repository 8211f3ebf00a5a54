"""Decides what is wrong with what a connector gave, against what was written to its store.  Pure.

Changes are compared key by key.  Every change that was written must be found once, in its place, with its values; a field that
the connector names as unavailable may hold anything, and one that it does not name must hold the store's value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from connectors.conformance.harness import Write
from connectors.conformance.sink import Record
from contracts.change import Op, Row

_SHOWN = 3


class Wrong(StrEnum):
    """The ways in which a change can be wrong."""

    LOST = "lost"
    REPEATED = "repeated"
    DISORDERED = "out of order"
    NULLED = "null for a value that is in the store"
    DIFFERENT = "not what the store holds"
    UNFIT = "not fit for the contract"


@dataclass(frozen=True, slots=True)
class Expected:
    """One change that the store committed.  `after` None is a delete."""

    key: Any
    op: Op
    after: Row | None

    def __str__(self) -> str:
        return f"{_NAMES.get(self.op, self.op)} of id {self.key}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    wrong: Wrong
    what: str


def expected(writes: Sequence[Write]) -> list[Expected]:
    """The changes that writes lead to; a change of key is a delete and a create."""
    found: list[Expected] = []
    for write in writes:
        if write.op is Op.DELETE or write.row is None:
            found.append(Expected(write.key, Op.DELETE, None))
        elif write.op is Op.UPDATE and write.row["id"] != write.key:
            found += [Expected(write.key, Op.DELETE, None), Expected(write.row["id"], Op.CREATE, write.row)]
        else:
            found.append(Expected(write.row["id"], write.op, write.row))
    return found


def judge(wanted: Sequence[Expected], found: Sequence[Record], *, operations: bool) -> list[Finding]:
    """Everything that is wrong; `operations` says whether a create must be told from an update."""
    findings = [Finding(Wrong.UNFIT, f"id {record.key}: {record.unfit}") for record in found if record.unfit]
    keys = dict.fromkeys([*(repr(one.key) for one in wanted), *(repr(record.key) for record in found)])
    by_key: dict[str, tuple[list[Expected], list[Record]]] = {key: ([], []) for key in keys}
    for one in wanted:
        by_key[repr(one.key)][0].append(one)
    for record in found:
        by_key[repr(record.key)][1].append(record)
    for of_key, given in by_key.values():
        findings += _judge_key(of_key, [record for record in given if not record.unfit], operations=operations)
    return findings


def evidence(findings: Sequence[Finding]) -> str:
    """What a person is told: how many of each kind, and the first of them."""
    parts = []
    for wrong in Wrong:
        of_kind = [finding.what for finding in findings if finding.wrong is wrong]
        if of_kind:
            more = ", …" if len(of_kind) > _SHOWN else ""
            parts.append(f"{len(of_kind)} {wrong}: {', '.join(of_kind[:_SHOWN])}{more}")
    return "; ".join(parts)


def _judge_key(wanted: list[Expected], found: list[Record], *, operations: bool) -> Iterator[Finding]:
    """Match what was found with what was wanted, first come first served; what is left over is wrong."""
    places: list[int] = []
    left = list(range(len(wanted)))
    strangers: list[Record] = []
    for record in found:
        place = next((i for i in left if _is(wanted[i], record, operations=operations)), None)
        if place is None:
            strangers.append(record)
        else:
            left.remove(place)
            places.append(place)
    yield from _strangers(wanted, left, strangers, operations=operations)
    for place in left:
        yield Finding(Wrong.LOST, str(wanted[place]))
    if places != sorted(places):
        late = next(b for a, b in pairwise(places) if b < a)
        yield Finding(Wrong.DISORDERED, str(wanted[late]))


def _strangers(
    wanted: list[Expected], left: list[int], strangers: list[Record], *, operations: bool
) -> Iterator[Finding]:
    """What fits nothing that is left; takes out of `left` what a stranger was meant to be."""
    for record in strangers:
        what = f"{_NAMES.get(record.op, record.op)} of id {record.key}"
        if any(_is(one, record, operations=operations) for one in wanted):
            yield Finding(Wrong.REPEATED, what)
            continue
        meant = next((i for i in left if (wanted[i].after is None) == (record.after is None)), None)
        if meant is None:
            yield Finding(Wrong.DIFFERENT, what)
            continue
        left.remove(meant)
        fields = _different(wanted[meant].after or {}, record)
        only_null = isinstance(record.after, dict) and fields and all(record.after.get(name) is None for name in fields)
        yield Finding(Wrong.NULLED if only_null else Wrong.DIFFERENT, f"{what} ({', '.join(fields) or 'operation'})")


def _is(one: Expected, record: Record, *, operations: bool) -> bool:
    """Whether a record is the change that was written."""
    if one.after is None or record.after is None:
        return one.after is None and record.after is None and record.op == Op.DELETE
    if record.op not in _PUTS or (operations and _PUTS[record.op] != _PUTS[one.op]):
        return False
    return not _different(one.after, record)


def _different(after: Row, record: Record) -> list[str]:
    """The fields whose value is not the store's; those that the record names as unavailable do not count."""
    given = record.after if isinstance(record.after, dict) else {}
    names = [name for name in after if name not in record.unavailable]
    return [name for name in names if name not in given or given[name] != after[name]]


_PUTS: dict[str, str] = {Op.CREATE: "new", Op.READ: "new", Op.UPDATE: "old"}
_NAMES: dict[str, str] = {Op.CREATE: "create", Op.READ: "read", Op.UPDATE: "update", Op.DELETE: "delete"}
