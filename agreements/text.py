"""The strict YAML form of an agreement: `parse(render(x)) == x`, one spelling per value, every fault with its place.

    text --parse--> Agreement --render--> the one text
                        `------canonical--> RFC 8785 bytes --sha256--> content hash

`parse` checks the form; `check` checks the meaning as well (`agreements.checks`).  Both report all faults of a document
at once.  The page of the format is `docs/formats/agreement.md`.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from difflib import get_close_matches
from enum import Enum
from typing import Any, get_args

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agreements.checks import problems
from agreements.clauses import Path, spelled
from agreements.codes import MISSING_KEY, UNKNOWN_KEY, WRONG_TYPE, WRONG_VALUE
from agreements.durations import Duration, spell
from agreements.model import Agreement
from agreements.nodes import Tree, read_tree
from agreements.treatments import Treatment
from agreements.yaml_text import write
from contracts.faults import Fault, Faults

_HEADER = "concordat"


def parse(text: str, file: str | None = None) -> Agreement | Faults:
    """The agreement that `text` says, or every fault of its form."""
    read = _read(text, file)
    return read if isinstance(read, Faults) else read[0]


def check(text: str, file: str | None = None) -> Agreement | Faults:
    """As `parse`, and every fault of meaning that can be seen without a contract or the register."""
    read = _read(text, file)
    if isinstance(read, Faults):
        return read
    agreement, tree = read
    found = [tree.fault(problem.code, problem.path, problem.message) for problem in problems(agreement)]
    return _located(found, file) if found else agreement


def places(text: str) -> dict[str, tuple[int, int]]:
    """Clause path (`shares[0].rows`) to the line and column, from 1, where its value stands in a text.

    For a row filter it is where the expression itself begins: behind the quote, or in the first line of a block.
    """
    lines = text.split("\n")
    return {
        spelled(path): _beginning(lines, *place) if path[-1:] == ("rows",) else place
        for path, place in read_tree(text).values.items()
    }


def _beginning(lines: list[str], line: int, column: int) -> tuple[int, int]:
    style = lines[line - 1][column - 1 : column]
    if style in ("'", '"'):
        return line, column + 1
    if style not in ("|", ">"):
        return line, column
    indented = next((one for one in lines[line:] if one.strip()), "")
    return line + 1, len(indented) - len(indented.lstrip(" ")) + 1


def lines(text: str) -> dict[str, int]:
    """Clause path to the line, from 1, on which a text names it: its key, or where an item of a list begins."""
    tree = read_tree(text)
    return {spelled(path): place[0] for path, place in {**tree.values, **tree.keys}.items()}


def render(agreement: Agreement) -> str:
    """The one text of an agreement: block style, model order, defaults written out, absent clauses absent."""
    return write(document(agreement))


def canonical(agreement: Agreement) -> bytes:
    """The bytes that are hashed: RFC 8785 of the same document (ASCII keys, integers within 2^53, no floats)."""
    return msgspec.json.encode(document(agreement), order="sorted")


def content_hash(agreement: Agreement) -> str:
    """The agreement's identity: `sha256:<hex>` of its canonical bytes."""
    return "sha256:" + hashlib.sha256(canonical(agreement)).hexdigest()


def from_canonical(data: bytes) -> Agreement:
    """The agreement in canonical bytes; raises `ValueError` if they are not exactly those that `canonical` gives."""
    agreement = Agreement.model_validate_json(data)
    if canonical(agreement) != data:
        raise ValueError("not the canonical form")
    return agreement


def document(agreement: Agreement) -> dict[str, Any]:
    """The agreement as plain mappings, lists, text, integers, booleans and dates, in the order of the model."""
    plain = _plain(agreement)
    if not isinstance(plain, dict):
        raise TypeError("an agreement is a mapping")
    return plain


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one line per type
    match value:
        case Treatment():
            return value.short_form()
        case BaseModel():
            members = ((name, _plain(getattr(value, name))) for name in type(value).model_fields)
            return {name: member for name, member in members if member not in (None, [], {})}
        case tuple():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(value[key]) for key in sorted(value)}
        case Enum():
            return value.value
        case timedelta():
            return spell(value)
        case Duration():
            return str(value)
        case _:
            return value


