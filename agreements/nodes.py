"""YAML read strictly: plain values, each with its place, and everything that is ambiguous refused.

Scalars mean what they look like and nothing else: quoted is text; `true` and `false`; whole numbers in digits; where asked for,
fractions such as `0.5`; dates as YYYY-MM-DD; every other plain scalar is text unless some YAML reader would take it for something
else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from agreements.clauses import Path, spelled
from agreements.codes import AMBIGUOUS, DUPLICATE_KEY, NOT_PLAIN, NOT_YAML, NULL, TOO_LARGE, WRONG_VALUE
from contracts.faults import Code, Fault

Place = tuple[int, int]

_LONGEST_CHARACTERS = 1_000_000
_DEEPEST = 12
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,30}")
_FRACTION = re.compile(r"-?(0|[1-9][0-9]{0,15})\.[0-9]{1,15}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AMBIGUOUS = re.compile(
    r"""(?ix) y|yes|n|no|on|off|true|false|null|~|=|<<      # words of YAML 1.1 (and other cases than true, false)
    | [-+]?[0-9][0-9_,]*(\.[0-9_]*)?(e[-+]?[0-9]+)?        # numbers in all their dresses
    | [-+]?\.[0-9_]+(e[-+]?[0-9]+)?
    | 0[box][0-9a-f_]+
    | [-+]?\.(inf|nan) | \.nan
    | [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?         # base sixty
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([t\ ].*)?             # times and loose dates
    """,
)


@dataclass(slots=True)
class Tree:
    """A document: its plain value (lists are tuples), the place of every key and value, and what is wrong with it."""

    value: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    faulty: set[Path] = field(default_factory=set)
    """Paths that have a fault already, so that a later check says nothing more about them."""
    fractions: bool = False
    """Whether `0.5` is a number: in a configuration, not in what is signed."""

    def fault(self, code: Code, path: Path, message: str, *, key: bool = False) -> Fault:
        """A fault at the place of the value (or the key) that `path` names, or of its nearest parent."""
        while path and path not in self.values:
            path = path[:-1]
        places = self.keys if key and path in self.keys else self.values
        line, column = places.get(path, (1, 1))
        return code.fault(message, line=line, column=column)


def is_ambiguous(plain: str) -> bool:
    """Whether readers of YAML disagree about this plain scalar, or take it for something that is not text."""
    return plain == "" or _AMBIGUOUS.fullmatch(plain) is not None


def read_tree(text: str, *, fractions: bool = False) -> Tree:
    """Read one YAML document, whose numbers are whole unless `fractions` are asked for."""
    tree = Tree(fractions=fractions)
    if len(text) > _LONGEST_CHARACTERS:
        tree.faults.append(TOO_LARGE.fault(f"{len(text)} characters, at most {_LONGEST_CHARACTERS}", line=1, column=1))
        return tree
    try:
        _refuse_features(text, tree)
        if tree.faults:
            return tree
        node = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        tree.faults.append(_syntax_fault(error, text))
        return tree
    if node is not None:
        tree.value = _value(node, (), tree)
    return tree


def _refuse_features(text: str, tree: Tree) -> None:
    """Look at the events alone, so that an alias or deep nesting is refused before anything follows it."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        feature = None
        if isinstance(event, AliasEvent):
            feature = "an alias"
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            feature = "an anchor"
        elif isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
            feature = "a tag"
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _DEEPEST:
            tree.faults.append(NOT_PLAIN.fault(f"nested more than {_DEEPEST} deep", line=line, column=column))
            return
        if feature is not None:
            tree.faults.append(NOT_PLAIN.fault(f"{feature} stands here", line=line, column=column))


def _syntax_fault(error: YAMLError, text: str) -> Fault:
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        words = str(error.problem or error.context or "syntax error")
        if mark is not None:
            return NOT_YAML.fault(words, line=mark.line + 1, column=mark.column + 1)
        return NOT_YAML.fault(words, line=1, column=1)
    before = text[: getattr(error, "position", 0)]
    line = before.count("\n") + 1
    return NOT_YAML.fault("a control character stands here", line=line, column=len(before) - before.rfind("\n"))


def _value(node: Node, path: Path, tree: Tree) -> Any:
    tree.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, MappingNode):
        return _mapping(node, path, tree)
    if isinstance(node, SequenceNode):
        return tuple(_value(item, (*path, index), tree) for index, item in enumerate(node.value))
    text = str(node.value)
    return text if not isinstance(node, ScalarNode) or node.style is not None else _scalar(text, path, tree)


def _mapping(node: MappingNode, path: Path, tree: Tree) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if not isinstance(key_node, ScalarNode):
            tree.faults.append(NOT_PLAIN.fault("a key is one word", line=place[0], column=place[1]))
            continue
        key = str(key_node.value)
        if key_node.style is None and is_ambiguous(key):
            tree.faults.append(AMBIGUOUS.fault(f"the key `{key}`: quote it", line=place[0], column=place[1]))
        if key in found:
            first = tree.keys[(*path, key)][0]
            message = f"`{key}` stands already in line {first}"
            tree.faults.append(DUPLICATE_KEY.fault(message, line=place[0], column=place[1]))
            continue
        tree.keys[(*path, key)] = place
        found[key] = _value(value_node, (*path, key), tree)
    return found


def _scalar(text: str, path: Path, tree: Tree) -> Any:
    """What a plain scalar means."""
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text) or (tree.fractions and _FRACTION.fullmatch(text)):
        return float(text) if "." in text else int(text)
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return _refused(WRONG_VALUE, f"there is no day {text}", text, path, tree)
    if text in ("", "~") or text.lower() == "null":
        return _refused(NULL, f"`{spelled(path)}` has no value", text, path, tree)
    return _refused(AMBIGUOUS, f"`{text}`", text, path, tree) if is_ambiguous(text) else text


def _refused(code: Code, message: str, text: str, path: Path, tree: Tree) -> str:
    """Note the fault and go on with the text, so that the rest of the document is looked at too."""
    tree.faults.append(tree.fault(code, path, message, key=code is NULL))
    tree.faulty.add(path)
    return text
