"""`concordat init`: a new register."""

from __future__ import annotations

import time

from agreements.signing import Signer
from broker import clock
from broker.cli.acting import cluster, operator_key_path, said
from broker.cli.output import Json, emit
from broker.cluster.admin import Admin
from broker.cluster.client import Abortable, Connection
from broker.cluster.connect import connection as administrator
from broker.cluster.provision import make_base_topics
from broker.cluster.reader import Reader
from broker.register import commands
from broker.register.keyfiles import new_key, signing_key
from broker.settings import load
from contracts import topics
from contracts.faults import Unavailable

_READY_SECONDS = 20.0
_READY_POLL_SECONDS = 0.1


def command(*, json: Json = False) -> None:
    """Make the broker's own topics, the operator's key and the register's first act.

    The key is kept in keys/operator.key in the state directory (mode 0600); a key that is there already is used.
    Who holds it enrols organisations and workers: keep a copy where this machine's loss does not reach.

    Example: concordat init
    """
    settings = load()
    place = operator_key_path(settings)
    connection = cluster(settings)
    make_base_topics(
        Admin(administrator(settings)), settings
    )  # the operator itself may only read and write the register
    _await_register(connection)
    if not place.exists():
        new_key(place)
    operator = Signer("operator", signing_key(place))
    appended = commands.initialise(connection, operator)
    document = said(appended, operator_key=operator.public_key, key_file=str(place))
    emit(document, json=json, table=f"the register is initialised\noperator key {operator.public_key}\nkept in {place}")


def _await_register(connection: Connection) -> None:
    """Wait until the new register answers: a topic that has just been made has no leader for a moment."""
    until = clock.monotonic_seconds() + _READY_SECONDS
    with Reader(connection) as reader:
        while True:
            try:
                reader.bounds(topics.REGISTER, 0)
            except (Unavailable, Abortable):
                if clock.monotonic_seconds() > until:
                    raise
                time.sleep(_READY_POLL_SECONDS)
            else:
                return
