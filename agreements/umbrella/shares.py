"""A share under its ceiling: the one share of the umbrella that it must find, and the operators of its clauses.

Rows are joined, never compared: whether one filter lets through less than another cannot be decided (decision 32).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import le
from typing import Any

from pydantic import BaseModel

from agreements.model import Agreement, Share, Treatment
from agreements.shares import Confidence, CriminalOffence, SpecialCategory
from agreements.umbrella.codes import CEILING, ROWS_NOT_JOINED
from agreements.umbrella.conjunction import conjunction
from agreements.umbrella.meeting import (
    Meeting,
    Operator,
    Where,
    floor,
    is_said,
    listed,
    own,
    own_first,
    ranked,
    same,
    text,
    union,
    within,
)
from agreements.umbrella.treatment_order import tells_no_more

Merge = Callable[[Meeting, Where, Any, Any, Mapping[str, Operator]], Any]


def covers(purpose: str, other: str) -> bool:
    """Whether a purpose is the other, or above it: `a` covers `a.b`."""
    return other == purpose or other.startswith(purpose + ".")


def ceilings(umbrella: Agreement, share: Share) -> list[int]:
    """The places in the umbrella of the shares that may be this one's ceiling: one, if all is well."""
    found = [
        index
        for index, other in enumerate(umbrella.shares)
        if (other.dataset, other.contract) == (share.dataset, share.contract) and covers(other.purpose, share.purpose)
    ]
    named = [index for index in found if umbrella.shares[index].id == share.id]
    return named if len(named) == 1 else found


def shares(
    meeting: Meeting, where: Where, above: tuple[Share, ...], said: tuple[Share, ...], merge: Merge
) -> tuple[Share, ...]:
    """Each share under its ceiling; an umbrella without shares sets none on datasets and fields."""
    found = []
    for index, share in enumerate(said):
        _purpose(meeting, index, share)
        place = Where((*where.own, index), where.above)
        if not above:
            found.append(own(meeting, place, None, share))
        elif (at := _ceiling(meeting, place, share)) is not None:
            found.append(merge(meeting, Where(place.own, (*where.above, at)), above[at], share, OPERATORS[Share]))
    return tuple(found)


def allowance(meeting: Meeting, where: Where, above: Any, said: Any) -> Any:
    """Something that opens a door: only where both documents open it."""
    if not is_said(said):
        return said
    if not is_said(above):
        meeting.widens(Where(where.own, where.above[:-1]), "so", f"no `{where.own[-1]}`")
        return said
    if isinstance(said, str):
        return text(meeting, where, above, said)
    values = {
        name: text(meeting, where.down(name), getattr(above, name), getattr(said, name))
        for name in type(said).model_fields
    }
    return type(said)(**values)


def _purpose(meeting: Meeting, index: int, share: Share) -> None:
    """The umbrella's purposes hold for every share, also where the umbrella names no shares."""
    own_path, purposes = ("shares", index, "purpose"), meeting.umbrella.purposes
    if purposes.permitted and not any(covers(allowed, share.purpose) for allowed in purposes.permitted):
        meeting.widens(Where(own_path, ("purposes", "permitted")), share.purpose, listed(purposes.permitted))
    for number, prohibited in enumerate(purposes.prohibited):
        if covers(prohibited, share.purpose):
            meeting.widens(
                Where(own_path, ("purposes", "prohibited", number)), share.purpose, f"nothing of {prohibited}"
            )


def _ceiling(meeting: Meeting, where: Where, share: Share) -> int | None:
    found = ceilings(meeting.umbrella, share)
    if len(found) == 1:
        return found[0]
    if found:
        message = (
            f"the ceilings {listed(f'shares[{index}]' for index in found)} alike; give the share the identifier of one"
        )
        meeting.widens(where, share.id, message, CEILING)
    else:
        meeting.widens(*_without_ceiling(meeting.umbrella, where, share))
    return None


