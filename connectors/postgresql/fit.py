"""Where a table allows more than its contract: advice for its owner, since such rows are quarantined or break the contract.

It stops nothing: stores may be weaker than what is promised of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.postgresql.codes import TABLE_ALLOWS_MORE
from connectors.postgresql.columns import Column
from connectors.postgresql.tables import Leaf, Table, leaves, placed
from contracts.faults import Fault
from contracts.model import Contract, Field, TypeName

_NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)")
_INTEGER_DIGITS = {"int2": 5, "int4": 10, "int8": 19}
_CHARACTERS = re.compile(r"character varying\((\d+)\)")


def advice(contract: Contract, table: Table) -> list[Fault]:
    """What the columns may hold and the contract has no room for, in the order of the contract."""
    found = leaves(contract, table)
    return [] if isinstance(found, list) else [fault for leaf in found for fault in _of(contract, table, leaf)]


def _of(contract: Contract, table: Table, leaf: Leaf) -> Iterator[Fault]:
    column, field = table.column(leaf.column), contract.field(".".join(leaf.path))
    assert column is not None
    assert field is not None
    for what in _more(column, field, required=field.required and len(leaf.path) == 1):
        message = f"{contract.dataset}: column {table}.{column.name} may hold {what}"
        yield placed(TABLE_ALLOWS_MORE.fault(message), contract, field)


def _more(column: Column, field: Field, *, required: bool) -> Iterator[str]:
    if required and not column.required:
        yield "null, and the contract says `required`"
    if field.type.name is TypeName.DECIMAL:
        yield from _decimal(column, field)
    extra = [label for label in column.labels if label not in field.type.symbols + field.type.values]
    if extra and (field.type.symbols or field.type.values):
        yield f"{', '.join(extra)}, which the contract does not name"
    found = _CHARACTERS.fullmatch(column.declared)
    longest = field.type.characters_max
    if longest is not None and found and int(found[1]) > longest:
        yield f"{found[1]} characters, and the contract has room for {longest}"


def _decimal(column: Column, field: Field) -> Iterator[str]:
    """Rule 37: a numeric without bounds is a string in the contract."""
    precision, scale = field.type.precision or 0, field.type.scale or 0
    digits = _INTEGER_DIGITS.get(column.type.name)
    if digits is not None:
        if digits > precision - scale:
            yield f"an integer of {digits} digits, and the contract has room for ({precision},{scale})"
        return
    found = _NUMERIC.fullmatch(column.declared)
    if found is None:
        yield f"any number and NaN, and the contract has room for {precision} digits: call it a string"
    elif int(found[2]) > scale or int(found[1]) - int(found[2]) > precision - scale:
        yield f"{column.declared}, and the contract has room for ({precision},{scale})"
