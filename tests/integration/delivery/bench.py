"""What the worker's tests stand on: topics and a register of their own, worker processes, and an oracle by hand."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from broker.audit.read import read_segment
from broker.cluster.admin import Admin
from broker.cluster.objects import TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from broker.cluster.topics import base_topics
from broker.delivery.board import ProgressBoard
from broker.delivery.quarantine import quarantined
from broker.settings import child_environment
from contracts import topics
from contracts.faults import Faults
from tests.integration.delivery.scenario import key_of, view_of
from tests.servers import unique

ROOT = Path(__file__).resolve().parents[3]
LIMIT_SECONDS = 40


def wait_for(condition, what, seconds=LIMIT_SECONDS):
    """Wait until `condition()` is true, and give what it said."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"not in time: {what}"
        time.sleep(0.02)
    return found


class Bench:
    """One dataset with one share each for LHR and MAN, on topics of its own."""

    def __init__(self, kafka, directory, kind="entity", partitions=1, when="hold", **terms):
        self.kafka, self.directory, self.kind, self.partitions = kafka, directory, kind, partitions
        self.dataset = unique("data")
        self.source = topics.source(self.dataset)
        self.references = {port: f"{self.dataset}-{port}".upper() for port in ("LHR", "MAN")}
        self.shares = {port: topics.share(reference, "flow") for port, reference in self.references.items()}
        self.description = {
            "position": 1,
            "datasets": {self.dataset: kind},
            "shares": [
                {"reference": reference, "dataset": self.dataset, "port": port, "when": when, **terms}
                for port, reference in self.references.items()
            ],
            "jobs": [],
        }
        self.group = unique("enforce")
        self.processes = []
        self.register = directory / "register.json"
        self._publish()
        Admin(kafka).create_topics(
            [TopicSpec(self.source, partitions, 1, {}), *base_topics(4, 1)]
            + [TopicSpec(name, partitions, 1, {}) for name in self.shares.values()],
        )
        self.writer = TransactionalProducer(kafka, unique("intake"))
        self.truth, self.written = {}, {}
        self.events = []

    # ---- the register

    def act(self, **job):
        """The next register position; `job` is asked for by it."""
        self.description["position"] += 1
        if job:
            self.description["jobs"].append({"position": self.description["position"], "dataset": self.dataset, **job})
        self._publish()
        return self.description["position"]

    def suspend(self, port):
        next(share for share in self.description["shares"] if share["port"] == port)["suspended"] = True
        return self.act()

    def resume(self, port):
        next(share for share in self.description["shares"] if share["port"] == port)["suspended"] = False
        return self.act()

    def _publish(self):
        draft = self.register.with_suffix(".draft")
        draft.write_text(json.dumps(self.description))
        draft.replace(self.register)

    # ---- the source

    def write(self, *changes, partition=0, abort=False):
        """Changes `(key, port, note)`; port None deletes; raw bytes in place of a port go as they are."""
        self.writer.begin()
        for key, port, note in changes:
            row = {"id": key, "port": port, "note": note}
            value = None if port is None else port if isinstance(port, bytes) else json.dumps(row).encode()
            self.writer.produce(self.source, partition, None if key is None else key.encode(), value)
            if not abort and key is not None and not isinstance(port, bytes):
                self.truth[partition, key] = None if port is None else row
                self.events.append((partition, row))
        if abort:
            self.writer._producer.flush()
            self.writer.abort()
        else:
            self.writer.commit()
            self.written[partition] = self.written.get(partition, 0) + len(changes)

    # ---- workers

    def start(self, name="one", **more):
        """A worker process with the directory `name`."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        configuration = {
            "bootstrap_servers": self.kafka.bootstrap_servers,
            "properties": dict(self.kafka.properties),
            "directory": str(directory),
            "register": str(self.register),
            "group": self.group,
            **more,
        }
        place = directory / "configuration.json"
        place.write_text(json.dumps(configuration))
        place.chmod(0o600)
        log = (directory / "log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.delivery.worker_process", str(place)],
            cwd=ROOT,
            env=child_environment(),
            stdout=log,
            stderr=log,
        )
        log.close()
        self.processes.append(process)
        return process

    def log(self, name="one"):
        return (self.directory / name / "log").read_text()

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()

    # ---- what came of it

    def read(self, topic, partition=0, *, committed=True):
        with Reader(self.kafka, committed=committed) as reader:
            return list(reader.read(topic, partition))

    def view(self, port):
        """What the department holds: its topic, compacted."""
        held = {}
        for partition in range(self.partitions):
            for message in self.read(self.shares[port], partition):
                held[partition, message.key] = message.value
        return {key: value for key, value in held.items() if value is not None}

    def expected_view(self, port):
        """The oracle: the present source, filtered by hand."""
        return {
            (partition, key_of(self.references[port], key.encode())): view_of(row)
            for (partition, key), row in self.truth.items()
            if row is not None and row["port"] == port
        }

    def segments(self, partition=0):
        """Every committed segment of one source partition, in order, read with the audit's own distrust."""
        found, parts = [], []
        for message in self.read(topics.AUDIT_SEGMENTS, partition % 4):
            name = message.key.decode()
            if not name.startswith(f"{self.source}/{partition}/"):
                continue
            if name.count("/") == 3:
                parts.append(message.value)
                continue
            opened = read_segment(message.value, parts)
            assert not isinstance(opened, Faults), str(opened)
            found.append(opened)
            parts = []
        return found

    def decisions(self, partition=0):
        """Outcome, reference, offset and mode of every leaf."""
        return [
            (leaf.recipient.outcome, leaf.recipient.agreement, leaf.auditor.offset, leaf.auditor.mode)
            for segment in self.segments(partition)
            for leaf in segment.opened
        ]

    def quarantine(self):
        return [entry for entry in quarantined(self.kafka) if entry.topic == self.source]

    def decided(self, partition=0):
        """How far the source partition is decided: the end of its last segment."""
        assert not self.processes or any(process.poll() is None for process in self.processes), self.log()
        found = self.segments(partition)
        return found[-1].header.end if found else 0

    def await_decided(self, seconds=LIMIT_SECONDS):
        """Wait until every visible record has been decided."""
        for partition in range(self.partitions):
            wait_for(lambda p=partition: self._is_visible(p), f"partition {partition} readable", seconds)
            records = self.read(self.source, partition)
            end = records[-1].offset + 1 if records else 0
            wait_for(lambda end=end, p=partition: self.decided(p) >= end, f"partition {partition} decided", seconds)

    def _is_visible(self, partition):
        """Whether all that was committed to the source partition can be read: that is a moment after the commit."""
        return len(self.read(self.source, partition)) >= self.written.get(partition, 0)

    def await_acknowledged(self, position, seconds=LIMIT_SECONDS):
        with ProgressBoard(self.kafka) as board:
            places = [(self.source, partition) for partition in range(self.partitions)]
            wait_for(lambda: board.confirmed(places, position), f"position {position} acknowledged", seconds)
