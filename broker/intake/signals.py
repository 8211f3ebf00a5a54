"""Requests to a running connector: records on `concordat.signals`, its name the key.

DONE-ONCE: the connector's stored record says up to which offset signals are done and which of those after it are; it
is written in one transaction with the first position that holds a signal's effect.  A signal sent again under the same identifier
is passed over.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from broker.cluster.client import ClusterFatal, Connection
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from broker.intake.codes import SIGNAL_NOT_SENT
from contracts import topics
from contracts.faults import Unavailable

PAUSE, RESUME = "pause", "resume"
"""Signals that the runtime itself does; every other one is the connector's."""
_TRIES = 5


class Request(msgspec.Struct, frozen=True):
    """A signal as it stands on the topic: JSON."""

    identifier: str
    name: str
    arguments: dict[str, str]
    sent_ms: int
    version: int = 1


class Received(NamedTuple):
    """A request and its offset."""

    offset: int
    request: Request


class Inbox:
    """The signals of one connector, from an offset on.  One thread owns it.

    On a cluster without the topic (provisioned by an older version) nothing ever comes.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        self._name = name.encode()
        self._reader = Reader(connection)
        self._from = 0
        self._there = self._reader.partitions(topics.SIGNALS) > 0

    def end(self) -> int:
        """The offset of the next signal that will be sent."""
        return self._reader.stable_end(topics.SIGNALS, 0) if self._there else 0

    def seek(self, offset: int) -> None:
        """Go on from `offset`, or from the oldest signal kept."""
        if self._there:
            low, _ = self._reader.bounds(topics.SIGNALS, 0)
            self._from = max(low, offset)
            self._reader.assign(topics.SIGNALS, 0, self._from)

    def waiting(self) -> list[Received]:
        """Every signal from here to the end, read now; afterwards `fresh` goes on."""
        if not self._there:
            return []
        found: list[Received] = []
        end = self.end()
        while self._from < end and self._reader.position(topics.SIGNALS, 0) < end:
            found += self._take(0.1)
        return found

    def fresh(self) -> list[Received]:
        """What has come since; does not wait."""
        return self._take(0.0) if self._there else []

    def close(self) -> None:
        """Release the connection."""
        self._reader.close()

    def _take(self, timeout_seconds: float) -> list[Received]:
        mine = [message for message in self._reader.poll(timeout_seconds) if message.key == self._name]
        return [found for message in mine if (found := _received(message.offset, message.value)) is not None]


def send(connection: Connection, connector: str, request: Request) -> None:
    """Write one signal; raises `Unavailable` when Kafka cannot be reached."""
    for _ in range(_TRIES):  # another sender may fence this one
        try:
            producer = TransactionalProducer(connection, topics.SIGNALS)
            producer.begin()
            producer.produce(topics.SIGNALS, 0, connector.encode(), msgspec.json.encode(request))
            producer.commit()
        except ClusterFatal:
            continue
        else:
            return
    raise Unavailable(SIGNAL_NOT_SENT.fault(f"{request.name} to {connector}, tried {_TRIES} times"))


def _received(offset: int, value: bytes | None) -> Received | None:
    """A signal; what is not in our form is no signal: only the operator writes here."""
    try:
        request = msgspec.json.decode(value or b"", type=Request)
    except msgspec.MsgspecError:
        return None
    return Received(offset, request) if request.version == 1 else None
