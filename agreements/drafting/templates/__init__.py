"""Agreements to start from, one for each common case, with guidance for every clause from the model's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from pydantic import BaseModel

from agreements.drafting.reference import clause_in, hints, meaning
from agreements.model import Agreement
from agreements.nodes import read_tree

TEMPLATES: Mapping[str, str] = MappingProxyType(
    {
        "dsa": "a data-sharing agreement between two organisations",
        "dsa-under-umbrella": "the same, under an umbrella that it can only narrow",
        "umbrella-mou": "terms for many agreements",
        "mou": "terms between two organisations, under which nothing is delivered by itself",
        "exceptional": "a disclosure because somebody is in danger, for some days",
    }
)
"""Name to what it is for."""
_HEAD = "# Change every value.  `concordat agreement check FILE` names what is missing; docs/formats/agreement.md explains each key.\n"


def template(name: str, *, guidance: bool = True) -> str:
    """The text of a template, with a comment above each clause that says what it is, or without."""
    text = (files(__name__) / f"{name}.yaml").read_text(encoding="utf-8")
    return _HEAD + (with_guidance(text) if guidance else text)


def with_guidance(text: str) -> str:
    """An agreement's text with the meaning of each key as a comment above it; what stands there already is kept."""
    lines = text.splitlines(keepends=True)
    said: dict[int, str] = {}
    for path, (line, _) in read_tree(text).keys.items():
        words = _meaning(path)
        if words and (line < 2 or not lines[line - 2].lstrip().startswith("#")):
            before = lines[line - 1]
            said.setdefault(line, f"{before[: len(before) - len(before.lstrip(' '))]}# {words}\n")
    return "".join(said.get(number, "") + line for number, line in enumerate(lines, 1))


def meaning_of(clause: str) -> str:
    """What the key that a clause path names means (`shares[0].rows`)."""
    return _meaning(tuple(part for part in re.split(r"[.\[\]]+", clause) if part and not part.isdigit()))


def _meaning(path: tuple[int | str, ...]) -> str:
    """What the key at `path` means; nothing for a key that is a name of somebody's own."""
    model: type[BaseModel] | None = Agreement
    words = ""
    for part in path:
        if isinstance(part, int):
            continue
        if model is None or part not in model.model_fields:
            return ""
        words = meaning(model, part)
        model = clause_in(hints(model)[part])[0]
    return words
