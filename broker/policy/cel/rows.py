"""How a row filter reads a row: null is absent, and an unavailable value is an error whatever is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from broker.policy.cel import syntax, values
from broker.policy.cel.syntax import Node
from broker.policy.cel.values import ABSENT, NO_OVERLOAD, UNAVAILABLE

Run = Callable[[Mapping[str, Any], Collection[str]], Any]
"""A compiled node: takes the row and the unavailable paths."""


def static_path(node: Node) -> tuple[str, ...] | None:
    """The path of a chain of selections from a field of the row."""
    if isinstance(node, syntax.Name):
        return (node.name,)
    if isinstance(node, syntax.Select):
        path = static_path(node.operand)
        return None if path is None else (*path, node.field)
    return None


def _touched(path: str) -> Callable[[Collection[str]], bool]:
    """Whether `path` is unavailable, or holds something that is, or lies in something that is."""
    below = path + "."
    return lambda unavailable: any(
        path == other or other.startswith(below) or path.startswith(other + ".") for other in unavailable
    )


def path_value(path: tuple[str, ...]) -> Run:
    """What reads a path; an error where the value is absent or unavailable."""
    touched = _touched(".".join(path))

    def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
        if unavailable and touched(unavailable):
            return UNAVAILABLE
        value: Any = row
        for name in path:
            if not isinstance(value, dict):
                return NO_OVERLOAD
            value = value.get(name)
            if value is None:
                return ABSENT
        return values.of_python(value)

    return run


def path_exists(path: tuple[str, ...]) -> Run:
    """What tells whether a path holds a value; an error where it is unavailable or a record above it is absent."""
    touched, parents, last = _touched(".".join(path)), path[:-1], path[-1]

    def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
        if unavailable and touched(unavailable):
            return UNAVAILABLE
        value: Any = row
        for name in parents:
            value = value.get(name)
            if value is None:
                return ABSENT
            if not isinstance(value, dict):
                return NO_OVERLOAD
        return value.get(last) is not None

    return run
