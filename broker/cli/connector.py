"""`concordat connector`: check a store, run its connector, see which there are and how far they are."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from broker import clock
from broker.cli.connector_author import conformance, new
from broker.cli.connector_discover import discover
from broker.cli.connector_signal import signal as send_signal
from broker.cli.connector_status import STATUS, shown, status_rows
from broker.cli.connector_try import command as try_
from broker.cli.output import Json, emit, errors, table
from broker.cluster import principals
from broker.cluster.connect import connection
from broker.delivery.quarantine import KeySealer
from broker.intake.configuration import load as load_configuration
from broker.intake.positions import every_stored
from broker.intake.runtime import Intake
from broker.intake.targets import entries
from broker.keys import installed
from broker.observe import configure, logger, serve_metrics
from broker.register.follow import read_snapshot
from broker.settings import Settings, load
from connectors import shipped
from contracts.faults import Unavailable

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Connectors to authoritative stores.")

app.command()(discover)
app.command("signal")(send_signal)
app.command()(new)
app.command("try")(try_)
app.command()(conformance)

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The connector's configuration (YAML).")]


@app.command()
def check(config: Config, *, json: Json = False) -> None:
    """Whether the store can be read as configured: reachable, permitted, set up, and as its contracts say.

    What is missing is printed as the exact statements that mend it.  Exit status 4 for a fault of the environment.

    Example: concordat connector check borders.yaml
    """
    configuration = load_configuration(config)
    snapshot = read_snapshot(connection(load(), principals.connector(configuration.name)))
    contracts = [entry.contract for entry in entries(configuration, snapshot).values()]
    report = configuration.connector(configuration.name, configuration.options, contracts).check()
    if not json:
        for fault in report.advice:
            errors.print(f"advice: {fault}", markup=False)
    if not report.passed:
        if report.remedies and not json:
            typer.echo("These statements would mend it:\n")
            typer.echo("\n".join(report.remedies) + "\n")
        elif json:
            faults = [{**fault.document(), "remedies": list(report.remedies)} for fault in report.faults]
            emit(faults, json=True)
            raise typer.Exit(Unavailable.exit_status)
        raise Unavailable(*report.faults)
    datasets = ", ".join(configuration.datasets)
    document = {
        "connector": configuration.name,
        "datasets": list(configuration.datasets),
        "faults": [],
        "advice": [fault.document() for fault in report.advice],
    }
    emit(document, json=json, table=f"{configuration.name}: {datasets} can be read.")


@app.command()
def run(config: Config) -> None:
    """Carry every change of the store to its source topics, exactly once, until stopped (SIGTERM or Ctrl-C).

    Example: concordat connector run borders.yaml
    """
    settings = load()
    configure(settings.log_level)
    configuration = load_configuration(config)
    cluster = connection(settings, principals.connector(configuration.name))
    log = logger("intake")
    intake = Intake(cluster, configuration, read_snapshot(cluster), _sealer(settings), log)
    serve_metrics(settings)
    with _stop_on_signals() as stopping:
        intake.run(stopping)
    log.info("connector stopped", connector=configuration.name)


@app.command("list")
def list_(*, json: Json = False) -> None:
    """The connectors that are here: those shipped, and those that installed packages announce.

    Example: concordat connector list
    """
    found = shipped.available()
    document = [{"name": one.name, "class": one.path, "description": one.description} for one in found]
    emit(document, json=json, table=table("Connectors", ("name", "class", "description"), found))


@app.command()
def status(*, json: Json = False) -> None:
    """How far each connector is, by dataset, and what is wrong with its store; never its position's text.

    `changes` written so far, when it last wrote, how old its newest change was then (0: it had caught up), what its store
    had logged beyond that, and the codes of alarms that stood (docs/errors.md explains them).

    Example: concordat connector status
    """
    newest = {stored.connector: stored for stored in every_stored(connection(load(), principals.OPERATOR))}
    now_ms = clock.now_ms()
    found = [one for stored in newest.values() for one in status_rows(stored, now_ms)]
    emit(found, json=json, table=table("Connectors", STATUS, [[shown(one[name]) for name in STATUS] for one in found]))


def _sealer(settings: Settings) -> KeySealer:
    return KeySealer(installed(settings))


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    yield stopping
