"""Files and HTTP stores through the commands that an owner uses, on a real Kafka: `check`, `run`, and the figures of what came."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from broker.cluster.reader import Reader
from contracts import text as contract_text
from contracts import topics
from contracts.wire import EnvelopeCodec
from tests.intake_cases import PARTITIONS, make_topics
from tests.integration.test_register_commands import Command, command
from tests.servers import unique, until

__all__ = ["command"]
pytestmark = pytest.mark.integration

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: {dataset}
name: Items
version: 1.0.0
status: active
customProperties:
  - {{ property: concordat.kind, value: entity }}
  - {{ property: concordat.classification, value: OFFICIAL }}
  - {{ property: concordat.owner, value: owner }}
  - {{ property: concordat.store, value: {store} }}
schema:
  - name: items
    physicalName: items.csv
    logicalType: object
    properties:
      - {{ name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1, required: true, tags: [not-personal] }}
      - {{ name: name, physicalName: label, logicalType: string, required: true, logicalTypeOptions: {{ maxLength: 5 }}, tags: [not-personal] }}
      - {{ name: amount, logicalType: number, physicalType: "decimal(6,2)", tags: [not-personal] }}
"""
_RUN = """
import sys
from contracts import topics
topics.REGISTER = sys.argv.pop(1)
from broker.cli.app import main
main()
"""
ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-this-test"


class Store:
    """One dataset of one store, published, and the configuration of its connector."""

    def __init__(self, command: Command, kafka, connector: str, options: dict) -> None:
        self.command, self.kafka = command, kafka
        self.dataset, self.name = unique("items"), unique("store")
        make_topics(kafka, self.dataset)
        command("init")
        command("party", "add", "owner", "--name", "Owner", "--public-key", command.public("owner"))
        who = ("party", "enrol", "owner", "pat", "--office", "Information Asset Owner")
        command(*who, "--public-key", command.public("pat"), "--key", command.key("owner"))
        file = command.directory / "items.contract.yaml"
        file.write_text(CONTRACT.format(dataset=self.dataset, store=self.name))
        self.contract = contract_text.parse(file.read_text())
        published = command("contract", "publish", file, *command.acting("pat"))
        self.codec = EnvelopeCodec(self.contract, published["key_schema"], published["value_schema"])
        self.config = command.directory / "store.yaml"
        document = {"connector": connector, "name": self.name, "dataset": self.dataset, "options": options}
        self.config.write_text(json.dumps(document))

    @contextmanager
    def running(self):
        """`concordat connector run` as a process; it is told to stop, and must end well."""
        arguments = [topics.REGISTER, "connector", "run", str(self.config)]
        with (self.command.directory / "run.log").open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            process = subprocess.Popen(
                [sys.executable, "-c", _RUN, *arguments], stdout=log, stderr=log, env=environment
            )
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, self.log()
        finally:
            process.kill()
            process.wait()

    def log(self) -> str:
        return (self.command.directory / "run.log").read_text()

    def told(self) -> list[tuple[str, int | None, str | None]]:
        """Operation, key and name of every change on the source topic; the sequences are dense."""
        found = []
        with Reader(self.kafka) as reader:
            for partition in range(PARTITIONS):
                messages = list(reader.read(topics.source(self.dataset), partition))
                changes = [self.codec.decode(message.value) for message in messages]
                assert [change.source.sequence for change in changes] == list(range(len(changes)))
                keys = [self.codec.decode_key(message.key)["id"] for message in messages]
                found += [
                    (change.op.value, key, (change.after or {}).get("name"))
                    for change, key in zip(changes, keys, strict=True)
                ]
        return sorted(found, key=repr)

    def await_changes(self, process: subprocess.Popen, count: int) -> None:
        def came() -> bool:
            assert process.poll() is None, self.log()
            return len(self.told()) >= count

        until(came)


