"""`concordat connector signal`: ask a connector to read its tables again, to pause, or to go on."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Annotated

import typer

from broker import clock
from broker.cli.output import Json, emit
from broker.cluster import principals
from broker.cluster.connect import connection
from broker.intake.codes import NO_SUCH_CONNECTOR
from broker.intake.positions import every_stored
from broker.intake.signals import Request, send
from broker.settings import load
from contracts.faults import Refused


class Name(StrEnum):
    """What can be asked."""

    SNAPSHOT = "snapshot"
    PAUSE = "pause"
    RESUME = "resume"


def signal(
    name: Annotated[str, typer.Argument(help="The connector's name.")],
    what: Annotated[Name, typer.Argument(metavar="SIGNAL", help="snapshot, pause or resume.")],
    *,
    table: Annotated[str | None, typer.Option(help="snapshot: this dataset or table alone.")] = None,
    identifier: Annotated[
        str | None, typer.Option(help="A signal sent twice under one identifier is done once.")
    ] = None,
    json: Json = False,
) -> None:
    """Ask a connector to read its tables again, to pause, or to go on; it may also be down now and will do it when started.

    Rows that are read again come as `r` between the changes of the stream, which goes on meanwhile.

    Example: concordat connector signal borders snapshot --table travellers
    """
    cluster = connection(load(), principals.OPERATOR)
    if name not in {stored.connector for stored in every_stored(cluster)}:
        raise Refused(NO_SUCH_CONNECTOR.fault(name))
    arguments = {} if table is None else {"table": table}
    request = Request(identifier or secrets.token_hex(8), what.value, arguments, clock.now_ms())
    send(cluster, name, request)
    document = {"connector": name, "signal": what.value, "identifier": request.identifier, "arguments": arguments}
    emit(document, json=json, table=f"{name}: {what.value} sent as {request.identifier}.")
