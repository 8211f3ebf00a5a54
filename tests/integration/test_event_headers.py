"""CloudEvents headers as a department finds them on a real Kafka."""

from __future__ import annotations

import pytest

from agreements.model import Delivery
from broker.cluster.admin import Admin
from broker.cluster.objects import TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from broker.proofs.world import agreement, deliver
from tests.servers import unique, until

pytestmark = pytest.mark.integration


def test_the_headers_of_a_shared_record_reach_its_reader(kafka):
    topic = unique("share.headers")
    Admin(kafka).create_topics([TopicSpec(topic, 1, 1, {})])
    shared = deliver(agreement(delivery=Delivery(cloudevents_headers=True))).record
    producer = TransactionalProducer(kafka, unique("test"))
    producer.begin()
    producer.produce(topic, 0, shared.key, shared.value, shared.headers)
    producer.commit()
    with Reader(kafka) as reader:
        (found,) = until(lambda: list(reader.read(topic, 0)))
    assert (found.key, found.value) == (shared.key, shared.value)
    assert found.headers == shared.headers
    assert dict(found.headers)["ce_specversion"] == b"1.0"
