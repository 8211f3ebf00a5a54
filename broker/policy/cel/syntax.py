"""The parts of a parsed row filter: a small typed tree in which every node knows where it stands.

`line` and `column` count from 1 within the expression.  `depth` is bounded by the parser, so that everything that
walks the tree may recurse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands, and how deep the tree below it is."""

    line: int
    column: int
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Node:
    """The base of every node."""

    place: Place


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant: int, float, str, bytes, bool or None."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable: in a row filter, a field of the row."""

    name: str


@dataclass(frozen=True, slots=True)
class Select(Node):
    """`operand.field`."""

    operand: Node
    field: str


@dataclass(frozen=True, slots=True)
class Has(Node):
    """`has(operand)`: whether a field is there.  `operand` is a Select or, in row filters, a Name."""

    operand: Select | Name


@dataclass(frozen=True, slots=True)
class Listing(Node):
    """`[a, b, c]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`!operand`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Negate(Node):
    """`-operand`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Both(Node):
    """`a && b && c`: a chain is one node."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either(Node):
    """`a || b || c`: a chain is one node."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """`left operator right`, where operator is one of == != < <= > >=."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Contained(Node):
    """`element in collection`."""

    element: Node
    collection: Node


@dataclass(frozen=True, slots=True)
class Choose(Node):
    """`condition ? chosen : other`."""

    condition: Node
    chosen: Node
    other: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`function(arguments)` or `target.function(arguments)`; a target is the first of `arguments`."""

    function: str
    arguments: tuple[Node, ...]
    method: bool


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression and its exact text."""

    text: str
    root: Node
