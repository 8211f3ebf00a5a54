"""Row filters against the official CEL implementation, on generated expressions; and totality on any text."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from cel_expr_python import cel
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.policy.cel import Duration, Error, Timestamp, evaluate_cel, parse

_ENVIRONMENT = cel.NewEnv(variables=dict.fromkeys(("n", "s", "b", "m", "l", "d"), cel.Type.DYN))
_PROFILE = settings(max_examples=400, deadline=None, derandomize=True)

_TEXT = st.text(alphabet=st.sampled_from("abAB01 é\U0001f600.*"), max_size=4)
_BINDINGS = st.fixed_dictionaries(
    {
        "n": st.integers(-3, 3) | st.sampled_from([-(2**63), 2**63 - 1]),
        "s": _TEXT,
        "b": st.booleans(),
        "m": st.dictionaries(st.sampled_from("xyz"), st.integers(-2, 2) | _TEXT | st.none(), max_size=3),
        "l": st.lists(st.integers(-2, 2) | _TEXT | st.booleans(), max_size=3),
        "d": st.floats(-3, 3, width=16) | st.just(math.nan),
    }
)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_INSTANTS = st.sampled_from(
    [
        "2009-02-13T23:31:30Z",
        "2026-03-29T01:30:00+01:00",
        "1969-12-31T23:59:59.999Z",
        "0001-01-02T00:00:00Z",
        "nonsense",
    ]
)
_SPANS = st.sampled_from(["1h30m", "-1.5s", "0", "250ms", "1us", "5", "-90m", "315576000000s"])
_ZONES = st.sampled_from(["", "'UTC'", "'Europe/London'", "'-02:30'", "'11:00'", "'Nowhere/Land'"])
_ACCESSORS = st.sampled_from(
    [
        "getFullYear",
        "getMonth",
        "getDate",
        "getDayOfMonth",
        "getDayOfYear",
        "getDayOfWeek",
        "getHours",
        "getMinutes",
        "getSeconds",
        "getMilliseconds",
    ]
)
_LEAVES = st.one_of(
    st.integers(-3, 3).map(str),
    st.sampled_from(
        [
            "0x1F",
            "9223372036854775807",
            "-9223372036854775808",
            "9007199254740993",
            "9007199254740992.0",
            "1.5",
            "-0.0",
            "2.0",
            ".5",
            "1e1",
        ]
    ),
    _TEXT.map(_quoted),
    st.sampled_from(["true", "false", "null", "n", "s", "b", "m", "l", "d", "m.x", "m.y", "has(m.z)", "b'ab'", "[]"]),
    _INSTANTS.map(lambda text: f"timestamp('{text}')"),
    _SPANS.map(lambda text: f"duration('{text}')"),
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"])
    methods = st.sampled_from(["startsWith", "endsWith", "contains", "matches"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} ? {p[1]} : {p[2]})"),
        st.tuples(st.sampled_from(["!", "-", "!!", "- -"]), inner).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(inner, methods, inner).map(lambda p: f"({p[0]}).{p[1]}({p[2]})"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        inner.map(lambda text: f"size({text})"),
        st.tuples(inner, _ACCESSORS, _ZONES).map(lambda p: f"({p[0]}).{p[1]}({p[2]})"),
    )


_EXPRESSIONS = st.recursive(_LEAVES, _grown, max_leaves=8)


_GOOD_INSTANTS = _INSTANTS.filter(lambda text: text != "nonsense").map(lambda text: f"timestamp('{text}')")
_GOOD_SPANS = _SPANS.filter(lambda text: text != "5").map(lambda text: f"duration('{text}')")
_STRINGS = _TEXT.map(_quoted) | st.just("s")
_COMPARISONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_INTEGERS = st.one_of(
    st.integers(-3, 3).map(str),
    st.sampled_from(["n", "-(n)", "0x10", "1.5", "d", "2.0"]),
    _STRINGS.map(lambda text: f"size({text})"),
    st.tuples(_GOOD_INSTANTS, _ACCESSORS, _ZONES).map(lambda p: f"{p[0]}.{p[1]}({p[2]})"),
    st.tuples(_GOOD_SPANS, st.sampled_from(["getHours", "getMinutes", "getSeconds", "getMilliseconds"])).map(
        lambda p: f"{p[0]}.{p[1]}()"
    ),
)


def _compared(operands: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(operands, _COMPARISONS, operands).map(" ".join)


_CONDITIONS = st.recursive(
    st.one_of(
        st.sampled_from(["true", "b", "has(m.x)", "m.y == 1", "1 in l", "'a' in l", "'x' in m", "m.x > 0", "null"]),
        *(_compared(operands) for operands in (_INTEGERS, _STRINGS, _GOOD_INSTANTS, _GOOD_SPANS)),
        st.tuples(_STRINGS, st.sampled_from(["startsWith", "endsWith", "contains"]), _STRINGS).map(
            lambda p: f"{p[0]}.{p[1]}({p[2]})"
        ),
        st.tuples(_STRINGS, st.sampled_from(["'^a'", "'[ab]+$'", "'.'", "'^.$'", "'(?i)A'", "'['"])).map(
            lambda p: f"{p[0]}.matches({p[1]})"
        ),
        st.tuples(_INTEGERS, st.lists(_INTEGERS, max_size=3)).map(lambda p: f"{p[0]} in [{', '.join(p[1])}]"),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner, st.sampled_from(["&&", "||"]), inner).map(" ".join),
        inner.map(lambda text: f"!({text})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]}) ? ({p[1]}) : ({p[2]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}) == ({p[1]})"),
    ),
    max_leaves=8,
)


def _official(text: str, bindings: dict[str, Any]) -> Any:
    try:
        value = _ENVIRONMENT.compile(text, disable_check=True).eval(data=bindings)
    except RuntimeError:
        return Error("official")
    return Error("official") if value.type() == cel.Type.ERROR else _plain(value.plain_value())


def _plain(value: Any) -> Any:
    """Times to the microsecond, which is what the official binding gives."""
    if isinstance(value, Timestamp):
        return ("timestamp", value.nanoseconds // 1000)
    if isinstance(value, Duration):
        return ("duration", int(value.nanoseconds / 1000))
    if isinstance(value, dt.datetime):
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return ("timestamp", (value - epoch) // dt.timedelta(microseconds=1))
    if isinstance(value, dt.timedelta):
        return ("duration", value // dt.timedelta(microseconds=1))
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in sorted(value)}  # a map has no order
    return bytes(value) if isinstance(value, bytearray) else value


@given(_EXPRESSIONS | _CONDITIONS, _BINDINGS)
@_PROFILE
def test_the_official_implementation_says_the_same(text, bindings):
    wanted, found = _official(text, bindings), _plain(evaluate_cel(text, bindings))
    if isinstance(wanted, Error):
        assert isinstance(found, Error), f"{text}: {found} where the official implementation has an error"
    else:
        assert type(found) is type(wanted), f"{text}: {found!r} is not {wanted!r}"
        assert repr(found) == repr(wanted), text


@given(st.text(max_size=60) | st.text(alphabet="abn'\"\\[]().,?:!-=<>&| 019xein\n", max_size=40))
@_PROFILE
def test_no_text_makes_it_raise(text):
    parse(text)
    evaluate_cel(text, {"a": 1, "b": "x", "n": None})


@given(_EXPRESSIONS, st.dictionaries(st.sampled_from("nsbmld"), st.none() | st.binary() | st.lists(st.none())))
@_PROFILE
def test_no_binding_makes_it_raise(text, bindings):
    evaluate_cel(text, bindings)
