"""What a connector is: a small object that reads one authoritative store and hands out its changes in order.

A connector never handles Kafka, offsets or transactions.  The runtime (`broker.intake`) keeps these promises for it:

1. `open` gets the last position whose changes are durable, or None for the first start.
2. Every batch that `poll` returns is written, with its `position`, in one Kafka transaction.
3. `durable(position)` is called only after that transaction has committed; only then may the store forget.
4. After a crash the runtime opens a new instance at the last durable position: the connector gives every change after
   it, in the same order, and none before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

import msgspec
from pydantic import BaseModel, ConfigDict

from contracts.change import Op, Row
from contracts.faults import Fault, Unavailable
from contracts.model import Contract


class Away(Unavailable):
    """The store cannot be reached now, and trying again later may help: a running connector is opened anew with back-off.

    Every other failure of a connector ends it.
    """


class Options(BaseModel):
    """The base of a connector's options: strict, frozen, unknown keys refused; secrets are given by reference.

    The text under an option is its description in `docs/connectors.md`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a connector stands in its store: its own text, opaque to everybody else."""

    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row, as the store committed it.

    `key` holds the key fields' values.  A change of key is two changes, a delete and a create.  `unavailable` names the
    dotted paths in `after` that the store did not give.  `problem` says why a row cannot be encoded: it is quarantined.
    """

    dataset: str
    op: Op
    key: Row
    before: Row | None
    after: Row | None
    position: Position
    committed_at: datetime
    transaction: str | None = None
    snapshot: bool = False
    unavailable: tuple[str, ...] = ()
    problem: str | None = None


class Written(msgspec.Struct, frozen=True, gc=False):
    """One change as bytes: its framed key, and its framed envelope up to and after the sequence number.

    `contracts.halves` says what stands in the two halves; `contracts.wire.EnvelopeCodec` would write the same bytes.
    """

    dataset: str
    key: bytes
    head: bytes
    tail: bytes
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes in commit order, and the position that makes all of them durable.  May hold a position alone (heartbeat).

    `Written` only from a connector that was asked to write (`connectors.written`).
    """

    changes: tuple[Change | Written, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` found: faults with remedies, and the exact statements (SQL, settings) that would mend them."""

    faults: tuple[Fault, ...]
    remedies: tuple[str, ...] = ()
    advice: tuple[Fault, ...] = ()
    """What an owner should know and nothing waits for: it changes no answer."""

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Signal:
    """A request to a running connector, such as `snapshot` or `pause`."""

    name: str
    arguments: tuple[tuple[str, str], ...] = ()


@runtime_checkable
class Connector(Protocol):
    """See the module's four promises.  One thread calls all methods."""

    name: ClassVar[str]
    description: ClassVar[str]
    options_model: ClassVar[type[Options]]

    def __init__(self, name: str, options: Options, contracts: Sequence[Contract]) -> None: ...

    def check(self) -> CheckReport:
        """Whether the store can be read as the options say; never changes the store."""
        ...

    def discover(self) -> Sequence[str]:
        """Draft contracts (ODCS 3.2 YAML) of what the store offers, every tag marked *proposed*."""
        ...

    def open(self, position: Position | None) -> None:
        """Connect and continue after `position`; raises `Away`, `Unavailable` or `Refused` with what to do.

        May be called again after a failure, on the same object.
        """
        ...

    def poll(self, timeout_seconds: float) -> Batch | None:
        """The next changes, or None after `timeout_seconds` without any."""
        ...

    def durable(self, position: Position) -> None:
        """Everything up to `position` is safe in Kafka: the store may forget it.

        Called again with the same position while the runtime waits for Kafka: a connector keeps its session alive then.
        """
        ...

    def signal(self, signal: Signal) -> None:
        """Take note of a request; raises `Refused` for one it does not know.

        The position of the next batch must hold its effect: only with that batch does the signal count as done.  A signal
        may come before `open`, which is then to heed it, and again after a crash.  `pause` and `resume` never come here.
        """
        ...

    def close(self) -> None:
        """Release the store; safe to call twice."""
        ...
