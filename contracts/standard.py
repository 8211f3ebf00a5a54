"""What the Open Data Contract Standard says about a document: its own JSON Schema and model, held against plain values.

The schema comes with the package `open-data-contract-standard`.  One of its keywords, `unevaluatedProperties`, makes a general
validator look at every nested property once more per level, which takes minutes for nine levels; here the same question
(is this key known?) is answered without looking at what stands below it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import ValidationError

Path = tuple[str | int, ...]
"""Where a value stands in a document: keys and positions from the top."""

_MESSAGE_CHARACTERS_MAX = 160
_SINCE: dict[str, tuple[int, int]] = {
    "relationships": (3, 1),
    "enum": (3, 2),
    "map": (3, 2),
    "synonyms": (3, 2),
    "semanticType": (3, 2),
    "context": (3, 2),
}
_TYPES_SINCE = {"timestamp": (3, 1), "time": (3, 1), "map": (3, 2), "vector": (3, 2)}
_OWNERS_OWN = ("value", "examples", "logicalTypeOptions", "arguments", "implementation")
"""Keys below which the owner's own words stand, not the standard's."""


def standard_faults(value: dict[str, Any]) -> tuple[tuple[Path, str], ...]:
    """Each way in which a document breaks the standard, with the deepest place that can be named."""
    found = dict.fromkeys(_schema_faults(value))
    if not found:
        found = dict.fromkeys(_model_faults(value))
    return tuple(found)


def newer_than_version(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """The keys and logical types that came after the version that the document names in `apiVersion`."""
    parts = str(value.get("apiVersion", "")).removeprefix("v").split(".")
    if len(parts) == 3 and all(part.isdecimal() and len(part) < 5 for part in parts):
        for path, what, since in _newer(value, (int(parts[0]), int(parts[1])), ()):
            yield path, f"`{what}` came with version {since[0]}.{since[1]}"


@cache
def _schema() -> dict[str, Any]:
    text = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@cache
def _validator() -> Any:
    kind: Any = jsonschema.validators.validator_for(_schema())
    general = kind.VALIDATORS["additionalProperties"]

    def additional(validator: Any, permitted: Any, value: Any, schema: dict[str, Any]) -> Iterator[Any]:
        if permitted is False and "patternProperties" not in schema:  # a fault at each key, not one for all of them
            known = {"properties": schema.get("properties", {})}
            yield from _unknown_keys(validator, permitted, value, known)
        else:
            yield from general(validator, permitted, value, schema)

    ours = {"unevaluatedProperties": _unknown_keys, "additionalProperties": additional}
    return jsonschema.validators.extend(kind, ours)(_schema())  # type: ignore[no-untyped-call]


def _unknown_keys(validator: Any, permitted: Any, value: Any, schema: dict[str, Any]) -> Iterator[Any]:
    """The keyword `unevaluatedProperties: false`: a fault at each key that no part of the schema knows."""
    if permitted is False and isinstance(value, dict):
        known = _known_keys(validator, schema, value)
        for key in value:
            if key not in known:
                yield jsonschema.ValidationError(f"`{key}` is not a key of the standard here", path=[key])


def _known_keys(validator: Any, schema: Any, value: dict[str, Any]) -> set[str]:
    if not isinstance(schema, dict):
        return set()
    known = set(schema.get("properties", ()))
    if "$ref" in schema:
        known |= _known_keys(validator, _resolved(schema["$ref"]), value)
    for part in schema.get("allOf", ()):
        known |= _known_keys(validator, part, value)
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if validator.evolve(schema=part).is_valid(value):
            known |= _known_keys(validator, part, value)
    if "if" in schema:
        holds = validator.evolve(schema=schema["if"]).is_valid(value)
        known |= _known_keys(validator, schema["if"], value) if holds else set()
        known |= _known_keys(validator, schema.get("then" if holds else "else"), value)
    return known


def _resolved(reference: str) -> Any:
    """What a reference within the schema (`#/…`) names."""
    found: Any = _schema()
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def _schema_faults(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    for error in _validator().iter_errors(value):
        deepest = error
        while deepest.context:
            deepest = max(deepest.context, key=lambda inner: len(inner.absolute_path))
        yield tuple(deepest.absolute_path), _short(deepest.message)


def _model_faults(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """What the standard's model refuses although its schema does not."""
    try:
        OpenDataContractStandard.model_validate(value)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            yield tuple(found["loc"]), _short(found["msg"])


def _short(message: str) -> str:
    return message if len(message) <= _MESSAGE_CHARACTERS_MAX else f"{message[: _MESSAGE_CHARACTERS_MAX - 3]}..."


def _newer(value: Any, version: tuple[int, int], path: Path) -> Iterator[tuple[Path, str, tuple[int, int]]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _newer(item, version, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            since = _TYPES_SINCE.get(str(item)) if key == "logicalType" else _SINCE.get(key)
            if since is not None and since > version:
                yield (*path, key), str(item) if key == "logicalType" else key, since
            if key not in _OWNERS_OWN:
                yield from _newer(item, version, (*path, key))
