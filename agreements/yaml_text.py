"""Writing plain values as YAML in one way only: block style, two spaces, quotes only where they are needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from agreements.nodes import is_ambiguous

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9 _./@()=+-]*")
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def write(document: dict[str, Any]) -> str:
    """The document's text; raises `TypeError` for a value that is not a mapping, list, text, integer, boolean or date."""
    return "".join(f"{line}\n" for line in _mapping(document))


def _mapping(value: dict[str, Any]) -> Iterator[str]:
    for key, member in value.items():
        yield from _entry(f"{_text(key)}:", member, indent="  ")


def _entry(head: str, member: Any, indent: str) -> Iterator[str]:
    """`head` with its member behind it, or below it where the member is a mapping or a list."""
    if isinstance(member, dict) and member:
        yield head
        yield from (indent + line for line in _mapping(member))
    elif isinstance(member, list) and member:
        yield head
        yield from (indent + line for line in _sequence(member))
    else:
        yield f"{head} {_scalar(member)}"


def _sequence(items: list[Any]) -> Iterator[str]:
    for item in items:
        if isinstance(item, dict) and item:
            for number, line in enumerate(_mapping(item)):
                yield ("  " if number else "- ") + line
        else:
            yield f"- {_scalar(item)}"


def _scalar(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _text(value)
        case date():
            return value.isoformat()
        case _:
            raise TypeError(f"{type(value).__name__} has no spelling")


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and not value.endswith(" ") and not is_ambiguous(value):
        return value
    return _UNPRINTABLE.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    return f"\\U{ord(found[0]):08X}"
