"""One server of a kind per test run, whatever number of processes pytest-xdist splits it into.

`shared(root, name, factory)` gives the description of a server that the first process to ask has started.  A server is
held by a process of its own, which reads a named pipe; every test process keeps that pipe open for writing.  When the last of
them has ended, however it ended, the pipe closes and the server is stopped.  So no server outlives a run.

A factory is `path/to/module.py:function`: a context manager that takes a directory and yields a JSON-able dict.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broker.cluster.client import Connection
from broker.cluster.connect import connection
from broker.cluster.local import LocalKafka
from broker.settings import Settings, child_environment, load
from contracts.faults import Unavailable

_HERE = Path(__file__).resolve()
READY = "ready"


@contextmanager
def shared(root: Path, name: str, factory: str) -> Iterator[dict]:
    """The description of the run's one server called `name`; `root` is the directory that all its processes know."""
    place = root / name
    place.mkdir(parents=True, exist_ok=True)
    with _locked(place):
        user = _join(place)
        if user is None:
            user = _start(place, factory)
        described = json.loads((place / "description").read_text())
    try:
        yield described
    finally:
        os.close(user)


def hold(place: Path, factory: str) -> None:
    """Run the server until no test process is left.  The body of the holding process."""
    file, function = factory.split(":")
    specification = importlib.util.spec_from_file_location("held", file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    users = os.open(place / "users", os.O_RDONLY | os.O_NONBLOCK)
    with getattr(module, function)(place / f"server-{os.getpid()}") as described:
        (place / "description").write_text(json.dumps(described))
        sys.stdout.write(READY + "\n")
        sys.stdout.flush()
        while True:
            _await_closed(users)
            with _locked(place):
                if not _has_users(users):
                    (place / "users").unlink()
                    break


@contextmanager
def local_kafka(directory: Path) -> Iterator[dict]:
    """Factory: a local Kafka of one node; its data goes with it."""
    settings = load()
    try:
        with LocalKafka(
            directory, cache_directory=settings.cache_directory, repository=settings.maven_repository
        ) as it:
            yield {"bootstrap_servers": it.connection.bootstrap_servers, "properties": dict(it.connection.properties)}
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def container_kafka(directory: Path) -> Iterator[dict]:
    """Factory: Kafka in a container, for machines where a Docker engine answers.  No sign-in: access rules are not tested."""
    from testcontainers.kafka import KafkaContainer  # noqa: PLC0415 - only where Docker is asked for

    del directory
    with KafkaContainer("confluentinc/cp-kafka:8.0.0").with_kraft() as container:
        yield {"bootstrap_servers": container.get_bootstrap_server(), "properties": {}}


@contextmanager
def kafka_of_this_run(root: Path) -> Iterator[Connection]:
    """The Kafka to test against, as its administrator: a configured cluster, a container if asked for, else a local one."""
    settings: Settings = load()
    if settings.bootstrap_servers is not None:
        yield connection(settings)
        return
    wanted = child_environment().get("CONCORDAT_TEST_KAFKA", "local")
    factory = "container_kafka" if wanted == "container" else "local_kafka"
    try:
        with shared(root, f"kafka-{wanted}", f"{_HERE}:{factory}") as found:
            yield Connection(found["bootstrap_servers"], found["properties"])
    except Unavailable as failure:
        pytest.skip(f"no Kafka for this run: {failure}")


def once(root: Path, name: str, make: Callable[[], Any]) -> Any:
    """What `make` gives (JSON), made by the first process of the run that asks; `root` is the directory that all of them know."""
    place = root / name
    place.mkdir(parents=True, exist_ok=True)
    with _locked(place):
        made = place / "made.json"
        if not made.exists():
            made.write_text(json.dumps(make()))
        return json.loads(made.read_text())


def unique(prefix: str) -> str:
    """A name nobody else in this run has, good for topics, groups, datasets and transactional ids: `<prefix>-<12 hex>`."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def until(condition: Callable[[], object], limit_seconds: float = 90.0) -> object:
    """Wait until `condition()` is true, and give what it gave; fails after the limit."""
    limit = time.monotonic() + limit_seconds
    while not (found := condition()):
        assert time.monotonic() < limit, f"still not so after {limit_seconds} s"
        time.sleep(0.02)
    return found


def _join(place: Path) -> int | None:
    """The writing end of a living server's pipe, or None."""
    try:
        return os.open(place / "users", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # no pipe, or nobody reads it
        return None


def _start(place: Path, factory: str) -> int:
    (place / "users").unlink(missing_ok=True)
    os.mkfifo(place / "users", 0o600)
    both = os.open(place / "users", os.O_RDWR)  # so that neither end waits for the other while the server starts
    with (place / "holder.log").open("ab") as log:
        holder = subprocess.Popen(
            [sys.executable, str(_HERE), str(place), factory],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    with holder.stdout as answer:
        ready = answer.readline().startswith(READY)
    user = _join(place) if ready else None
    os.close(both)
    if user is None:
        holder.wait()
        message = (place / "holder.log").read_text().strip().splitlines()[-1:]
        pytest.skip(f"no {place.name} for this run: {''.join(message)}")
    holder.returncode = 0  # it outlives this process on purpose: it ends with the last user
    return user


def _await_closed(users: int) -> None:
    """Wait until nobody has the pipe open for writing."""
    watched = select.poll()
    watched.register(users, select.POLLHUP)
    while not any(event & select.POLLHUP for _, event in watched.poll()):
        pass


def _has_users(users: int) -> bool:
    watched = select.poll()
    watched.register(users, select.POLLHUP)
    return not any(event & select.POLLHUP for _, event in watched.poll(0))


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    hold(Path(sys.argv[1]), sys.argv[2])
