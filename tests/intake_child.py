"""Runs one connector as a process of its own, to be killed; what it needs comes on standard input as JSON."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from types import MappingProxyType

from agreements.snapshot import ContractEntry, Snapshot
from broker.cluster.client import Connection
from broker.delivery.quarantine import KeySealer
from broker.intake.configuration import Configuration
from broker.intake.runtime import Intake
from broker.keys import FileKeys
from broker.observe import configure, logger
from connectors.postgresql import PostgresqlConnector
from connectors.postgresql.options import PostgresqlOptions
from tests.postgresql_cases import contract


def snapshot_of(dataset: str, store: str) -> Snapshot:
    """A register that knows one contract: schema 1 is its key's, schema 2 its envelope's."""
    entry = ContractEntry(contract(dataset, store=store), 1, 2, 0)
    return Snapshot(position=0, contracts=MappingProxyType({dataset: (entry,)}))


def intake(connection: Connection, asked: dict) -> Intake:
    options = PostgresqlOptions(dsn=asked["dsn"], tables={asked["dataset"]: "public.items"}, **asked["options"])
    configuration = Configuration(PostgresqlConnector, asked["name"], (asked["dataset"],), options)
    sealer = KeySealer(FileKeys(Path(asked["keys"])))
    return Intake(connection, configuration, snapshot_of(asked["dataset"], asked["name"]), sealer, logger("intake"))


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    configure()
    running = intake(Connection(asked["bootstrap_servers"], asked["properties"]), asked)
    running.run(threading.Event(), ready=lambda: print("ready", flush=True))  # noqa: T201


if __name__ == "__main__":
    main()
