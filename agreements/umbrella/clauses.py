"""Which operator each clause has where an agreement meets its umbrella: one line for every key of the model.

A key without a line is a fault of this table, which the tests show; `docs/formats/agreement.md` says the same in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from operator import le
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from agreements import model, promises
from agreements.codes import DATES
from agreements.durations import Duration, spell
from agreements.model import Attestation, Dates, Delivery, Limits, Party, Purposes, Share, Window
from agreements.umbrella.meeting import (
    Meeting,
    Operator,
    Where,
    ceiling,
    either,
    floor,
    listed,
    own,
    own_first,
    part_of,
    ranked,
    same,
    text,
    union,
    within,
)
from agreements.umbrella.shares import OPERATORS as OF_SHARES
from agreements.umbrella.shares import allowance, covers, shares


def clause(meeting: Meeting, where: Where, above: Any, said: Any) -> Any:
    """A clause of several keys: each by its own operator; where one document has no such clause, the other's."""
    if above is None or said is None:
        return own_first(meeting, where, above, said)
    return merged(meeting, where, above, said, OPERATORS[type(said)])


def merged(meeting: Meeting, where: Where, above: Any, said: Any, operators: Mapping[str, Operator]) -> Any:
    """The clause that each key's operator gives."""
    values = {
        name: operator(meeting, where.down(name), getattr(above, name), getattr(said, name))
        for name, operator in operators.items()
    }
    return type(said)(**values)


def _parties(meeting: Meeting, where: Where, above: tuple[Party, ...], said: tuple[Party, ...]) -> tuple[Party, ...]:
    """The agreement's own parties: each of them stands in the umbrella, on the same side."""
    found = []
    for index, party in enumerate(said):
        at = {(other.organisation, other.side): number for number, other in enumerate(above)}
        number = at.get((party.organisation, party.side))
        if number is None:
            allowed = listed(other.organisation for other in above if other.side is party.side) or "nobody"
            place = Where((*where.own, index, "organisation"), where.above)
            meeting.widens(place, f"{party.organisation} as {party.side}", f"{allowed} as {party.side}")
            found.append(party)
        else:
            found.append(clause(meeting, Where((*where.own, index), (*where.above, number)), above[number], party))
    return tuple(found)


def _processors(meeting: Meeting, where: Where, above: tuple[Any, ...], said: tuple[Any, ...]) -> tuple[Any, ...]:
    """Where the umbrella names any, only those, and not for longer."""
    if not above:
        return tuple(own(meeting, where, above, said))
    number = {processor.organisation: index for index, processor in enumerate(above)}
    within(meeting, where, tuple(number), tuple(processor.organisation for processor in said))
    found = []
    for index, processor in enumerate(said):
        at = number.get(processor.organisation)
        if at is None:
            continue
        place = Where((*where.own, index, "until"), (*where.above, at, "until"))
        until = ceiling(le)(meeting, place, above[at].until, processor.until)
        found.append(processor.model_copy(update={"until": until}))
    return tuple(found)


def _shares(meeting: Meeting, where: Where, above: tuple[Share, ...], said: tuple[Share, ...]) -> tuple[Share, ...]:
    return shares(meeting, where, above, said, merged)


def _permitted(meeting: Meeting, where: Where, above: tuple[str, ...], said: tuple[str, ...]) -> tuple[str, ...]:
    """Purposes by hierarchy: each of the agreement's lies in one of the umbrella's.  Shares are looked at by themselves."""
    for index, purpose in enumerate(said):
        if above and not any(covers(allowed, purpose) for allowed in above):
            meeting.widens(Where((*where.own, index), where.above), purpose, listed(above))
    return tuple(own(meeting, where, above, said))


