"""What a simulation counts: per share of the draft, and beside the version in force.

Counts are of decisions and of what would stand on the share topic; people are counted by pseudonyms that mean nothing outside.
Nothing in a report names a person or holds a value of one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from agreements.compare import Difference
from agreements.instants import day_of
from broker.figures.sketch import DistinctKeys
from broker.policy.decision import DELIVERED, Decision, Evaluated, Outcome
from broker.policy.plan import Plan, treatment_text
from broker.policy.read import value_at
from broker.simulation.samples import Samples
from broker.simulation.simulator import Batch, Candidate
from contracts.model import Contract
from contracts.wire import AvroSchema, unframe

EXACT_PEOPLE_MAX = 10_000
SPECIAL_CATEGORY, CRIMINAL_OFFENCE = "special-category", "criminal-offence"
SHAPED = (Outcome.PERMIT, Outcome.REDACT)
_HELD = (*SHAPED, Outcome.UNCHANGED)
"""After these the department holds the record."""


def people() -> DistinctKeys:
    """Counts people: exactly below ten thousand."""
    return DistinctKeys(EXACT_PEOPLE_MAX)


class Monthly:
    """Different people, month by month in London."""

    def __init__(self) -> None:
        self.by_month: defaultdict[str, DistinctKeys] = defaultdict(people)

    def add(self, at: datetime, person: str) -> None:
        """Count a person in the month of `at`."""
        self.by_month[f"{day_of(at):%Y-%m}"].add(person.encode())

    def peak(self) -> tuple[str, int] | None:
        """The month with the most."""
        found = ((month, counted.count()) for month, counted in self.by_month.items())
        return max(found, key=lambda one: (one[1], one[0]), default=None)

    def mean(self) -> int:
        """How many a month, rounded."""
        counts = [counted.count() for counted in self.by_month.values()]
        return round(sum(counts) / len(counts)) if counts else 0


@dataclass
class ShareTally:
    """What one share of the draft would have done."""

    candidate: Candidate
    contract: Contract
    outcomes: Counter[str] = field(default_factory=Counter)
    withheld: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(reason code, clause) to decisions that let nothing out."""
    initial_load: int = 0
    """Records that the department would receive at the beginning: what it is given of before the period."""
    fields: Counter[str] = field(default_factory=Counter)
    """Field to records in which it leaves with a value."""
    people: DistinctKeys = field(default_factory=people)
    people_by_field: defaultdict[str, Monthly] = field(default_factory=lambda: defaultdict(Monthly))
    by_day: Counter[date] = field(default_factory=Counter)
    gained: int = 0
    """Records that the department has under the draft and not under the version in force."""
    lost: int = 0
    samples: Samples = field(default_factory=Samples)

    def __post_init__(self) -> None:
        self._schema = AvroSchema(self.candidate.plan.view_text)

    @property
    def plan(self) -> Plan:
        """The share's plan."""
        return self.candidate.plan

    def take(self, batch: Batch, one: Decision, before: Outcome | None) -> None:
        """Count a decision; `before` is what the version in force decides of the same record, None where it has no such share."""
        self.outcomes[one.outcome.value] += 1
        if before is not None:
            self.gained += one.outcome in _HELD and before not in _HELD
            self.lost += one.outcome not in _HELD and before in _HELD
        if one.outcome in DELIVERED:
            self.by_day[day_of(batch.at)] += 1
        elif one.outcome is not Outcome.UNCHANGED and one.reasons:
            self.withheld[one.reasons[0].code, one.reasons[0].clause] += 1
        if one.outcome in SHAPED and one.value is not None:
            self._shaped(batch, one, self._schema.decode(unframe(one.value)[1]))

    def _shaped(self, batch: Batch, one: Decision, view: dict[str, Any]) -> None:
        if one.subject is not None:
            self.people.add(one.subject.encode())
        for planned in self.plan.fields:
            if value_at(view, planned.path) is not None:
                self.fields[planned.path] += 1
                if one.subject is not None:
                    self.people_by_field[planned.path].add(batch.at, one.subject)
        self.samples.offer(batch.partition, one.record.offset, view)

    def tagged(self, tag: str) -> dict[str, int]:
        """Fields whose tags begin with `tag`, to records in which they leave with a value."""
        found = ((planned.path, self.contract.field(planned.path)) for planned in self.plan.fields)
        return {
            path: self.fields[path]
            for path, known in found
            if known is not None and any(one == tag or one.startswith(f"{tag}:") for one in known.tags)
        }

    def document(self) -> dict[str, Any]:
        """The share's part of the report, for programs."""
        plan = self.plan
        return {
            "share": plan.share,
            "dataset": plan.dataset,
            "purpose": plan.purpose,
            "decisions": self.outcomes.total(),
            "by_outcome": dict(sorted(self.outcomes.items())),
            "delivered": sum(self.outcomes[outcome.value] for outcome in DELIVERED),
            "initial_load": self.initial_load,
            "withheld": [
                {"reason": code, "clause": clause, "records": count}
                for (code, clause), count in self.withheld.most_common()
            ],
            "fields": [
                {
                    "field": planned.path,
                    "treatment": treatment_text(planned.treatment),
                    "records": self.fields[planned.path],
                }
                for planned in plan.fields
            ],
            "dropped": list(plan.dropped),
            "people": self.people.count(),
            "people_exact": self.people.exact,
            "special_category": self.tagged(SPECIAL_CATEGORY),
            "criminal_offence": self.tagged(CRIMINAL_OFFENCE),
            "gained": self.gained,
            "lost": self.lost,
            "samples": self.samples.redacted(plan, self.contract),
        }


