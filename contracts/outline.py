"""A contract's meaning, a line for each term and each field with all its rules: what `contract diff` compares.

EVERY-RULE: a term or rule that the model has has a place in the lines, so that two contracts with equal lines promise the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from contracts.model import Contract, Field, FieldType

_NOT_A_TERM = frozenset({"dataset", "key", "fields", "caveats", "version", "text", "digest"})
_NOT_A_RULE = frozenset({"name", "items", "items_required", "fields"})
_EMPTY: tuple[Any, ...] = (None, (), "")


def outline(contract: Contract) -> list[str]:
    """The lines, in the order of the contract."""
    terms = [(field.name, getattr(contract, field.name)) for field in fields(contract)]
    return [
        f"dataset {contract.dataset}",
        f"version {'.'.join(map(str, contract.version))}",
        *(f"{name} {_spelled(value)}" for name, value in terms if name not in _NOT_A_TERM and value not in _EMPTY),
        f"key {', '.join(contract.key)}",
        *(f"caveat {caveat.identifier}@{caveat.version}: {caveat.text}" for caveat in contract.caveats),
        *_fields("", contract.fields),
    ]


def _fields(prefix: str, of: tuple[Field, ...]) -> Iterator[str]:
    for field in of:
        parts = [_type(field.type), *(["required"] if field.required else []), *sorted(field.tags)]
        described = f" ({field.description})" if field.description else ""
        yield f"{prefix}{field.name}: {', '.join(parts)}{described}"
        yield from _nested(f"{prefix}{field.name}", field.type)


def _nested(path: str, of: FieldType) -> Iterator[str]:
    """The fields of a record, and of the records that a collection holds."""
    yield from _fields(f"{path}.", of.fields)
    if of.items is not None:
        yield from _nested(f"{path}[]", of.items)


def _type(of: FieldType) -> str:
    rules = [(field.name, getattr(of, field.name)) for field in fields(of) if field.name not in _NOT_A_RULE]
    text = " ".join([of.name, *(f"{name}={_spelled(value)}" for name, value in rules if value not in _EMPTY)])
    if of.items is None:
        return text
    return f"{text} of {'' if of.items_required else 'optional '}{_type(of.items)}"


def _spelled(value: Any) -> str:
    return "|".join(map(str, value)) if isinstance(value, tuple) else str(value)
