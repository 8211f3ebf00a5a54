"""Row filters: a typed, total subset of the Common Expression Language (`docs/formats/row-filter.md`)."""

from broker.policy.cel.check import check_filter
from broker.policy.cel.evaluate import compile_bindings, compile_row, evaluate_cel
from broker.policy.cel.parser import parse
from broker.policy.cel.syntax import Expression
from broker.policy.cel.values import Duration, Error, Timestamp

__all__ = [
    "Duration",
    "Error",
    "Expression",
    "Timestamp",
    "check_filter",
    "compile_bindings",
    "compile_row",
    "evaluate_cel",
    "parse",
]
