"""`concordat enforce`: a worker, kept running."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broker.delivery.supervisor import supervise
from broker.observe import configure
from broker.settings import child_environment, load


def command(
    state: Annotated[
        Path | None,
        typer.Option(help="The worker's own directory; by default `worker` in the settings' directory."),
    ] = None,
) -> None:
    """Decide and deliver: contract, agreement, policy, delivery and audit, until it is stopped.

    A worker has a directory of its own (`--state`), so start several with one each; they share the partitions.
    It ends in order on SIGTERM or Ctrl-C.

    Example: concordat enforce --state .concordat/worker-2
    """
    configure(load().log_level)
    arguments = [] if state is None else ["--state", str(state)]
    raise typer.Exit(supervise(arguments, child_environment()))
