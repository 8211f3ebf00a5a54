"""A Debezium topic on a real Kafka becomes a source topic: each change once, over restarts and repeats; lost records are noticed."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import MappingProxyType

import pytest

from agreements.snapshot import ContractEntry, Snapshot
from broker.cluster.admin import Admin
from broker.cluster.client import PartitionOffset
from broker.cluster.objects import TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from broker.delivery.quarantine import KeySealer
from broker.intake.configuration import Configuration
from broker.intake.records import TopicRecords
from broker.intake.runtime import Intake
from broker.keys import FileKeys
from broker.observe import logger
from connectors.debezium import DebeziumConnector
from connectors.debezium.options import DebeziumOptions
from connectors.protocol import Away
from contracts import topics
from contracts.change import Op
from contracts.faults import Refused
from contracts.model import TypeName
from contracts.wire import EnvelopeCodec
from tests.debezium_cases import contract, data, event, field
from tests.intake_cases import PARTITIONS, make_topics
from tests.servers import unique, until

pytestmark = pytest.mark.integration
LABEL = field("label", TypeName.STRING, required=True)


class World:
    """One Debezium topic of one partition, and the connector that reads it."""

    def __init__(self, kafka, directory) -> None:
        self.kafka, self.directory = kafka, directory
        self.name = unique("post")
        self.topic = unique("dbserver1.post.parcels")
        self.contract = contract(LABEL, dataset=self.name)
        make_topics(kafka, self.name)
        Admin(kafka).create_topics([TopicSpec(self.topic, 1, 1, {})])
        self.producer = TransactionalProducer(kafka, unique("debezium"))

    def write(self, *records, commit=True) -> None:
        self.producer.begin()
        for key, value in records:
            self.producer.produce(self.topic, 0, data(key), value if isinstance(value, bytes) else data(value))
        self.producer.commit() if commit else self.producer.abort()

    @contextmanager
    def running(self):
        entry = ContractEntry(self.contract, 1, 2, 0)
        snapshot = Snapshot(position=0, contracts=MappingProxyType({self.name: (entry,)}))
        options = DebeziumOptions(topics={self.name: self.topic})
        configuration = Configuration(DebeziumConnector, "post", (self.name,), options)
        stopping, ready = threading.Event(), threading.Event()
        intake = Intake(self.kafka, configuration, snapshot, KeySealer(FileKeys(self.directory)), logger("intake"))
        thread = threading.Thread(target=lambda: intake.run(stopping, ready=ready.set))
        thread.start()
        try:
            assert ready.wait(90)
            yield
        finally:
            stopping.set()
            thread.join(90)
            assert not thread.is_alive()

    def told(self):
        codec = EnvelopeCodec(self.contract, 1, 2)
        with Reader(self.kafka) as reader:
            found = [codec.decode(m.value) for p in range(PARTITIONS) for m in reader.read(topics.source(self.name), p)]
        return sorted((one.source.position, one.op.value, (one.after or {}).get("id")) for one in found)


def change(op, number, place):
    source = {
        "connector": "mysql",
        "file": "b.000001",
        "pos": place,
        "row": 0,
        "ts_ms": 1_700_000_000_000 + place,
        "txId": None,
    }
    row = {"id": number, "label": "x"}
    return {"id": number}, event(op, None if op == "c" else row, None if op == "d" else row, source)


def place(number) -> str:
    return f"file=b.000001;pos={number};row=0"


def test_each_change_comes_once_over_restarts_repeats_and_what_cannot_be_read(kafka, tmp_path):
    world = World(kafka, tmp_path)
    created, updated, deleted = change("c", 1, 10), change("u", 1, 20), change("d", 1, 30)
    world.write(change("c", 9, 5), commit=False)
    world.write(created, updated)
    with world.running():
        until(lambda: len(world.told()) == 2, 20)
    world.write(updated, deleted, ({"id": 1}, None), ({"id": 3}, b"{"))  # Debezium, too, began anew: one place again
    with world.running():
        until(lambda: len(world.told()) == 4, 20)
        world.write(deleted, ({"id": 1}, None), change("c", 2, 40), (None, {"status": "END", "id": "1"}))
        until(lambda: len(world.told()) == 5, 20)
    assert world.told() == sorted(
        [
            (place(10), "c", 1),
            (place(20), "u", 1),
            (place(30), "d", None),
            (place(40), "c", 2),
            ("none", Op.CREATE.value, None),
        ]
    )


def test_records_that_are_gone_and_topics_that_are_not_there_are_noticed(kafka, tmp_path):
    world = World(kafka, tmp_path)
    world.write(change("c", 1, 10), change("c", 2, 20))
    records = TopicRecords(kafka)
    records.open([world.topic], {(world.topic, 0): 1})
    found = until(lambda: records.poll(0.2), 20)
    assert found[0].offset == 1
    Admin(kafka).delete_records([PartitionOffset(world.topic, 0, 2)])
    with pytest.raises(Refused):
        records.open([world.topic], {(world.topic, 0): 1})
    with pytest.raises(Refused):
        records.open([world.topic], {(world.topic, 0): 99})
    with pytest.raises(Away):
        records.open([unique("nowhere")], {})
    records.close()
    records.close()
