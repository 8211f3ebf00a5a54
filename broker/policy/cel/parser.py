"""From the text of a row filter to its tree, or to the faults in it with their places.

The grammar is `grammar.lark`.  Parsing is bounded: at most `CHARACTERS_MAX` characters and `DEPTH_MAX` levels, so
neither it nor anything that walks the tree can be made to run out of stack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from broker.policy import codes
from broker.policy.cel import literals, syntax
from broker.policy.cel.syntax import Expression, Node, Place
from contracts.faults import Code, Fault, Faults

CHARACTERS_MAX = 16_384
DEPTH_MAX = 100
_KEYWORDS = frozenset({"true", "false", "null", "in"})
_RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"),
        *("namespace", "return", "var", "void", "while"),
    }
)
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse(text: str) -> Expression | Faults:
    """The expression, or one fault: the reader stops at the first, since what follows it would be guessed.

    Lines and columns count from 1 within `text`.  Never raises.
    """
    if len(text) > CHARACTERS_MAX:
        return Faults((codes.FILTER_LIMIT.fault(f"longer than {CHARACTERS_MAX} characters"),))
    try:
        return Expression(text, _settled(_node(_grammar().parse(text))))
    except _Rejected as rejected:
        return Faults((rejected.fault,))
    except VisitError as error:
        if isinstance(error.orig_exc, _Rejected):
            return Faults((error.orig_exc.fault,))
        raise
    except UnexpectedInput as error:
        return Faults((_syntax_fault(text, error),))


@cache
def _grammar() -> Lark:
    text = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="contextual", transformer=_Build(), maybe_placeholders=False)


class _Rejected(Exception):
    """A construct that the grammar admits and the language does not."""

    def __init__(self, code: Code, token: Token | Place, message: str) -> None:
        super().__init__(message)
        self.fault = code.fault(message, line=token.line, column=token.column)


def _syntax_fault(text: str, error: UnexpectedInput) -> Fault:
    at_end = isinstance(error, UnexpectedEOF) or (isinstance(error, UnexpectedToken) and error.token.type == "$END")
    if at_end:
        lines = text.split("\n")
        return codes.FILTER_SYNTAX.fault("the expression ends too early", line=len(lines), column=len(lines[-1]) + 1)
    if isinstance(error, UnexpectedCharacters):
        message = f"{text[error.pos_in_stream]!r} does not belong here" if error.pos_in_stream is not None else "?"
    elif isinstance(error, UnexpectedToken):
        message = f"{str(error.token)[:40]!r} does not belong here"
    else:
        message = "not an expression"
    return codes.FILTER_SYNTAX.fault(message, line=max(1, error.line), column=max(1, error.column))


def _above(start: Token | Place, *children: Node) -> Place:
    """The place of a node over `children`; DEPTH-LIMIT is kept here."""
    depth = 1 + max((child.place.depth for child in children), default=0)
    if depth > DEPTH_MAX:
        raise _Rejected(codes.FILTER_LIMIT, start, f"nested deeper than {DEPTH_MAX} levels")
    return Place(_number(start.line), _number(start.column), depth)


def _number(value: int | None) -> int:
    return 1 if value is None else value


def _node(value: Any) -> Node:
    assert isinstance(value, Node)
    return value


def _literal(token: Token, value: Any) -> syntax.Literal:
    return syntax.Literal(_above(token), value)


class _Build(Transformer[Token, Any]):
    """Makes nodes while the parser reduces, so no tree is walked; each method is the rule of its name."""

    def integer(self, items: list[Token]) -> Node:
        """Its value is made when it is known whether a minus stands before it."""
        return _literal(items[0], items[0])

    def double(self, items: list[Token]) -> Node:
        return _literal(items[0], _value(items[0], literals.double))

    def text(self, items: list[Token]) -> Node:
        return _literal(items[0], _value(items[0], literals.text_or_bytes))

    def name(self, items: list[Token]) -> Node:
        token = items[0]
        if token in _CONSTANTS:
            return _literal(token, _CONSTANTS[token])
        return syntax.Name(_above(token), _identifier(token))

    def group(self, items: list[Node]) -> Node:
        return _settled(items[0])

    def arguments(self, items: list[Node]) -> list[Node]:
        return [_settled(item) for item in items]

    elements = arguments

    def listing(self, items: list[Any]) -> Node:
        elements: list[Node] = items[1] if len(items) > 1 else []
        return syntax.Listing(_above(items[0], *elements), tuple(elements))

    def function(self, items: list[Any]) -> Node:
        name, arguments = items[0], items[1] if len(items) > 1 else []
        place = _above(name, *arguments)
        if name != "has":
            return syntax.Call(place, _identifier(name), tuple(arguments), method=False)
        if len(arguments) != 1 or not isinstance(arguments[0], syntax.Select | syntax.Name):
            raise _Rejected(codes.FILTER_SYNTAX, name, "has() takes one field")
        return syntax.Has(place, arguments[0])

    def select(self, items: list[Any]) -> Node:
        operand, token = _settled(items[0]), items[2]
        return syntax.Select(_above(token, operand), operand, _member(token))

    def method(self, items: list[Any]) -> Node:
        operand, token = _settled(items[0]), items[2]
        arguments = [operand, *(items[3] if len(items) > 3 else [])]
        return syntax.Call(_above(token, *arguments), _member(token), tuple(arguments), method=True)

    def negation(self, items: list[Any]) -> Node:
        operand = _settled(items[-1])
        return operand if len(items) % 2 else syntax.Not(_above(items[0], operand), operand)

    def minus(self, items: list[Any]) -> Node:
        operand, count = items[-1], len(items) - 1
        if isinstance(operand, syntax.Literal) and isinstance(operand.value, Token) and count % 2:
            return _literal(items[0], _value(operand.value, lambda text: literals.integer(text, negative=True)))
        operand = _settled(operand)
        return syntax.Negate(_above(items[0], operand), operand) if count % 2 else operand

    def compare(self, items: list[Any]) -> Node:
        left, right = _settled(items[0]), _settled(items[2])
        return syntax.Compare(_above(items[1], left, right), str(items[1]), left, right)

    def contained(self, items: list[Any]) -> Node:
        left, right = _settled(items[0]), _settled(items[2])
        return syntax.Contained(_above(items[1], left, right), left, right)

    def both(self, items: list[Node]) -> Node:
        return _chain(syntax.Both, items)

    def either(self, items: list[Node]) -> Node:
        return _chain(syntax.Either, items)

    def choose(self, items: list[Node]) -> Node:
        condition, chosen, other = (_settled(item) for item in items)
        return syntax.Choose(_above(condition.place, condition, chosen, other), condition, chosen, other)

    def start(self, items: list[Node]) -> Node:
        return items[0]


def _chain(kind: type[syntax.Both | syntax.Either], items: list[Node]) -> Node:
    """`a && b && c` as one node, so that a long chain is not deep; a group in brackets stays one item."""
    left, right = (_settled(item) for item in items)
    if not isinstance(left, kind):
        return kind(_above(left.place, left, right), (left, right))
    depth = max(left.place.depth, _above(right.place, right).depth)
    return kind(replace(left.place, depth=depth), (*left.items, right))


def _settled(node: Node) -> Node:
    """The node; an integer literal gets its value here, when no minus was found before it."""
    if isinstance(node, syntax.Literal) and isinstance(node.value, Token):
        return syntax.Literal(node.place, _value(node.value, literals.integer))
    return node


def _value(token: Token, read: Callable[[str], Any]) -> Any:
    try:
        return read(str(token))
    except literals.BadLiteral as error:
        raise _Rejected(codes.FILTER_SYNTAX, token, str(error)) from error


def _identifier(token: Token) -> str:
    if token in _RESERVED or token in _KEYWORDS:
        raise _Rejected(codes.FILTER_SYNTAX, token, f"{token} is a reserved word")
    return str(token)


def _member(token: Token) -> str:
    if token in _KEYWORDS:
        raise _Rejected(codes.FILTER_SYNTAX, token, f"{token} is a keyword")
    return str(token)
