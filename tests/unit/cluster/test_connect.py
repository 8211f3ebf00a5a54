"""How a connection is found, without a Kafka."""

from __future__ import annotations

import fcntl
import json

import pytest
from pydantic import SecretStr

from broker.cluster.connect import connection, credential_path, kafka_directory
from broker.settings import Settings
from contracts.faults import Unavailable


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Settings(directory=tmp_path, bootstrap_servers=None)


@pytest.fixture
def local(settings):
    """A directory that looks as it does while a local Kafka runs."""
    place = kafka_directory(settings)
    place.mkdir()
    saved = {"bootstrap_servers": "127.0.0.1:1", "properties": {"sasl.username": "admin", "sasl.password": "a secret"}}
    (place / "connection.json").write_text(json.dumps(saved))
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("1")
        lock.flush()
        yield settings


def test_nothing_known_says_what_was_tried(settings):
    with pytest.raises(Unavailable, match=r"KAF-009.*bootstrap_servers is not set.*kafka"):
        connection(settings)


def test_the_local_kafka_is_used_while_it_runs(local):
    assert connection(local).username == "admin"
    assert connection(local, "nobody-known").username == "admin"


def test_a_file_left_by_a_killed_kafka_is_ignored(local):
    lock = kafka_directory(local) / "lock"
    lock.unlink()
    lock.write_text("1")
    with pytest.raises(Unavailable, match="KAF-009"):
        connection(local)


def test_a_principal_signs_in_with_its_credential(local):
    path = credential_path(local, "pensions")
    path.parent.mkdir()
    path.write_text(json.dumps({"username": "pensions", "password": "another secret"}))
    found = connection(local, "pensions")
    assert found.username == "pensions"
    assert found.properties["sasl.mechanism"] == "SCRAM-SHA-512"
    assert "another secret" not in repr(found)
    path.write_text("not a credential another secret")
    with pytest.raises(Unavailable, match="KAF-013") as caught:
        connection(local, "pensions")
    assert "another secret" not in str(caught.value)


def test_a_configured_cluster_wins_and_its_properties_are_spelt_with_dots(local):
    settings = local.model_copy(
        update={
            "bootstrap_servers": "kafka.example:9092",
            "kafka": {"security_protocol": "SASL_SSL", "sasl_username": "me"},
            "kafka_password": SecretStr("hidden"),
        }
    )
    found = connection(settings, "pensions")
    assert found.bootstrap_servers == "kafka.example:9092"
    assert dict(found.properties) == {
        "security.protocol": "SASL_SSL",
        "sasl.username": "me",
        "sasl.password": "hidden",
    }


def test_a_password_file_is_read_and_a_missing_one_named(local, tmp_path):
    path = tmp_path / "password"
    path.write_text("from a file\n")
    settings = local.model_copy(update={"bootstrap_servers": "kafka.example:9092", "kafka_password_file": path})
    assert connection(settings).properties["sasl.password"] == "from a file"
    path.unlink()
    with pytest.raises(Unavailable, match=r"KAF-013.*password"):
        connection(settings)
