"""What the verbs that act on the register share: who acts, on which cluster, and the files they name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agreements.mutable import OPERATOR
from agreements.signing import Signer
from broker.cluster import principals
from broker.cluster.client import Connection
from broker.cluster.connect import connection
from broker.register.append import Appended
from broker.register.codes import TEXT_FILE
from broker.register.keyfiles import signing_key
from broker.settings import Settings, load
from contracts.faults import Unavailable, Unusable

As = Annotated[str, typer.Option("--as", help="The signatory who acts, by identifier.")]
Key = Annotated[Path, typer.Option("--key", help="The file of the private key that signs the act.")]
OperatorKey = Annotated[
    Path | None,
    typer.Option("--key", help="The operator's key file.  Default: keys/operator.key in the state directory."),
]


def cluster(settings: Settings | None = None) -> Connection:
    """The cluster, as the operator's principal."""
    return connection(settings or load(), principals.OPERATOR)


def operator_key_path(settings: Settings) -> Path:
    """Where `concordat init` keeps the operator's key."""
    return settings.directory / "keys" / "operator.key"


def operator(key: Path | None) -> Signer:
    """The operator, with the key in a file."""
    return Signer(OPERATOR, signing_key(key or operator_key_path(load())))


def signatory(identifier: str, key: Path) -> Signer:
    """Who acts: a signatory by identifier; `operator` and `party/<organisation>` act under their own names."""
    own_name = identifier == OPERATOR or identifier.startswith("party/")
    return Signer(identifier if own_name else f"signatory/{identifier}", signing_key(key))


def text_of(file: Path) -> str:
    """A file's text, to the byte; raises `Unavailable`, or `Unusable` where it is not UTF-8."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Unavailable(TEXT_FILE.fault(f"{file}: {error.strerror}")) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        fault = TEXT_FILE.fault(f"byte {error.start} is not UTF-8", line=line, column=column)
        raise Unusable(fault.in_file(str(file))) from error


def said(appended: Appended, **facts: object) -> dict[str, object]:
    """The document that an act's verb prints: the facts, and where the act stands in the register."""
    return {**facts, "position": appended.positions[-1], "fingerprint": appended.snapshot.fingerprint}
