"""Writes `docs/connectors.md`, the reference of every shipped connector's options, from the options' models."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connectors import shipped

_PATH = Path(__file__).parents[1] / "docs" / "connectors.md"


def page() -> str:
    """The text of the page."""
    lines = [
        "# Connectors and their options",
        "",
        "Made from the code: `python -m connectors.reference`. An option that is not named here is refused. How a configuration",
        "looks as a whole: [add a PostgreSQL connector](guides/add-a-postgresql-connector.md); how to write a connector of your",
        "own: [write a connector](guides/write-a-connector.md).",
    ]
    for listed in shipped.available():
        model = shipped.find(listed.name).options_model
        lines += [
            "",
            f"## {listed.name}",
            "",
            f"{listed.description[:1].upper()}{listed.description[1:]}. `{listed.path}`.",
        ]
        lines += ["", "| option | type | default | meaning |", "|---|---|---|---|"]
        lines += _rows(model)
    return "\n".join(lines) + "\n"


def _rows(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The options of a model, those of an option that has options of its own under its name."""
    for name, field in model.model_fields.items():
        yield _row(prefix + name, field)
        for inner in _models(field.annotation):
            yield from _rows(inner, f"{prefix}{name}.")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for one in (annotation, *typing.get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield one


def _row(name: str, field: FieldInfo) -> str:
    meaning = " ".join((field.description or "").split())
    return (
        "| "
        + " | ".join(cell.replace("|", "\\|") for cell in (f"`{name}`", _type(field), _default(field), meaning))
        + " |"
    )


def _type(field: FieldInfo) -> str:
    """The type in words, with its bounds."""
    bounds = [
        f"{words} {getattr(rule, attribute)}"
        for rule in field.metadata
        for attribute, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than"))
        if getattr(rule, attribute, None) is not None
    ]
    return ", ".join([*dict.fromkeys(_names(field.annotation)), *bounds])


def _names(annotation: Any) -> Iterator[str]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        for argument in arguments:
            yield from _names(argument)
    elif origin is typing.Annotated:
        yield from _names(arguments[0])
    elif origin is typing.Literal:
        yield " or ".join(f"`{argument}`" for argument in arguments)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield " or ".join(f"`{member.value}`" for member in annotation)
    elif origin is not None:
        yield _NAMES.get(origin, "mapping")
    elif annotation is not type(None):
        yield _NAMES.get(annotation, "mapping")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(required)"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or value in ({}, [], ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else getattr(value, 'value', value)}`"


_NAMES: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    Path: "path",
    dict: "mapping",
    list: "list",
    tuple: "list",
    frozenset: "list",
}


if __name__ == "__main__":
    _PATH.write_text(page(), encoding="utf-8")
