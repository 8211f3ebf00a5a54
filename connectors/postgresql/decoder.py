"""From the stream's messages to changes of the contract's rows, a relation at a time.

The batch interface is `feed`: a list of messages in, the parts of transactions out.  It keeps no position and decides
nothing about the snapshot; a native decoder can take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from connectors.postgresql.binary import Unrepresentable
from connectors.postgresql.codes import STREAM_BROKEN, TABLE_MISFIT
from connectors.postgresql.columns import Value
from connectors.postgresql.events import Events, OutboxReader
from connectors.postgresql.generated import Shape
from connectors.postgresql.machine import Machine
from connectors.postgresql.messages import Begin, Commit, Relation, RowChange, Said, Truncate, parse
from connectors.postgresql.order import KeyOrder, ordering
from connectors.postgresql.parts import Alone, Changed, Ended, Part, Started
from connectors.postgresql.position import Key
from connectors.postgresql.tables import Decoded, RowReader, Table, fitting_leaves, leaves
from contracts.change import Op, Row
from contracts.faults import Refused, Unavailable
from contracts.model import Contract


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the tuples of one relation are read."""

    dataset: str
    rows: RowReader
    order: KeyOrder | None
    """None where the table no longer has the contract's key."""
    problem: str | None = None
    """Why no row of the table can be carried: it no longer fits its contract."""
    shape: Shape | None = None
    """What a writer for its tuples is made from; None where only the general way will do."""


class Decoder:
    """Reads pgoutput messages for the tables that `contracts` describe; other tables are left out.

    `describe` gives the present catalogue entry of a table: it is asked when the stream announces a table's form.
    `identifiers` are the server's numbers of the tables, by which one that was renamed is known.  NEVER-GUESS: when a table
    no longer fits its contract, `Refused` is raised, or with `quarantine` each of its rows is given with a problem.  A `machine`
    is told the form of each table.  `events` reads the outbox and logical messages.
    """

    def __init__(
        self,
        contracts: Mapping[tuple[str, str], Contract],
        describe: Callable[[Contract, Relation], Table],
        *,
        identifiers: Mapping[int, Contract] = MappingProxyType({}),
        quarantine: bool = False,
        machine: Machine | None = None,
        events: Events | None = None,
    ) -> None:
        self._events = events
        self._identifiers, self._quarantine, self._machine = identifiers, quarantine, machine
        self._contracts = contracts
        self._describe = describe
        self._readings: dict[int, _Reading | OutboxReader | None] = {}
        self._widths: dict[int, int] = {}

    def feed(self, messages: Sequence[bytes]) -> Iterator[Part]:
        """The parts in the messages, in order.  A message may give none (a table's form) or two (a change of key)."""
        for data in messages:
            message = parse(data)
            if isinstance(message, RowChange):
                reading = self._reading(message.relation)
                self._see_whole(message)
                if isinstance(reading, OutboxReader):
                    yield from reading.changes(message)
                elif reading is not None:
                    yield from _changes(reading, message)
            elif message is not None:
                yield from self._other(message)

    def _other(self, message: Begin | Commit | Relation | Truncate | Said) -> Iterator[Part]:
        if isinstance(message, Begin):
            yield Started(*message)
        elif isinstance(message, Commit):
            yield Ended(message.end)
        elif isinstance(message, Relation):
            self._announce(message)
        elif isinstance(message, Said):
            yield from self._said(message)
        else:
            for relation in message.relations:
                reading = self._reading(relation)
                if isinstance(reading, _Reading):
                    yield Changed(reading.dataset, Op.TRUNCATE, None, {}, None, None)

    def _said(self, message: Said) -> Iterator[Part]:
        event = None if self._events is None else self._events.said(message)
        if event is not None:
            yield event if message.transactional else Alone(message.lsn, message.sent_at, event)

    def _announce(self, relation: Relation) -> None:
        outbox = None if self._events is None else self._events.reading(relation)
        reading = outbox or self._prepare(relation)
        self._readings[relation.identifier] = reading
        self._widths[relation.identifier] = len(relation.columns)
        if self._machine is not None:
            self._machine.announce(relation.identifier, reading.shape if isinstance(reading, _Reading) else None)

    def _reading(self, relation: int) -> _Reading | OutboxReader | None:
        try:
            return self._readings[relation]
        except KeyError:
            message = f"a change of relation {relation}, whose form was not announced"
            raise Unavailable(STREAM_BROKEN.fault(message)) from None

    def _see_whole(self, message: RowChange) -> None:
        """Raise where a tuple has not the columns that were announced."""
        width = self._widths[message.relation]
        if any(len(values) != width for values in (message.old, message.new) if values is not None):
            found = f"a change of relation {message.relation} has not the {width} columns that were announced"
            raise Unavailable(STREAM_BROKEN.fault(found))

    def _prepare(self, relation: Relation) -> _Reading | None:
        contract = self._contracts.get((relation.schema, relation.name))
        if contract is None and relation.identifier not in self._identifiers:
            return None
        named = contract is not None
        contract = contract or self._identifiers[relation.identifier]
        table = self._describe(contract, relation)
        try:
            return prepare(contract, table, relation.columns) if named else _renamed(contract, relation)
        except Refused as refused:
            if not self._quarantine:
                raise
            return _unfit(contract, table, relation.columns, "; ".join(fault.message for fault in refused.faults))


