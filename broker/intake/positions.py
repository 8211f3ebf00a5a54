"""What a connector's runtime keeps on `concordat.positions`: the position, and the next sequence number of each partition.

One record per connector, its name the key, written in the same transaction as the changes that it follows: the two
can never differ.  `docs/formats/position.md` is the format's page.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.intake.codes import POSITION_UNREADABLE
from contracts import topics
from contracts.faults import Refused

Sequences = dict[str, dict[int, int]]
"""Source topic to partition to the next sequence number."""


class Standing(msgspec.Struct, frozen=True):
    """How a connector stood when its record was written; for those who look, the connector itself needs none of it."""

    newest_ms: dict[str, int] = {}
    """Dataset to the time of its newest change, as its store committed it."""
    behind_ms: dict[str, int] = {}
    """Dataset to the age of its newest change when that was written; 0 once there was nothing more to read."""
    lag_bytes: int | None = None
    """What the store had logged beyond the durable position; None where it does not say."""
    alarms: tuple[str, ...] = ()
    """The codes of what was wrong with the store."""


class Stored(msgspec.Struct, frozen=True):
    """A connector's record.  `position` is the connector's own text, None before its first batch."""

    connector: str
    position: str | None
    sequences: Sequences
    instance: str
    """The process that wrote it: a random name of its own, by which it knows whether another took its place."""
    written_ms: int
    signals: int | None = None
    """Every signal below this offset of `concordat.signals` is done; None before the first start."""
    signals_done: tuple[str, ...] = ()
    """The identifiers of the signals done last, oldest first."""
    paused: bool = False
    standing: Standing = Standing()
    version: int = 1

    def encode(self) -> bytes:
        """The value on the topic: JSON."""
        return msgspec.json.encode(self)


def read_stored(connection: Connection, name: str) -> Stored | None:
    """The record of one connector, None before its first start.

    What an older process of the connector has begun must have ended first: make the new transactional producer, then read.
    """
    found = None
    for stored in every_stored(connection):
        if stored.connector == name:
            found = stored
    return found


def every_stored(connection: Connection) -> Iterator[Stored]:
    """Every record kept, oldest first; the last one of a connector counts."""
    with Reader(connection) as reader:
        for partition in range(reader.partitions(topics.POSITIONS)):
            for message in reader.read(topics.POSITIONS, partition):
                if message.value is not None:
                    yield _decode(message.value)


def _decode(value: bytes) -> Stored:
    try:
        stored = msgspec.json.decode(value, type=Stored)
    except msgspec.MsgspecError as exception:
        raise Refused(POSITION_UNREADABLE.fault(str(exception))) from exception
    if stored.version != 1:
        raise Refused(POSITION_UNREADABLE.fault(f"version {stored.version}"))
    return stored
