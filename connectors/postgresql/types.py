"""Which PostgreSQL type carries which contract type, and how its two forms are read.

Rule 37: an unbounded numeric is a string in the contract; NaN and infinity pass only there.  Every type can carry a
string: it is then what PostgreSQL prints.  An integer is a decimal of scale 0.  An enum's symbols are names, so only a type
that prints names carries one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from connectors.decimals import fitted
from connectors.postgresql import binary, texts
from connectors.postgresql.binary import Reader, Unrepresentable
from connectors.postgresql.documents import document_reader
from contracts.model import FieldType, TypeName

TEXT_TYPES = frozenset({"text", "varchar", "bpchar", "name", "char", "citext"})
"""The types whose two forms are the text itself."""
_INTEGERS = frozenset({"int2", "int4", "int8"})
_DOCUMENTS = frozenset({"json", "jsonb"})
_UNSUPPORTED = frozenset(
    # `money` prints by the server's locale; the rest name things of this server alone, or are its internal forms
    [
        "money",
        "aclitem",
        "gtsvector",
        "refcursor",
        "regclass",
        "regcollation",
        "regconfig",
        "regdictionary",
        "regnamespace",
        "regoper",
        "regoperator",
        "regproc",
        "regprocedure",
        "regrole",
        "regtype",
        "pg_brin_bloom_summary",
        "pg_brin_minmax_multi_summary",
        "pg_dependencies",
        "pg_mcv_list",
        "pg_ndistinct",
        "pg_node_tree",
        "unknown",
    ]
)


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type, domains resolved to their base: its name, whether it is an enum, and an array's element."""

    name: str
    enum: bool = False
    element: ColumnType | None = None


@dataclass(frozen=True, slots=True)
class Readers:
    """How a column is read: its text form always, its binary form where we know it."""

    text: Reader
    binary: Reader | None


_INTEGER_READERS = {
    "int2": Readers(texts.read_integer, binary.read_int2),
    "int4": Readers(texts.read_integer, binary.read_int4),
    "int8": Readers(texts.read_integer, binary.read_int8),
}
_NUMBERS = {**_INTEGER_READERS, "numeric": Readers(texts.read_numeric, binary.read_numeric)}
"""What a decimal is read from."""
_SCALARS: Mapping[TypeName, Mapping[str, Readers]] = {
    TypeName.INTEGER: _INTEGER_READERS,
    TypeName.DOUBLE: {
        "float4": Readers(texts.read_float4, binary.read_float4),
        "float8": Readers(texts.read_float8, binary.read_float8),
    },
    TypeName.BOOLEAN: {"bool": Readers(texts.read_bool, binary.read_bool)},
    TypeName.DATE: {"date": Readers(texts.read_date, binary.read_date)},
    TypeName.TIMESTAMP: {
        "timestamptz": Readers(texts.read_timestamp, binary.read_timestamp),
        "timestamp": Readers(texts.read_timestamp, binary.read_timestamp),
    },
    TypeName.UUID: {"uuid": Readers(texts.read_uuid, binary.read_uuid)},
    TypeName.BYTES: {"bytea": Readers(texts.read_bytes, binary.read_bytes)},
}


def unsupported(name: str) -> bool:
    """Whether no field can carry a column of this base type."""
    return name in _UNSUPPORTED


def readers(column: ColumnType, wanted: FieldType) -> Readers | None:
    """How `column` is read as `wanted`; None when it cannot carry it."""
    if unsupported(column.name) or (column.element is not None and unsupported(column.element.name)):
        return None
    if wanted.name is TypeName.STRING or (wanted.name is TypeName.ENUM and _names(column)):
        return Readers(texts.read_text, _printed(column))
    if wanted.name is TypeName.DECIMAL and column.name in _NUMBERS:
        return _decimal(_NUMBERS[column.name], wanted)
    if column.name in _DOCUMENTS and wanted.name in (TypeName.RECORD, TypeName.MAP, TypeName.ARRAY):
        return _document(column, wanted)
    if wanted.name is TypeName.ARRAY:
        return _array(column, wanted)
    return _SCALARS.get(wanted.name, {}).get(column.name)


def _names(column: ColumnType) -> bool:
    """Whether what the column prints may be a name."""
    return column.enum or column.name in TEXT_TYPES or column.name == "bool"


def _decimal(read: Readers, wanted: FieldType) -> Readers:
    assert read.binary is not None
    text, in_binary = read.text, read.binary

    def fit(value: int | Decimal) -> Decimal:
        found = fitted(wanted, Decimal(value))
        if found is None:
            raise Unrepresentable("a number with more digits than the contract has room for")
        return found

    return Readers(lambda data: fit(text(data)), lambda data: fit(in_binary(data)))


def _printed(column: ColumnType) -> Reader | None:
    """The binary reader that gives what PostgreSQL prints; None: ask for the text form."""
    if column.enum or column.name in TEXT_TYPES or column.name == "json":
        return binary.read_text
    if column.name == "jsonb":
        return binary.read_jsonb_text
    if column.name == "numeric":
        return binary.read_numeric_text
    if column.name == "uuid":
        return lambda data: str(binary.read_uuid(data))
    if column.name in _INTEGERS:
        read = _INTEGER_READERS[column.name].binary
        assert read is not None
        return lambda data: str(read(data))
    return None


def _document(column: ColumnType, wanted: FieldType) -> Readers:
    convert = document_reader(wanted)
    as_text = binary.read_jsonb_text if column.name == "jsonb" else binary.read_text
    return Readers(lambda data: convert(data.decode()), lambda data: convert(as_text(data)))


def _array(column: ColumnType, wanted: FieldType) -> Readers | None:
    if column.element is None or wanted.items is None:
        return None
    element = readers(column.element, wanted.items)
    if element is None:
        return None
    return Readers(
        texts.read_array(element.text),
        None if element.binary is None else binary.read_array(element.binary),
    )