def _dates(meeting: Meeting, where: Where, above: Dates, said: Dates) -> Dates:
    """The latest start and the earliest end; a later end than the umbrella's is widening."""
    start, end = max(above.start, said.start), min(above.end, said.end)
    meeting.note(where.down("start"), own=start == said.start, above=start == above.start)
    ceiling(le)(meeting, where.down("end"), above.end, said.end)
    if start > end:
        place = Where((*where.own, "end"), (*where.above, "start"))
        meeting.widens(place, f"the end {said.end}", f"nothing before {above.start}", DATES)
    reviews = [day for day in (above.review, said.review) if day is not None and start <= day <= end]
    review = min(reviews, default=None)
    if review is not None:
        meeting.note(where.down("review"), own=review == said.review, above=review == above.review)
    return Dates(start=start, end=end, review=review)


def _geography(meeting: Meeting, where: Where, above: Any, said: Any) -> Any:
    """Countries; also the country where a party of the agreement keeps what it receives."""
    for index, party in enumerate(meeting.agreement.parties if above is not None else ()):
        if party.hosting is not None and party.side is model.Side.RECIPIENT and party.hosting not in above.countries:
            place = Where(("parties", index, "hosting"), (*where.above, "countries"))
            meeting.widens(place, party.hosting, listed(above.countries))
    return clause(meeting, where, above, said)


def _when_reached(meeting: Meeting, where: Where, above: str, said: str) -> str:
    """What a limit does: the agreement's own, unless the umbrella sets a limit too."""
    limits = meeting.umbrella.limits
    counted = limits.events_per_day is not None or limits.distinct_subjects_per_month is not None
    operator = ranked("suspend", "deny", "hold") if counted else own
    return str(operator(meeting, where, above, said))


def _window(meeting: Meeting, where: Where, above: Window | None, said: Window | None) -> Window | None:
    """The hours lie in the umbrella's, on days that are among its days.  A window over midnight is only below its equal."""
    if above is None or said is None:
        return own_first(meeting, where, above, said)  # type: ignore[no-any-return]
    over_midnight = above.opens >= above.closes or said.opens >= said.closes
    hours = (said.opens, said.closes), (above.opens, above.closes)
    inside = hours[0] == hours[1] if over_midnight else above.opens <= said.opens and said.closes <= above.closes
    if not inside:
        meeting.widens(where, f"{said.opens} to {said.closes}", f"{above.opens} to {above.closes}")
    days = within(meeting, where.down("days"), above.days, said.days)
    meeting.note(where, own=True, above=said == above)
    return Window(opens=said.opens, closes=said.closes, days=days)


def _attestations(
    meeting: Meeting, where: Where, above: tuple[Attestation, ...], said: tuple[Attestation, ...]
) -> tuple[Attestation, ...]:
    """Both's, by identifier; of the umbrella's only those that a party of the agreement gives."""
    parties = {party.organisation for party in meeting.agreement.parties}
    concerning = tuple(attestation for attestation in above if attestation.by in parties)
    return _by_name(meeting, where, concerning, said, "id")


def _returns(meeting: Meeting, where: Where, above: tuple[Any, ...], said: tuple[Any, ...]) -> tuple[Any, ...]:
    return _by_name(meeting, where, above, said, "subject")


def _by_name(
    meeting: Meeting, where: Where, above: tuple[Any, ...], said: tuple[Any, ...], name: str
) -> tuple[Any, ...]:
    """Obligations of both; one that stands in both is met key by key."""
    whole = getattr(meeting.umbrella, str(where.above[-1]))
    number = {getattr(item, name): whole.index(item) for item in above}
    found = []
    for index, item in enumerate(said):
        at = number.pop(getattr(item, name), None)
        place = Where((*where.own, index), (*where.above, *(() if at is None else (at,))))
        found.append(own(meeting, place, None, item) if at is None else clause(meeting, place, whole[at], item))
    for at in number.values():
        meeting.note(Where((*where.own, len(found)), (*where.above, at)), own=False, above=True)
        found.append(whole[at])
    return tuple(found)


