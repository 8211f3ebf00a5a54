"""`concordat serve`: schema registry, metrics and health over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer
import uvicorn

from broker import observe, settings
from broker.cluster import principals
from broker.cluster.connect import connection
from broker.register.follow import RegisterFollower
from broker.web.app import make_app


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
    follower = RegisterFollower(reached)
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
