"""What one record becomes: the changes of its dataset, or nothing and why.

- `c`, `r`, `u`, `d`, `t` are the envelope's; Cassandra's `i` is `c`.  Logical messages and everything that is no change is passed over.
- A null value is a delete of its key: idempotent, for a compacted topic may have kept nothing else.
- A changed key is a delete and a create.  Debezium writes it so; where it does not, the change is made two.
- What cannot be read is a change with a `problem`; it is quarantined where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.debezium.encodings import Unmappable
from connectors.debezium.envelope import Event, Reader, Tombstone, Value
from connectors.debezium.mongodb import read_update
from connectors.debezium.rows import Given, Rows
from connectors.debezium.source import Place, read_place
from connectors.events import PassedOver
from connectors.protocol import Change, Position
from contracts.change import Op, Row
from contracts.model import Kind

_OPS = {"c": Op.CREATE, "r": Op.READ, "u": Op.UPDATE, "d": Op.DELETE, "t": Op.TRUNCATE}
_CASSANDRA_OPS = {"i": Op.CREATE, "c": Op.CREATE, "u": Op.UPDATE, "d": Op.DELETE}
"""Its `r` is the deletion of a range of rows, which says nothing of single ones."""


@dataclass(frozen=True, slots=True)
class Made:
    """The changes of one record, and what is to be known of them to recognise a repeat."""

    changes: tuple[Change, ...]
    place: Place | None
    tombstone: bool = False
    """It is a null value: after the delete of the same key it says nothing new."""


@dataclass(frozen=True, slots=True)
class Converter:
    """Records to changes.  `dataset_of` names the dataset of a `schema.table`, or None when no dataset takes it."""

    reader: Reader
    dataset_of: Callable[[str], str | None]
    rows: Mapping[str, Rows]

    def convert(
        self, key: bytes | None, value: bytes | None, dataset: str | None, timestamp_ms: int | None
    ) -> Made | PassedOver:
        """What a record becomes; `dataset` is its topic's where that is known."""
        try:
            found_key: Value | Unmappable = self.reader.key(key)
        except Unmappable as problem:
            found_key = problem
        event: Event | Tombstone | PassedOver | Unmappable
        try:
            event = self.reader.value(value)
        except Unmappable as problem:
            event = problem
        if isinstance(event, PassedOver):
            return event
        place = _place(event, timestamp_ms)
        name = dataset if dataset is not None else self.dataset_of(place.table)
        if name is None and isinstance(event, Unmappable):
            name = next(iter(self.rows))  # what cannot be read names no table, and must not be lost
        if name is None:
            return PassedOver(f"no dataset takes {place.table or 'a record that names no table'}")
        rows = self.rows[name]
        return _made(_Draft(name, rows, place), event, found_key, value)


def _made(draft: _Draft, event: Event | Tombstone | Unmappable, key: Value | Unmappable, value: bytes | None) -> Made:
    """The changes of a record whose dataset is known; one that is not understood is kept whole."""
    if isinstance(event, Unmappable):
        return Made((draft.unreadable(str(event), key, value),), None)
    if isinstance(key, Unmappable):
        return Made((draft.unreadable(f"the key: {key}", key, value),), None)
    if isinstance(event, Tombstone):
        return Made(draft.tombstone(key), None, tombstone=True)
    if draft.op(event) is None:
        return Made((draft.unreadable("an operation that is none of a row", key, value),), None)
    return Made(draft.changes(event, key), draft.place)


def _place(event: Event | Tombstone | Unmappable, timestamp_ms: int | None) -> Place:
    if isinstance(event, Event):
        return read_place(event.source, event.payload, timestamp_ms)
    return read_place({}, {}, timestamp_ms)


