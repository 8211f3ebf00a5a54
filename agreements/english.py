"""Differences in plain English: what a change of a clause or of a field's treatment means to somebody who signs it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from agreements.treatments import Band, Treatment

_CLAUSES: Mapping[str, str] = MappingProxyType(
    {
        "title": "the title",
        "change": "the note on what the version changes",
        "under.reference": "the umbrella",
        "under.version": "the umbrella's version",
        "under.hash": "the umbrella's content",
        "parties.role": "the role of {name}",
        "parties.signs": "who signs for {name}",
        "parties.hosting": "where {name} keeps the data",
        "purposes.permitted": "the permitted purposes",
        "purposes.prohibited": "the prohibited purposes",
        "law.power": "the legal power",
        "law.gateway": "the legal gateway",
        "law.lawful_basis": "the lawful basis",
        "law.regime": "the data-protection regime",
        "shares.dataset": "the dataset of share {name}",
        "shares.contract": "the contract version of share {name}",
        "shares.purpose": "the purpose of share {name}",
        "shares.population": "whom share {name} is about",
        "shares.classification_ceiling": "the classification ceiling of share {name}",
        "shares.rows": "which rows share {name} has",
        "shares.key": "how the key of share {name} is made",
        "shares.caveats": "the caveats of share {name}",
        "shares.confidence.at_least_percent": "how sure a match of share {name} must be, in percent",
        "limits.events_per_day": "the limit of events a day",
        "limits.distinct_subjects_per_month": "the limit of different people a month",
        "limits.when_reached": "what happens when a limit is reached",
        "limits.look_back": "how old an event may be when it is delivered",
        "dates.start": "the first day",
        "dates.end": "the last day",
        "dates.review": "the day of the review",
        "delivery.retention": "how long a record stays on the department's topic",
        "delivery.embargo": "how long a change is held back",
        "delivery.when_suspended": "what becomes of records while the agreement is suspended",
        "geography.countries": "the countries in which the data may be kept",
        "after_delivery.retention": "how long the recipient may keep the data",
        "after_delivery.destruction": "how the destruction is shown",
        "after_delivery.onward_disclosure": "onward disclosure",
    }
)
_NAMED = re.compile(r"^(\w+)\[([^\]]+)\]\.?(.*)$")
_ARTICLES: Mapping[str, str] = MappingProxyType({"shares": "share", "parties": "party", "attestations": "attestation"})


def clause_sentence(clause: str, before: str | None, after: str | None) -> str:
    """What the change of one clause means: `changes the last day from 2029-11-30 to 2030-11-30`."""
    words = _clause_words(clause)
    if before is None:
        return f"adds {words}: {after}"
    if after is None:
        return f"removes {words} (it was {before})"
    return f"changes {words} from {before} to {after}"


def field_sentence(share: str, field: str, before: Treatment | None, after: Treatment | None) -> str:
    """What the change of one field's treatment means: `adds date of birth, year only, to share departures`."""
    words = field_words(field)
    was, now = _leaves(before), _leaves(after)
    if not was and not now:
        return f"still does not share {words} in share {share}"
    if not was:
        return f"adds {words}, {treatment_words(after)}, to share {share}"
    if not now:
        return f"no longer shares {words} in share {share} (it was shared {treatment_words(before)})"
    return f"shares {words} in share {share} {treatment_words(after)} instead of {treatment_words(before)}"


def field_words(path: str) -> str:
    """A field's path as words: `traveller.date_of_birth` is `date of birth of traveller`."""
    parts = [part.replace("_", " ") for part in reversed(path.split("."))]
    return " of ".join(parts)


def treatment_words(treatment: Treatment | None) -> str:
    """How much of a value leaves under a treatment, as words for people who sign."""
    if treatment is None:
        return "not at all"
    match treatment.action:
        case "mask" if treatment.mask is not None and (treatment.mask.keep_first or treatment.mask.keep_last):
            ends = (("first", treatment.mask.keep_first), ("last", treatment.mask.keep_last))
            return f"{' and '.join(f'the {end} {number}' for end, number in ends if number)} characters only"
        case "truncate":
            return f"the first {treatment.truncate_characters} characters only"
        case "generalise":
            grain = treatment.generalise
            return f"in bands of {grain.width}" if isinstance(grain, Band) else f"{grain} only"
        case action:
            return _PLAIN[action]


_PLAIN: Mapping[str, str] = MappingProxyType(
    {
        "keep": "as it is",
        "drop": "not at all",
        "tokenise": "as a pseudonym",
        "encrypt": "encrypted for the recipient",
        "mask": "its length only",
    }
)


def _leaves(treatment: Treatment | None) -> bool:
    return treatment is not None and treatment.action != "drop"


def _clause_words(clause: str) -> str:
    found = _NAMED.match(clause)
    if found is None:
        return _CLAUSES.get(clause, clause.replace(".", " ").replace("_", " "))
    kind, name, rest = found[1], found[2], found[3]
    known = _CLAUSES.get(f"{kind}.{rest}")
    if known is not None:
        return known.format(name=name)
    return f"{rest.replace('.', ' ').replace('_', ' ')} of {_ARTICLES.get(kind, kind)} {name}"
