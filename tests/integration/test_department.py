"""The department's side on a real Kafka: its own topic alone, decoded with schemas that the service gives it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import uvicorn

from broker.client import Subscription, registry_schemas
from broker.cluster.admin import Admin
from broker.cluster.objects import Operation, Resource, Rule, TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.web.app import make_app
from contracts import topics
from contracts.faults import Unavailable
from contracts.wire import AvroSchema, frame
from tests.servers import unique, until
from tests.unit.web.registers import Follower, register

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[2] / "examples" / "read_a_share.py"
PASSWORD = "a-password-of-this-test"
VIEW = 4
SENT = [
    ("t1.aaaa", {"person": "t1.aaaa", "fee": Decimal("1.50"), "born": date(1980, 2, 29)}),
    ("t1.bbbb", {"person": "t1.bbbb", "fee": None, "born": None}),
    ("t1.aaaa", None),
]


@contextmanager
def serving(connection, follower):
    """The service on a free port; gives its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(make_app(connection, follower), log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="module")
def share(kafka):
    """A share topic with two records and a tombstone, an aborted record between them, and its department's user."""
    reference = unique("DSA").upper()
    department, other = unique("department"), unique("department")
    topic = topics.share(reference, "departures")
    admin = Admin(kafka)
    admin.create_topics([TopicSpec(topic, 1, 1, {})])
    for name in (department, other):
        admin.upsert_user(name, PASSWORD)
        admin.create_rules([Rule(name, Operation.READ, Resource.GROUP, f"{name}.", prefixed=True)])
    admin.create_rules([Rule(department, Operation.READ, Resource.TOPIC, topic)])
    snapshot = register(reference, department)
    schema = AvroSchema(snapshot.schemas[VIEW].text)
    producer = TransactionalProducer(kafka, unique("test"))
    producer.begin()
    producer.produce(topic, 0, b"t1.never", frame(VIEW, schema.encode(SENT[0][1])))
    producer.abort()
    producer.begin()
    for key, value in SENT:
        producer.produce(topic, 0, key.encode(), None if value is None else frame(VIEW, schema.encode(value)))
    producer.commit()
    with serving(kafka, Follower(snapshot)) as address:
        yield kafka, address, topic, department, other


def test_a_subscription_gives_what_was_committed_and_goes_on_where_it_left_off(share):
    kafka, address, topic, department, _ = share
    mine, schemas = kafka.as_user(department, PASSWORD), registry_schemas(address, department, PASSWORD)
    group = f"{department}.{unique('reader')}"
    found = []
    with Subscription(mine, [topic], schemas, group=group) as subscription:
        until(lambda: found.extend(subscription.poll(0.2)) or len(found) >= len(SENT))
        subscription.commit()
    assert [(received.key, received.value) for received in found] == SENT
    with Subscription(mine, [topic], schemas, group=group) as subscription:
        assert [subscription.poll(1.0) for _ in range(3)] == [[], [], []]


def test_another_department_is_refused_by_kafka_and_by_the_registry(share):
    kafka, address, topic, _, other = share
    refused = Subscription(kafka.as_user(other, PASSWORD), [topic], str, group=f"{other}.x")
    with refused, pytest.raises(Unavailable, match="KAF-002"):
        until(lambda: refused.poll(0.2))
    with pytest.raises(Unavailable, match=r"CDT-009.*404"):
        registry_schemas(address, other, PASSWORD)(VIEW)
    with pytest.raises(Unavailable, match=r"CDT-009.*401"):
        registry_schemas(address, other, "not-its-password")(VIEW)


def test_the_example_reads_the_share_with_confluents_client_alone(share, tmp_path):
    kafka, address, topic, department, _ = share
    assert len(EXAMPLE.read_text().splitlines()) <= 25
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    ran = subprocess.run(
        [sys.executable, "-I", EXAMPLE, kafka.bootstrap_servers, address, department, secret, topic],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={"PATH": os.defpath},
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [f"{key} {value}" for key, value in SENT]
    assert "concordat" not in EXAMPLE.read_text().lower().replace("concordat.", "")


def test_the_command_reads_the_share_under_the_departments_own_settings(share):
    kafka, address, topic, department, _ = share
    environment = {
        "PATH": os.defpath,
        "CONCORDAT_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "CONCORDAT_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "CONCORDAT_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "CONCORDAT_KAFKA__SASL_USERNAME": department,
        "CONCORDAT_KAFKA_PASSWORD": PASSWORD,
    }
    reference = topics.share_of(topic)[0]
    ran = subprocess.run(
        [sys.executable, "-m", "broker.cli", "consume", reference, "--registry", address, "--max", "3", "--json"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=environment,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert [received["key"] for received in found] == [key for key, _ in SENT]
    assert found[0]["value"] == {"person": "t1.aaaa", "fee": "1.50", "born": "1980-02-29"}
    assert found[2]["value"] is None
