"""`concordat kafka`: a real Apache Kafka on this machine, without Docker."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from broker.cli.output import Json, emit, errors, table
from broker.cluster import background
from broker.cluster.connect import kafka_directory
from broker.cluster.jars import jars
from broker.cluster.local import held_nodes
from broker.settings import Settings, load

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)

Directory = Annotated[
    Path | None,
    typer.Option(help="The state directory; Kafka lives in `kafka` below it.  Default: the setting `directory`."),
]


@app.command()
def start(
    *,
    nodes: Annotated[int | None, typer.Option(help="1 (new), or 3 to try what happens when one fails.")] = None,
    directory: Directory = None,
    json: Json = False,
) -> None:
    """Start Kafka in the background and wait until it is ready.

    What it stores survives `stop`.  The first start fetches 46 jars (45 MB) and checks each by its hash.

    Example: concordat kafka start --nodes 3 --directory /tmp/trial
    """
    settings = _settings(directory)
    with Progress(
        TextColumn("fetching Apache Kafka"),
        BarColumn(),
        MofNCompleteColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    ) as progress:
        task = progress.add_task("jars", total=None, visible=False)
        jars(
            settings.cache_directory,
            settings.maven_repository,
            lambda done, total: progress.update(task, completed=done, total=total, visible=True),
        )
    place = kafka_directory(settings)
    background.start(place, nodes or held_nodes(place) or 1, settings.cache_directory, settings.maven_repository)
    _show(background.status(place), json=json)


@app.command()
def stop(*, directory: Directory = None, json: Json = False) -> None:
    """Stop the Kafka that `start` started; its data stays.

    Example: concordat kafka stop
    """
    stopped = background.stop(kafka_directory(_settings(directory)))
    emit({"stopped": stopped}, json=json, table="stopped" if stopped else "no local Kafka was running")


@app.command()
def status(*, directory: Directory = None, json: Json = False) -> None:
    """Show the local Kafka; exit status 1 when none runs.

    Example: concordat kafka status --json
    """
    found = background.status(kafka_directory(_settings(directory)))
    _show(found, json=json)
    if not found.running:
        raise typer.Exit(1)


def _settings(directory: Path | None) -> Settings:
    settings = load()
    return settings if directory is None else settings.model_copy(update={"directory": directory})


def _show(found: background.Status, *, json: bool) -> None:
    state = "running" if found.bootstrap_servers else "starting" if found.running else "not running"
    rows = [
        ("state", state),
        ("bootstrap servers", found.bootstrap_servers),
        ("nodes", found.nodes),
        ("process", found.process),
        ("directory", found.directory),
        ("log", "\n".join(found.logs)),
    ]
    emit(asdict(found), json=json, table=table("local Kafka", ["property", "value"], rows))
