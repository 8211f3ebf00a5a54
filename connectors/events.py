"""Connectors that take events: records that another system wrote to topics, one or no change each.

Two small additions to the protocol.  `EventConnector.convert` says what one record would become, and needs neither store nor
Kafka (`concordat connector try`).  A connector that is to read its topics itself has `read_from`: the runtime gives it a
`RecordSource` once, before `open`, so that the connector knows no Kafka.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from connectors.protocol import Change, Connector


class PassedOver(NamedTuple):
    """A record that is no change of a dataset, and why; nothing is written for it."""

    reason: str


Converted = tuple[Change, ...] | PassedOver
"""What one record becomes.  A record that cannot be read is a change with a `problem`, never an exception."""


class EventRecord(NamedTuple):
    """One record of a topic partition."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


class RecordSource(Protocol):
    """Topics to read from, in the order of each partition."""

    def open(self, topics: Sequence[str], next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Read every partition of `topics` from its offset, one that is not named from its oldest record.

        Raises `Away` when the topics cannot be reached, `Refused` when records from such an offset on are gone.
        """
        ...

    def poll(self, timeout_seconds: float) -> Sequence[EventRecord]:
        """The next records of any partition; none after `timeout_seconds`.  Raises `Away`."""
        ...

    def close(self) -> None:
        """Release the topics; safe to call twice."""
        ...


@runtime_checkable
class EventConnector(Connector, Protocol):
    """A connector that takes events."""

    def convert(self, key: bytes | None, value: bytes | None) -> Converted:
        """What a record with this key and value would become."""
        ...


@runtime_checkable
class ReadsRecords(Protocol):
    """A connector that reads topics; the runtime calls `read_from` once, before `open`."""

    def read_from(self, source: RecordSource) -> None:
        """Take records from `source`."""
        ...
