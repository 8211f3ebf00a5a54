"""`concordat key`: private key files for signatories, organisations, workers, and encrypted fields."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broker.cli.output import Json, emit
from broker.register.keyfiles import new_key, public_key

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)

File = Annotated[Path, typer.Argument(help="The private key file (PEM, mode 0600).")]


@app.command()
def new(
    file: File,
    *,
    encryption: Annotated[bool, typer.Option(help="An X25519 key, to receive encrypted fields with.")] = False,
    json: Json = False,
) -> None:
    """Make a private key at random and print its public key.  A file that exists is never written over.

    Example: concordat key new keys/jane-doe.key
    """
    public = new_key(file, encryption=encryption)
    kind = "x25519" if encryption else "ed25519"
    emit({"file": str(file), "kind": kind, "public_key": public}, json=json, table=public)


@app.command()
def show(file: File, *, json: Json = False) -> None:
    """Print the public key that belongs to a private key file.

    Example: concordat key show keys/jane-doe.key
    """
    kind, public = public_key(file)
    emit({"file": str(file), "kind": kind, "public_key": public}, json=json, table=public)