def _grace_of_review(meeting: Meeting, where: Where, above: timedelta | None, said: timedelta | None) -> Any:
    """No grace is the strictest, once a review that is overdue does something."""
    if meeting.agreement.review.overdue is None or meeting.umbrella.review.overdue is None:
        return own_first(meeting, where, above, said)
    return _grace(meeting, where, above, said)


def _grace(meeting: Meeting, where: Where, above: timedelta | None, said: timedelta | None) -> timedelta | None:
    """How long something may be overdue: none is the shortest."""
    if said is not None and (above is None or said > above):
        meeting.widens(where, spell(said), "none" if above is None else f"at most {spell(above)}")
    return own(meeting, where, above, said)  # type: ignore[no-any-return]


_exact = ceiling(le, spell=spell)
_soon = ceiling(Duration.at_most)
_ANSWERED: Mapping[str, Operator] = {"acknowledge_within": _soon}
OPERATORS: Mapping[type[BaseModel], Mapping[str, Operator]] = MappingProxyType(
    {
        model.Agreement: {
            **dict.fromkeys(("concordat", "reference", "version", "kind", "title", "change", "under"), own),
            "parties": _parties,
            "purposes": clause,
            "law": clause,
            "justification": clause,
            "assessments": clause,
            "exceptional": own,
            "shares": _shares,
            "limits": clause,
            "dates": _dates,
            "delivery": clause,
            "geography": _geography,
            "security": clause,
            "attestations": _attestations,
            "after_delivery": clause,
            "subject_access": clause,
            "transparency": clause,
            "breach": clause,
            "audit": clause,
            "returns": _returns,
            **dict.fromkeys(("costs", "disputes", "liability", "variation"), text),
            "review": clause,
            "termination": clause,
        },
        Party: {
            "organisation": same,
            "side": same,
            "role": own,
            "signs": own,
            "contacts": own_first,
            "processors": _processors,
            "access": clause,
            "hosting": own_first,
        },
        model.Access: {"people": text, "vetting": text},
        Purposes: {"permitted": _permitted, "prohibited": union},
        model.Law: {
            "power": text,
            "gateway": text,
            "lawful_basis": text,
            "regime": same,
            "cross_regime": allowance,
            "binding": either,
        },
        promises.Justification: dict.fromkeys(("benefits", "necessity", "proportionality"), text),
        promises.Assessments: dict.fromkeys(("data_protection", "public_interest"), own_first),
        Limits: {
            "events_per_day": ceiling(le),
            "distinct_subjects_per_month": ceiling(le),
            "when_reached": _when_reached,
            "look_back": _exact,
        },
        Delivery: {
            "retention": _exact,
            "cloudevents_headers": own,
            "embargo": floor(le, spell=spell),
            "window": _window,
            "when_suspended": own,
        },
        promises.Geography: {"countries": within},
        promises.Security: {"standard": text, "accreditation": text},
        Attestation: {"id": same, "by": same, "subject": text, "every": _exact, "grace": _grace},
        promises.AfterDelivery: {
            "retention": _soon,
            "destruction": ranked("certificate", "none"),
            "onward_disclosure": ranked("never", "with-consent", "listed"),
            "onward_recipients": part_of,
            "corrections": clause,
            "erasures": clause,
            "identity_changes": clause,
            "adverse_decision_needs_second_source": either,
            "no_solely_automated_decision": either,
        },
        promises.Answered: _ANSWERED,
        promises.SubjectAccess: {"answered_by": own, "within": _soon},
        promises.Transparency: {"privacy_notice": own_first, "publish": either, "redactions": own},
        promises.Breach: {"notify_within": _exact, "contact": own},
        promises.Audit: {"right": text, "log_retention": floor(Duration.at_most)},
        promises.PeriodicReturn: {"subject": same, "every": _soon},
        promises.Review: {"reminders": union, "overdue": ranked("suspend", "warn"), "grace": _grace_of_review},
        promises.Termination: {"notice": own_first, "consequences": text},
        **OF_SHARES,
    }
)
"""Each clause of several keys, to the operator of each key."""
