"""How the value of one column becomes Avro, as a piece of Python for the generated writers."""

from __future__ import annotations

from typing import Any, NamedTuple

from connectors.postgresql.columns import Column
from connectors.postgresql.forms import (
    Form,
    decimal_form,
    integer_decimal_form,
    printed_integer,
    text_array_form,
    uuid_text,
)
from connectors.postgresql.tables import Leaf
from connectors.postgresql.types import TEXT_TYPES
from contracts.avro import avro_type, optional, schema_text
from contracts.halves import SOME
from contracts.longs import long_bytes
from contracts.model import FieldType, TypeName
from contracts.wire import AvroSchema

_TEXTS = (TypeName.STRING, TypeName.ENUM)
_NUMBERS = {"int2": "h", "int4": "i", "int8": "q"}
SIZES = {"h": 2, "i": 4, "q": 8, "f": 4, "d": 8, "B": 1, "16s": 16}
"""The binary forms of a fixed size, by their format in `struct`."""


class Code(NamedTuple):
    """One column's piece.  `expression` makes the Avro bytes from `value`, of a fixed size, or from `text` and its `size`."""

    expression: str
    letter: str | None = None
    """Its format in `struct`, for a binary form of a fixed size; None: it has its own length."""
    check: str = ""
    """A statement before the expression."""
    version: bool = False
    """Whether a byte 1, the version of the form, stands before the text."""
    alike: bool = False
    """Whether the text form is the same bytes."""
    uses: Any = None
    """What the expression calls `uses`."""


def code_of(column: Column, wanted: FieldType, *, some: bool) -> Code | None:
    """The piece for the column's binary form, or None: it is then read and written the general way.

    With `some` the bytes begin with the branch of a field that may be null.
    """
    name, table, mark = column.type.name, "SOME_SHORT" if some else "SHORT", "SOME + " if some else ""
    texts = column.type.enum or name in TEXT_TYPES
    if wanted.name in _TEXTS and (texts or (name in ("json", "jsonb") and wanted.name is TypeName.STRING)):
        return _text_code(name, wanted, table, mark, some=some)
    if wanted.name is TypeName.STRING and name == "uuid":
        return Code(f"{mark}uses(value)", "16s", uses=uuid_text)
    if wanted.name is TypeName.INTEGER:
        number = f"{table}[value << 1] if 0 <= value < 8192 else {mark}long_bytes(value)"
        return Code(number, _NUMBERS[name])
    if wanted.name is TypeName.ARRAY:
        element = column.type.element
        if element is None or wanted.items is None or wanted.items.name is not TypeName.STRING:
            return None
        form = text_array_form(required=wanted.items_required)
        return Code(f"{mark}uses(text)", uses=form) if element.enum or element.name in TEXT_TYPES else None
    return _scalar_code(name, wanted, table, mark)


def _text_code(name: str, wanted: FieldType, table: str, mark: str, *, some: bool) -> Code:
    if wanted.name is TypeName.ENUM:
        lead = SOME if some else b""
        symbols = {symbol.encode(): lead + long_bytes(place) for place, symbol in enumerate(wanted.symbols)}
        return Code("uses[text]", alike=True, uses=symbols)
    expression = f"({table}[size << 1] if size < 8192 else {mark}long_bytes(size)) + text"
    if name == "jsonb":
        return Code(expression, check="text.isascii() or text.decode()", version=True)
    return Code(expression, check="text.isascii() or text.decode()", alike=True)


def _scalar_code(name: str, wanted: FieldType, table: str, mark: str) -> Code | None:
    if wanted.name is TypeName.DECIMAL and name == "numeric" and wanted.precision is not None:
        return Code(f"{mark}uses(text)", uses=decimal_form(wanted.precision, wanted.scale or 0))
    if wanted.name is TypeName.DECIMAL and name in _NUMBERS and wanted.precision is not None:
        return Code(
            f"{mark}uses(value)", _NUMBERS[name], uses=integer_decimal_form(wanted.precision, wanted.scale or 0)
        )
    return {
        TypeName.BOOLEAN: Code(f"{mark}(TRUE if value == 1 else FALSE)", "B"),
        TypeName.DATE: Code(f"{mark}day(value)", "i"),
        TypeName.TIMESTAMP: Code(f"{mark}instant(value)", "q"),
        TypeName.DOUBLE: Code(f"{mark}double(value)", "f" if name == "float4" else "d"),
        TypeName.BYTES: Code(f"({table}[size << 1] if size < 8192 else {mark}long_bytes(size)) + text"),
        TypeName.UUID: Code(f"{mark}uses(value)", "16s", uses=uuid_text),
    }.get(wanted.name)


def general_forms(leaf: Leaf, wanted: FieldType, *, some: bool) -> tuple[Form, Form | None]:
    """How the text form and, where it is read, the binary form become Avro the general way: by the readers and fastavro."""
    avro = avro_type(wanted, "Value", lenient=True)
    schema = AvroSchema(schema_text(optional(avro) if some else avro))
    binary = leaf.readers.binary
    if wanted.name is TypeName.INTEGER:
        lead = SOME if some else b""
        return lambda data: lead + printed_integer(data), None
    text = leaf.readers.text
    return (
        lambda data: schema.encode(text(data)),
        None if binary is None else lambda data: schema.encode(binary(data)),
    )
