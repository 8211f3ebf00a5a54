"""Starts the run's PostgreSQL; loaded by the process that holds it, which knows no other test module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker.local_postgresql import LocalPostgresql


@contextmanager
def local_postgresql(directory: Path) -> Iterator[dict]:
    """Factory: a local PostgreSQL that forgets everything at the end."""
    with LocalPostgresql(directory, fsync=False, keep=False) as server:
        yield {"port": server.port, "passfile": str(server.passfile)}