def _without_ceiling(umbrella: Agreement, where: Where, share: Share) -> tuple[Where, object, object]:
    """The first clause by which no share of the umbrella fits."""
    of_dataset = [other for other in umbrella.shares if other.dataset == share.dataset]
    if not of_dataset:
        allowed = listed(sorted({other.dataset for other in umbrella.shares}))
        return Where((*where.own, "dataset"), where.above), share.dataset, f"the datasets {allowed}"
    of_contract = [other for other in of_dataset if other.contract == share.contract]
    if not of_contract:
        allowed = listed(sorted({other.contract for other in of_dataset}))
        first = umbrella.shares.index(of_dataset[0])
        above = (*where.above, first, "contract")
        return Where((*where.own, "contract"), above), share.contract, f"for {share.dataset} version {allowed}"
    first = umbrella.shares.index(of_contract[0])
    allowed = listed(other.purpose for other in of_contract)
    above = (*where.above, first, "purpose")
    return Where((*where.own, "purpose"), above), share.purpose, f"for {share.dataset} {allowed}"


def _rows(meeting: Meeting, where: Where, above: str | None, said: str | None) -> str | None:
    """Effective rows = umbrella && agreement (decision 32)."""
    if above is None or said is None:
        return own_first(meeting, where, above, said)  # type: ignore[no-any-return]
    joined = said if said == above else conjunction(above, said)
    if joined is None:
        meeting.widens(where, "a filter whose brackets or quotes are open", "a whole expression", ROWS_NOT_JOINED)
        return said
    meeting.note(where, own=True, above=True)
    return meeting.fitting(where, joined, said)


def _fields(
    meeting: Meeting, where: Where, above: Mapping[str, Treatment], said: Mapping[str, Treatment]
) -> dict[str, Treatment]:
    """The agreement's fields: each one named in the umbrella, with a treatment that tells no more than the umbrella's."""
    for path, treatment in said.items():
        most, place = above.get(path), where.down(path)
        if most is None:
            if treatment.action != "drop":
                meeting.widens(Where(place.own, where.above), treatment.short_form(), f"no {path}")
        elif not tells_no_more(treatment, most):
            meeting.widens(place, treatment.short_form(), f"{most.short_form()} or what is known to tell less")
        meeting.note(place, own=True, above=treatment == most)
    return dict(said)


def _confidence(meeting: Meeting, where: Where, above: Confidence | None, said: Confidence | None) -> Confidence | None:
    """At least as sure as the umbrella asks; two different numbers cannot be compared."""
    if above is None or said is None:
        return own_first(meeting, where, above, said)  # type: ignore[no-any-return]
    same(meeting, where.down("field"), above.field, said.field)
    percent = floor(le)(meeting, where.down("at_least_percent"), above.at_least_percent, said.at_least_percent)
    return Confidence(field=said.field, at_least_percent=percent)


def _caveats(meeting: Meeting, where: Where, above: tuple[str, ...], said: tuple[str, ...]) -> tuple[str, ...]:
    """Those of both; one that both name, in a version that is not older than the umbrella's."""
    versions = {name: int(version) for name, version in _split(said)}
    kept = list(said)
    for number, (name, version) in enumerate(_split(above)):
        if name not in versions:
            kept.append(above[number])
        elif versions[name] < int(version):
            place = Where((*where.own, list(versions).index(name)), (*where.above, number))
            meeting.widens(place, f"{name}@{versions[name]}", f"nothing older than {above[number]}")
    if kept:
        meeting.note(where, own=bool(said), above=bool(above))
    return tuple(kept)


def _split(references: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for reference in references:
        name, _, version = reference.partition("@")
        yield name, version


OPERATORS: Mapping[type[BaseModel], Mapping[str, Operator]] = {
    Share: {
        "id": own,
        "dataset": same,
        "contract": same,
        "purpose": own,
        "population": text,
        "classification_ceiling": ranked("OFFICIAL", "SECRET", "TOP SECRET"),
        "handling": union,
        "rows": _rows,
        "key": ranked("tokenise", "keep"),
        "fields": _fields,
        "never": union,
        "special_category": allowance,
        "criminal_offence": allowance,
        "subject_categories": within,
        "withhold": union,
        "confidence": _confidence,
        "never_with": union,
        "caveats": _caveats,
    },
    Confidence: {"field": same, "at_least_percent": floor(le)},
    SpecialCategory: {"condition": text, "policy_document": text},
    CriminalOffence: {"condition": text},
}
"""The operators of a share's clauses."""
