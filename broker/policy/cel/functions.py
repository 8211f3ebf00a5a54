"""The functions of the row-filter language, with their signatures.  TOTAL: each gives a value or an `Error`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import re2

from broker.policy.cel.values import (
    BAD_ARGUMENT,
    DURATION_MAX,
    EPOCH,
    NO_OVERLOAD,
    OUT_OF_RANGE,
    SECOND,
    TIMESTAMP_MAX,
    TIMESTAMP_MIN,
    Duration,
    Error,
    Timestamp,
)

_RFC3339 = re.compile(
    r"(\d{4,5})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|us|µs|μs|ns|m|s)", re.ASCII)
_UNITS = {"h": 3600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": 10**6, "us": 1000, "µs": 1000, "μs": 1000, "ns": 1}
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)
_LOCAL = re.compile(r"localtime|posixrules|Factory|(?:posix|right)/.*")
_DURATION_CHARACTERS_MAX = 100
_PATTERN_CHARACTERS_MAX = 1_000
_RE2 = re2.Options()
_RE2.log_errors = False
_RE2.max_mem = 1 << 20


@dataclass(frozen=True, slots=True)
class Function:
    """One function: how it may be written, what types it takes (any one alternative), and what it does."""

    method: bool
    plain: bool
    signatures: tuple[tuple[tuple[str, ...], str], ...]
    """(types of the arguments, target first; type of the result) for each overload."""
    call: Callable[..., Any]


def _size(value: Any) -> Any:
    return len(value) if type(value) in (str, bytes, list, dict) else NO_OVERLOAD


def _on_text(operation: Callable[[str, str], bool]) -> Callable[[Any, Any], Any]:
    def call(target: Any, argument: Any) -> Any:
        if type(target) is str and type(argument) is str:
            return operation(target, argument)
        return NO_OVERLOAD

    return call


def _matches(target: Any, pattern: Any) -> Any:
    if type(target) is not str or type(pattern) is not str:
        return NO_OVERLOAD
    search = searcher(pattern)
    return search if isinstance(search, Error) else search(target)


@lru_cache(maxsize=256)
def searcher(pattern: str) -> Callable[[str], bool] | Error:
    """What tells whether an RE2 pattern is found anywhere in a text; an error for one that is not RE2 or too large."""
    if len(pattern) > _PATTERN_CHARACTERS_MAX:
        return BAD_ARGUMENT
    try:
        search = re2.compile(pattern, _RE2).search
    except (re2.error, UnicodeEncodeError):
        return BAD_ARGUMENT
    return lambda text: search(text) is not None


def timestamp(value: Any) -> Any:
    """An instant from RFC 3339 text or from seconds since 1970."""
    if type(value) is Timestamp:
        return value
    if type(value) is int:
        return _instant(value * SECOND)
    return _timestamp_of_text(value) if type(value) is str else NO_OVERLOAD


def _instant(nanoseconds: int) -> Timestamp | Error:
    return Timestamp(nanoseconds) if TIMESTAMP_MIN <= nanoseconds <= TIMESTAMP_MAX else OUT_OF_RANGE


def _timestamp_of_text(text: str) -> Timestamp | Error:
    match = _RFC3339.fullmatch(text)
    if match is None:
        return BAD_ARGUMENT
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    offset = 0 if match[8] is None else (int(match[9]) * 60 + int(match[10])) * (-60 if match[8] == "-" else 60)
    if match[8] is not None and (int(match[9]) > 23 or int(match[10]) > 59):
        return BAD_ARGUMENT
    try:
        moment = EPOCH.replace(year=year, month=month, day=day, hour=hour, minute=minute, second=second)
    except ValueError:
        return OUT_OF_RANGE
    nanoseconds = (moment - EPOCH) // timedelta(seconds=1) * SECOND + int((match[7] or "0").ljust(9, "0"))
    return _instant(nanoseconds - offset * SECOND)


def duration(value: Any) -> Any:
    """A span from text such as `1h30m`, `-1.5s` or `250ms`."""
    if type(value) is Duration:
        return value
    return _duration_of_text(value) if type(value) is str else NO_OVERLOAD


def _duration_of_text(text: str) -> Duration | Error:
    sign, rest = (-1 if text.startswith("-") else 1), text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return Duration(0)
    if not rest or len(rest) > _DURATION_CHARACTERS_MAX:
        return BAD_ARGUMENT
    position, total = 0, 0
    while position < len(rest):
        match = _DURATION_PART.match(rest, position)
        if match is None:
            return BAD_ARGUMENT
        whole, _, fraction = match[1].partition(".")
        unit = _UNITS[match[2]]
        total += int(whole or "0") * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)
        position = match.end()
    return Duration(sign * total) if total <= DURATION_MAX else OUT_OF_RANGE


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | timedelta | None:
    """A fixed offset (`+01:00`, `02:00`) or a zone of the IANA database; None for neither.

    The names that only stand for a machine's own setting, or count leap seconds, are no zones: a view must be the same
    on every machine.
    """
    if _LOCAL.fullmatch(name):
        return None
    fixed = _OFFSET.fullmatch(name)
    if fixed is not None:
        span = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return -span if fixed[1] == "-" else span
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return None
    except KeyError:
        return None


def _accessor(of_timestamp: Callable[[Any, int], int], of_duration: int | None = None) -> Callable[..., Any]:
    """An accessor: of a calendar time and its nanoseconds, and, with `of_duration` nanoseconds a unit, of a span."""

    def call(target: Any, *zones: Any) -> Any:
        if type(target) is Duration and of_duration is not None and not zones:
            size = abs(target.nanoseconds) // of_duration
            return size if target.nanoseconds >= 0 else -size
        zone = zones[0] if zones else "UTC"
        if type(target) is not Timestamp or type(zone) is not str:
            return NO_OVERLOAD
        where = _zone(zone)
        if where is None:
            return BAD_ARGUMENT
        try:
            if isinstance(where, ZoneInfo):
                moment = target.local().replace(tzinfo=EPOCH.tzinfo).astimezone(where)
            else:
                moment = target.local(where)
        except (OverflowError, ValueError):
            return OUT_OF_RANGE
        return of_timestamp(moment, target.nanoseconds)

    return call


def _milliseconds(target: Any, *zone: Any) -> Any:
    """The milliseconds within the second, of a span too: that is how the language defines it."""
    if type(target) is Duration and not zone:
        rest = abs(target.nanoseconds) % SECOND // 10**6
        return rest if target.nanoseconds >= 0 else -rest
    return _of_instant(target, *zone) if type(target) is Timestamp else NO_OVERLOAD


_of_instant = _accessor(lambda _moment, nanoseconds: nanoseconds % SECOND // 10**6)
_TIME = ((("timestamp",), "int"), (("timestamp", "string"), "int"))
_SPAN = (*_TIME, (("duration",), "int"))
_TEXTS = ((("string", "string"), "bool"),)
_SIZES = tuple(((kind,), "int") for kind in ("string", "bytes", "list", "map"))


def _method(signatures: tuple[tuple[tuple[str, ...], str], ...], call: Callable[..., Any]) -> Function:
    return Function(method=True, plain=False, signatures=signatures, call=call)


FUNCTIONS: dict[str, Function] = {
    "size": Function(True, True, _SIZES, _size),
    "startsWith": _method(_TEXTS, _on_text(str.startswith)),
    "endsWith": _method(_TEXTS, _on_text(str.endswith)),
    "contains": _method(_TEXTS, _on_text(str.__contains__)),
    "matches": Function(True, True, _TEXTS, _matches),
    "timestamp": Function(
        False, True, tuple(((kind,), "timestamp") for kind in ("string", "int", "timestamp")), timestamp
    ),
    "duration": Function(False, True, tuple(((kind,), "duration") for kind in ("string", "duration")), duration),
    "getFullYear": _method(_TIME, _accessor(lambda moment, _: moment.year)),
    "getMonth": _method(_TIME, _accessor(lambda moment, _: moment.month - 1)),
    "getDate": _method(_TIME, _accessor(lambda moment, _: moment.day)),
    "getDayOfMonth": _method(_TIME, _accessor(lambda moment, _: moment.day - 1)),
    "getDayOfYear": _method(_TIME, _accessor(lambda moment, _: moment.timetuple().tm_yday - 1)),
    "getDayOfWeek": _method(_TIME, _accessor(lambda moment, _: moment.isoweekday() % 7)),
    "getHours": _method(_SPAN, _accessor(lambda moment, _: moment.hour, 3600 * SECOND)),
    "getMinutes": _method(_SPAN, _accessor(lambda moment, _: moment.minute, 60 * SECOND)),
    "getSeconds": _method(_SPAN, _accessor(lambda moment, _: moment.second, SECOND)),
    "getMilliseconds": _method(_SPAN, _milliseconds),
}
"""Every function that a filter may call.  There is no `now`: a view must not change without an event."""
