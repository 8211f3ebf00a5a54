"""What `docker/` holds: the composition is valid, keeps to itself, and its scripts do what they say."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import jsonschema
import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema
from ruamel.yaml import YAML

from broker.cli.app import NOUNS, VERBS
from broker.cluster import jars, layout
from broker.settings import Settings

DOCKER = Path(__file__).parents[2] / "docker"
PROCESSES = ("provision", "enforce", "serve", "connector", "concordat")


@pytest.fixture(scope="module")
def composition():
    return YAML(typ="safe").load(DOCKER / "compose.yaml")


def has_compose() -> bool:
    client = shutil.which("docker")
    return (
        client is not None
        and subprocess.run([client, "compose", "version"], capture_output=True, check=False).returncode == 0
    )


def test_it_fits_the_compose_specification(composition):
    jsonschema.validate(composition, get_builtin_schema("vendor.compose-spec"))


@pytest.mark.skipif(not has_compose(), reason="this machine's Docker client has no `compose`; the schema was checked")
def test_docker_compose_accepts_it():
    done = subprocess.run(
        ["docker", "compose", "-f", DOCKER / "compose.yaml", "--profile", "*", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_everything_a_service_names_is_declared(composition):
    for name, service in composition["services"].items():
        assert set(service.get("networks", ())) <= set(composition["networks"]), name
        assert set(service.get("secrets", ())) <= set(composition["secrets"]), name
        assert {config["source"] for config in service.get("configs", ())} <= set(composition["configs"]), name
        assert set(service.get("depends_on", ())) <= set(composition["services"]), name
        for volume in service.get("volumes", ()):
            source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
            assert source in composition["volumes"], name


def test_files_it_mounts_are_there_and_secrets_are_not(composition):
    for config in composition["configs"].values():
        assert (DOCKER / config["file"]).is_file()
    assert {Path(secret["file"]).parent.name for secret in composition["secrets"].values()} == {"secrets"}
    assert "secrets/" in (DOCKER / ".gitignore").read_text().split()


def test_three_nodes_of_the_locked_version_know_each_other(composition):
    nodes = {name: s for name, s in composition["services"].items() if name.startswith("kafka-")}
    assert len(nodes) == 3
    assert {service["image"] for service in nodes.values()} == {f"apache/kafka:{jars.read_lock().kafka}"}
    voters = {service["environment"]["VOTERS"] for service in nodes.values()}
    assert voters == {",".join(f"{s['environment']['NODE_ID']}@{name}:9093" for name, s in nodes.items())}
    assert [service["environment"]["HOST"] for service in nodes.values()] == list(nodes)


def test_the_brokers_processes_have_no_rights_they_do_not_need(composition):
    for name in PROCESSES:
        service = composition["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("privileged") is None
    administrators = {name for name in PROCESSES if "kafka_admin" in composition["services"][name].get("secrets", ())}
    assert administrators == {"provision", "concordat"}


def test_only_the_service_can_be_reached_and_only_from_this_machine(composition):
    published = {name: service["ports"] for name, service in composition["services"].items() if "ports" in service}
    assert published == {"serve": ["127.0.0.1:8080:8080"]}


def test_each_process_is_a_command_that_exists_and_each_variable_a_setting(composition):
    for name in PROCESSES:
        service = composition["services"][name]
        if "command" in service:
            assert service["command"][0] in {*NOUNS, *VERBS}
        for variable in service["environment"]:
            setting = variable.removeprefix("CONCORDAT_").lower().split("__")[0]
            assert setting in Settings.model_fields, variable


def test_the_image_runs_as_nobody_special_and_installs_by_hash():
    text = (DOCKER / "Dockerfile").read_text()
    last = text.rpartition("\nFROM ")[2]
    assert "USER 10001" in last
    assert last.index("useradd") < last.index("USER 10001") < last.index("ENTRYPOINT")
    assert "--require-hashes" in text
    for copied in ("contracts", "agreements", "connectors", "broker", "requirements/run.txt", "pyproject.toml"):
        assert f"!{copied}" in (DOCKER / "Dockerfile.dockerignore").read_text().split()
    assert not list(DOCKER.rglob("*.py"))


def test_what_matters_is_set_alike_on_the_local_kafka_and_in_the_composition():
    def read(text: str) -> dict[str, str]:
        pairs = (line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return dict(pairs)

    ours = read(
        layout.node_properties(1, (layout.Ports(1, 2), layout.Ports(3, 4), layout.Ports(5, 6)), Path("/d"), "s")
    )
    theirs = read((DOCKER / "kafka.properties").read_text())
    alike = {
        "process.roles",
        "authorizer.class.name",
        "allow.everyone.if.no.acl.found",
        "auto.create.topics.enable",
        "offsets.retention.minutes",
        "connections.max.reauth.ms",
        "default.replication.factor",
        "min.insync.replicas",
        "unclean.leader.election.enable",
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
        "transaction.state.log.min.isr",
    }
    assert {name: ours[name] for name in alike} == {name: theirs[name] for name in alike}
    assert "ANONYMOUS" not in theirs["super.users"]


def test_secrets_are_made_once_and_kept_behind_a_closed_directory(tmp_path):
    place = tmp_path / "secrets"
    subprocess.run([DOCKER / "secrets.sh", place], check=True)
    first = {path.name: path.read_text() for path in place.iterdir()}
    subprocess.run([DOCKER / "secrets.sh", place], check=True)
    assert {path.name: path.read_text() for path in place.iterdir()} == first
    assert set(first) == {"kafka_admin", "kafka_controller", "postgresql"}
    assert all(len(secret) == 48 for secret in first.values())
    assert len(set(first.values())) == 3
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_node_formats_once_says_nothing_of_it_and_becomes_kafka(tmp_path):
    """With stand-ins for Kafka's own two scripts, which say what they were given."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "secrets").mkdir()
    for script, body in (
        ("kafka-storage.sh", 'echo "$@" > "$0.called"; echo "password=secret"; echo "password=secret" >&2'),
        ("kafka-server-start.sh", 'echo "started with $1"'),
    ):
        path = tmp_path / "bin" / script
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    (tmp_path / "secrets" / "kafka_admin").write_text("the-admin")
    (tmp_path / "secrets" / "kafka_controller").write_text("the-controller")
    settings = tmp_path / "server.properties"
    environment = {
        "PATH": os.environ["PATH"],
        "KAFKA_HOME": str(tmp_path),
        "SECRETS": str(tmp_path / "secrets"),
        "SETTINGS": str(settings),
        "DATA": str(tmp_path / "data"),
        "NODE_ID": "2",
        "HOST": "kafka-2",
        "VOTERS": "1@kafka-1:9093,2@kafka-2:9093,3@kafka-3:9093",
        "CLUSTER_ID": "Y29uY29yZGF0LWNsdXN0ZQ",
    }
    done = subprocess.run([DOCKER / "kafka-node.sh"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"started with {settings}\n"
    assert done.stderr == ""
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    text = settings.read_text()
    assert "node.id=2" in text
    assert "advertised.listeners=CLIENT://kafka-2:9092,CONTROLLER://kafka-2:9093" in text
    assert 'username="admin" password="the-admin";' in text
    assert "SCRAM-SHA-512=[name=admin,password=the-admin]" in (tmp_path / "bin" / "kafka-storage.sh.called").read_text()
