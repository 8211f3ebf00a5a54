"""The Kafka client's promises, on a real cluster."""

from __future__ import annotations

import threading
import time
import uuid
from types import SimpleNamespace
from typing import NoReturn

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from broker.cluster.admin import Admin
from broker.cluster.client import ClusterFatal, Connection, Fenced, PartitionOffset
from broker.cluster.codes import UNREACHABLE
from broker.cluster.consumer import GroupConsumer
from broker.cluster.objects import Operation, Resource, Rule
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from contracts.faults import Unavailable

pytestmark = pytest.mark.integration


@pytest.fixture
def topic(kafka: Connection) -> str:
    name = f"client-{uuid.uuid4().hex[:12]}"
    admin = AdminClient(kafka.client_properties())
    admin.create_topics([NewTopic(name, 2)])[name].result(20)
    return name


def consume(consumer: GroupConsumer, wanted: int) -> list:
    found, limit = [], time.monotonic() + 20
    while len(found) < wanted and time.monotonic() < limit:
        found += consumer.consume(100, 0.2)
    return found


def member(kafka: Connection, group: str, instance: str, assigned: list) -> GroupConsumer:
    return GroupConsumer(
        kafka,
        group,
        instance,
        on_assign=assigned.extend,
        on_revoke=lambda _: None,
        on_lost=lambda _: None,
        properties={"session.timeout.ms": 1500, "heartbeat.interval.ms": 300},
    )


def test_a_committed_reader_never_sees_an_aborted_record_and_the_other_does(kafka: Connection, topic: str) -> None:
    producer = TransactionalProducer(kafka, topic)
    producer.begin()
    producer.produce(topic, 0, b"k", b"1", [("h", b"v")])
    producer.commit()
    producer.begin()
    producer.produce(topic, 0, b"k", b"aborted")
    producer._producer.flush()
    producer.abort()
    producer.begin()
    producer.produce(topic, 0, None, None)
    producer.commit()
    with Reader(kafka) as reader:
        records = list(reader.read(topic, 0))
        assert [(r.key, r.value, r.headers) for r in records] == [(b"k", b"1", (("h", b"v"),)), (None, None, ())]
        assert reader.stable_end(topic, 0) > records[-1].offset
        assert list(reader.read(topic, 1)) == []
    with Reader(kafka, committed=False) as reader:
        assert [r.value for r in reader.read(topic, 0)] == [b"1", b"aborted", None]


def test_offsets_and_their_metadata_are_atomic_with_the_transaction(kafka: Connection, topic: str) -> None:
    producer = TransactionalProducer(kafka, topic)
    producer.begin()
    for value in (b"1", b"2"):
        producer.produce(topic, 0, b"k", value)
    producer.commit()
    assigned: list[PartitionOffset] = []
    consumer = member(kafka, topic, "a", assigned)
    consumer.subscribe([topic])
    assert [m.value for m in consume(consumer, 2)] == [b"1", b"2"]
    assert {(p.partition, p.offset) for p in assigned} == {(0, 0), (1, 0)}
    group = consumer.group_metadata()
    for ending in (producer.abort, producer.commit):
        producer.begin()
        producer.produce(topic, 1, b"k", b"out")
        producer.send_offsets([PartitionOffset(topic, 0, 2, "x" * 4000)], group)
        ending()
        expected = (-1, "") if ending == producer.abort else (2, "x" * 4000)
        [place] = consumer.committed([(topic, 0)])
        assert (place.offset, place.metadata) == expected
    consumer.close()
    again: list[PartitionOffset] = []
    consumer = member(kafka, topic, "a", again)
    consumer.subscribe([topic])
    assert [m.value for m in consume(consumer, 1)] == [b"out"]
    assert PartitionOffset(topic, 0, 2, "x" * 4000) in again
    consumer.close()


def test_a_second_producer_with_the_same_id_fences_the_first(kafka: Connection, topic: str) -> None:
    first = TransactionalProducer(kafka, topic)
    TransactionalProducer(kafka, topic)
    with pytest.raises(Fenced):  # noqa: PT012 - which of the three calls notices is Kafka's choice
        first.begin()
        first.produce(topic, 0, b"", b"")
        first.commit()


def test_a_member_whose_place_is_taken_is_told_at_once(kafka: Connection, topic: str) -> None:
    first = member(kafka, topic, "same", [])
    first.subscribe([topic])
    consume(first, 0)
    limit = time.monotonic() + 20
    first.consume(1, 1)
    second = member(kafka, topic, "same", [])
    second.subscribe([topic])
    with pytest.raises(ClusterFatal):  # noqa: PT012 - the error arrives with one of the next calls
        while time.monotonic() < limit:
            second.consume(1, 0.1)
            first.consume(1, 0.1)
    second.close()


def test_a_client_that_does_not_answer_is_given_up(
    kafka: Connection, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer, never = TransactionalProducer(kafka, topic, timeout_ms=1000), threading.Event()
    silent = SimpleNamespace(send_offsets_to_transaction=lambda *_: never.wait())
    monkeypatch.setattr(producer, "_producer", silent)
    with pytest.raises(ClusterFatal, match="has not answered"):
        producer.send_offsets([PartitionOffset(topic, 0, 1)], None)
    never.set()


def test_a_wrong_password_is_named_as_such_and_shows_no_secret(kafka: Connection, topic: str) -> None:
    with Reader(kafka.as_user("nobody", "canary-password")) as reader, pytest.raises(Unavailable) as raised:
        reader.partitions(topic)
    assert raised.value.faults[0].code.identifier == "KAF-002"
    assert "canary-password" not in str(raised.value) + repr(kafka.as_user("nobody", "canary-password"))


def test_a_write_that_kafka_refuses_is_a_refusal_and_not_a_reason_to_try_again(kafka: Connection, topic: str) -> None:
    name = f"department-{topic}"
    admin = Admin(kafka)
    admin.upsert_user(name, "a password")
    admin.create_rules([Rule(name, Operation.WRITE, Resource.TRANSACTIONAL_ID, name)])
    producer = TransactionalProducer(kafka.as_user(name, "a password"), name)
    producer.begin()
    with pytest.raises(Unavailable) as raised:  # noqa: PT012 - which call notices is the client's choice
        producer.produce(topic, 0, b"k", b"v")
        producer.commit()
    assert raised.value.faults[0].code.identifier == "KAF-002"
    with Reader(kafka.as_user(name, "a password")) as reader, pytest.raises(Unavailable) as raised:
        reader.bounds(topic, 0)
    assert raised.value.faults[0].code.identifier == "KAF-002"


def test_a_member_whose_assignment_failed_ends(kafka: Connection, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client itself goes on with partitions that nobody took over: their records would never be decided."""

    def away(*_: object) -> NoReturn:
        raise Unavailable(UNREACHABLE.fault("for a moment"))

    assigned: list = []
    consumer = member(kafka, f"group-{uuid.uuid4().hex[:8]}", "one", assigned)
    monkeypatch.setattr(consumer, "committed", away)
    consumer.subscribe([topic])
    with pytest.raises(Unavailable):
        consume(consumer, 1)
    monkeypatch.undo()
    with pytest.raises(ClusterFatal):
        consume(consumer, 1)
    assert assigned == []
    consumer.close()