@dataclass(frozen=True, slots=True)
class _Draft:
    """Changes in the making: everything that all changes of one record share."""

    dataset: str
    rows: Rows
    place: Place

    def change(self, op: Op, key: Row, before: Row | None, given: Given | None, problem: str | None) -> Change:
        return Change(
            dataset=self.dataset,
            op=op,
            key=key,
            before=before,
            after=given.row if given is not None else None,
            position=Position(self.place.text),
            committed_at=self.place.committed_at,
            transaction=self.place.transaction,
            snapshot=self.place.snapshot,
            unavailable=given.unavailable if given is not None else (),
            problem=problem,
        )

    def unreadable(self, problem: str, key: Value | Unmappable, value: bytes | None) -> Change:
        """A record that is not understood: kept whole, to be quarantined."""
        found = self._key(key) if isinstance(key, Value) else self._key(Value(None))
        return self.change(Op.CREATE, found, None, Given({"record": value}), problem)

    def tombstone(self, key: Value) -> tuple[Change, ...]:
        found = self._key(key)
        problem = "a null value without a key" if not _whole(found) else None
        return (self.change(Op.DELETE, found, None, None, problem),)

    def changes(self, event: Event, key: Value) -> tuple[Change, ...]:
        op = self.op(event)
        assert op is not None  # a record without one is unreadable
        if op is Op.TRUNCATE:
            return (self.change(op, {}, None, None, None),)
        before = self.rows.read(event.before, self.place.connector) if event.before.data is not None else None
        if op is Op.DELETE:
            return (self._delete(event, key, before),)
        return self._upsert(op, event, key, before)

    def op(self, event: Event) -> Op | None:
        """The operation on a row; None for one that is none, or none that is known."""
        if self.place.connector == "cassandra":
            return _CASSANDRA_OPS.get(event.op)
        if event.plain and not event.op:
            contract = self.rows.contract
            return Op.CREATE if contract is not None and contract.kind is Kind.EVENT else Op.UPDATE
        return _OPS.get(event.op)

    def _delete(self, event: Event, key: Value, before: Given | None) -> Change:
        row = event.before if event.before.data is not None else event.after  # Cassandra has the key in `after`
        found = self._key(key)
        if not _whole(found):
            found = self.rows.key(row.data, row.shape, self.place.connector)
        return self.change(Op.DELETE, found, self._kept(before), None, None)

    def _upsert(self, op: Op, event: Event, key: Value, before: Given | None) -> tuple[Change, ...]:
        given = self._after(event, before)
        if given is None:
            return (
                self.change(op, self._key(key), self._kept(before), None, "neither row nor description of the update"),
            )
        found = self._key(key)
        given = self._with_key(given, found)
        new = self._new_key(given, found)
        problem = given.problem or self._lacking(given, op)
        old = self._old_key(before)
        changed = op is Op.UPDATE and problem is None and _whole(old) and _whole(new) and old != new
        if changed:
            gone = self.change(Op.DELETE, old, self._kept(before), None, None)
            return (gone, self.change(Op.CREATE, new, None, given, None))
        return (self.change(op, new, self._kept(before), given, problem),)

    def _after(self, event: Event, before: Given | None) -> Given | None:
        """The row after the change, filled from the row before it where the database left a value out."""
        if event.after.data is None:
            try:
                update = read_update(event.payload)
            except Unmappable as problem:
                return Given({}, problem=str(problem))
            return _filled(self.rows.partial(update), before) if update is not None else None
        given = self.rows.read(event.after, self.place.connector)
        return _filled(self._without_unknown(given, event), before)

    def _without_unknown(self, given: Given, event: Event) -> Given:
        """Nulls of databases that write null for what they do not know, as unavailable.

        Cassandra has no cell for a column that was not written.  Spanner's OLD_AND_NEW_VALUES gives changed columns only: null
        before and after is not known.
        """
        row = event.after.data
        if self.place.connector == "cassandra":
            was: Any = row
        elif self.place.connector == "spanner" and event.op == "u":
            was = event.before.data
        else:
            return given
        if not isinstance(was, Mapping):
            return given
        columns = self.rows.columns
        unknown = [
            name for name, value in given.row.items() if value is None and was.get(columns.get(name, name)) is None
        ]
        return replace(given, unavailable=tuple(sorted({*given.unavailable, *unknown})))

    def _lacking(self, given: Given, op: Op) -> str | None:
        """A contracted field that the event has no column for is a fault, not a null."""
        partial = self.place.connector in ("spanner", "cassandra") and op is Op.UPDATE
        if partial or not given.missing:
            return None
        return "no column for " + ", ".join(given.missing[:10])

    def _key(self, key: Value) -> Row:
        return self.rows.key(key.data, key.shape, self.place.connector)

    def _new_key(self, given: Given, found: Row) -> Row:
        contract = self.rows.contract
        if contract is None:
            return found
        return {name: given.row.get(name) for name in contract.key}

    def _old_key(self, before: Given | None) -> Row:
        contract = self.rows.contract
        if contract is None or before is None or before.unavailable or before.problem is not None:
            return {}
        return {name: before.row.get(name) for name in contract.key}

    def _with_key(self, given: Given, found: Row) -> Given:
        """A row whose key fields were not given has them from the record's key."""
        contract = self.rows.contract
        if contract is None:
            return given
        lacking = {n: v for n, v in found.items() if v is not None and given.row.get(n) is None}
        if not lacking:
            return given
        names = set(lacking)
        return Given(
            {**given.row, **lacking},
            tuple(path for path in given.unavailable if path not in names),
            tuple(name for name in given.missing if name not in names),
            given.problem,
        )

    def _kept(self, before: Given | None) -> Row | None:
        """The row before, only if it is whole: databases leave null what they did not log."""
        if before is None or before.problem is not None or before.unavailable or before.missing:
            return None
        contract = self.rows.contract
        if contract is not None and any(
            field.required and before.row.get(field.name) is None for field in contract.fields
        ):
            return None
        return before.row


def _whole(key: Row) -> bool:
    return bool(key) and all(value is not None for value in key.values())


def _filled(given: Given, before: Given | None) -> Given:
    """What was not given, from the row before where that has it: an unchanged value is the same before and after."""
    if before is None or before.problem is not None or not given.unavailable:
        return given
    row = dict(given.row)
    still = []
    for path in given.unavailable:
        value = before.row.get(path) if path not in before.unavailable else None
        if value is None:
            still.append(path)
        else:
            row[path] = value
    return replace(given, row=row, unavailable=tuple(still))
