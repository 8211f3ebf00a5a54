"""What the Open Data Contract Standard says about a document: its own JSON Schema and model, held against plain values.

The schema comes with the package `open-data-contract-standard`.  One of its keywords, `unevaluatedProperties`, makes a general
validator look at every nested property once more per level, which takes minutes for nine levels; here the same question
(is this key known?) is answered without looking at what stands below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import ValidationError

from contracts.versions import Version, schema_of, version_named

Path = tuple[str | int, ...]
"""Where a value stands in a document: keys and positions from the top."""

_MESSAGE_CHARACTERS_MAX = 160
_SINCE: dict[str, Version] = {
    "relationships": (3, 1),
    "deprecated": (3, 2),
    "enum": (3, 2),
    "map": (3, 2),
    "synonyms": (3, 2),
    "semanticType": (3, 2),
    "context": (3, 2),
}
_SERVERS_SINCE: dict[str, Version] = {
    **dict.fromkeys(("hive", "impala", "zen"), (3, 1)),
    **dict.fromkeys(("btrieve", "exasol", "fastobjects", "hana", "iceberg", "ingres", "poet"), (3, 2)),
    **dict.fromkeys(("teradata", "vectorwise", "versant"), (3, 2)),
}
_TYPES_SINCE: dict[str, Version] = {"timestamp": (3, 1), "time": (3, 1), "map": (3, 2), "vector": (3, 2)}
_OWNERS_OWN = ("value", "examples", "logicalTypeOptions", "arguments", "implementation")
"""Keys below which the owner's own words stand, not the standard's."""


def standard_faults(value: dict[str, Any]) -> tuple[tuple[Path, str], ...]:
    """Each way in which a document breaks the standard, with the deepest place that can be named."""
    if str(value.get("apiVersion")).startswith("v2."):  # another structure: every key would be a fault
        return ((("apiVersion",), "version 2 of the standard is not read; 3.0, 3.1 and 3.2 are"),)
    found = dict.fromkeys(_schema_faults(value))
    if not found:
        found = dict.fromkeys(_model_faults(value))
    return tuple(found)


def newer_than_version(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """The keys, logical types and kinds of server that came after the version that the document names in `apiVersion`."""
    for path, what, since in _newer(value, version_named(value), ()):
        yield path, f"`{what}` came with version {since[0]}.{since[1]}"


@cache
def _validator(version: Version) -> Any:
    root = schema_of(version)
    kind: Any = jsonschema.validators.validator_for(root)
    general = kind.VALIDATORS["additionalProperties"]

    def unevaluated(validator: Any, permitted: Any, value: Any, schema: dict[str, Any]) -> Iterator[Any]:
        if permitted is False and isinstance(value, dict):
            yield from _unknown_keys(value, _known_keys(root, validator, schema, value))

    def additional(validator: Any, permitted: Any, value: Any, schema: dict[str, Any]) -> Iterator[Any]:
        if permitted is not False or "patternProperties" in schema:
            yield from general(validator, permitted, value, schema)
        elif isinstance(value, dict):  # a fault at each key, not one for all of them
            yield from _unknown_keys(value, set(schema.get("properties", ())))

    ours = {"unevaluatedProperties": unevaluated, "additionalProperties": additional}
    return jsonschema.validators.extend(kind, ours)(root)  # type: ignore[no-untyped-call]


def _unknown_keys(value: dict[str, Any], known: set[str]) -> Iterator[Any]:
    for key in value:
        if key not in known:
            yield jsonschema.ValidationError(f"`{key}` is not a key of the standard here", path=[key])


def _known_keys(root: Any, validator: Any, schema: Any, value: dict[str, Any]) -> set[str]:
    """The keys that some part of `schema` knows, where those parts apply to `value`."""
    if not isinstance(schema, dict):
        return set()
    parts = [*schema.get("allOf", ())]
    if "$ref" in schema:
        parts.append(_resolved(root, schema["$ref"]))
    choices = (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
    parts += [part for part in choices if validator.evolve(schema=part).is_valid(value)]
    if "if" in schema:
        holds = validator.evolve(schema=schema["if"]).is_valid(value)
        parts += [schema["if"], schema.get("then")] if holds else [schema.get("else")]
    return set(schema.get("properties", ())).union(*(_known_keys(root, validator, part, value) for part in parts))


def _resolved(root: Any, reference: str) -> Any:
    """What a reference within the schema (`#/…`) names."""
    found = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def _schema_faults(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    for error in _validator(version_named(value)).iter_errors(value):
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


def _newer(value: Any, version: Version, path: Path) -> Iterator[tuple[Path, str, Version]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _newer(item, version, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            what, since = _first_version(key, item, path)
            if since is not None and since > version:
                yield (*path, key), what, since
            if key not in _OWNERS_OWN:
                yield from _newer(item, version, (*path, key))


def _first_version(key: str, item: Any, path: Path) -> tuple[str, Version | None]:
    """What a key is about (itself, or its value where that is a word of the standard), and since when it is there."""
    if key == "logicalType":
        return str(item), _TYPES_SINCE.get(str(item))
    if key == "type" and path[:1] == ("servers",) and len(path) == 2:
        return str(item), _SERVERS_SINCE.get(str(item))
    return key, _SINCE.get(key)
