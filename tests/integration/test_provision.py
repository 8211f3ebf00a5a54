"""Provisioning on a real Kafka: it comes to rest, mends drift, and Kafka itself keeps others out.

It wants a cluster of its own: the register's principals and topics have fixed names.
"""

from __future__ import annotations

import dataclasses
import json

import pytest
from typer.testing import CliRunner

from agreements.snapshot import AgreementState, Snapshot
from broker.cli.app import app
from broker.cluster import provision
from broker.cluster.admin import Admin
from broker.cluster.client import Abortable, Connection
from broker.cluster.connect import connection, credential_path, kafka_directory, read_credential
from broker.cluster.consumer import GroupConsumer
from broker.cluster.local import LocalKafka
from broker.cluster.objects import Operation, Resource, Rule, TopicSpec
from broker.cluster.plan import EmptyTopic, Grant, Revoke, Shape, Step, plan
from broker.cluster.principals import WORKER
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from broker.settings import Settings
from contracts import topics
from contracts.faults import Unavailable
from contracts.model import Kind
from tests.servers import until
from tests.unit.cluster.registers import NOW, agreement, contract, register

pytestmark = pytest.mark.integration

CONTRACTS = [contract("crossings", store="borders"), contract("ports", store="carriers")]
PENSIONS = agreement("DSA-1", "pensions", ("departures", "crossings"))
TAX = agreement("DSA-2", "tax", ("arrivals", "crossings"))
IN_FORCE = register(CONTRACTS, [PENSIONS, TAX])
OWN, OTHERS = topics.share("DSA-1", "departures"), topics.share("DSA-2", "arrivals")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Settings of a state directory with a Kafka of its own."""
    settings = Settings(directory=tmp_path_factory.mktemp("state"), partitions=2, bootstrap_servers=None)
    with LocalKafka(kafka_directory(settings)):
        yield settings


@pytest.fixture(scope="module")
def place(fresh):
    """The same, provisioned for `IN_FORCE`."""
    bring_about(IN_FORCE, fresh)
    return fresh


def bring_about(snapshot: Snapshot, settings: Settings) -> tuple[Step, ...]:
    admin = Admin(connection(settings))
    steps = plan(snapshot, provision.observe(admin), Shape(2, 1), NOW)
    provision.apply(steps, admin, settings)
    return steps


def test_the_command_shows_what_is_missing_then_brings_it_about(fresh, monkeypatch):
    monkeypatch.setenv("CONCORDAT_DIRECTORY", str(fresh.directory))
    monkeypatch.setenv("CONCORDAT_PARTITIONS", "2")
    planned = concordat("plan")
    assert planned["differences"] == len(planned["steps"])
    assert {"CreateTopic", "AddUser", "Grant"} == {step["step"] for step in planned["steps"]}
    assert Admin(connection(fresh)).topics() == {}  # showing changed nothing
    assert concordat("apply") == planned
    assert concordat("plan") == {"steps": [], "differences": 0}
    before = read_credential(credential_path(fresh, "concordat.auditor"))
    assert concordat("apply", "--rotate", "concordat.auditor")["differences"] == 0
    after = read_credential(credential_path(fresh, "concordat.auditor"))
    assert after != before
    until(lambda: signs_in(connection(fresh, "concordat.auditor")))
    for secret in (before, after):
        assert secret.password not in json.dumps(planned)


def test_it_comes_to_rest(place):
    assert bring_about(IN_FORCE, place) == ()


def test_credentials_are_private_and_found_by_their_principal(place):
    path = credential_path(place, "pensions")
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert connection(place, "pensions").username == "pensions"
    assert connection(place, "nobody-known").username == "admin"
    assert read_credential(path).password not in repr(connection(place, "pensions"))


def test_drift_is_mended(place):
    admin = Admin(connection(place))
    stray = Rule("pensions", Operation.READ, Resource.TOPIC, OTHERS)
    admin.alter_topic(OWN, {"cleanup.policy": "delete"})
    admin.create_rules([stray])
    admin.delete_rules([Rule("pensions", Operation.READ, Resource.TOPIC, OWN)])
    admin.delete_user("pensions")
    password = read_credential(credential_path(place, "pensions")).password
    assert len(bring_about(IN_FORCE, place)) == 4
    assert bring_about(IN_FORCE, place) == ()
    assert stray not in admin.rules()
    assert read_credential(credential_path(place, "pensions")).password == password
    until(lambda: signs_in(connection(place, "pensions")))


def test_a_department_reads_its_own_topic_and_kafka_refuses_anothers(place):
    deliver(place, OWN, b"for pensions")
    pensions = connection(place, "pensions")
    assert subscribed(pensions, "pensions.first", OWN) == b"for pensions"
    with pytest.raises(Unavailable, match=r"KAF-002.*TOPIC_AUTHORIZATION_FAILED"):
        subscribed(pensions, "pensions.first", OTHERS)
    with pytest.raises(Unavailable, match=r"KAF-002.*TOPIC_AUTHORIZATION_FAILED"):
        subscribed(pensions, "pensions.first", topics.source("crossings"))
    with pytest.raises(Unavailable, match=r"KAF-002.*GROUP_AUTHORIZATION_FAILED"):
        subscribed(pensions, "tax.first", OWN)
    with Reader(pensions) as reader, pytest.raises(Unavailable, match="KAF-002"):
        reader.partitions(OTHERS)


def test_a_department_and_a_foreign_connector_cannot_write_a_source(place):
    with pytest.raises(Unavailable, match="TRANSACTIONAL_ID_AUTHORIZATION_FAILED"):
        write(connection(place, "pensions"), "pensions", topics.source("crossings"), b"forged")
    with pytest.raises((Abortable, Unavailable)):
        write(connection(place, "connector.carriers"), "connector.carriers", topics.source("crossings"), b"forged")
    write(connection(place, "connector.borders"), "connector.borders", topics.source("crossings"), b"true")
    with Reader(connection(place)) as reader:
        found = until(lambda: [m.value for m in reader.read(topics.source("crossings"), 0)])
    assert found == [b"true"]


def test_a_connector_reads_the_topics_of_others_that_the_settings_name_until_they_no_longer_do(place):
    admin = Admin(connection(place))
    admin.create_topics([TopicSpec(name, 1, 1, {}) for name in ("db.crossings", "db.persons")])
    write(connection(place), "debezium", "db.crossings", b"an event")

    def read(principal: str, topic: str) -> list[bytes]:
        with Reader(connection(place, principal)) as reader:
            return [message.value for message in reader.read(topic, 0)]

    with pytest.raises(Unavailable):
        read("connector.borders", "db.crossings")
    named = place.model_copy(update={"connector_topics": {"borders": ("db.crossings",)}})
    steps = plan(IN_FORCE, provision.observe(admin), dataclasses.replace(provision.shape(named), partitions=2), NOW)
    rule = Rule("connector.borders", Operation.READ, Resource.TOPIC, "db.crossings")
    assert steps == (Grant(rule),)
    provision.apply(steps, admin, named)
    until(lambda: _allowed(lambda: read("connector.borders", "db.crossings")) == [b"an event"])
    for principal, topic in (("connector.borders", "db.persons"), ("connector.carriers", "db.crossings")):
        with pytest.raises(Unavailable):
            read(principal, topic)
    assert bring_about(IN_FORCE, place) == (Revoke(rule),)
    until(lambda: _allowed(lambda: read("connector.borders", "db.crossings")) is None)


def _allowed(read):
    """What it gives, or None where Kafka refuses it (rules take a moment)."""
    try:
        return read()
    except Unavailable:
        return None


def test_the_worker_may_do_its_work_and_not_more(place):
    worker = connection(place, WORKER)
    write(worker, "concordat.enforce.one", topics.AUDIT_SEGMENTS, b"segment")
    with pytest.raises((Abortable, Unavailable)):
        write(worker, "concordat.enforce.one", topics.source("crossings"), b"forged")


def test_a_suspended_share_cannot_be_read_and_can_again_when_it_is_resumed(place):
    deliver(place, OWN, b"before the suspension")
    pensions = connection(place, "pensions")
    held = register(CONTRACTS, [agreement("DSA-1", "pensions", ("departures", "crossings"), suspended=None), TAX])
    steps = bring_about(held, place)
    assert {str(step) for step in steps} == {
        f"revoke: pensions may read topic {OWN}",
        f"revoke: pensions may read topic {OWN}.receipts",
    }
    with pytest.raises(Unavailable, match="TOPIC_AUTHORIZATION_FAILED"):
        until(lambda: subscribed(pensions, "pensions.second", OWN) is None)
    bring_about(IN_FORCE, place)
    until(lambda: signs_in_and_reads(pensions))


def test_a_rotated_password_replaces_the_old_one(place):
    admin, old = Admin(connection(place)), connection(place, "tax")
    provision.rotate("tax", admin, place)
    assert connection(place, "tax") != old
    until(lambda: signs_in(connection(place, "tax")))
    until(lambda: not signs_in(old))


def test_what_is_terminated_is_closed_then_emptied_whatever_its_kind(place):
    trips = contract("trips", Kind.EVENT, store="carriers")
    shares = ("people", "crossings"), ("journeys", "trips")
    living = register([*CONTRACTS, trips], [PENSIONS, TAX, agreement("DSA-3", "tax", *shares)])
    ended = agreement("DSA-3", "tax", *shares, state=AgreementState.TERMINATED)
    over = register([*CONTRACTS, trips], [PENSIONS, TAX, ended])
    bring_about(living, place)
    names = {topics.share("DSA-3", share) for share, _ in shares}
    for name in names | {OTHERS}:
        deliver(place, name, b"before the end")
    bring_about(over, place)
    admin = Admin(connection(place))
    assert not [rule for rule in admin.rules() if rule.principal == "tax" and rule.name in names]
    assert names <= until(lambda: provision.observe(admin, records=True).filled)

    def prune() -> list[str]:
        steps = plan(over, provision.observe(admin, records=True), Shape(2, 1), NOW, prune=True)
        provision.apply(steps, admin, place)
        return sorted(step.name for step in steps if isinstance(step, EmptyTopic))

    assert prune() == sorted(names)
    assert OTHERS in provision.observe(admin, records=True).filled
    with Reader(connection(place)) as reader:
        for name in names:
            assert [message for part in range(2) for message in reader.read(name, part)] == []
            assert all(low == end for low, end in (reader.bounds(name, part) for part in range(2)))
    assert prune() == []


def concordat(*arguments: str):
    """What `concordat provision … --json` prints; credentials stay unsaid."""
    result = CliRunner().invoke(app, ["provision", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def deliver(place: Settings, topic: str, value: bytes) -> None:
    write(connection(place, WORKER), "concordat.enforce.one", topic, value)


def write(where: Connection, transactional_id: str, topic: str, value: bytes) -> None:
    producer = TransactionalProducer(where, transactional_id)
    producer.begin()
    producer.produce(topic, 0, b"key", value)
    producer.commit()


def subscribed(where: Connection, group: str, topic: str) -> bytes | None:
    """The first value a group gets from a topic by `subscribe`."""
    nothing = lambda _: None  # noqa: E731
    consumer = GroupConsumer(where, group, "one", on_assign=nothing, on_revoke=nothing, on_lost=nothing)
    try:
        consumer.subscribe([topic])
        found = until(lambda: consumer.consume(1, 0.5))
    finally:
        consumer.close()
    return found[0].value


def signs_in(where: Connection) -> bool:
    try:
        Admin(where)
    except Unavailable:
        return False
    return True


def signs_in_and_reads(where: Connection) -> bool:
    try:
        with Reader(where) as reader:
            return reader.partitions(OWN) == 2
    except Unavailable:
        return False


def test_settings_of_its_own_win_over_files(place):
    named = dataclasses.replace(connection(place, "tax"))
    explicit = place.model_copy(
        update={
            "bootstrap_servers": named.bootstrap_servers,
            "kafka": {name.replace(".", "_"): value for name, value in named.properties.items()},
        }
    )
    assert connection(explicit, "pensions") == named
