"""Two agreements compared clause by clause."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agreements.clauses import Path, spelled
from agreements.model import Agreement
from agreements.text import document


def changes(first: Agreement, second: Agreement) -> list[tuple[str, str | None, str | None]]:
    """(clause path, text before, text after) for every clause that differs; None where it is absent.

    Shares are compared by identifier and parties by organisation, wherever they stand.
    """
    before, after = dict(_flat(document(first), ())), dict(_flat(document(second), ()))
    paths = [*before, *(path for path in after if path not in before)]
    return [(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)]


def _flat(value: Any, path: Path) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _flat(member, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            name = item.get("id") or item.get("organisation")
            yield from ((f"{spelled(path)}[{name}].{inner}", text) for inner, text in _flat(item, ()))
    elif isinstance(value, list):
        yield spelled(path), ", ".join(map(str, value))
    else:
        yield spelled(path), "true" if value is True else "false" if value is False else str(value)
