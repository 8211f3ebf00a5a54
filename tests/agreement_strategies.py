"""Random agreements of every form that the model permits, made from the model itself: a new clause is in them at once."""

from __future__ import annotations

import types
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from pydantic import BaseModel

from agreements import durations, shares, terms
from agreements.durations import Duration
from agreements.model import Agreement, Side, WhenSuspended
from agreements.treatments import Band, Mask, Treatment

TRICKY = st.sampled_from(
    [
        "no",
        "1_000",
        "2026-01-01",
        "null",
        "~",
        "12:30",
        "- a",
        "a: b",
        "#x",
        " x ",
        "x\ny",
        "“q”",
        "a\u2028b",
        "\U0001f600",
        "'",
        '"\\',
    ],
)
PRINTABLE = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff\ufffe\uffff")
TEXT = TRICKY | st.text(PRINTABLE, min_size=1, max_size=30).filter(lambda words: bool(words.strip()))
COUNT = st.integers(1, 2**53 - 1)
DAY = st.dates(date(1900, 1, 1), date(2999, 12, 31))
EXACT = st.integers(1, 10**9).map(lambda seconds: timedelta(seconds=seconds))
CALENDAR = st.builds(Duration, st.integers(0, 119), st.integers(1, 99))
SLUG = st.from_regex(r"[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
REFERENCE = SLUG.map(str.upper)
PURPOSE = st.lists(SLUG, min_size=1, max_size=3).map(".".join)
FIELD = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}(\.[A-Za-z_][A-Za-z0-9_]{0,5}){0,2}", fullmatch=True)
KEPT = st.integers(0, 10_000)
TREATMENT = st.one_of(
    st.sampled_from(["keep", "drop", "tokenise", "encrypt"]).map(lambda action: Treatment(action=action)),
    st.builds(lambda first, last: Treatment(action="mask", mask=Mask(keep_first=first, keep_last=last)), KEPT, KEPT),
    st.integers(1, 10_000).map(lambda longest: Treatment(action="truncate", truncate_characters=longest)),
    (st.sampled_from(["hour", "day", "month", "year", "district"]) | st.builds(Band, width=COUNT)).map(
        lambda grain: Treatment(action="generalise", generalise=grain),
    ),
)
_SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (terms.Text, TEXT),
    (terms.Count, COUNT),
    (terms.Day, DAY),
    (terms.Reference, REFERENCE),
    (terms.ShareIdentifier, SLUG),
    (terms.OrganisationIdentifier, SLUG),
    (terms.PurposeIdentifier, PURPOSE),
    (terms.ContentHash, st.just("sha256:" + "0" * 64)),
    (terms.FieldPath, FIELD),
    (terms.CaveatReference, st.builds("{}@{}".format, SLUG, st.integers(1, 10**9 - 1))),
    (terms.CountryCode, st.sampled_from(["GB", "NO", "FR"])),
    (terms.Tag, st.sampled_from(["special-category", "pole:person.contact", "protected:child"])),
    (terms.ClockTime, st.sampled_from(["00:00", "08:30", "23:59"])),
    (terms.WebAddress, st.just("https://example.gov.uk/privacy")),
    (durations.ExactDuration, EXACT),
    (durations.CalendarDuration, CALENDAR),
    (shares.Fields, st.dictionaries(FIELD, TREATMENT, min_size=1, max_size=4)),
]


def clause(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Any value of a clause: every part of it by its annotation."""
    return st.builds(
        model,
        **{
            name: _of(hint)
            for name, hint in get_type_hints(model, include_extras=True).items()
            if name in model.model_fields
        },
    )


def _of(hint: Any, least: int = 0, greatest: int | None = None) -> st.SearchStrategy[Any]:
    for known, strategy in _SCALARS:
        if hint == known:
            return strategy
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = {
            name: getattr(part, name)
            for meta in arguments[1:]
            for part in getattr(meta, "metadata", ())
            for name in ("min_length", "ge", "le")
            if hasattr(part, name)
        }
        return _of(arguments[0], bounds.get("min_length", bounds.get("ge", 0)), bounds.get("le"))
    if origin in (Union, types.UnionType):
        return st.one_of([st.none() if part is type(None) else _of(part) for part in arguments])
    if origin is tuple:
        return st.lists(_of(arguments[0]), min_size=least, max_size=max(least, 2)).map(tuple)
    if origin is Literal:
        return st.sampled_from(arguments)
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers(least, greatest)
    if hint in (Side, WhenSuspended) or (isinstance(hint, type) and issubclass(hint, str)):
        return st.sampled_from(list(hint))
    return clause(hint)


AGREEMENT: st.SearchStrategy[Agreement] = clause(Agreement)
