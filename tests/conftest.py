"""Fixtures for every test: the real servers, started once per run and shared by all its processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.cluster.client import Connection
from tests.postgresql_server import database, postgresql  # noqa: F401 - fixtures
from tests.servers import kafka_of_this_run


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A directory that all processes of this run know."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def kafka(run_directory: Path) -> Iterator[Connection]:
    """A real Kafka, as its administrator; `.as_user(name, password)` signs in as another.  Use unique names."""
    with kafka_of_this_run(run_directory) as connection:
        yield connection
