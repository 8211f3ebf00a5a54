"""A JSON Schema of an agreement's text form, made from the model: for editors, which then complete and explain its keys."""

from __future__ import annotations

import json
import types
import typing
from enum import Enum
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agreements import durations, shares, terms
from agreements.drafting.reference import clause_in, hints, meaning
from agreements.model import Agreement


def json_schema() -> dict[str, Any]:
    """A JSON Schema of the text form, for editors: keys, forms and words; the meaning is `agreement check`'s to judge."""
    schema = _closed(Agreement)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Concordat agreement",
        "description": "docs/formats/agreement.md",
        **schema,
    }


def schema_text() -> str:
    """The schema as it stands in its file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _closed(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of one clause: these keys and no others."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    if model is Agreement:
        required.insert(0, "concordat")
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": {name: _property(model, name) for name in model.model_fields},
    }


def _property(model: type[BaseModel], name: str) -> dict[str, Any]:
    hint = hints(model)[name]
    inner, is_list = clause_in(hint)
    words = meaning(model, name)
    shape = _shape(hint) if inner is None else {"type": "array", "items": _closed(inner)} if is_list else _closed(inner)
    return {"description": words, **shape} if words else shape


def _shape(hint: Any) -> dict[str, Any]:  # noqa: PLR0911 - one line per kind
    """The JSON Schema of a scalar, a list of scalars, or the treatments of fields."""
    if hint == shares.Fields:
        return {"type": "object", "minProperties": 1, "additionalProperties": _TREATMENT}
    if hint in (terms.Day, durations.ExactDuration, durations.CalendarDuration):
        return {"type": "string"} if hint == terms.Day else {"type": "string", "pattern": "^P[0-9YMDTHS]+$"}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _shape(arguments[0]) | _bounds(arguments[1:])
    if origin in (typing.Union, types.UnionType):
        return next(_shape(argument) for argument in arguments if argument is not type(None))
    if origin is tuple:
        return {"type": "array", "items": _shape(arguments[0])}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    return {"type": {bool: "boolean", int: "integer"}.get(hint, "string")}


def _bounds(rules: tuple[Any, ...]) -> dict[str, Any]:
    """What the annotations bound: pattern, length, range."""
    names = {"pattern": "pattern", "max_length": "maxLength", "ge": "minimum", "le": "maximum"}
    parts = [part for rule in rules if isinstance(rule, FieldInfo) for part in rule.metadata]
    return {
        word: getattr(part, name)
        for part in parts
        for name, word in names.items()
        if isinstance(getattr(part, name, None), str | int)
    }


_TREATMENT: dict[str, Any] = {
    "oneOf": [
        {"enum": ["keep", "drop", "tokenise", "encrypt", "mask"]},
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {
                "mask": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": False,
                    "properties": {"keep_first": {"type": "integer"}, "keep_last": {"type": "integer"}},
                },
                "truncate": {"type": "integer", "minimum": 1},
                "generalise": {
                    "oneOf": [
                        {"enum": ["hour", "day", "month", "year", "district"]},
                        {
                            "type": "object",
                            "required": ["band"],
                            "additionalProperties": False,
                            "properties": {"band": {"type": "integer", "minimum": 1}},
                        },
                    ]
                },
            },
        },
    ]
}
