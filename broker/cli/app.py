"""The `concordat` command: nouns and verbs, each imported only when it is used.

A noun lives in `broker/cli/<noun>.py` and exposes `app`, a `typer.Typer`; a verb without a noun exposes `command`, a
function.  Whatever ends a command reaches `main`, which alone decides the exit status and prints a line with a stable code.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from broker.cli.output import print_faults
from broker.cli.unexpected import as_fault
from broker.codes import USAGE
from contracts.faults import Failure, Fault, Unusable

NOUNS = {
    "kafka": "A real Apache Kafka on this machine.",
    "party": "Organisations, their keys and signatories.",
    "key": "Ed25519 keys for signatories and workers.",
    "contract": "Data contracts.",
    "agreement": "Data-sharing agreements.",
    "connector": "Connectors to authoritative stores.",
    "quarantine": "Records that broke their contract.",
    "notice": "What recipients are told about records that turned out wrong.",
    "audit": "The log of every decision.",
    "provision": "Topics, users and access rules on Kafka.",
}
VERBS = {
    "demo": "The main job on embedded servers and real input.",
    "up": "Embedded Kafka and the broker's processes for your own stores.",
    "doctor": "What is here, what is missing, what to do.",
    "init": "Make a new register: the operator's key and the first act.",
    "enforce": "A worker: contract, agreement, policy, delivery, audit.",
    "consume": "What a department receives.",
    "serve": "Schema registry, metrics and health over HTTP.",
    "explain": "What an error code means and what to do.",
}
INTERRUPTED = 130
UNEXPECTED_STATUS = 70
"""`EX_SOFTWARE`: a fault of the program, which is none of the documented answers 0 to 4."""


class _Lazy(TyperGroup):
    """Lists every noun and verb without importing it, and imports one only when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs, then the nouns, in the order that people meet them."""
        del ctx
        return [*VERBS, *NOUNS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command `cmd_name`, made from its module; None if there is none of that name."""
        del ctx
        if cmd_name in NOUNS:
            return get_command(importlib.import_module(f"broker.cli.{cmd_name}").app)
        if cmd_name in VERBS:
            return _single(cmd_name, importlib.import_module(f"broker.cli.{cmd_name}").command)
        return None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Print the two tables; nothing is imported for it, so one broken verb does not hide the others."""
        del ctx
        for title, table in (("Verbs", VERBS), ("Nouns", NOUNS)):
            with formatter.section(title):
                formatter.write_dl(list(table.items()))


def _single(name: str, function: Callable[..., None]) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(function)
    return get_command(single)


app = typer.Typer(cls=_Lazy, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Concordat, a data-sharing broker: agreements enforced before delivery, every decision provably logged.

    Every verb has --help with a worked example, and --json, which prints exactly one JSON document on standard output.

    Exit status: 0 done or yes, 1 no, 2 wrong usage, 3 refused, 4 an environment fault.

    Example: concordat doctor
    """


def main() -> NoReturn:
    """Run the command line; ends the process with the exit status of `docs/architecture.md`, section "Exit status"."""
    try:
        status = get_command(app)(prog_name="concordat", standalone_mode=False)
    except Failure as failure:
        _end(failure.exit_status, *failure.faults)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last place where one can become a line with a code
        if _is_usage(error):
            _end_usage(error)
        _end(UNEXPECTED_STATUS, as_fault(error))
    sys.exit(status if isinstance(status, int) else 0)


def _is_usage(error: Exception) -> bool:
    # Typer carries a private copy of click, so its usage errors have no public base class to catch.
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _end_usage(error: Any) -> NoReturn:
    """End with what was wrong in the call, or with the help where a noun was given without a verb."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        sys.exit(Unusable.exit_status)
    context = getattr(error, "ctx", None)
    where = f" (try: {context.command_path} --help)" if context is not None else ""
    _end(Unusable.exit_status, USAGE.fault(error.format_message() + where))


def _end(status: int, *faults: Fault) -> NoReturn:
    print_faults(faults, json="--json" in sys.argv)
    sys.exit(status)
