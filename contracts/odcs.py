"""Reading an ODCS 3 document: plain values, the place of each, and everything in which it breaks YAML or the standard.

YAML is read strictly: a plain scalar about which readers of YAML disagree (`no`, `1_000`, `2026-01-31`, `0x1F`) is a fault,
not a guess, wherever its value means something here.  What the standard says is `contracts.standard`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from contracts.codes import AMBIGUOUS, DUPLICATE_KEY, NEWER_THAN_VERSION, NOT_ODCS, NOT_YAML
from contracts.faults import Code, Fault
from contracts.standard import Path, newer_than_version, standard_faults

__all__ = ["Document", "Path", "read"]

_CHARACTERS_MAX = 1_000_000
_NODES_MAX = 100_000
_DEPTH_MAX = 40
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,40})?")
_AMBIGUOUS = re.compile(
    r"""(?ix) y|yes|n|no|on|off|=|<<                   # words of YAML 1.1
    | [-+]?[0-9][0-9_,]*(\.[0-9_]*)?(e[-+]?[0-9]+)?    # numbers in other dresses than _NUMBER's
    | [-+]?\.[0-9_]+(e[-+]?[0-9]+)?
    | [-+]?0[box][0-9a-f_]+
    | [-+]?\.inf | \.nan
    | [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?     # base sixty
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([t\ ].*)?         # dates and times
    """,
)

_KEPT = frozenset({"servers", "slaProperties", "price", "team", "roles", "support", "contractCreatedTs", "context"})
"""Sections that are kept and not acted on: what a reader makes of a plain word there is the reader's business."""
_KEPT_ANYWHERE = frozenset({"examples", "quality", "authoritativeDefinitions", "relationships"})


@dataclass(slots=True)
class Document:
    """A document as plain values, the place (line, column from 1) of every one, and its faults so far."""

    value: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unclear: set[Path] = field(default_factory=set)
    """Values that were ambiguous: nothing more is said about them."""

    def fault(self, code: Code, path: Path, message: str) -> None:
        """Note a fault at the value that `path` names, or at its nearest parent that stands in the text."""
        if path in self.unclear:
            return
        while path and path not in self.places:
            path = path[:-1]
        line, column = self.places.get(path, (1, 1))
        self.faults.append(code.fault(message, line=line, column=column))


def read(text: str) -> Document:
    """Read one document; never raises for what it holds."""
    document = Document()
    if len(text) > _CHARACTERS_MAX:
        document.fault(NOT_YAML, (), f"{len(text)} characters, at most {_CHARACTERS_MAX}")
        return document
    try:
        node = YAML(typ="safe", pure=True).compose(text)
        value = _Reader(document).value(node, ()) if node is not None else None
    except (YAMLError, RecursionError, _TooLarge) as error:
        document.faults.append(_syntax_fault(error, text))
        return document
    if not isinstance(value, dict):
        document.fault(NOT_YAML, (), "a contract is a mapping of keys to values")
        return document
    document.value = value
    for path, message in standard_faults(value):
        document.fault(NOT_ODCS, path, message)
    for path, message in newer_than_version(value):
        document.fault(NEWER_THAN_VERSION, path, message)
    return document


class _TooLarge(Exception):
    """More, or deeper nested, values than any contract has; aliases cannot multiply without end."""


def _syntax_fault(error: Exception, text: str) -> Fault:
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        return NOT_YAML.fault(str(error.problem or error.context), line=line, column=column)
    if isinstance(error, YAMLError):
        before = text[: getattr(error, "position", 0)]
        line = before.count("\n") + 1
        return NOT_YAML.fault("a control character stands here", line=line, column=len(before) - before.rfind("\n"))
    return NOT_YAML.fault("more values, or deeper nested ones, than a contract has", line=1, column=1)


class _Reader:
    """Walks composed nodes; what is ambiguous, and a key that stands twice, become faults."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = 0

    def value(self, node: Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > _NODES_MAX or len(path) > _DEPTH_MAX:
            raise _TooLarge
        self._document.places[path] = _place(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._note(NOT_YAML, key_node, "a key is one word")
                continue
            key = str(key_node.value)
            if key_node.style is None and _AMBIGUOUS.fullmatch(key):
                self._note(AMBIGUOUS, key_node, f"the key `{key}`: quote it")
            if key in found:
                self._note(DUPLICATE_KEY, key_node, f"`{key}` stands twice")
                continue
            found[key] = self.value(value_node, (*path, key))
        return found

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        """Quoted is text; `true`, `false`, `null` and numbers in plain digits are what they look like; the rest is text."""
        text = str(node.value)
        if node.style is not None:
            return text
        if _NUMBER.fullmatch(text):
            return float(text) if "." in text else int(text)
        if _AMBIGUOUS.fullmatch(text):
            if path[:1] and (path[0] in _KEPT or not _KEPT_ANYWHERE.isdisjoint(path)):
                return _number_or_text(text)
            self._note(AMBIGUOUS, node, f"`{text}`: quote it if it is text, else write it plainly")
            self._document.unclear.add(path)
            return text
        return _WORDS.get(text, text)

    def _note(self, code: Code, node: Node, message: str) -> None:
        line, column = _place(node)
        self._document.faults.append(code.fault(message, line=line, column=column))


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", "")),
}


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