def _renamed(contract: Contract, relation: Relation) -> _Reading:
    message = f"{contract.dataset}: its table is now called {relation.schema}.{relation.name}"
    raise Refused(TABLE_MISFIT.fault(message))


def prepare(contract: Contract, table: Table, columns: Sequence[str]) -> _Reading:
    """How tuples of `table` whose columns stand in the order `columns` are read; raises `Refused` on a misfit."""
    found = leaves(contract, table)
    if isinstance(found, list):
        raise Refused(*found)
    missing = [leaf.column for leaf in found if leaf.column not in columns]
    if missing:
        message = f"{contract.dataset}: {table} does not publish {', '.join(missing)}"
        raise Refused(TABLE_MISFIT.fault(message))
    key = [column for name in contract.key if (column := table.column(name)) is not None]
    shape = Shape(contract, table, found, tuple(columns))
    return _Reading(contract.dataset, RowReader(contract, found, columns), KeyOrder(key, columns), shape=shape)


def _unfit(contract: Contract, table: Table, columns: Sequence[str], problem: str) -> _Reading:
    """How the rows of a table that no longer fits are read as far as they go, to be quarantined."""
    found = fitting_leaves(contract, table, columns)
    carried = {leaf.column for leaf in found}
    key = [column for name in contract.key if name in carried and (column := table.column(name)) is not None]
    whole = len(key) == len(contract.key) and all(ordering(column) is not None for column in key)
    order = KeyOrder(key, columns) if whole else None
    return _Reading(contract.dataset, RowReader(contract, found, columns), order, problem)


def _changes(reading: _Reading, message: RowChange) -> Iterator[Changed]:
    if message.kind == b"D":
        yield _delete(reading, message.old, whole=not message.old_is_key)
        return
    assert message.new is not None
    older = None if message.old_is_key else message.old
    op = Op.CREATE if message.kind == b"I" else Op.UPDATE
    place = _place(reading, message.new)
    # a part of the key that the new tuple does not send has not changed
    if message.old is not None and place is not None and place != _place(reading, message.old):
        yield _delete(reading, message.old, whole=not message.old_is_key)
        op = Op.CREATE
    after = reading.rows.read(message.new, older)
    before = _before(reading.rows.read(older)) if older is not None and op is Op.UPDATE else None
    key = reading.rows.key(after.row)
    yield Changed(
        reading.dataset, op, place, key, before, after.row, after.unavailable, reading.problem or after.problem
    )


def _place(reading: _Reading, values: list[Value]) -> Key | None:
    """Where a row stands in the order of the snapshot; None where its key cannot be read, which its row says."""
    try:
        return None if reading.order is None else reading.order.key(values)
    except Unrepresentable:
        return None


def _delete(reading: _Reading, old: list[Value] | None, *, whole: bool) -> Changed:
    if old is None:
        raise Unavailable(STREAM_BROKEN.fault(f"{reading.dataset}: a delete without a key"))
    row = reading.rows.read(old)
    key = reading.rows.key(row.row)
    before = _before(row) if whole and reading.problem is None else None
    problem = row.problem if None in key.values() else None  # the key is all that a delete needs
    return Changed(reading.dataset, Op.DELETE, _place(reading, old), key, before, None, problem=problem)


def _before(row: Decoded) -> Row | None:
    """NEVER-GUESS: the row before a change, only if every value of it can be carried; null would say that it was null."""
    return row.row if row.problem is None and not row.unavailable else None
