"""The data contract as one immutable value: what an owner promises about one dataset.

`contracts.text` reads it from ODCS 3.2 YAML, `contracts.avro` derives the Avro schemas, `contracts.check`
holds a row against it.  Rows are plain Python values, those that fastavro decodes: str, int, float, bool,
bytes, Decimal, date, datetime (UTC), UUID, list, dict and None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a dataset holds: facts that are only appended, or records with a key that change."""

    EVENT = "event"
    ENTITY = "entity"


class OnQuarantine(StrEnum):
    """What becomes of an entity's view when its newest record is quarantined."""

    KEEP = "keep"
    WITHDRAW = "withdraw"


class TypeName(StrEnum):
    """The types a field may have.  Each has exactly one Avro form (`contracts.avro`)."""

    STRING = "string"
    ENUM = "enum"
    UUID = "uuid"
    INTEGER = "integer"
    DOUBLE = "double"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BYTES = "bytes"
    ARRAY = "array"
    MAP = "map"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field's type with its rules.  A rule that does not belong to the type is None or empty."""

    name: TypeName
    symbols: tuple[str, ...] = ()
    """ENUM: the permitted values, Avro names."""
    values: tuple[str, ...] = ()
    """STRING: the permitted values where they are not Avro names (checked, not an Avro enum)."""
    pattern: str | None = None
    """STRING: RE2 syntax, the whole value must match."""
    characters_min: int | None = None
    characters_max: int | None = None
    minimum: int | float | str | None = None
    """Numbers, dates and timestamps, inclusive; dates and timestamps in RFC 3339 text."""
    maximum: int | float | str | None = None
    precision: int | None = None
    scale: int | None = None
    items: FieldType | None = None
    """ARRAY: the element; MAP: the value."""
    items_required: bool = True
    items_min: int | None = None
    items_max: int | None = None
    fields: tuple[Field, ...] = ()
    """RECORD: its fields in order."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a dataset.  `tags` are the owner's labels; an untagged field cannot flow."""

    name: str
    type: FieldType
    required: bool = False
    tags: frozenset[str] = frozenset()
    description: str | None = None
    line: int | None = None
    column: int | None = None
    """Where the contract's text names it, counted from 1."""


@dataclass(frozen=True, slots=True)
class Caveat:
    """A known limitation of the data, with the version of its wording."""

    identifier: str
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Contract:
    """A data contract.  `text` is the exact document; `digest` is its SHA-256 as `sha256:<hex>`."""

    dataset: str
    version: tuple[int, int, int]
    kind: Kind
    classification: str
    """OFFICIAL, SECRET or TOP SECRET; `markings` go with it (OFFICIAL: SENSITIVE …)."""
    owner: str
    """The organisation that promises; see the register's parties."""
    store: str
    """The one designated store: the connector's name (`concordat.store`); only its principal may write."""
    name: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    regime: str = "uk-gdpr"
    """The data-protection regime under which the data is held: uk-gdpr, part-3 or part-4 (of the DPA 2018)."""
    markings: tuple[str, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    on_quarantine: OnQuarantine = OnQuarantine.WITHDRAW
    quarantine_encrypted: bool = True
    row_bytes_max: int = 262_144
    umbrella_required: bool = False
    """Whether its owner lets the dataset be shared only by agreements under an umbrella (`concordat.umbrella`)."""
    text: str = ""
    digest: str = ""

    @property
    def major(self) -> int:
        """The number that agreements name; compatible versions share it."""
        return self.version[0]

    @property
    def withdraws_on_quarantine(self) -> bool:
        """Whether a quarantined record takes back what was sent of its key."""
        return self.kind is Kind.ENTITY and self.on_quarantine is OnQuarantine.WITHDRAW

    def leaves(self) -> Iterator[tuple[str, Field]]:
        """Every field that is not a record, with its dotted path, in the order of the contract."""
        yield from _leaves("", self.fields)

    def field(self, path: str) -> Field | None:
        """The field at a dotted path, records included, or None."""
        fields, found = self.fields, None
        for name in path.split("."):
            found = next((field for field in fields if field.name == name), None)
            if found is None:
                return None
            fields = found.type.fields
        return found

    def tagged(self, tag: str) -> tuple[str, ...]:
        """The dotted paths of the leaf fields that carry `tag`."""
        return tuple(path for path, field in self.leaves() if tag in field.tags)


def _leaves(prefix: str, fields: tuple[Field, ...]) -> Iterator[tuple[str, Field]]:
    for field in fields:
        path = prefix + field.name
        if field.type.name is TypeName.RECORD:
            yield from _leaves(path + ".", field.type.fields)
        else:
            yield path, field
