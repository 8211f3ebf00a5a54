"""What the author of a connector supplies to the conformance kit: a store that the kit may write to, and restart.

The harness lives in the kit's own process; the connector runs in children that are made to crash.  The kit keeps its rows in
one dataset, `items`, whose contract is `ITEMS` (or whatever `contract` returns, as long as it has those three fields).
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from connectors.protocol import Connector
from contracts.change import Op, Row
from contracts.model import Contract, Field, FieldType, Kind, TypeName

_TEXT = FieldType(TypeName.STRING)

ITEMS = Contract(
    dataset="items",
    version=(1, 0, 0),
    kind=Kind.ENTITY,
    classification="OFFICIAL",
    owner="owner",
    store="kit",
    name="Items",
    key=("id",),
    fields=(
        Field("id", FieldType(TypeName.INTEGER), required=True),
        Field("name", _TEXT),
        Field("large", _TEXT),
    ),
)
"""The kit's dataset: `id` integer (the key), `name` text or null, `large` text or null (up to 200,000 characters)."""


class Capability(StrEnum):
    """What the store can do and the connector carries; a check that needs one which is not declared does not apply."""

    ROWS_AT_START = "rows-at-start"
    """Rows that were there before the first start are given."""
    UPDATES = "updates"
    DELETES = "deletes"
    KEY_CHANGES = "key-changes"
    OPERATIONS = "operations"
    """The connector tells a create from an update."""
    EVERY_CHANGE = "every-change"
    """Two changes of one row between two polls are both given, in order."""
    LARGE_VALUES = "large-values"
    """A value of 200,000 characters."""
    ADDED_COLUMN = "added-column"
    DROPPED_COLUMN = "dropped-column"
    RESTART = "restart"
    """The store can be stopped and started while a connector reads it."""


EVERYTHING = frozenset(Capability)


@dataclass(frozen=True, slots=True)
class Write:
    """One write to the store: `row` after it, `was` before it.

    CREATE has no `was`, DELETE no `row`.  An UPDATE whose two keys differ is a change of key; only `changed` is to be set.
    """

    op: Op
    row: Row | None
    was: Row | None = None

    @property
    def key(self) -> Any:
        """The `id` by which the store knows the row before the write; a create's new one."""
        row = self.was if self.was is not None else self.row
        assert row is not None
        return row["id"]

    @property
    def changed(self) -> Row:
        """The fields that the write sets to another value, with that value."""
        was = self.was or {}
        return {name: value for name, value in (self.row or {}).items() if name not in was or was[name] != value}


class Harness(ABC):
    """One store in `directory`.  `settings` are what the caller gave with `--set NAME=VALUE`, such as a server's address."""

    connector: ClassVar[type[Connector]]
    """The connector to prove."""
    capabilities: ClassVar[frozenset[Capability]] = EVERYTHING
    patience_seconds: ClassVar[float] = 5.0
    """How long a change may take to arrive before it counts as lost."""
    quiet_seconds: ClassVar[float] = 0.2
    """How long the kit looks for changes that should not come."""
    large_rows: ClassVar[int] = 2_000
    """How many rows the large transaction has."""

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.settings: Mapping[str, str] = dict(settings or {})

    @classmethod
    def contract(cls) -> Contract:
        """The contract of the dataset."""
        return ITEMS

    @classmethod
    def connect(cls, options: Mapping[str, Any]) -> Connector:
        """A connector with these options; runs in the child.  Override it where the connector needs more than options."""
        return cls.connector("kit", cls.connector.options_model.model_validate(dict(options)), [cls.contract()])

    @abstractmethod
    def start(self) -> None:
        """Make the store, empty and ready to be read; called once."""

    @abstractmethod
    def options(self) -> Mapping[str, Any]:
        """The connector's options as its configuration would have them (JSON values).

        Choose small batches, so that crashes fall between them.
        """

    @abstractmethod
    def write(self, writes: Sequence[Write]) -> None:
        """Make these changes in one transaction of the store (or, where it has none, in this order)."""

    def add_column(self) -> None:
        """ADDED_COLUMN: give the store a column `extra` that the contract does not know, with a value in new rows."""
        raise NotSupported("add_column")

    def drop_column(self) -> None:
        """DROPPED_COLUMN: take `large` out of the store; later writes have no value for it."""
        raise NotSupported("drop_column")

    def restart(self) -> None:
        """RESTART: stop the store and start it again; it must keep what it was told."""
        raise NotSupported("restart")

    def fingerprint(self) -> object:
        """Everything that `check` must leave alone; by default every file in the directory."""
        files = sorted(path for path in self.directory.rglob("*") if path.is_file())
        return [(str(path), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]

    def stop(self) -> None:  # noqa: B027 - most stores are files and need nothing
        """Release what `start` took; safe to call when `start` failed."""


class NotSupported(Exception):
    """The harness declares a capability without having the method for it."""

    def __init__(self, method: str) -> None:
        super().__init__(f"the harness declares a capability that needs {method}(), and does not have it")
