"""What is written for a node, and the codes of the package."""

from __future__ import annotations

import socket
from pathlib import Path

from broker.cluster import codes
from broker.cluster.layout import Ports, format_arguments, node_properties
from broker.cluster.node import PORTS, free_ports, is_free
from contracts.faults import Code


def properties(node: int, nodes: int) -> dict[str, str]:
    ports = tuple(Ports(20_000 + n, 21_000 + n) for n in range(nodes))
    text = node_properties(node, ports, Path("/data"), "the-secret")
    return dict(line.split("=", 1) for line in text.splitlines())


def test_every_listener_is_on_the_loopback_interface_alone():
    for node in (1, 2, 3):
        found = properties(node, 3)
        assert found["listeners"] == f"CLIENT://127.0.0.1:{19_999 + node},CONTROLLER://127.0.0.1:{20_999 + node}"
        assert found["controller.quorum.voters"] == "1@127.0.0.1:21000,2@127.0.0.1:21001,3@127.0.0.1:21002"
        assert found["node.id"] == str(node)


def test_three_nodes_keep_three_copies_and_confirm_two():
    one, three = properties(1, 1), properties(1, 3)
    for name in ("offsets.topic.replication.factor", "transaction.state.log.replication.factor"):
        assert (one[name], three[name]) == ("1", "3")
    assert (one["transaction.state.log.min.isr"], three["transaction.state.log.min.isr"]) == ("1", "2")
    assert three["min.insync.replicas"] == "2"


def test_sign_in_and_rules_are_always_on():
    found = properties(1, 1)
    assert found["allow.everyone.if.no.acl.found"] == "false"
    assert found["sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
    assert "CLIENT:SASL_PLAINTEXT" in found["listener.security.protocol.map"]
    assert [name for name, value in found.items() if "the-secret" in value] == [
        "listener.name.client.scram-sha-512.sasl.jaas.config",
    ]


def test_the_formatters_arguments_are_quoted_for_java():
    lines = format_arguments("cluster", Path('/a "b"\\c'), "s3cret").splitlines()
    assert lines[5] == r'"/a \"b\"\\c"'
    assert lines[-1] == '"SCRAM-SHA-512=[name=admin,password=s3cret]"'


def test_ports_are_free_different_and_low():
    found = [port for pair in free_ports(3) for port in (pair.client, pair.controller)]
    assert len(set(found)) == 6
    assert all(port in PORTS and port < 32_768 for port in found)
    with socket.create_server(("127.0.0.1", found[0])):
        assert not is_free(found[0])
    assert is_free(found[0])


def test_every_code_is_listed_once():
    constants = [value for value in vars(codes).values() if isinstance(value, Code)]
    assert sorted(constants, key=lambda code: code.identifier) == sorted(codes.CODES, key=lambda code: code.identifier)
    assert len({code.identifier for code in codes.CODES}) == len(codes.CODES)
    assert all(code.identifier.startswith("KAF-") for code in codes.CODES)
