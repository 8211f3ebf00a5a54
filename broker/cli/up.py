"""`concordat up`: embedded Kafka and the broker's processes for your own stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broker.cli.output import errors
from broker.settings import load
from broker.upkeep import keep_up


def command(
    *,
    directory: Annotated[Path | None, typer.Option(help="The state directory.  Default: the setting.")] = None,
    connector: Annotated[list[Path] | None, typer.Option(help="Run this connector too; repeatable.")] = None,
) -> None:
    """Run Kafka, a worker and the service in the foreground, and keep Kafka as the register says.

    The first time it makes a register and the operator's key.  Data stays in the state directory.

    Example: concordat up --connector examples/connectors/borders.yaml
    """
    settings = load()
    if directory is not None:
        settings = settings.model_copy(update={"directory": directory})
    keep_up(settings, connector or [], lambda text: errors.print(text, markup=False))
