"""Which connectors are here: those shipped, and those that other packages announce as entry points `concordat.connectors`."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import NamedTuple

from connectors.codes import UNKNOWN_CONNECTOR
from connectors.protocol import Connector
from contracts.faults import Unusable

_SHIPPED = {
    "debezium": "connectors.debezium:DebeziumConnector",
    "files": "connectors.files:FilesConnector",
    "http-poll": "connectors.http:HttpPollConnector",
    "http-push": "connectors.http:HttpPushConnector",
    "memory": "connectors.memory:MemoryConnector",
    "postgresql": "connectors.postgresql:PostgresqlConnector",
}
GROUP = "concordat.connectors"


class Listed(NamedTuple):
    """One connector: its name in configurations, its class as `MODULE:CLASS`, and what it says of itself."""

    name: str
    path: str
    description: str


def available() -> list[Listed]:
    """Every connector, by name."""
    return [Listed(name, path, _load(path).description) for name, path in sorted(_paths().items())]


def find(name: str) -> type[Connector]:
    """The class of a connector; raises `Unusable` for a name that nobody has."""
    path = _paths().get(name)
    if path is None:
        known = ", ".join(sorted(_paths()))
        raise Unusable(UNKNOWN_CONNECTOR.fault(f"{name!r}; here are: {known}"))
    return _load(path)


def _paths() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=GROUP)} | _SHIPPED


def _load(path: str) -> type[Connector]:
    module, _, name = path.partition(":")
    found: type[Connector] = getattr(importlib.import_module(module), name)
    return found