def _read(text: str, file: str | None) -> tuple[Agreement, Tree] | Faults:
    tree = read_tree(text)
    found = list(tree.faults)
    if isinstance(tree.value, dict):
        if _HEADER not in tree.value:
            found.append(tree.fault(MISSING_KEY, (), "`concordat: agreement/1` is not there"))
        try:
            agreement = Agreement.model_validate(tree.value)
        except ValidationError as errors:
            found += _faults_of_form(errors, tree)
        else:
            if not found:
                return agreement, tree
    elif not found:
        found.append(tree.fault(WRONG_TYPE, (), "an agreement is a mapping of clauses"))
    return _located(found, file)


def _located(found: list[Fault], file: str | None) -> Faults:
    ordered = sorted(found, key=lambda fault: (fault.line or 0, fault.column or 0))
    faults = Faults(tuple(ordered))
    return faults if file is None else faults.in_file(file)


def _faults_of_form(errors: ValidationError, tree: Tree) -> list[Fault]:
    found: dict[Path, Fault] = {}
    details = errors.errors(include_url=False, include_context=False)
    for error in details:
        path = _path_in(tree, error["loc"])
        if path not in tree.faulty and not _follows(error, details):
            found.setdefault(tuple(error["loc"]), _fault_of_form(error, path, tree))
    return list(found.values())


def _follows(error: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether a list seems too short only because items of it are faulty themselves."""
    length = len(error["loc"])
    return error["type"] == "too_short" and any(
        len(other["loc"]) > length and other["loc"][:length] == error["loc"] for other in details
    )


def _path_in(tree: Tree, location: tuple[int | str, ...]) -> Path:
    """The longest beginning of `location` that stands in the text; the rest are the checker's own names."""
    path: Path = location
    while path and path not in tree.values:
        path = path[:-1]
    return path


def _fault_of_form(error: ErrorDetails, path: Path, tree: Tree) -> Fault:
    location, kind, given = error["loc"], error["type"], error["input"]
    where, said = spelled(location), error["msg"].removeprefix("Value error, ")
    said = said.replace("Tuple", "List").replace("tuple", "list")
    if kind == "extra_forbidden":
        close = get_close_matches(str(location[-1]), _keys_at(location[:-1]), n=1, cutoff=0.6)
        hint = f"; did you mean `{close[0]}`?" if close else ""
        return tree.fault(UNKNOWN_KEY, path, f"`{where}` is not a clause{hint}", key=True)
    if kind == "missing":
        return tree.fault(MISSING_KEY, path, f"`{where}` is not there")
    if kind.endswith(("_type", "_instance_of")) or kind == "date_from_datetime_inexact":
        hint = ""
        if isinstance(given, date | int) and kind == "string_type":
            hint = "; quote it"
        elif isinstance(given, str) and kind in ("int_type", "bool_type", "date_type"):
            hint = "; write it without quotes" if kind != "date_type" else "; write YYYY-MM-DD without quotes"
        return tree.fault(WRONG_TYPE, path, f"`{where}`: {said}, found {_name(given)}{hint}")
    return tree.fault(WRONG_VALUE, path, f"`{where}`: {said}", key=location[-1:] == ("[key]",))


def _name(given: Any) -> str:
    names = {bool: "true or false", int: "a number", str: "text", date: "a date", dict: "a mapping", tuple: "a list"}
    return names.get(type(given), "something else")


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    """The keys that the clause at `location` may have."""
    clause: type[BaseModel] | None = Agreement
    for part in location:
        if isinstance(part, str):
            field = clause.model_fields.get(part) if clause is not None else None
            clause = _clause_in(field.annotation) if field is not None else None
    return list(clause.model_fields) if clause is not None else []


def _clause_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _clause_in(argument)) is not None), None)
