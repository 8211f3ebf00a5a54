"""Types of row filters: whether an expression is a boolean over the fields of a contract.

The check is stricter than evaluation must be, so that a mistake is found when the agreement is written: comparing text
with a number is a fault here and an error, hence *not shared*, there.  All faults of an expression are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from broker.policy import codes
from broker.policy.cel import syntax
from broker.policy.cel.functions import FUNCTIONS, searcher
from broker.policy.cel.syntax import Expression, Node
from broker.policy.cel.values import Duration, Error, Timestamp
from contracts.faults import Code, Fault, Faults
from contracts.model import Contract, Field, FieldType, TypeName


@dataclass(frozen=True, slots=True)
class Type:
    """A type of the language; `items` of a list or the values of a map, `fields` of a record."""

    name: str
    items: Type | None = None
    fields: tuple[Field, ...] = ()


ANY, NULL, BOOL, INT, DOUBLE = Type("any"), Type("null"), Type("bool"), Type("int"), Type("double")
STRING, BYTES, TIMESTAMP, DURATION = Type("string"), Type("bytes"), Type("timestamp"), Type("duration")
_BY_NAME = {t.name: t for t in (BOOL, INT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION)}
_OF_PYTHON: Mapping[type, Type] = {
    bool: BOOL,
    int: INT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    type(None): NULL,
    Timestamp: TIMESTAMP,
    Duration: DURATION,
}
_OF_CONTRACT: Mapping[TypeName, Type] = {
    TypeName.STRING: STRING,
    TypeName.ENUM: STRING,
    TypeName.UUID: STRING,
    TypeName.INTEGER: INT,
    TypeName.DOUBLE: DOUBLE,
    TypeName.DECIMAL: DOUBLE,
    TypeName.BOOLEAN: BOOL,
    TypeName.DATE: TIMESTAMP,
    TypeName.TIMESTAMP: TIMESTAMP,
    TypeName.BYTES: BYTES,
}
_NUMBERS = ("int", "double")
_ORDERED = ("bool", "string", "bytes", "timestamp", "duration")


def check_filter(expression: Expression, contract: Contract) -> Faults | None:
    """Every fault of `expression` as a row filter over `contract`, placed within the expression; None if it has none."""
    checker = _Checker(contract)
    result = checker.of(expression.root)
    if result not in (BOOL, ANY):
        checker.fault(codes.FILTER_TYPE, expression.root, f"a row filter is true or false, this is {result.name}")
    return Faults(tuple(checker.faults)) if checker.faults else None


def type_of(field_type: FieldType) -> Type:
    """The type of the language that a contract's type has in a row filter."""
    if field_type.name is TypeName.RECORD:
        return Type("record", fields=field_type.fields)
    if field_type.name in (TypeName.ARRAY, TypeName.MAP):
        items = ANY if field_type.items is None else type_of(field_type.items)
        return Type("list" if field_type.name is TypeName.ARRAY else "map", items)
    return _OF_CONTRACT[field_type.name]