def test_files_by_command_and_the_figures_of_what_came(command, kafka, tmp_path):
    inbox, state = tmp_path / "in", tmp_path / "extracts"
    options = {"directory": str(inbox), "mode": "extract", "format": "csv", "settle_seconds": 0, "look_seconds": 0.05}
    store = Store(command, kafka, "files", {**options, "state_directory": str(state)})
    assert [fault["code"] for fault in command("connector", "check", store.config, status=4)] == ["CNR-301"]
    inbox.mkdir()
    state.mkdir(mode=0o700)
    put(inbox, store.dataset, 1, "1,one,1.50\n2,two,\n3,three,3\n")
    assert command("connector", "check", store.config)["faults"] == []
    with store.running() as process:
        store.await_changes(process, 3)
    put(inbox, store.dataset, 2, "1,one,1.50\n3,THREE,3\n4,toolong,\n5,five,not a number\n")
    with store.running() as process:
        store.await_changes(process, 7)
    assert store.told() == sorted(
        [
            ("c", 1, "one"),
            ("c", 2, "two"),
            ("c", 3, "three"),
            ("u", 3, "THREE"),
            ("c", 4, "toolong"),
            ("c", 5, None),
            ("d", 2, None),
        ],
        key=repr,
    ), store.log()
    found = command("contract", "figures", store.dataset)
    counted = found["counted"]
    assert (counted["records"], counted["rows"], counted["deletions"]) == (7, 5, 1)
    assert {one["path"]: one["given"] for one in counted["completeness"]["fields"]} == {"id": 5, "name": 5, "amount": 3}
    assert (counted["completeness"]["required"], counted["completeness"]["optional"]) == (1.0, 0.6)
    assert (counted["validity"]["valid"], counted["validity"]["invalid"]) == (5, 2)
    assert {(one["code"], one["field"]) for one in counted["validity"]["reasons"]} == {
        ("contract-too-long", "name"),
        ("contract-row-missing", ""),
    }
    assert (counted["keys"]["distinct"], counted["keys"]["exact"]) == (5, True)
    timeliness = counted["timeliness"]
    assert (timeliness["to_topic"]["changes"], timeliness["undecided"]) == (7, 7)
    assert (found["quarantine"]["by_connector"], found["quarantine"]["by_worker"]) == (1, 0)
    assert found["lineage"]["table"] == "items.csv"
    assert found["lineage"]["columns"] == {"id": None, "name": "label", "amount": None}
    nothing = command("contract", "figures", store.dataset, "--since", "2999-01-01T00:00:00Z")
    assert (nothing["counted"]["records"], nothing["counted"]["completeness"]["required"]) == (0, None)
    assert command("contract", "figures", "no-such-dataset", status=3)
    assert command("contract", "figures", store.dataset, "--since", "yesterday", status=2)


def put(inbox, dataset, number, rows) -> None:
    scratch = inbox / "scratch.tmp"
    scratch.write_text("id,name,amount\n" + rows)
    scratch.rename(inbox / f"{dataset}-{number}.csv")


def test_a_polled_feed_by_command(command, kafka):
    items: list[dict] = []
    with feed(items) as address:
        options = {
            "url": f"{address}/changes",
            "items": "/data",
            "item_cursor": "/number",
            "row": "/row",
            "interval_seconds": 0.1,
        }
        store = Store(command, kafka, "http-poll", options)
        items += [item(1, 1, "one"), item(2, 2, "two")]
        assert command("connector", "check", store.config)["faults"] == []
        with store.running() as process:
            store.await_changes(process, 2)
            items.append(item(3, 1, "uno"))
            store.await_changes(process, 3)
        items.append(item(4, 3, "three"))
        with store.running() as process:
            store.await_changes(process, 4)
    assert store.told() == sorted([("u", 1, "one"), ("u", 2, "two"), ("u", 1, "uno"), ("u", 3, "three")], key=repr)
    assert command("connector", "check", store.config, status=4)


def item(number: int, identifier: int, name: str) -> dict:
    return {"number": number, "row": {"id": identifier, "name": name, "amount": None}}


@contextmanager
def feed(items: list[dict]):
    """A feed that gives what comes after a cursor."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            after = int(parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0])
            body = json.dumps({"data": [one for one in list(items) if one["number"] > after]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_endpoint_by_command_answers_after_the_commit_and_once_for_each_key(command, kafka, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"listen": f"127.0.0.1:{port}", "token_file": "token", "operation": "/op", "row": "/row"}
    store = Store(command, kafka, "http-push", options)
    assert command("connector", "check", store.config)["faults"] == []
    body = [{"op": "create", "row": {"id": 1, "name": "one"}}, {"op": "create", "row": {"id": 2, "name": 7}}]

    def send(process: subprocess.Popen, key: str) -> dict:
        def answered():
            assert process.poll() is None, store.log()
            return push(port, store.dataset, key, body)

        return until(answered)

    with store.running() as process:
        assert send(process, "first") == {"accepted": 1, "quarantined": 1}
        assert len(store.told()) == 2
        assert send(process, "first") == {"accepted": 1, "quarantined": 1}
    with store.running() as process:
        assert send(process, "first") == {"accepted": 1, "quarantined": 1}
        body = [{"op": "delete", "row": {"id": 1}}]
        assert send(process, "second") == {"accepted": 1, "quarantined": 0}
    assert store.told() == sorted([("c", 1, "one"), ("c", 2, None), ("d", 1, None)], key=repr)


def push(port: int, dataset: str, key: str, body: list) -> dict | None:
    """The answer; None while nobody listens."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/{dataset}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())
    except ConnectionError:
        return None
    except urllib.error.URLError as error:
        if isinstance(error.reason, ConnectionError):
            return None
        raise
