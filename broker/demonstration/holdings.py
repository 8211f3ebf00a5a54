"""What a department holds: its own topic, read under its own credential, decoded with the registered schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.demonstration.oracle import Clear, Expected
from contracts.wire import AvroSchema, unframe

Schemas = Callable[[int], str]
"""From a schema's identifier to its text."""


@dataclass
class Holding:
    """One share's topic from beginning to end, and what stands there now.

    `current` is by Kafka key: the newest view of each, for events every record.
    """

    expected: Expected
    records: int = 0
    tombstones: int = 0
    current: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    removed: set[bytes] = field(default_factory=set)
    everything: list[bytes] = field(default_factory=list)
    """The bytes of every key, header and value ever received, those since replaced included."""

    def clear(self) -> Counter[Clear]:
        """The readable part of what is held now, to compare with the oracle's."""
        return Counter(tuple(row[column] for column in self.expected.columns) for row in self.current.values())

    def distinct(self, column: str) -> int:
        """How many different values an unreadable column has now."""
        return len({row[column] for row in self.current.values() if row[column] is not None})

    def finds(self, words: Iterable[str]) -> list[str]:
        """Those of `words` that stand anywhere in what was received."""
        heap = b"\0".join(self.everything)
        return [word for word in words if word.encode() in heap]


def read_holding(connection: Connection, expected: Expected, schemas: Schemas) -> Holding:
    """Read one share as its department; `connection` is the department's own.  Raises `Unavailable` where refused."""
    holding, known = Holding(expected), dict[int, AvroSchema]()
    with Reader(connection) as reader:
        for partition in range(reader.partitions(expected.topic)):
            for message in reader.read(expected.topic, partition):
                key = message.key or b""
                holding.everything += [key, *(value for _, value in message.headers)]
                holding.records += 1
                if message.value is None:
                    holding.tombstones += 1
                    holding.current.pop(key, None)
                    holding.removed.add(key)
                    continue
                holding.everything.append(message.value)
                identifier, body = unframe(message.value)
                if identifier not in known:
                    known[identifier] = AvroSchema(schemas(identifier))
                holding.current[key] = known[identifier].decode(body)
                holding.removed.discard(key)
    return holding
