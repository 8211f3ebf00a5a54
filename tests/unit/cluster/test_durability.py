"""What `doctor` says of a cluster that may lose what was decided."""

from __future__ import annotations

import pytest

from broker.cluster.durability import YEAR_MINUTES, weaknesses
from broker.cluster.objects import TopicState

SOUND = {
    "offsets.retention.minutes": str(YEAR_MINUTES),
    "unclean.leader.election.enable": "false",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
}
TOPICS = {"concordat.register": TopicState(1, 3, {"unclean.leader.election.enable": "false"})}


def found(brokers=None, topics=TOPICS, copies=3):
    return [weakness.found for weakness in weaknesses(brokers or {"1": SOUND}, topics, copies)]


def test_a_sound_cluster_has_no_weakness():
    assert found() == []
    assert (
        found(topics={**TOPICS, "somebody.elses": TopicState(1, 1, {"unclean.leader.election.enable": "true"})}) == []
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offsets.retention.minutes", str(YEAR_MINUTES - 1)),
        ("unclean.leader.election.enable", "true"),
        ("offsets.topic.replication.factor", "2"),
        ("transaction.state.log.replication.factor", "1"),
    ],
)
def test_every_broker_is_looked_at(name, value):
    (weakness,) = found({"1": SOUND, "2": {**SOUND, name: value}})
    assert weakness.startswith("broker 2:")
    assert name in weakness


def test_our_topics_and_those_to_come_are_looked_at():
    assert found(copies=1) == ["new topics would have fewer than 3 copies: 1"]
    few = {f"share.dsa-{number}.a": TopicState(1, 2) for number in range(5)}
    assert found(topics=few) == ["fewer than 3 copies of share.dsa-0.a, share.dsa-1.a, share.dsa-2.a and 2 more"]
    (unclean,) = found(topics={"source.a": TopicState(1, 3, {"unclean.leader.election.enable": "true"})})
    assert "source.a" in unclean
