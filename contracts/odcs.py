"""Reading an ODCS 3.2 document: plain values, the place of each, and everything in which it breaks the standard.

The standard's own JSON Schema and model (package `open-data-contract-standard`) say what is allowed; this module adds the
lines and columns, and what they do not say: which keys a document may not use under the version that it names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
from open_data_contract_standard.model import OpenDataContractStandard
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from contracts.codes import DUPLICATE_KEY, NEWER_THAN_VERSION, NOT_ODCS, NOT_YAML
from contracts.faults import Code, Fault

Path = tuple[str | int, ...]

_CHARACTERS_MAX = 1_000_000
_NODES_MAX = 100_000
_SINCE: dict[str, tuple[int, int]] = {
    "relationships": (3, 1),
    "enum": (3, 2),
    "map": (3, 2),
    "synonyms": (3, 2),
    "semanticType": (3, 2),
    "context": (3, 2),
}
_TYPES_SINCE = {"timestamp": (3, 1), "time": (3, 1), "map": (3, 2), "vector": (3, 2)}


@dataclass(slots=True)
class Document:
    """A document as plain values, the place (line, column from 1) of every one, and its faults so far."""

    value: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    standard: OpenDataContractStandard | None = None
    """The document as the standard's own model; None when it breaks the standard."""

    def fault(self, code: Code, path: Path, message: str) -> None:
        """Note a fault at the value that `path` names, or at its nearest parent that stands in the text."""
        while path and path not in self.places:
            path = path[:-1]
        line, column = self.places.get(path, (1, 1))
        self.faults.append(code.fault(message, line=line, column=column))


def read(text: str) -> Document:
    """Read one document; never raises for what it holds."""
    document = Document()
    if len(text) > _CHARACTERS_MAX:
        document.faults.append(NOT_YAML.fault(f"{len(text)} characters, at most {_CHARACTERS_MAX}", line=1, column=1))
        return document
    try:
        node = YAML(typ="safe", pure=True).compose(text)
        value = _Reader(document).value(node, ()) if node is not None else None
    except (YAMLError, RecursionError, ValueError) as error:
        document.faults.append(_syntax_fault(error))
        return document
    if not isinstance(value, dict):
        document.faults.append(NOT_YAML.fault("a contract is a mapping of keys to values", line=1, column=1))
        return document
    document.value = value
    _hold_against_standard(document)
    return document


def _syntax_fault(error: Exception) -> Fault:
    if isinstance(error, MarkedYAMLError) and (mark := error.problem_mark or error.context_mark) is not None:
        return NOT_YAML.fault(str(error.problem or error.context), line=mark.line + 1, column=mark.column + 1)
    return NOT_YAML.fault("a control character, or nesting beyond any contract's", line=1, column=1)


class _Reader:
    """Walks composed nodes; duplicate keys become faults, and aliases cannot multiply without end."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = 0

    def value(self, node: Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > _NODES_MAX:
            raise ValueError("too many values")
        self._document.places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return _scalar(node)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in found:
                mark = key_node.start_mark
                fault = DUPLICATE_KEY.fault(f"`{key}` stands twice", line=mark.line + 1, column=mark.column + 1)
                self._document.faults.append(fault)
                continue
            found[key] = self.value(value_node, (*path, key))
        return found


def _scalar(node: ScalarNode) -> Any:
    """What YAML 1.2 makes of a scalar; times stay text, as ODCS wants them."""
    text = str(node.value)
    match str(node.tag).rsplit(":", 1)[-1]:
        case "int":
            return int(text.replace("_", ""), 0) if not text.lstrip("-+").startswith("0") else int(text, 10)
        case "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        case "bool":
            return text.lower() in ("true", "yes", "on")
        case "null":
            return None
        case _:
            return text


@cache
def _validator() -> Any:
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


def _hold_against_standard(document: Document) -> None:
    for path, message in sorted(
        _standard_faults(document.value), key=lambda found: document.places.get(found[0], (0, 0))
    ):
        document.fault(NOT_ODCS, path, message)
    for path, what, since in _newer(document.value, _version(document.value), ()):
        document.fault(NEWER_THAN_VERSION, path, f"{what} came with version {since[0]}.{since[1]}")
    if not document.faults:
        document.standard = OpenDataContractStandard.model_validate(document.value)


def _standard_faults(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Each way in which a value breaks the standard's schema, at the deepest place that can be named."""
    seen: set[tuple[Path, str]] = set()
    for error in _validator().iter_errors(value):
        deepest = error
        while deepest.context:
            deepest = max(deepest.context, key=lambda inner: len(inner.absolute_path))
        found = (tuple(deepest.absolute_path), _message(deepest))
        if found not in seen:
            seen.add(found)
            yield found


def _message(error: jsonschema.ValidationError) -> str:
    """What a schema says, in words of a sensible length."""
    return error.message if len(error.message) <= 160 else f"{error.message[:157]}..."


def _version(value: dict[str, Any]) -> tuple[int, int]:
    parts = str(value.get("apiVersion", "")).removeprefix("v").split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) == 3 and all(part.isdigit() for part in parts) else (99, 0)


def _newer(value: Any, version: tuple[int, int], path: Path) -> Iterator[tuple[Path, str, tuple[int, int]]]:
    """Keys and logical types that came after the version the document names (owner's own values are not looked into)."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _newer(item, version, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            since = _TYPES_SINCE.get(str(item)) if key == "logicalType" else _SINCE.get(key)
            if since is not None and since > version:
                yield (*path, key), f"`{item}`" if key == "logicalType" else f"`{key}`", since
            if key not in ("value", "examples", "logicalTypeOptions", "arguments", "implementation"):
                yield from _newer(item, version, (*path, key))
