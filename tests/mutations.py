"""Random mutations of a connector's source, at the level of its syntax tree; the same for the same seed."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator


def mutants(source: str, seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Sources that differ from `source` in one place of a method, each with a line that says what."""
    places = list(_places(ast.parse(source)))
    for place in sorted(random.Random(seed).sample(range(len(places)), min(count, len(places)))):
        tree = ast.parse(source)
        what, mutate = list(_places(tree))[place]
        mutate()
        yield what, ast.unparse(ast.fix_missing_locations(tree))


_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_PATH = {
    "open",
    "poll",
    "answer",
    "restore",
    "state",
    "read",
    "_change",
    "_changes",
    "change",
    "_derived",
    "_rows",
    "_delete",
}
"""The methods through which changes go; a mutation elsewhere is the business of other tests."""
_NO_PROMISE = ("sleep(", "close()")
"""What may be left out without breaking a promise: pauses, and releasing what the end of the process releases."""


def _places(tree: ast.Module) -> Iterator[tuple[str, Callable[[], None]]]:
    """Every place that can be mutated, in the order of the source."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name in _PATH:
            for node in ast.walk(function):
                yield from _of(node, function.name)


def _of(node: ast.AST, where: str) -> Iterator[tuple[str, Callable[[], None]]]:
    at = f"{where}:{getattr(node, 'lineno', 0)}"
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        other = _COMPARISONS[type(node.ops[0])]
        yield f"{at} {type(node.ops[0]).__name__} -> {other.__name__}", lambda: node.ops.__setitem__(0, other())
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield f"{at} {node.value} -> {node.value + 1}", lambda: setattr(node, "value", node.value + 1)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        other = ast.Sub if isinstance(node.op, ast.Add) else ast.Add
        yield f"{at} {type(node.op).__name__} -> {other.__name__}", lambda: setattr(node, "op", other())
    elif isinstance(node, ast.IfExp):
        yield f"{at} branches swapped", lambda: _swap(node)
    elif isinstance(node, ast.Assign | ast.AugAssign | ast.Expr) and not _is_nothing(node):
        yield f"{at} without `{ast.unparse(node)[:60]}`", lambda: _become_nothing(node)


def _swap(node: ast.IfExp) -> None:
    node.body, node.orelse = node.orelse, node.body


def _is_nothing(node: ast.AST) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or any(part in ast.unparse(node) for part in _NO_PROMISE)


def _become_nothing(node: ast.AST) -> None:
    node.__class__ = ast.Pass
