"""Changing one clause of an agreement's text, and nothing else of it: comments, order and layout stay."""

from __future__ import annotations

import json

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from agreements.clauses import Path, spelled
from agreements.codes import MISSING_KEY
from agreements.nodes import read_tree
from agreements.text import parse
from contracts.faults import Fault, Faults


def edited(text: str, clause: str, given: str) -> str | Faults:
    """`text` with the value of `clause` (`shares[0].purpose`) replaced by `given`; or what is wrong with that value.

    `given` is YAML on one line, a mapping or list in flow style; what is text to the form needs no quotes.  Faults of other clauses do
    not matter here.
    """
    node = _node(text, clause)
    if node is None:
        return Faults((MISSING_KEY.fault(f"`{clause}` is not there; add it with an editor"),))
    start, end = node.start_mark.index, _end(node)
    tried = [text[:start] + candidate + text[end:] for candidate in (given, json.dumps(given, ensure_ascii=False))]
    problems = [_problems(one, clause) for one in tried]
    for one, faults in zip(tried, problems, strict=True):
        if not faults:
            return one
    return Faults(problems[0])


def value_text(text: str, clause: str) -> str | None:
    """The value of a clause as it stands in a text, on one line; None where the clause is absent."""
    node = _node(text, clause)
    return None if node is None else " ".join(text[node.start_mark.index : _end(node)].split())


def _problems(text: str, clause: str) -> tuple[Fault, ...]:
    """The faults of form that lie in a clause."""
    found = parse(text)
    if not isinstance(found, Faults):
        return ()
    node = _node(text, clause)
    if node is None:
        return found.items
    first, last = node.start_mark.line + 1, text.count("\n", 0, _end(node)) + 1
    return tuple(fault for fault in found.items if fault.line is None or first <= fault.line <= last)


def _node(text: str, clause: str) -> Node | None:
    paths = {spelled(path): path for path in read_tree(text).values}
    if clause not in paths:
        return None
    return _at(YAML(typ="safe", pure=True).compose(text), paths[clause])


def _at(node: Node, path: Path) -> Node:
    for part in path:
        if isinstance(node, SequenceNode):
            node = node.value[part]
        else:
            node = next(value for key, value in node.value if str(key.value) == part)
    return node


def _end(node: Node) -> int:
    """Where the text of a node ends; a block's own mark stands only where the next one begins."""
    if isinstance(node, MappingNode) and not node.flow_style and node.value:
        return _end(node.value[-1][1])
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    return int(node.end_mark.index)
