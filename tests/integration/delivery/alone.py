"""What has one fixed name on a cluster, given names of one test, so that tests that share a Kafka do not meet; and a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

import pytest

from broker.delivery import __main__ as worker_process
from broker.delivery.conditions import Conditions
from broker.evidence import kafka as evidence_on_kafka
from broker.register import append, stop
from broker.settings import Settings
from contracts import topics
from tests.servers import unique


def be_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A register, a log and a group of workers of one's own."""
    for name in ("REGISTER", "AUDIT_SEGMENTS", "QUARANTINE", "WORKERS", "COUNTERS"):
        monkeypatch.setattr(topics, name, unique("concordat." + name.lower()))
    monkeypatch.setattr(append, "TRANSACTIONAL_ID", topics.REGISTER)
    group = unique("enforce")  # another test's committed offsets are not this log's
    for module in (evidence_on_kafka, stop):
        monkeypatch.setattr(module, "GROUP", group)
    monkeypatch.setattr(worker_process, "Conditions", partial(Conditions, group=group))


class HasSettings(Protocol):
    """A world that says where its worker works."""

    settings: Settings


@contextmanager
def working(world: HasSettings) -> Iterator[None]:
    """A worker as `concordat enforce` runs it."""
    worker = worker_process.make_worker(world.settings, world.settings.directory / "worker")
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(90)
