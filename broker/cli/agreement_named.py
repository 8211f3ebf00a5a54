"""Agreements as people name them on the command line: a file, a reference, or a reference with a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from agreements import text
from agreements.model import Agreement
from broker.cli.acting import cluster, text_of
from broker.register.codes import NO_SUCH
from broker.register.follow import read_snapshot
from contracts.faults import Faults, Refused, Unusable

Wanted = Annotated[
    str,
    typer.Argument(
        metavar="FILE|REF", help="An agreement's text, or a reference in the register (REF@2: its version 2)."
    ),
]


class Named(NamedTuple):
    """An agreement and its text, as it stands in the file or as it is rendered."""

    agreement: Agreement
    document: str


def named(wanted: str) -> Named:
    """The agreement in a file of that name, else the one of that reference in the register (the newest, or the version asked for).

    Raises `Unusable` for a file with faults of form, `Refused` where there is neither.
    """
    file = Path(wanted)
    if file.exists():
        document = text_of(file)
        found = text.parse(document, wanted)
        if isinstance(found, Faults):
            raise Unusable(*found.items)
        return Named(found, document)
    reference, _, version = wanted.partition("@")
    entries = read_snapshot(cluster()).agreements.get(reference, ())
    entry = next((e for e in reversed(entries) if version in ("", str(e.agreement.version))), None)
    if entry is None:
        raise Refused(NO_SUCH.fault(f"a file or an agreement {wanted}"))
    return Named(entry.document, text.render(entry.document))
