"""The local Kafka: starts, keeps what it stores, and never outlives who started it."""

from __future__ import annotations

import pytest

from broker.cluster.reader import Reader

pytestmark = pytest.mark.integration


def test_the_fixture_is_a_kafka_that_answers(kafka):
    with Reader(kafka) as reader:
        assert reader.partitions("no-such-topic") == 0
