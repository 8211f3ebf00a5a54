"""A writer of its own for each relation: Python made from its columns and its contract, once, when its form is announced.

The general way reads every column to a value, makes a row, and has fastavro walk the row by its schema.  A generated writer
goes through the bytes of a tuple once and puts the bytes of the envelope together: it knows which column comes next, and what it
becomes.  `generated_source` makes the text; for a table of a number and a text it is, in short,

    def after(data, at, position):
        if count(data, at)[0] != 2: raise NotPlain
        at += 2
        kind = data[at]
        if kind == 98:                                             # b: the binary form
            size, value = take_q(data, at + 1)
            ...
            v0 = SHORT[value << 1] if 0 <= value < 8192 else long_bytes(value)
            at += 13
        ...
        key = KEY + v0
        return key, b"".join((AFTER, SOME, v0, v1, SOURCE, position)), gone

A writer does what is *plain* and raises one of `forms.NOT_PLAIN` over everything else, which then goes the general way.
SAME-BYTES: what it writes is byte for byte what the general way writes; the property tests hold it to that.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from connectors.postgresql import forms
from connectors.postgresql.column_code import SIZES, code_of, general_forms
from connectors.postgresql.forms import NotPlain
from connectors.postgresql.generated_source import Carried, chunk_source, stream_source
from connectors.postgresql.tables import Leaf, Table
from connectors.written import SchemaIds
from contracts.halves import NULL, SOME, source_opening
from contracts.longs import SHORT, long_bytes
from contracts.model import Contract, TypeName
from contracts.wire import frame

_NEW, _OLD, _KEY = ord("N"), ord("O"), ord("K")
_KEY_TYPES = frozenset(TypeName) - {TypeName.ARRAY, TypeName.MAP, TypeName.RECORD}
_DOUBLE = struct.Struct("<d").pack


class Shape(NamedTuple):
    """What a writer is made from: a table that fits its contract, and the order of the columns in its tuples."""

    contract: Contract
    table: Table
    leaves: tuple[Leaf, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RelationWriter:
    """Writes the changes of one relation.  Every method raises one of `NOT_PLAIN` for a change that is not for it."""

    dataset: str
    after: Callable[[bytes, int, bytes], tuple[bytes, bytes, tuple[int, ...]]]
    """Key, head and the places of values that were not sent, from the tuple of a row that is there now."""
    row: Callable[[bytes, int], tuple[bytes, bytes, int]]
    """Key, row and where the tuple ends, from a whole tuple."""
    key: Callable[[bytes, int], bytes]
    """The key alone."""
    both: Callable[[bytes, int, bytes], tuple[bytes, bytes]]
    """Key and head of an update that carries the whole row before it, under the same key."""
    names: tuple[str, ...]
    """The dotted path of each place."""
    opening: bytes
    source: bytes

    def delete(self, data: bytes, position: bytes) -> tuple[bytes, bytes]:
        """Key and head of a delete, with the row where it is carried."""
        if data[5] == _OLD:
            key, before, _ = self.row(data, 6)
            return key, b"".join((self.opening, before, NULL, self.source, position))
        if data[5] != _KEY:
            raise NotPlain
        return self.key(data, 6), b"".join((self.opening, NULL, NULL, self.source, position))

    def missing(self, places: Sequence[int]) -> tuple[str, ...]:
        """The names of values that were not sent, in the contract's order."""
        return tuple(self.names[place] for place in sorted(places))


def relation_writer(connector: str, schemas: SchemaIds, shape: Shape) -> RelationWriter | None:
    """The writer for the tuples of a stream; None where one cannot be made."""
    contract = shape.contract
    carried = _carried(shape)
    if carried is None:
        return None
    names = _names(connector, contract, schemas, carried)
    _compile(stream_source(contract, carried, shape.columns), names)
    return RelationWriter(
        contract.dataset,
        names["after"],
        names["row"],
        names["key_of"],
        names["both"],
        tuple(".".join(one.leaf.path) for one in carried),
        names["OPENING"],
        names["SOURCE"],
    )


ChunkWriter = Callable[[bytes, int, bytes], tuple[bytes, bytes, int]]
"""Key, head and where the row ends, from a row of a binary COPY."""


def chunk_writer(connector: str, schemas: SchemaIds, shape: Shape, kinds: Sequence[bytes]) -> ChunkWriter | None:
    """The writer for the rows of a snapshot's chunk; `kinds` are those of its values."""
    carried = _carried(shape)
    if carried is None:
        return None
    names = _names(connector, shape.contract, schemas, carried)
    columns = tuple(zip(shape.columns, kinds, strict=True))
    source, formats = chunk_source(shape.contract, carried, columns)
    names |= {f"take{number}": struct.Struct(f">{one}").unpack_from for number, one in enumerate(formats)}
    _compile(source, names)
    written: ChunkWriter = names["after"]
    return written


def _carried(shape: Shape) -> list[Carried] | None:
    contract, carried = shape.contract, []
    for place, leaf in enumerate(shape.leaves):
        column, field = shape.table.column(leaf.column), contract.field(".".join(leaf.path))
        assert column is not None
        assert field is not None
        is_key = leaf.path[0] in contract.key and len(leaf.path) == 1
        carried.append(Carried(place, leaf, field, code_of(column, field.type, some=not is_key), is_key))
    keys = [one for one in carried if one.is_key]
    whole = len(keys) == len(contract.key) and all(one.field.type.name in _KEY_TYPES for one in keys)
    return carried if whole and len({leaf.column for leaf in shape.leaves}) == len(shape.leaves) else None


def _names(connector: str, contract: Contract, schemas: SchemaIds, carried: Sequence[Carried]) -> dict[str, Any]:
    """What the generated code refers to."""
    opening = frame(schemas.value, b"")
    names: dict[str, Any] = {
        "NULL": NULL,
        "SOME": SOME,
        "TRUE": b"\x01",
        "FALSE": b"\x00",
        "SHORT": SHORT,
        "SOME_SHORT": forms.SOME_SHORT,
        "KEY": frame(schemas.key, b""),
        "OPENING": opening,
        "AFTER": opening + NULL + SOME,
        "SOURCE": source_opening(connector, contract.dataset),
        "NotPlain": NotPlain,
        "long_bytes": long_bytes,
        "day": forms.day,
        "instant": forms.instant,
        "double": _DOUBLE,
        "other": forms.other,
        "passed": forms.passed,
        "join": b"".join,
        "count": struct.Struct(">H").unpack_from,
        "length": struct.Struct(">I").unpack_from,
        "signed": struct.Struct(">i").unpack_from,
        **{f"take_{letter}": struct.Struct(f">i{letter}").unpack_from for letter in SIZES},
    }
    for one in carried:
        names[f"uses{one.place}"] = None if one.code is None else one.code.uses
        text, binary = general_forms(one.leaf, one.field.type, some=not one.is_key)
        names[f"text{one.place}"], names[f"binary{one.place}"] = text, binary
    return names


def _compile(source: str, names: dict[str, Any]) -> None:
    """Run generated code: it is made of this module's own pieces and of numbers, never of a name or a value from outside."""
    exec(compile(source, "<generated writer>", "exec"), names)  # noqa: S102
