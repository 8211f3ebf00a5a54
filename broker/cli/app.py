"""The `concordat` command: nouns and verbs, each imported only when it is used.

A noun lives in `broker/cli/<noun>.py` and exposes `app`, a `typer.Typer`; a verb without a noun exposes `command`, a
function.  A `Failure` that reaches this module ends the process with its exit status, its faults printed.
"""

from __future__ import annotations

import importlib
import sys

import typer
from typer.core import TyperGroup
from typer.main import get_command

from broker.cli.output import print_faults
from contracts.faults import Failure

NOUNS = {
    "kafka": "a real Apache Kafka on this machine",
    "party": "organisations, their keys and signatories",
    "key": "Ed25519 keys for signatories and workers",
    "contract": "data contracts",
    "agreement": "data-sharing agreements",
    "connector": "connectors to authoritative stores",
    "quarantine": "records that broke their contract",
    "audit": "the log of every decision",
    "provision": "topics, users and access rules on Kafka",
}
VERBS = {
    "demo": "the main job on embedded servers and real input",
    "up": "embedded Kafka and the broker's processes for your own stores",
    "doctor": "what is here, what is missing, what to do",
    "init": "make a new register: the operator's key and the first act",
    "enforce": "a worker: contract, agreement, policy, delivery, audit",
    "consume": "what a department receives",
    "serve": "schema registry, metrics and health over HTTP",
    "explain": "what an error code means and what to do",
}


class _Lazy(TyperGroup):
    """Lists every noun and verb, and imports one only when it is called."""

    def list_commands(self, ctx: object) -> list[str]:
        del ctx
        return [*VERBS, *NOUNS]

    def get_command(self, ctx: object, name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
        """The command `name`, made from its module."""
        del ctx
        if name not in NOUNS and name not in VERBS:
            return None
        module = importlib.import_module(f"broker.cli.{name}")
        if name in NOUNS:
            return get_command(module.app)
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name)(module.command)
        return get_command(single)


app = typer.Typer(cls=_Lazy, no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)


@app.callback()
def _root() -> None:
    """Concordat, a data-sharing broker."""


def main() -> None:
    """Run the command; a `Failure` becomes printed faults and its exit status."""
    try:
        app()
    except Failure as failure:
        print_faults(failure.faults, json="--json" in sys.argv)
        sys.exit(failure.exit_status)