class _Checker:
    """Finds the type of each node; ANY where a fault was already noted, so that one mistake is one fault."""

    def __init__(self, contract: Contract) -> None:
        self.faults: list[Fault] = []
        self._contract = contract
        self._by_kind: Mapping[type[Node], Callable[[Any], Type]] = {
            syntax.Literal: lambda node: _OF_PYTHON[type(node.value)],
            syntax.Name: self._name,
            syntax.Select: self._select,
            syntax.Has: self._has,
            syntax.Listing: self._listing,
            syntax.Not: lambda node: self._booleans((node.operand,)),
            syntax.Negate: self._negate,
            syntax.Both: lambda node: self._booleans(node.items),
            syntax.Either: lambda node: self._booleans(node.items),
            syntax.Compare: self._compare,
            syntax.Contained: self._contained,
            syntax.Choose: self._choose,
            syntax.Call: self._call,
        }

    def of(self, node: Node) -> Type:
        """The type of `node`."""
        return self._by_kind[type(node)](node)

    def fault(self, code: Code, node: Node, message: str) -> Type:
        """Note a fault at `node`."""
        self.faults.append(code.fault(message, line=node.place.line, column=node.place.column))
        return ANY

    def _name(self, node: syntax.Name) -> Type:
        found = self._contract.field(node.name)
        if found is None:
            return self.fault(codes.FILTER_FIELD, node, f"{self._contract.dataset} has no field {node.name}")
        return type_of(found.type)

    def _select(self, node: syntax.Select) -> Type:
        operand = self.of(node.operand)
        if operand.name == "map":
            return operand.items or ANY
        if operand.name == "record":
            found = next((field for field in operand.fields if field.name == node.field), None)
            if found is None:
                return self.fault(codes.FILTER_FIELD, node, f"there is no field {node.field} here")
            return type_of(found.type)
        return ANY if operand is ANY else self.fault(codes.FILTER_TYPE, node, f"{operand.name} has no fields")

    def _has(self, node: syntax.Has) -> Type:
        self.of(node.operand)
        return BOOL

    def _listing(self, node: syntax.Listing) -> Type:
        kinds = {self.of(item) for item in node.items}
        return Type("list", kinds.pop() if len(kinds) == 1 else ANY)

    def _booleans(self, items: tuple[Node, ...]) -> Type:
        for item in items:
            found = self.of(item)
            if found not in (BOOL, ANY):
                self.fault(codes.FILTER_TYPE, item, f"must be true or false, is {found.name}")
        return BOOL

    def _negate(self, node: syntax.Negate) -> Type:
        operand = self.of(node.operand)
        if operand in (INT, DOUBLE, ANY):
            return operand
        return self.fault(codes.FILTER_TYPE, node, f"only a number can be negated, not {operand.name}")

    def _compare(self, node: syntax.Compare) -> Type:
        left, right = self.of(node.left), self.of(node.right)
        ordering = node.operator not in ("==", "!=")
        if not _alike(left, right) or (ordering and not (_has_order(left) and _has_order(right))):
            hint = "; null is absent here, ask with has()" if NULL in (left, right) else ""
            message = f"{left.name} {node.operator} {right.name} has no meaning{hint}"
            self.fault(codes.FILTER_TYPE, node, message)
        return BOOL

    def _contained(self, node: syntax.Contained) -> Type:
        element, collection = self.of(node.element), self.of(node.collection)
        if collection.name == "list":
            fits = _alike(element, collection.items or ANY)
        else:
            fits = collection is ANY or (collection.name == "map" and element in (STRING, ANY))
        if not fits:
            self.fault(codes.FILTER_TYPE, node, f"{element.name} in {_described(collection)} has no meaning")
        return BOOL

    def _choose(self, node: syntax.Choose) -> Type:
        self._booleans((node.condition,))
        chosen, other = self.of(node.chosen), self.of(node.other)
        if chosen == other:
            return chosen
        if ANY in (chosen, other):
            return ANY
        return self.fault(codes.FILTER_TYPE, node, f"one side is {chosen.name}, the other {other.name}")

    def _call(self, node: syntax.Call) -> Type:
        function = FUNCTIONS.get(node.function)
        given = tuple(self.of(argument) for argument in node.arguments)
        if function is None or not (function.method if node.method else function.plain):
            hint = "; a view must not change without an event" if node.function == "now" else ""
            return self.fault(codes.FILTER_TYPE, node, f"there is no function {node.function} of this form{hint}")
        found = {
            result
            for types, result in function.signatures
            if len(types) == len(given) and all(g is ANY or t == g.name for t, g in zip(types, given, strict=True))
        }
        if not found:
            described = ", ".join(_described(kind) for kind in given)
            return self.fault(codes.FILTER_TYPE, node, f"{node.function} does not take ({described})")
        self._constants(node)
        return _BY_NAME[found.pop()]

    def _constants(self, node: syntax.Call) -> None:
        """Constant arguments are tried now: a pattern that is not RE2, a time that is none, an unknown time zone."""
        if node.function == "matches":
            pattern = node.arguments[1]
            if not isinstance(pattern, syntax.Literal):
                self.fault(codes.FILTER_TYPE, pattern, "the pattern must be written out, so that its cost is known")
            elif isinstance(searcher(str(pattern.value)), Error):
                self.fault(codes.FILTER_TYPE, pattern, "is not a pattern in RE2 syntax, or is too large")
            return
        values = [argument.value for argument in node.arguments if isinstance(argument, syntax.Literal)]
        if node.function in ("timestamp", "duration") and len(values) == len(node.arguments):
            outcome = FUNCTIONS[node.function].call(*values)
        elif node.function.startswith("get") and len(node.arguments) == 2 and values:
            outcome = FUNCTIONS[node.function].call(Timestamp(0), values[-1])
        else:
            return
        if isinstance(outcome, Error):
            self.fault(codes.FILTER_TYPE, node, f"{node.function} cannot take this constant: {outcome.code}")


def _alike(left: Type, right: Type) -> bool:
    """Whether the two can be compared: one type, two numbers, or lists and maps of what can be compared."""
    if ANY in (left, right):
        return True
    if left.name in _NUMBERS and right.name in _NUMBERS:
        return True
    if left.name != right.name or left.name == "record":
        return False
    return _alike(left.items or ANY, right.items or ANY)


def _has_order(kind: Type) -> bool:
    return kind is ANY or kind.name in _NUMBERS or kind.name in _ORDERED


def _described(kind: Type) -> str:
    return f"{kind.name} of {kind.items.name}" if kind.items is not None else kind.name
