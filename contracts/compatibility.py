"""Whether a new version of a contract may take the place of an older one with the same major version.

FULL_TRANSITIVE: every reader of one version reads what any other version of the major wrote, both ways.  The Avro project's
own checker compares the schemas; what schemas do not say (key, kind, the meaning of labels) is compared here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from contracts.avro import key_schema, value_schema
from contracts.codes import INCOMPATIBLE
from contracts.faults import Fault
from contracts.labels import guarding
from contracts.model import Contract, FieldType

_ORDER = ("OFFICIAL", "SECRET", "TOP SECRET")


def faults(new: Contract, published: Iterable[Contract]) -> tuple[Fault, ...]:
    """Every way in which `new` breaks a published version with the same major version; empty when it may be published."""
    return tuple(
        INCOMPATIBLE.fault(f"{'.'.join(map(str, old.version))} to {'.'.join(map(str, new.version))}: {reason}")
        for old in published
        if old.major == new.major
        for reason in reasons(old, new)
    )


def reasons(old: Contract, new: Contract) -> tuple[str, ...]:
    """Why readers of one would not be served by the other; empty when they are."""
    return tuple(_reasons(old, new))


def _reasons(old: Contract, new: Contract) -> Iterator[str]:
    if new.version <= old.version:
        yield "the version number does not rise"
    for name, before, after in (
        ("kind", old.kind, new.kind),
        ("key", old.key, new.key),
        ("store", old.store, new.store),
        ("regime", old.regime, new.regime),
    ):
        if before != after:
            yield f"the {name} changes"
    if _ORDER.index(new.classification) > _ORDER.index(old.classification):
        yield f"the classification rises to {new.classification}"
    yield from _fields(old, new)
    for what, schema in (("key", key_schema), ("value", value_schema)):
        yield from (f"{what} schema: {message}" for message in _schemas(schema(old), schema(new)))


def _fields(old: Contract, new: Contract) -> Iterator[str]:
    after = dict(new.leaves())
    for path, field in old.leaves():
        changed = after.get(path)
        lost = guarding(field) - (frozenset() if changed is None else changed.tags)
        if lost:
            yield f"`{path}` loses {', '.join(sorted(lost))}, on which it may depend what is shared"
        if changed is None:
            if field.required:
                yield f"the required field `{path}` is gone"
        elif changed.type.name is not field.type.name:
            yield f"`{path}` changes from {field.type.name} to {changed.type.name}"
        elif _digits(changed.type) != _digits(field.type):
            yield f"`{path}` changes its precision or scale"
        elif field.required and not changed.required:
            yield f"`{path}` is no longer required"
        elif "not-personal" in changed.tags and "not-personal" not in field.tags:
            yield f"`{path}` loses its personal labels"


def _digits(type_: FieldType | None) -> tuple[int | None, int | None]:
    """Precision and scale, of the elements too: Avro's checker sees only bytes, which would be read as other numbers."""
    while type_ is not None and type_.items is not None:
        type_ = type_.items
    return (None, None) if type_ is None else (type_.precision, type_.scale)


def _schemas(old: str, new: str) -> Iterator[str]:
    first, second = avro.schema.parse(old), avro.schema.parse(new)
    for reader, writer in ((first, second), (second, first)):
        checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # the package has no annotations
        result = checker.get_compatibility(reader, writer)
        if result.compatibility is not SchemaCompatibilityType.compatible:
            yield from sorted(result.messages)
