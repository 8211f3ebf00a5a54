"""One column, and one value of it as it comes in a tuple."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from connectors.postgresql.types import ColumnType

BINARY, TEXT, NULL, UNCHANGED = b"b", b"t", b"n", b"u"
"""The kinds of a value in a tuple, as pgoutput names them."""


class Value(NamedTuple):
    """One column's value in a tuple: its kind and its bytes."""

    kind: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalogue shows it."""

    name: str
    type: ColumnType
    required: bool = False
    toastable: bool = False
    plain_order: bool = True
    """Whether its order in an index is the order of code points (text), so that an index serves the snapshot."""
    declared: str = ""
    """As PostgreSQL declares it, bounds included, a domain as its base type: `numeric(8,2)`."""
    identifier: int = 0
    """The server's number of its type, a domain's own."""
    labels: tuple[str, ...] = ()
    """An enum's values in their order."""
