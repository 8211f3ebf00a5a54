"""What every key of an agreement is, from the model itself: the table in `docs/formats/agreement.md`.

The words are the docstrings of the model's classes and fields.  `python -m agreements` writes the table, and the JSON
Schema (`agreements.drafting.json_schema`) beside it.
"""

from __future__ import annotations

import ast
import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from agreements import durations, shares, terms
from agreements.mechanisms import MECHANISMS
from agreements.model import Agreement

_FORMATS = Path(__file__).parents[2] / "docs" / "formats"
PAGE, SCHEMA = _FORMATS / "agreement.md", _FORMATS / "agreement.schema.json"
BEGIN, END = "<!-- clauses: python -m agreements -->\n", "<!-- end of clauses -->\n"
_FORMS: tuple[tuple[Any, str], ...] = (
    (terms.Text, "text"),
    (terms.Count, "a whole number from 1"),
    (terms.Day, "a day"),
    (terms.Reference, "a reference: capital letters, digits, `-`"),
    (terms.ShareIdentifier, "an identifier: small letters, digits, `-`"),
    (terms.OrganisationIdentifier, "an organisation's identifier"),
    (terms.PurposeIdentifier, "a purpose: identifiers with dots between them"),
    (terms.ContentHash, "`sha256:` and 64 hexadecimal digits"),
    (terms.FieldPath, "a dotted path of the contract"),
    (terms.CaveatReference, "`<caveat>@<version>`"),
    (terms.CountryCode, "a country: two capital letters, ISO 3166-1"),
    (terms.Tag, "a word of the vocabulary, such as `pole:person.contact`"),
    (terms.ClockTime, "a time of day in quotes, `HH:MM`"),
    (terms.WebAddress, "an address that begins with `https://`"),
    (durations.ExactDuration, "a duration in days or shorter"),
    (durations.CalendarDuration, "a duration, also in months and years"),
    (shares.Fields, "path to treatment"),
)


class Key(NamedTuple):
    """One key of the text form."""

    path: str
    """With `[]` for the items of a list: `shares[].id`."""
    form: str
    default: str
    """Empty where the key has to be there; `-` where it may be absent."""
    meaning: str


def every_key() -> tuple[Key, ...]:
    """Every key, in the order of the text."""
    return tuple(_keys(Agreement, ""))


def table() -> str:
    """The keys as a Markdown table."""
    rows = ["| key | value | if absent | meaning | class, and by what it holds |", "|---|---|---|---|---|"]
    for key in every_key():
        cells = (f"`{key.path}`", key.form, key.default, key.meaning, _held_by(key.path))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def page(text: str) -> str:
    """The text of the format's page with its table made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def _keys(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        path, hint = f"{prefix}{name}", hints(model)[name]
        inner, is_list = clause_in(hint)
        yield Key(path, _form(hint), _default(field), meaning(model, name))
        if inner is not None:
            yield from _keys(inner, f"{path}[]." if is_list else f"{path}.")


def _held_by(path: str) -> str:
    """The class of a clause and what makes it hold; nothing for a part of a clause."""
    mechanism = MECHANISMS.get(path.replace("[]", ""))
    return "" if mechanism is None else f"{mechanism.clause_class.value}: {mechanism.sentence}"


def _form(hint: Any) -> str:  # noqa: PLR0911 - one line per kind
    """What may stand there, in words."""
    for known, words in _FORMS:
        if hint == known:
            return words
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _form(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_form(argument) for argument in arguments if argument is not type(None))
    if origin is tuple:
        return f"a list of {_form(arguments[0])}"
    if origin is typing.Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(f"`{member.value}`" for member in hint)
    return {bool: "`true`, `false`", int: "a whole number"}.get(hint, "clauses")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or value == () or isinstance(value, BaseModel):
        return "-"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.value if isinstance(value, Enum) else durations.spell(value) if not isinstance(value, str) else value}`"


def clause_in(hint: Any) -> tuple[type[BaseModel] | None, bool]:
    """The clause model behind an annotation, and whether a list of them stands there."""
    if any(hint == known for known, _ in _FORMS):
        return None, False
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint, False
    found = [clause_in(argument) for argument in get_args(hint)]
    inner = next(((model, is_list) for model, is_list in found if model is not None), (None, False))
    return inner[0], inner[1] or (get_origin(hint) is tuple and inner[0] is not None)


@cache
def hints(model: type[BaseModel]) -> Mapping[str, Any]:
    """Key to its annotation, with what it bounds."""
    return typing.get_type_hints(model, include_extras=True)


def meaning(model: type[BaseModel], name: str) -> str:
    """What a key means: its own docstring, else that of its clause."""
    inner, _ = clause_in(hints(model)[name])
    return words_of(model).get(name) or (summary_of(inner) if inner is not None else "")


@cache
def words_of(model: type[BaseModel]) -> Mapping[str, str]:
    """Key to its docstring: the text that follows it in the class."""
    (definition,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    name = None
    for statement in definition.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif name and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            found[name] = " ".join(str(statement.value.value).split())
            name = None
    return found


def summary_of(model: type[BaseModel]) -> str:
    """The docstring of a clause, on one line."""
    return " ".join((inspect.getdoc(model) or "").split())