@dataclass
class Report:
    """What an agreement would have done with the events of a period."""

    reference: str
    version: int
    content_hash: str
    limits: Mapping[str, int | None]
    shares: list[ShareTally] = field(default_factory=list)
    people: Monthly = field(default_factory=Monthly)
    records: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    """Reason code to source records that break their contract: nobody receives them."""
    compared_with: int | None = None
    """The version in force that it is compared with."""
    differences: tuple[Difference, ...] = ()

    def take(self, batch: Batch, tallies: Mapping[int, ShareTally], before: Mapping[int, int]) -> None:
        """Count a batch: `tallies` by the draft's candidate, `before` from those to the candidate in force beside each."""
        self._records(batch.evaluated)
        outcomes = {(one.plan, one.record.offset): one.outcome for one in batch.decisions}
        for one in batch.decisions:
            tally = tallies.get(-1 if one.plan is None else one.plan)
            if tally is None or one.plan is None:
                continue
            tally.take(batch, one, outcomes.get((before.get(one.plan), one.record.offset)))
            if one.outcome in SHAPED and one.subject is not None:
                self.people.add(batch.at, one.subject)

    def take_earlier(self, batch: Batch, tallies: Mapping[int, ShareTally]) -> None:
        """Count what a batch before the period leaves the department with at the period's beginning."""
        for one in batch.decisions:
            tally = tallies.get(-1 if one.plan is None else one.plan)
            if tally is not None:
                tally.initial_load += one.outcome in SHAPED and one.sent_before is None
                tally.initial_load -= one.outcome in (Outcome.WITHDRAW, Outcome.DELETE)

    def _records(self, evaluated: Iterable[Evaluated]) -> None:
        """Count source records, each once."""
        for one in evaluated:
            self.records += 1
            if one.faults:
                self.quarantined[one.faults[0].code] += 1

    def peak_day(self) -> tuple[date, int] | None:
        """The day with the most deliveries of all shares together."""
        total: Counter[date] = sum((share.by_day for share in self.shares), Counter())
        return max(total.items(), key=lambda found: (found[1], found[0]), default=None)

    def sentences(self) -> list[str]:
        """The differences from the version in force, each with its effect on this period."""
        tallies = {share.plan.share: share for share in self.shares}
        return [_effect(one, tallies) for one in self.differences]

    def document(self) -> dict[str, Any]:
        """The report for programs."""
        day, month = self.peak_day(), self.people.peak()
        return {
            "reference": self.reference,
            "version": self.version,
            "content_hash": self.content_hash,
            "records": self.records,
            "quarantined": dict(sorted(self.quarantined.items())),
            "shares": [share.document() for share in self.shares],
            "peak_day": None
            if day is None
            else {"day": day[0], "events": day[1], "limit": self.limits["events_per_day"]},
            "peak_month": None
            if month is None
            else {"month": month[0], "people": month[1], "limit": self.limits["distinct_subjects_per_month"]},
            "compared_with": self.compared_with,
            "differences": self.sentences(),
        }


def _effect(one: Difference, tallies: Mapping[str, ShareTally]) -> str:
    tally = tallies.get(one.share or "")
    if tally is None or one.field is None or tally.fields[one.field] == 0:
        return one.sentence
    monthly = tally.people_by_field[one.field].mean()
    about = f"about {monthly:,} people a month" if monthly else f"{tally.fields[one.field]:,} records"
    return f"{one.sentence}: {about}"
