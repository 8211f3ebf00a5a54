"""Expressions compiled to Python closures.  TOTAL: evaluation gives a value or an `Error`, whatever the input.

`compile_bindings` is the language as specified, over free variables; `compile_row` is the row filter: variables are the
fields of a row, null is absent, and whatever touches an unavailable value is an error, `has` included (decision 28).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

from broker.policy.cel import rows, syntax, values
from broker.policy.cel.functions import FUNCTIONS, searcher
from broker.policy.cel.parser import parse
from broker.policy.cel.syntax import Expression, Node
from broker.policy.cel.values import BROKEN, NO_FIELD, NO_FUNCTION, NO_OVERLOAD, NO_VARIABLE, Error
from contracts.change import Row
from contracts.faults import Faults

_Run = Callable[[Mapping[str, Any], Collection[str]], Any]
"""A compiled node: takes the variables and the unavailable paths."""
_ORDERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def evaluate_cel(text: str, bindings: Mapping[str, Any]) -> Any:
    """The value of an expression over variables, or an `Error`; never raises.

    Times are `values.Timestamp` and `values.Duration`; Python's datetime and timedelta are taken as bindings too.
    """
    parsed = parse(text)
    if isinstance(parsed, Faults):
        return Error("syntax")
    return compile_bindings(parsed)(bindings)


def compile_bindings(expression: Expression) -> Callable[[Mapping[str, Any]], Any]:
    """The expression as a function of its variables."""
    run = _Compiler(row=False).node(expression.root)

    def evaluate(bindings: Mapping[str, Any]) -> Any:
        try:
            return run({name: values.of_python(value) for name, value in bindings.items()}, ())
        except Exception:  # noqa: BLE001  TOTAL: whatever the bindings hold
            return BROKEN

    return evaluate


def compile_row(expression: Expression) -> Callable[[Row, Collection[str]], bool | Error]:
    """The expression as a row filter: of a row and its unavailable paths.  Anything but a boolean is an `Error`."""
    run = _Compiler(row=True).node(expression.root)

    def evaluate(row: Row, unavailable: Collection[str] = ()) -> bool | Error:
        try:
            value = run(row, unavailable)
        except Exception:  # noqa: BLE001  TOTAL: whatever the row holds
            return BROKEN
        if value is True or value is False:
            return bool(value)
        return value if type(value) is Error else NO_OVERLOAD

    return evaluate


class _Compiler:
    """Turns each kind of node into a closure.  `row` chooses what variables and absence mean."""

    def __init__(self, *, row: bool) -> None:
        self._row = row
        self._by_kind: Mapping[type[Node], Callable[[Any], _Run]] = {
            syntax.Literal: self._literal,
            syntax.Name: self._name,
            syntax.Select: self._select,
            syntax.Has: self._has,
            syntax.Listing: self._listing,
            syntax.Not: self._not,
            syntax.Negate: self._negate,
            syntax.Both: self._both,
            syntax.Either: self._either,
            syntax.Compare: self._compare,
            syntax.Contained: self._contained,
            syntax.Choose: self._choose,
            syntax.Call: self._call,
        }

    def node(self, node: Node) -> _Run:
        """The closure of any node."""
        return self._by_kind[type(node)](node)

    def _literal(self, node: syntax.Literal) -> _Run:
        return _constant(node.value)

    def _name(self, node: syntax.Name) -> _Run:
        if self._row:
            return rows.path_value((node.name,))
        name = node.name
        return lambda row, _unavailable: row.get(name, NO_VARIABLE)

    def _select(self, node: syntax.Select) -> _Run:
        path = rows.static_path(node) if self._row else None
        if path is not None:
            return rows.path_value(path)
        operand, field = self.node(node.operand), node.field

        def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
            value = operand(row, unavailable)
            if type(value) is dict:
                return value.get(field, NO_FIELD)
            return value if type(value) is Error else NO_OVERLOAD

        return run

    def _has(self, node: syntax.Has) -> _Run:
        if self._row:
            path = rows.static_path(node.operand)
            return _constant(NO_OVERLOAD) if path is None else rows.path_exists(path)
        if isinstance(node.operand, syntax.Name):
            return _constant(NO_OVERLOAD)  # the language admits only a selection here
        operand, field = self.node(node.operand.operand), node.operand.field

        def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
            value = operand(row, unavailable)
            if type(value) is dict:
                return field in value
            return value if type(value) is Error else NO_OVERLOAD

        return run

    def _listing(self, node: syntax.Listing) -> _Run:
        if all(isinstance(item, syntax.Literal) for item in node.items):
            return _constant([item.value for item in node.items if isinstance(item, syntax.Literal)])
        items = [self.node(item) for item in node.items]

        def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
            found = [item(row, unavailable) for item in items]
            return next((value for value in found if type(value) is Error), found)

        return run

    def _not(self, node: syntax.Not) -> _Run:
        operand = self.node(node.operand)

        def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
            value = operand(row, unavailable)
            if value is True or value is False:
                return not value
            return value if type(value) is Error else NO_OVERLOAD

        return run

    def _negate(self, node: syntax.Negate) -> _Run:
        operand = self.node(node.operand)

        def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
            value = operand(row, unavailable)
            if type(value) is float:
                return -value
            if type(value) is int:
                return values.OUT_OF_RANGE if value == -(2**63) else -value
            return value if type(value) is Error else NO_OVERLOAD

        return run

    def _both(self, node: syntax.Both) -> _Run:
        return self._logic(node.items, decisive=False)

    def _either(self, node: syntax.Either) -> _Run:
        return self._logic(node.items, decisive=True)

    def _logic(self, items: tuple[Node, ...], *, decisive: bool) -> _Run:
        """`&&` (decided by false) and `||` (decided by true): one decisive operand absorbs errors in the others."""
        runs = [self.node(item) for item in items]

        def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
            problem: Error | None = None
            for item in runs:
                value = item(row, unavailable)
                if value is decisive:
                    return decisive
                if value is not True and value is not False and problem is None:
                    problem = value if type(value) is Error else NO_OVERLOAD
            return (not decisive) if problem is None else problem

        return run

    def _compare(self, node: syntax.Compare) -> _Run:
        left, right = self.node(node.left), self.node(node.right)
        if node.operator in ("==", "!="):
            return _equality(left, right, wanted=node.operator == "==")
        order = _ORDERS[node.operator]

        def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
            one, two = left(row, unavailable), right(row, unavailable)
            if type(one) is Error:
                return one
            if type(two) is Error:
                return two
            return values.ordered(order, one, two)

        return run

    def _contained(self, node: syntax.Contained) -> _Run:
        element, collection = self.node(node.element), self.node(node.collection)

        def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
            one, many = element(row, unavailable), collection(row, unavailable)
            if type(one) is Error:
                return one
            return many if type(many) is Error else values.contains(one, many)

        return run

    def _choose(self, node: syntax.Choose) -> _Run:
        condition, chosen, other = self.node(node.condition), self.node(node.chosen), self.node(node.other)

        def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
            value = condition(row, unavailable)
            if value is True:
                return chosen(row, unavailable)
            if value is False:
                return other(row, unavailable)
            return value if type(value) is Error else NO_OVERLOAD

        return run

    def _call(self, node: syntax.Call) -> _Run:
        function = FUNCTIONS.get(node.function)
        if function is None or not (function.method if node.method else function.plain):
            return _constant(NO_FUNCTION)
        arities = {len(types) for types, _ in function.signatures}
        if len(node.arguments) not in arities:
            return _constant(NO_OVERLOAD)
        call, arguments = function.call, [self.node(argument) for argument in node.arguments]
        if node.function == "matches" and isinstance(node.arguments[1], syntax.Literal):
            searcher(str(node.arguments[1].value))  # compiled once, now

        def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
            given = [argument(row, unavailable) for argument in arguments]
            for value in given:
                if type(value) is Error:
                    return value
            return call(*given)

        return run


def _constant(value: Any) -> _Run:
    return lambda _row, _unavailable: value


def _equality(left: _Run, right: _Run, *, wanted: bool) -> _Run:
    def run(row: Mapping[str, Any], unavailable: Collection[str]) -> Any:
        one, two = left(row, unavailable), right(row, unavailable)
        if type(one) is Error:
            return one
        if type(two) is Error:
            return two
        return values.equal(one, two) is wanted

    return run
