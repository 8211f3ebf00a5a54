"""What the tests of the intake share: a dataset's topics on the run's Kafka, and what its source topic says."""

from __future__ import annotations

from dataclasses import dataclass

from broker.cluster.admin import Admin
from broker.cluster.client import Connection, Message
from broker.cluster.reader import Reader
from broker.cluster.topics import base_topics, source_topic
from contracts import topics
from contracts.change import Envelope, Op
from contracts.model import Kind
from contracts.wire import EnvelopeCodec
from tests.postgresql_cases import contract

PARTITIONS = 3


@dataclass(frozen=True)
class Told:
    """One record of the source topic, decoded."""

    message: Message
    key: dict | None
    envelope: Envelope


def make_topics(kafka: Connection, dataset: str) -> None:
    admin = Admin(kafka)
    known = admin.topics()
    wanted = [*base_topics(PARTITIONS, 1), source_topic(dataset, Kind.ENTITY, PARTITIONS, 1)]
    admin.create_topics([spec for spec in wanted if spec.name not in known])


def told(kafka: Connection, dataset: str) -> list[list[Told]]:
    """Every committed record of the dataset, by partition."""
    codec = EnvelopeCodec(contract(dataset), 1, 2)
    with Reader(kafka) as reader:
        return [
            [
                Told(
                    message,
                    codec.decode_key(message.key) if message.key[:1] == b"\0" else None,
                    codec.decode(message.value),
                )
                for message in reader.read(topics.source(dataset), partition)
            ]
            for partition in range(PARTITIONS)
        ]


def count(kafka: Connection, dataset: str) -> int:
    return sum(len(partition) for partition in told(kafka, dataset))


def replayed(partitions: list[list[Told]]) -> dict[int, dict]:
    """The table as the source topic tells it.  Sequences must be dense and each change fit the state it meets."""
    table: dict[int, dict] = {}
    for partition in partitions:
        assert [one.envelope.source.sequence for one in partition] == list(range(len(partition))), "dense from 0"
        for one in partition:
            key = one.key["id"]
            if one.envelope.op in (Op.CREATE, Op.READ):
                assert key not in table, "created twice"
                table[key] = one.envelope.after
            elif one.envelope.op is Op.UPDATE:
                assert key in table, "updated before it was created"
                table[key] = one.envelope.after
            else:
                assert one.envelope.op is Op.DELETE
                assert table.pop(key, None) is not None, "deleted twice"
    return table
