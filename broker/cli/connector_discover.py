"""`concordat connector discover`: draft contracts of what a store holds, for its owner to finish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broker.cli.output import Json, emit, errors, write
from broker.intake.codes import DRAFT_NOT_WRITTEN
from broker.intake.configuration import load as load_configuration
from contracts.faults import Unavailable
from contracts.odcs import read

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The connector's configuration (YAML).")]
Directory = Annotated[
    Path | None, typer.Option(help="Write one file for each draft here; a file that is there is never replaced.")
]


def discover(config: Config, *, directory: Directory = None, json: Json = False) -> None:
    """Draft a contract (ODCS 3.2) for each table of the store: types, keys and lineage; tags are only proposed.

    Proposals come from the names of columns alone.  `contract check` refuses a draft until its owner has put
    a value of his own in the place of every `proposed:`.  `datasets: []` will do in the configuration.

    Example: concordat connector discover borders.yaml --directory drafts
    """
    configuration = load_configuration(config)
    found = [
        (str(read(text).value.get("id", "draft")), text)
        for text in configuration.connector(configuration.name, configuration.options, ()).discover()
    ]
    if directory is not None:
        _write(directory, found)
    if json:
        emit([{"dataset": dataset, "text": text} for dataset, text in found], json=True)
    elif directory is None:
        write("---\n".join(text for _, text in found))
    errors.print(f"{len(found)} drafts. Every `proposed:` waits for its owner; then: concordat contract check FILE")


def _write(directory: Path, found: list[tuple[str, str]]) -> None:
    for dataset, text in found:
        path = directory / f"{dataset}.contract.yaml"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise Unavailable(DRAFT_NOT_WRITTEN.fault(f"{path}: {error.strerror}")) from error
