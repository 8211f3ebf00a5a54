"""A field read from a JSON column: the contract says what each part of the document must be."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from connectors.decimals import fitted
from connectors.postgresql.binary import Unrepresentable
from contracts.model import FieldType, TypeName


def document_reader(wanted: FieldType) -> Callable[[str], Any]:
    """From the text of a JSON value to a value of the type `wanted`; members that the contract does not name are left out."""

    def read(text: str) -> Any:
        try:
            found = json.loads(text, parse_float=Decimal)
        except (ValueError, ArithmeticError, RecursionError):
            raise _misfit(wanted) from None
        return document_value(found, wanted)

    return read


def document_value(found: Any, wanted: FieldType) -> Any:
    """From a JSON value, its fractions decimals, to a value of the type `wanted`; raises `Unrepresentable`."""
    try:
        return _value(found, wanted)
    except (TypeError, ValueError, ArithmeticError) as exception:
        if isinstance(exception, Unrepresentable):
            raise
        raise _misfit(wanted) from None


def _misfit(wanted: FieldType) -> Unrepresentable:
    return Unrepresentable(f"a JSON value that is no {wanted.name.value}")


def _value(found: Any, wanted: FieldType) -> Any:
    if found is None:
        return None
    if wanted.name is TypeName.RECORD:
        return {field.name: _value(_object(found).get(field.name), field.type) for field in wanted.fields}
    if wanted.name is TypeName.ARRAY:
        assert wanted.items is not None
        return [_value(item, wanted.items) for item in _typed(found, list)]
    if wanted.name is TypeName.MAP:
        assert wanted.items is not None
        return {_text(name): _value(item, wanted.items) for name, item in _object(found).items()}
    if wanted.name is TypeName.DECIMAL:
        return _decimal(wanted, Decimal(_typed(found, int, Decimal, str)))
    return _SCALARS[wanted.name](found)


def _decimal(wanted: FieldType, value: Decimal) -> Decimal:
    found = fitted(wanted, value)
    if found is None:
        raise Unrepresentable("a JSON number with more digits than the contract has room for")
    return found


def _object(found: Any) -> dict[str, Any]:
    mapping: dict[str, Any] = _typed(found, dict)
    return mapping


def _typed(found: Any, *kinds: type) -> Any:
    if type(found) not in kinds:
        raise Unrepresentable("a JSON value of another type than the contract says")
    return found


def _text(found: Any) -> str:
    text: str = _typed(found, str)
    text.isascii() or text.encode()  # half of a surrogate pair, which JSON can spell, is no text
    return text


def _double(found: Any) -> float:
    number = float(_typed(found, int, Decimal))
    if not math.isfinite(number):
        raise Unrepresentable("a JSON number beyond doubles")
    return number


def _instant(text: Any) -> datetime:
    found = datetime.fromisoformat(_typed(text, str))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


_SCALARS: dict[TypeName, Callable[[Any], Any]] = {
    TypeName.STRING: _text,
    TypeName.ENUM: _text,
    TypeName.BOOLEAN: lambda found: _typed(found, bool),
    TypeName.INTEGER: lambda found: _typed(found, int),
    TypeName.DOUBLE: _double,
    TypeName.UUID: lambda found: UUID(_typed(found, str)),
    TypeName.DATE: lambda found: date.fromisoformat(_typed(found, str)),
    TypeName.TIMESTAMP: _instant,
    TypeName.BYTES: lambda found: base64.b64decode(_typed(found, str), validate=True),
}
