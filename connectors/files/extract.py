"""Full extracts: creates, updates and deletes are what differs between one extract and the one before it.

SAME-AGAIN: the changes of an extract follow from its copy and the previous index alone, both named by the position, in one
order.  After a crash they are derived again, and as many as the position says were sent are passed over.
CAREFUL-DELETES: a row is deleted only when every key of the extract could be read, and not more rows than the owner expects.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from connectors.codes import OPTION_UNFIT, TOO_MANY_DELETES
from connectors.files import sources
from connectors.files.lines import Mark, Raw
from connectors.files.listing import Found, Settled, look
from connectors.files.memory import Memory, digest, encode_index
from connectors.files.options import FilesOptions
from connectors.protocol import Change, Position
from connectors.typed import from_text, to_text
from contracts.change import Op, Row
from contracts.faults import Refused
from contracts.model import Contract

_BAD = "!"
"""Begins the digest of a row that could not be carried, so that it counts as changed once it can."""


@dataclass(frozen=True, slots=True)
class State:
    """`index` names the index of the extract that was carried last; `staged` the one that is being carried.

    `sent` of its changes are out, and `next` is the name that its index will have.  `seen` is the file that was taken last.
    """

    index: str | None = None
    staged: str | None = None
    next: str | None = None
    sent: int = 0
    seen: Found | None = None


@dataclass(slots=True)
class _Plan:
    """What one pass over an extract tells: the new index, how often each key stands there, and whether a key is unreadable."""

    index: dict[str, str] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    blind: bool = False


class Extracted:
    """The extracts of one dataset, by name; one that is written anew under its old name counts too."""

    def __init__(self, contract: Contract, options: FilesOptions) -> None:
        assert options.state_directory is not None
        self._contract, self._options = contract, options
        self._memory = Memory(options.state_directory, contract.dataset)
        self._shaper = sources.shaper(contract, options)
        self._settled = Settled(options.settle_seconds)
        self._state = State()
        self._changes: Iterator[Change] | None = None
        self._index: dict[str, str] = {}

    def restore(self, state: Any) -> None:
        """Go on where a position stands; raises `Refused` when what it names is not there."""
        self.close()
        found = State(**(state or {}))
        self._state = replace(found, seen=None if found.seen is None else Found(*found.seen))
        self._memory.read_index(self._state.index)
        if self._state.staged is not None:
            self._resume(self._state.staged)

    def state(self) -> Any:
        """Where this stands, as JSON."""
        return {**asdict(self._state), "seen": self._state.seen}

    def durable(self, state: Any) -> None:
        """Forget what neither the durable position nor the present one names."""
        then, now = State(**(state or {})), self._state
        if self._options.state_directory is not None and self._options.state_directory.is_dir():
            self._memory.keep_only(indexes=(then.index, now.index), extracts=(then.staged, now.staged))

    def close(self) -> None:
        """Forget the extract that is being carried; its position brings it back."""
        self._changes = None

    def read(self) -> list[Change] | None:
        """The next changes; an empty list when the position alone has moved, None when there is nothing."""
        if self._changes is None and not self._take_next():
            return None
        assert self._changes is not None
        size = self._options.batch_changes_max
        changes = list(islice(self._changes, size))
        if len(changes) == size:
            self._state = replace(self._state, sent=self._state.sent + size)
        else:
            index = self._memory.write_index(self._index)
            self._state = State(index=index, seen=self._state.seen)
            self._changes = None
        return changes

    # -- from file to plan -------------------------------------------------------------------------------------------

    def _take_next(self) -> bool:
        found = self._next()
        name = None if found is None else self._memory.stage(self._options.directory, found)
        if found is None or name is None:
            return False
        before = self._state
        self._state = replace(before, staged=name, sent=0, seen=found)
        try:
            self._begin(name)
        except BaseException:
            self._state = before
            raise
        return True

    def _next(self) -> Found | None:
        seen = self._state.seen
        for found in look(self._options.directory, self._options.pattern(self._contract.dataset)):
            if seen is not None and (found.name < seen.name or found == seen):
                continue
            return found if self._settled(found) else None
        return None

    def _begin(self, name: str) -> None:
        previous = self._memory.read_index(self._state.index)
        plan = self._plan(name)
        gone = [key for key in previous if key not in plan.index]
        if plan.blind:
            plan.index |= {key: previous[key] for key in gone}
            gone = []
        if len(gone) * 100 > self._options.deletes_percent_max * len(previous):
            assert self._state.seen is not None
            raise Refused(TOO_MANY_DELETES.fault(f"{self._state.seen.name} lacks {len(gone)} of {len(previous)} rows"))
        self._index = plan.index
        self._state = replace(self._state, next=digest(encode_index(plan.index)))
        self._changes = self._derived(name, previous, plan, gone)

    def _resume(self, name: str) -> None:
        wanted, sent = self._state.next, self._state.sent
        self._begin(name)
        if self._state.next != wanted:
            message = (
                f"{self._contract.dataset}: an extract was carried in part under another contract or other options"
            )
            raise Refused(OPTION_UNFIT.fault(f"{message}; start once with those to end it"))
        assert self._changes is not None
        for _ in islice(self._changes, sent):
            pass

    def _plan(self, name: str) -> _Plan:
        plan = _Plan()
        for change in self._rows(name):
            key = self._key(change)
            if key is None:
                plan.blind = True
                continue
            plan.times[key] += 1
            text = _digest(change)
            if plan.times[key] > 1:  # which of them is right cannot be told
                text = _BAD + digest((plan.index[key] + text).encode())[:32]
            plan.index[key] = text
        return plan

    # -- from plan to changes ----------------------------------------------------------------------------------------

    def _derived(self, name: str, previous: dict[str, str], plan: _Plan, gone: list[str]) -> Iterator[Change]:
        told: set[str] = set()
        for change in self._rows(name):
            key = self._key(change)
            if key is None:
                yield change
                continue
            if previous.get(key) == plan.index[key] or key in told:
                continue
            found = replace(change, op=Op.UPDATE if key in previous else Op.CREATE)
            if plan.times[key] > 1:
                told.add(key)
                found = replace(found, problem=f"the key stands {plan.times[key]} times in the extract")
            yield found
        for key in gone:
            yield self._delete(key)

    def _delete(self, key: str) -> Change:
        values = self._key_values(key)
        assert self._state.seen is not None
        position = Position(f"{self._state.seen.name}:gone")
        return Change(self._contract.dataset, Op.DELETE, values, None, None, position, self._at)

    def _rows(self, name: str) -> Iterator[Change]:
        assert self._state.seen is not None
        file = self._state.seen.name
        with self._memory.staged(name).open("rb") as stream:
            for raw in sources.rows(stream, file, Mark(), self._contract, self._options, whole=True):
                yield self._change(file, raw)

    def _change(self, file: str, raw: Raw) -> Change:
        position = Position(f"{file}:{raw.line}")
        if raw.problem is not None:
            return self._shaper.unreadable(raw.problem, position, self._at)
        return self._shaper.change(raw.values, position, self._at)

    @property
    def _at(self) -> datetime:
        assert self._state.seen is not None
        return self._state.seen.modified

    # -- keys --------------------------------------------------------------------------------------------------------

    def _key(self, change: Change) -> str | None:
        """The one text of a key; None when a part of it could not be read."""
        values = [change.key.get(name) for name in self._contract.key]
        return None if any(value is None for value in values) else json.dumps([to_text(value) for value in values])

    def _key_values(self, key: str) -> Row:
        texts = json.loads(key)
        types = [one.type for name in self._contract.key for one in self._contract.fields if one.name == name]
        return {
            name: from_text(type_, text) for name, type_, text in zip(self._contract.key, types, texts, strict=True)
        }


def _digest(change: Change) -> str:
    """What tells one state of a row from another."""
    text = json.dumps([change.after, change.unavailable, change.problem], default=to_text, sort_keys=True)
    return (_BAD if change.problem else "") + digest(text.encode())[:32]
