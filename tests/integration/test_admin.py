"""The administrator's side: repeatable, waited for, and its refusals by name."""

from __future__ import annotations

import pytest

from broker.cluster import durability
from broker.cluster.admin import Admin
from broker.cluster.client import PartitionOffset
from broker.cluster.objects import Operation, Resource, Rule, TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from broker.doctor import State, examine
from broker.settings import Settings
from contracts.faults import Unavailable
from tests.servers import unique, until

pytestmark = pytest.mark.integration


def test_making_a_topic_twice_makes_it_once_and_it_can_be_used_at_once(kafka):
    admin, name = Admin(kafka), unique("made")
    spec = TopicSpec(name, 3, 1, {"cleanup.policy": "compact"})
    assert admin.create_topics([spec, spec]) == (name,)  # the client library would crash on a name asked for twice
    assert admin.create_topics([spec]) == ()
    state = admin.topics()[name]
    assert (state.partitions, state.replication_factor) == (3, 1)
    assert dict(state.configuration) == {"cleanup.policy": "compact"}
    with Reader(kafka) as reader:
        assert reader.bounds(name, 2) == (0, 0)


def test_altering_a_topic_leaves_what_was_not_named(kafka):
    admin, name = Admin(kafka), unique("altered")
    admin.create_topics([TopicSpec(name, 1, 1, {"retention.ms": "60000", "segment.ms": "60000"})])
    admin.alter_topic(name, {"retention.ms": "120000"})
    assert dict(admin.topics()[name].configuration) == {"retention.ms": "120000", "segment.ms": "60000"}


def test_offsets_are_of_committed_records_and_deleting_moves_the_first(kafka):
    admin, name = Admin(kafka), unique("offsets")
    admin.create_topics([TopicSpec(name, 1, 1)])
    producer = TransactionalProducer(kafka, unique("t"))
    producer.begin()
    for number in range(3):
        producer.produce(name, 0, None, str(number).encode())
    producer.commit()
    until(lambda: admin.offsets([(name, 0)]) == [PartitionOffset(name, 0, 4)])  # three records and the marker
    admin.delete_records([PartitionOffset(name, 0, 2)])
    assert admin.offsets([(name, 0)], earliest=True) == [PartitionOffset(name, 0, 2)]
    admin.delete_topics([name])
    admin.delete_topics([name])
    assert name not in admin.topics()


def test_rules_and_users_come_back_as_they_were_made(kafka):
    admin, user = Admin(kafka), unique("department")
    rules = {
        Rule(user, Operation.READ, Resource.TOPIC, unique("t")),
        Rule(user, Operation.READ, Resource.GROUP, f"{user}.", prefixed=True),
        Rule(user, Operation.WRITE, Resource.TRANSACTIONAL_ID, user),
    }
    admin.create_rules(rules)
    assert {rule for rule in admin.rules() if rule.principal == user} == rules
    admin.delete_rules(rules)
    assert not {rule for rule in admin.rules() if rule.principal == user}
    admin.upsert_user(user, "one password")
    assert user in admin.users()
    admin.delete_user(user)
    admin.delete_user(user)
    assert user not in admin.users()


def test_a_department_that_asks_for_the_users_is_refused_and_its_process_lives(kafka):
    admin, user = Admin(kafka), unique("department")
    admin.upsert_user(user, "a password")
    department = Admin(kafka.as_user(user, "a password"))
    with pytest.raises(Unavailable, match="KAF-002"):
        department.users()
    with pytest.raises(Unavailable, match="KAF-002"):
        department.create_topics([TopicSpec(unique("forbidden"), 1, 1)])
    with pytest.raises(Unavailable, match="KAF-002"):
        department.create_rules([Rule(user, Operation.READ, Resource.TOPIC, "anything")])


def test_a_wrong_password_is_named_as_the_reason(kafka):
    with pytest.raises(Unavailable, match="KAF-002"):
        Admin(kafka.as_user("nobody", "wrong")).topics()


def test_the_brokers_settings_are_read_defaults_included(kafka):
    found = Admin(kafka).broker_settings(durability.SETTINGS)
    assert len(found) == 1
    (settings,) = found.values()
    assert settings.keys() == set(durability.SETTINGS)
    weak = [weakness.found for weakness in durability.weaknesses(found, {}, 1)]
    assert any("offsets.topic.replication.factor is 1" in one for one in weak)


def test_doctor_warns_of_a_cluster_that_is_not_its_own(kafka, monkeypatch, tmp_path):
    settings = Settings(directory=tmp_path, bootstrap_servers=kafka.bootstrap_servers, kafka={
        name.replace(".", "_"): value for name, value in kafka.properties.items()
    })  # fmt: skip
    found = [one for one in examine(settings) if one.subject == "Kafka's promises"]
    assert found
    assert {one.state for one in found} == {State.WARNING}
    assert all(one.remedy for one in found)
