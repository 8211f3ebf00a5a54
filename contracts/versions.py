"""The JSON Schema of each version of the standard that a document may name.

The package `open-data-contract-standard` carries the schema of the newest version only.  Older ones are that schema with
what changed since taken back, so that a document is held against the version it names and not against another.  Keys and
values that came later are told by `contracts.standard.newer_than_version`, which names their version; they are not
repeated here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

Version = tuple[int, int]
"""Major and minor number; patch releases have not changed the meaning of the standard."""

NEWEST: Version = (3, 2)
_OLDEST: Version = (3, 0)
_STRICT = ("SchemaObject", "SchemaProperty", "SchemaItemProperty", "SchemaBaseProperty")
"""The definitions in which version 3.0 refuses unknown keys already."""


def version_named(value: dict[str, Any]) -> Version:
    """The version that a document names in `apiVersion`; the newest where it names none that is known here."""
    parts = str(value.get("apiVersion", "")).removeprefix("v").split(".")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 5 for part in parts):
        return NEWEST
    named = (int(parts[0]), int(parts[1]))
    return named if _OLDEST <= named <= NEWEST else NEWEST


@cache
def schema_of(version: Version) -> dict[str, Any]:
    """The JSON Schema of `version`; the caller must not change it."""
    text = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    _ask_for_the_type(schema["$defs"])
    if version < (3, 2):
        _take_back_3_2(schema)
    if version < (3, 1):
        _take_back_3_1(schema)
    return schema


def _ask_for_the_type(known: dict[str, Any]) -> None:
    """What maps and vectors need is asked of them alone; as published, it is asked of a property without a type too."""
    for choice in known["SchemaBaseProperty"]["allOf"]:
        if choice.get("if", {}).get("properties", {}).get("logicalType", {}).get("const") in ("map", "vector"):
            choice["if"]["required"] = ["logicalType"]


def _take_back_3_2(schema: dict[str, Any]) -> None:
    """Until 3.1 a status is required, ports are numbers, and references have exactly two simple parts."""
    known = schema["$defs"]
    schema["required"] = [*schema["required"], "status"]
    known["Port"]["type"] = "integer"
    known["ShorthandReference"]["pattern"] = r"^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$"
    del known["CustomProperty"]["properties"]["vendor"]
    for key in ("customProperties", "authoritativeDefinitions"):
        del known["ServiceLevelAgreementProperty"]["properties"][key]


def _take_back_3_1(schema: dict[str, Any]) -> None:
    """In 3.0 a library rule has the key `rule`, exclusive bounds are true or false, a team is a list; little is strict."""
    known = schema["$defs"]
    for name, definition in known.items():
        if name not in _STRICT:
            _admit_unknown_keys(definition)
    schema["properties"]["team"] = {"type": "array", "items": known["TeamMember"]}
    known["TeamMember"].pop("required")
    known["CustomProperty"].pop("required")
    known["SupportItem"]["required"] = ["channel", "url"]
    del known["SchemaElement"]["properties"]["id"]
    _take_back_quality(known)
    for options in _options(known):
        options.update((key, {"type": "boolean"}) for key in ("exclusiveMinimum", "exclusiveMaximum") if key in options)
    for server in ("AzureServer", "S3Server", "SftpServer"):
        properties = known["ServerSource"][server]["properties"]
        properties["format"] = {"type": "string", "enum": ["parquet", "delta", "json", "csv"]}
        properties["delimiter"] = {"type": "string", "enum": ["new_line", "array"]}
    known["ServerSource"]["DuckdbServer"]["properties"]["schema"] = {"type": "integer"}


def _admit_unknown_keys(part: Any) -> None:
    if isinstance(part, dict):
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            if part.get(keyword) is False:
                del part[keyword]
        for inner in part.values():
            _admit_unknown_keys(inner)
    elif isinstance(part, list):
        for inner in part:
            _admit_unknown_keys(inner)


def _take_back_quality(known: dict[str, Any]) -> None:
    """A rule without `type` is one of the library, which names it in `rule`; operators may be any or none."""
    operators = [choice.get("properties", {}) for choice in known["DataQualityOperators"]["oneOf"]]
    merged = {key: value for choice in operators for key, value in choice.items()}
    library = known["DataQualityLibrary"]
    library.pop("allOf")
    library["properties"] = {"rule": {"type": "string"}, **copy.deepcopy(merged)}
    library["required"] = ["rule"]
    known["DataQualitySql"].pop("allOf")
    known["DataQuality"]["allOf"][0]["if"] = {"properties": {"type": {"const": "library"}}}


def _options(known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The `logicalTypeOptions` of each logical type that 3.0 has."""
    for choice in known["SchemaBaseProperty"]["allOf"]:
        found = choice.get("then", {}).get("properties", {}).get("logicalTypeOptions", {}).get("properties", {})
        if "timezone" not in found:
            yield found
