"""Umbrellas and agreements that narrow them, over the small world of `tests.policy_world`; and what would widen them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from agreements.durations import Duration
from agreements.model import Agreement, AgreementKind, Dates, Share, Treatment, Under
from agreements.text import content_hash
from agreements.treatments import Band, Mask
from contracts.model import TypeName
from tests.policy_world import agreement, entity_contract, field, share

_PEOPLE = entity_contract()
CONTRACT = replace(_PEOPLE, fields=(*_PEOPLE.fields, field("child", TypeName.BOOLEAN, "protected:child")))
COARSER = {"hour": ("day", "month", "year"), "day": ("month", "year"), "month": ("year",), "year": ()}
ROWS = (
    'status == "active"',
    "visits > 20 // of this year",
    "has(born)",
    'address.country == ")" || visits < 10',
    "name.startsWith('n') || flag",
    "score > 0.25",
)


def t(action: str, **parameters: Any) -> Treatment:
    """A treatment."""
    return Treatment(action=action, **parameters)


KEEP, DROP, TOKENISE, ENCRYPT, HIDE = t("keep"), t("drop"), t("tokenise"), t("encrypt"), t("mask", mask=Mask())


def grain(step: str) -> Treatment:
    """A generalisation by a word."""
    return t("generalise", generalise=step)


def band(width: int) -> Treatment:
    """A generalisation to bands."""
    return t("generalise", generalise=Band(width=width))


def shortened(characters: int) -> Treatment:
    """A truncation."""
    return t("truncate", truncate_characters=characters)


FITTING: dict[str, st.SearchStrategy[Treatment]] = {
    "name": st.sampled_from([KEEP, TOKENISE, ENCRYPT, HIDE, t("mask", mask=Mask(keep_last=2)), shortened(3)]),
    "status": st.sampled_from([KEEP, HIDE, shortened(1)]),
    "born": st.sampled_from([KEEP, grain("month"), grain("year"), TOKENISE]),
    "seen": st.sampled_from([KEEP, grain("hour"), grain("day"), grain("month")]),
    "visits": st.sampled_from([KEEP, band(10), band(5)]),
    "balance": st.sampled_from([KEEP, band(10)]),
    "address.postcode": st.sampled_from([KEEP, grain("district"), shortened(4)]),
    "flag": st.just(KEEP),
}


def narrower(ceiling: Treatment) -> st.SearchStrategy[Treatment]:
    """Treatments that tell no more, by the written order."""
    found: list[st.SearchStrategy[Treatment]] = [st.just(ceiling), st.just(DROP)]
    if ceiling.action == "truncate":
        found.append(st.integers(1, ceiling.truncate_characters or 1).map(shortened))
    if ceiling.action == "mask":
        found.append(st.just(HIDE))
    if isinstance(ceiling.generalise, Band):
        width = ceiling.generalise.width
        found.append(st.integers(1, 5).map(lambda times: band(width * times)))
    elif COARSER.get(ceiling.generalise):
        found.append(st.sampled_from(COARSER[ceiling.generalise]).map(grain))
    return st.one_of(found)


class Pair(NamedTuple):
    """An umbrella and an agreement under it."""

    umbrella: Agreement
    agreement: Agreement


@st.composite
def ceilings(draw: st.DrawFn) -> Share:
    """A share of an umbrella."""
    fields = draw(st.lists(st.sampled_from(sorted(FITTING)), min_size=2, unique=True))
    treated = {path: draw(FITTING[path]) for path in fields}
    return share(
        treated,
        rows=draw(st.none() | st.sampled_from(ROWS)),
        identifier="ceiling",
        purpose="benefits",
        caveats=("late@2",),
        withhold=draw(st.sampled_from([(), ("protected:child",)])),
    )


@st.composite
def shares_below(draw: st.DrawFn, ceiling: Share) -> Share:
    """A share that the ceiling admits."""
    chosen = draw(st.lists(st.sampled_from(sorted(ceiling.fields)), min_size=1, unique=True))
    fields = {}
    for path in chosen:
        own = narrower(ceiling.fields[path]) if ceiling.fields[path].action != "keep" else FITTING[path] | st.just(DROP)
        fields[path] = draw(own)
    if all(treatment.action == "drop" for treatment in fields.values()):
        fields[chosen[0]] = ceiling.fields[chosen[0]]
    return share(
        fields,
        rows=draw(st.none() | st.sampled_from(ROWS)),
        purpose=draw(st.sampled_from(["benefits", "benefits.entitlement"])),
        caveats=draw(st.sampled_from([(), ("late@3",), ("other@1", "late@2")])),
    )


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """An umbrella and an agreement that narrows it."""
    ceiling = draw(ceilings())
    base = agreement(ceiling, reference="UMOU-2026-001", look_back=draw(st.none() | st.just(timedelta(days=30))))
    umbrella = base.model_copy(
        update={
            "kind": AgreementKind.UMBRELLA_MOU,
            "limits": base.limits.model_copy(update={"events_per_day": draw(st.none() | st.integers(50, 100))}),
            "purposes": base.purposes.model_copy(update={"permitted": ("benefits",), "prohibited": ("marketing",)}),
            "after_delivery": base.after_delivery.model_copy(update={"retention": Duration(24)}),
            "dates": Dates(start=date(2026, 1, 1), end=date(2026, 12, 31), review=date(2026, 9, 1)),
        }
    )
    under = Under(reference=umbrella.reference, version=1, hash=content_hash(umbrella))
    own = agreement(draw(shares_below(ceiling)), look_back=draw(st.none() | st.just(timedelta(days=10))))
    limits = own.limits.model_copy(update={"events_per_day": draw(st.none() | st.integers(1, 50))})
    dates = Dates(start=date(2025, 6, 1), end=draw(st.dates(date(2026, 7, 1), date(2026, 12, 31))))
    return Pair(umbrella, own.model_copy(update={"under": under, "limits": limits, "dates": dates}))
