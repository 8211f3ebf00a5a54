"""What an agreement must mean, as far as that can be seen without a contract or the register."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from agreements.clauses import Path, unenforced
from agreements.codes import (
    CAVEATS,
    COMBINATION,
    DATES,
    GEOGRAPHY,
    LOOK_BACK,
    NO_FIELD_LEAVES,
    PARTIES,
    PROHIBITED,
    SHARES,
    UNENFORCED,
    WINDOW,
)
from agreements.gates import closed_gates
from agreements.lifecycle_codes import EXCEPTION, GATE
from agreements.model import Agreement, AgreementKind, Share, Side
from agreements.promises import LATEST_RETROSPECTIVE, LONGEST_EXCEPTION
from agreements.umbrella.codes import PURPOSE_NOT_PERMITTED
from contracts.faults import Code

_SIGNERS_OF_AN_EXCEPTION = 2


class Problem(NamedTuple):
    """A fault of meaning at the clause that `path` names."""

    path: Path
    code: Code
    message: str


def problems(agreement: Agreement) -> list[Problem]:
    """Every fault, in no particular order; empty for an agreement that may be submitted."""
    found = contradictions(agreement)
    found += [Problem(line.path, UNENFORCED, f"`{line.clause}`: {line.mechanism}") for line in unenforced(agreement)]
    if agreement.under is None:  # else an umbrella may open them: what holds is looked at where both are at hand
        found += [Problem(gate.path, GATE, gate.message) for gate in closed_gates(agreement)]
    return found


def contradictions(agreement: Agreement) -> list[Problem]:
    """The faults that do not depend on what this version of the broker can enforce; the fold relies on them."""
    clauses = (_parties, _geography, _dates, _shares, _combinations, _limits, _window, _exception)
    return [problem for check in clauses for problem in check(agreement)]


def _parties(agreement: Agreement) -> Iterator[Problem]:
    seen: set[tuple[str, Side | None]] = set()
    for index, party in enumerate(agreement.parties):
        # an umbrella may be for both directions, so that an organisation stands on either side of it
        place = (party.organisation, None if agreement.kind is AgreementKind.DSA else party.side)
        if place in seen:
            again = "on one side twice" if place[1] else "on more than one side"
            yield Problem(("parties", index, "organisation"), PARTIES, f"{party.organisation} stands {again}")
        seen.add(place)
        if len(set(party.signs)) != len(party.signs):
            yield Problem(("parties", index, "signs"), PARTIES, "an office signs once")
    if agreement.kind is not AgreementKind.DSA and agreement.under is not None:
        yield Problem(("under",), PARTIES, "only a DSA stands under another agreement")
    for side in Side:
        count = sum(party.side is side for party in agreement.parties)
        if agreement.kind is AgreementKind.DSA and count != 1:
            yield Problem(("parties",), PARTIES, f"a DSA has exactly one {side}; there are {count}")
        elif count == 0:
            yield Problem(("parties",), PARTIES, f"there is no {side}; an organisation may stand on both sides")


def _geography(agreement: Agreement) -> Iterator[Problem]:
    """The gate of `geography`: where the recipient keeps the data is said, and agreed."""
    if agreement.geography is None or agreement.kind is not AgreementKind.DSA:
        return
    for index, party in enumerate(agreement.parties):
        if party.side is Side.RECIPIENT and party.hosting not in agreement.geography.countries:
            path: Path = ("parties", index) if party.hosting is None else ("parties", index, "hosting")
            where = party.hosting or "a country that is not said"
            message = (
                f"{party.organisation} keeps the data in {where}; {', '.join(agreement.geography.countries)} are agreed"
            )
            yield Problem(path, GEOGRAPHY, message)


def _combinations(agreement: Agreement) -> Iterator[Problem]:
    """What never goes together does not go together in one agreement either."""
    for index, share in enumerate(agreement.shares):
        for other in agreement.shares:
            if other.dataset in share.never_with:
                message = f"{share.id} never goes with {other.dataset}, which {other.id} shares"
                yield Problem(("shares", index, "never_with"), COMBINATION, message)


def _dates(agreement: Agreement) -> Iterator[Problem]:
    dates = agreement.dates
    if dates.end < dates.start:
        yield Problem(("dates", "end"), DATES, f"the end {dates.end} is before the start {dates.start}")
    if dates.review is not None and not dates.start <= dates.review <= dates.end:
        yield Problem(("dates", "review"), DATES, f"the review {dates.review} is not between the start and the end")


def _shares(agreement: Agreement) -> Iterator[Problem]:
    if agreement.kind is AgreementKind.DSA and not agreement.shares:
        yield Problem((), SHARES, "a DSA has at least one share")
    seen: set[str] = set()
    for index, share in enumerate(agreement.shares):
        path = ("shares", index)
        if share.id in seen:
            yield Problem((*path, "id"), SHARES, f"the share {share.id} stands twice")
        seen.add(share.id)
        yield from _share(agreement, share, path)


def _share(agreement: Agreement, share: Share, path: Path) -> Iterator[Problem]:
    for purpose in agreement.purposes.prohibited:
        if share.purpose == purpose or share.purpose.startswith(purpose + "."):
            yield Problem((*path, "purpose"), PROHIBITED, f"{share.purpose} is prohibited by {purpose}")
    permitted = agreement.purposes.permitted
    if permitted and not any(share.purpose == one or share.purpose.startswith(one + ".") for one in permitted):
        yield Problem((*path, "purpose"), PURPOSE_NOT_PERMITTED, f"{share.purpose} is none of {', '.join(permitted)}")
    caveats = [caveat.partition("@")[0] for caveat in share.caveats]
    if len(set(caveats)) != len(caveats):
        yield Problem((*path, "caveats"), CAVEATS, "a caveat stands twice")
    if all(treatment.action == "drop" for treatment in share.fields.values()):
        yield Problem((*path, "fields"), NO_FIELD_LEAVES, f"the share {share.id} drops every field")


def _limits(agreement: Agreement) -> Iterator[Problem]:
    look_back = agreement.limits.look_back
    if look_back is not None and look_back % timedelta(days=1):
        yield Problem(("limits", "look_back"), LOOK_BACK, "not a whole number of days")


def _window(agreement: Agreement) -> Iterator[Problem]:
    window = agreement.delivery.window
    if window is None:
        return
    if window.opens == window.closes:
        yield Problem(("delivery", "window", "closes"), WINDOW, f"it opens and closes at {window.opens}")
    if len(set(window.days)) != len(window.days):
        yield Problem(("delivery", "window", "days"), WINDOW, "a day stands twice")


def _exception(agreement: Agreement) -> Iterator[Problem]:
    exceptional, dates = agreement.exceptional, agreement.dates
    if exceptional is None:
        return
    if dates.end - dates.start + timedelta(days=1) > LONGEST_EXCEPTION:
        yield Problem(("dates", "end"), EXCEPTION, f"it lives longer than {LONGEST_EXCEPTION.days} days")
    if not dates.start <= exceptional.review_by <= dates.end + LATEST_RETROSPECTIVE:
        message = f"the review is not between the start and {LATEST_RETROSPECTIVE.days} days after the end"
        yield Problem(("exceptional", "review_by"), EXCEPTION, message)
    for index, party in enumerate(agreement.parties):
        if party.side is Side.PROVIDER and len(party.signs) < _SIGNERS_OF_AN_EXCEPTION:
            yield Problem(("parties", index, "signs"), EXCEPTION, f"one office alone signs for {party.organisation}")
