"""A connector's configuration: YAML, one connector per file, read strictly; every fault with its line and column.

    connector: postgresql
    name: borders
    datasets: [travellers, crossings]
    options:
      dsn: host=db.example dbname=borders user=concordat
      password_file: borders.password

`name` is the store's name in the contracts (`concordat.store`).  Secrets are given as paths of files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from agreements.nodes import Tree, read_tree
from broker.intake.codes import CONFIGURATION_WRONG
from connectors.protocol import Connector, Options
from connectors.shipped import find
from contracts.faults import Fault, Faults, Unavailable, Unusable

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,48}")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A connector to run: its class, its name, the datasets it emits and its options."""

    connector: type[Connector]
    name: str
    datasets: tuple[str, ...]
    options: Options
    contracts: tuple[Path, ...] = ()
    """Contract files for `connector try`; what runs takes its contracts from the register."""


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    connector: str
    name: str
    dataset: str | None = None
    datasets: tuple[str, ...] | None = None
    options: dict[str, Any] = {}
    contracts: tuple[Path, ...] = ()

    @model_validator(mode="after")
    def _one_list(self) -> _Text:
        if (self.dataset is None) == (self.datasets is None):
            raise ValueError("give exactly one of `dataset` and `datasets`")
        if not _NAME.fullmatch(self.name):
            raise ValueError("`name` is lower-case letters, digits and -, at most 49")
        return self


def parse(text: str, directory: Path) -> Configuration | Faults:
    """The configuration in a text; relative paths in its options count from `directory`.

    Raises `Unusable` for a connector that is not here.
    """
    tree = read_tree(text, fractions=True)
    if tree.faults:
        return Faults(tuple(tree.faults))
    if not isinstance(tree.value, dict):
        return Faults((CONFIGURATION_WRONG.fault("it is not a mapping", line=1, column=1),))
    try:
        found = _Text.model_validate(tree.value)
    except ValidationError as error:
        return _faults(error, tree, ())
    connector = find(found.connector)
    try:
        options = connector.options_model.model_validate(found.options, context={"directory": directory})
    except ValidationError as error:
        return _faults(error, tree, ("options",))
    datasets = found.datasets if found.datasets is not None else (found.dataset or "",)
    return Configuration(connector, found.name, datasets, options, tuple(directory / one for one in found.contracts))


def load(path: Path) -> Configuration:
    """The configuration in a file; raises `Unusable` with every fault, `Unavailable` when the file cannot be read."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(CONFIGURATION_WRONG.fault(f"{path} cannot be read: {type(error).__name__}")) from error
    found = parse(text, path.absolute().parent)
    if isinstance(found, Faults):
        raise Unusable(*found.in_file(str(path)).items)
    return found


def _faults(error: ValidationError, tree: Tree, prefix: tuple[str, ...]) -> Faults:
    """Pydantic's faults at their places; its messages never repeat the input, which could be a secret."""
    return Faults(tuple(_fault(one, tree, prefix) for one in error.errors(include_input=False, include_url=False)))


def _fault(one: Any, tree: Tree, prefix: tuple[str, ...]) -> Fault:
    path = (*prefix, *one["loc"])
    what = ".".join(str(part) for part in path)
    message = f"{what}: {one['msg']}" if what else str(one["msg"])
    return tree.fault(CONFIGURATION_WRONG, path, message, key=one["type"] == "extra_forbidden")
