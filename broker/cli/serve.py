"""`concordat serve`: schema registry, metrics and health over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from agreements.snapshot import Snapshot
from broker import observe, settings
from broker.cluster import principals
from broker.cluster.client import Connection
from broker.cluster.connect import connection
from broker.cluster.reader import Reader
from broker.register.checkpoints import Checkpoints
from broker.register.follow import RegisterFollower, read_snapshot
from broker.web.app import make_app
from contracts.faults import Unavailable


def command(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
) -> None:
    """Answer schema registry, health and metrics requests until interrupted.

    Example: concordat serve --port 8080
    """
    chosen = settings.load()
    observe.configure(chosen.log_level)
    reached = connection(chosen, principals.SERVICE)
    follower = RegisterFollower(reached, _register(reached, chosen.directory / "service"))
    try:
        observe.logger("serve").info("listening", port=port or chosen.serve_port)
        uvicorn.run(
            make_app(reached, follower),
            host=host or chosen.serve_host,
            port=port or chosen.serve_port,
            log_config=None,
            access_log=False,
        )
    finally:
        follower.close()


def _register(reached: Connection, directory: Path) -> Snapshot:
    """Where the follower begins: the register as it is now, by a checkpoint if it is long.

    A service that starts before its Kafka begins with nothing, answers "not ready", and follows when Kafka is there.
    """
    try:
        with Reader(reached) as reader:
            checkpoints = Checkpoints(directory, reader.cluster_identifier())
        snapshot = read_snapshot(reached, checkpoints.load())
    except Unavailable:
        return Snapshot()
    checkpoints.save(snapshot)
    return snapshot
