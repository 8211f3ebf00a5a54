"""The counts that limits need, as `concordat.counters` keeps them: by source partition, written in the same transaction.

Each source partition's owner writes what it has delivered; every worker adds all of them up.  So a count is never lost and never counted
twice, whoever owns a partition.  `docs/formats/counters.md` is the format's page.  Nothing here reads Kafka or a clock.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from agreements.instants import day_of
from agreements.snapshot import AgreementEntry
from broker.policy.decision import Reason
from broker.policy.limits import LIMITS, Allowance, Counted, has_limits, stopped_standing
from broker.policy.people import DIGEST_BYTES, EXACT_MAX, Exact, People, Sketch

Place = tuple[str, int]
"""A source topic and one of its partitions."""
SKETCH = "sketch"
_BUCKETS = 256


class Reached(msgspec.Struct, frozen=True):
    """That a limit was reached: in which period, and how much it was then.  A higher limit is not reached by it."""

    period: str
    limit: int


class Tally(msgspec.Struct, frozen=True):
    """One agreement's deliveries from one source partition on its newest day, and the limits that were reached here."""

    day: str = ""
    events: int = 0
    reached: dict[str, Reached] = {}


class Tallies(msgspec.Struct, frozen=True):
    """The record of one source partition.  `number` counts its records: the mark names the newest."""

    number: int
    agreements: dict[str, Tally]


class Seen(msgspec.Struct, frozen=True):
    """Digests of people counted in a month (one bucket of them), or the registers of a sketch, as base64."""

    month: str
    data: str


@dataclass(frozen=True, slots=True)
class Period:
    """A day and its month in Europe/London, as the counts name them."""

    day: str
    month: str

    def of(self, limit: str) -> str:
        """The period that a limit counts in."""
        return self.day if limit == "events_per_day" else self.month


def period_of(now: datetime) -> Period:
    """The day and month of `now`."""
    day = day_of(now).isoformat()
    return Period(day, day[:7])


class Counters:
    """Everything that was read of `concordat.counters`, or is known to be committed there."""

    def __init__(self) -> None:
        self._tallies: dict[Place, Tallies] = {}
        self._people: dict[tuple[str, str], set[bytes]] = {}
        """By reference and month, of every partition."""
        self._own: dict[tuple[Place, str, str], tuple[str, set[bytes]]] = {}
        """A bucket of one partition: its month and digests."""
        self._sketches: dict[tuple[Place, str], tuple[str, Sketch]] = {}
        self._bases: dict[tuple[str, str], tuple[int, Sketch]] = {}
        """By reference and month, the exactly counted as a sketch, and how many they were."""

    def take(self, key: bytes, value: bytes | None) -> None:
        """Note a record.  Older records and those that come twice change nothing."""
        topic, partition, *rest = key.decode().split("/")
        place = (topic, int(partition))
        if value is None:
            return
        if not rest:
            found = msgspec.json.decode(value, type=Tallies)
            if found.number > self.number(place):
                self._tallies[place] = found
            return
        reference, part = rest
        seen = msgspec.json.decode(value, type=Seen)
        data = base64.b64decode(seen.data)
        if part == SKETCH:
            month, sketch = self._sketches.get((place, reference), ("", Sketch()))
            if seen.month >= month:
                whole = sketch.merged(data) if month == seen.month else Sketch(data)
                self._sketches[place, reference] = (seen.month, whole)
            return
        digests = {data[start : start + DIGEST_BYTES] for start in range(0, len(data), DIGEST_BYTES)}
        self._people.setdefault((reference, seen.month), set()).update(digests)
        month, known = self._own.get((place, reference, part), ("", set()))
        if seen.month >= month:
            self._own[place, reference, part] = (seen.month, known | digests if month == seen.month else digests)

    def number(self, place: Place) -> int:
        """How many records of a partition are known to be committed."""
        return self._tallies[place].number if place in self._tallies else 0

    def events(self, reference: str, period: Period) -> int:
        """Deliveries today, of all partitions."""
        found = (tallies.agreements.get(reference, Tally()) for tallies in self._tallies.values())
        return sum(tally.events for tally in found if tally.day >= period.day)  # later: the clock was set back

    def people(self, reference: str, period: Period) -> People:
        """Different people this month, of all partitions."""
        known = self._people.get((reference, period.month), set())
        sketches = [
            sketch
            for (_, name), (month, sketch) in self._sketches.items()
            if name == reference and month == period.month
        ]
        if len(known) < EXACT_MAX and not sketches:
            return Exact(known)
        whole = self._base(reference, period.month, known)
        for sketch in sketches:
            whole = whole.merged(sketch.registers())
        return whole

    def reached(self, entry: AgreementEntry, period: Period) -> tuple[Place, str] | None:
        """Where, and which limit of a version was reached in its present period; None: none of them."""
        agreement = entry.agreement
        for name in LIMITS:
            limit = getattr(agreement.limits, name)
            for place, tallies in sorted(self._tallies.items()):
                found = tallies.agreements.get(agreement.reference, Tally()).reached.get(name)
                if limit is not None and found is not None and found.period == period.of(name) and found.limit >= limit:
                    return place, name
        return None

    def tallies(self, place: Place) -> Mapping[str, Tally]:
        """What is counted of one partition."""
        return self._tallies[place].agreements if place in self._tallies else {}

    def bucket(self, place: Place, reference: str, part: str, month: str) -> set[bytes]:
        """The digests of one bucket of one partition."""
        known, digests = self._own.get((place, reference, part), ("", set()))
        return digests if known == month else set()

    def sketch(self, place: Place, reference: str, month: str) -> Sketch:
        """The sketch of one partition, empty where it has none."""
        known, sketch = self._sketches.get((place, reference), ("", Sketch()))
        return sketch if known == month else Sketch()

    def _base(self, reference: str, month: str, known: set[bytes]) -> Sketch:
        size, base = self._bases.get((reference, month), (-1, Sketch()))
        if size != len(known):
            base = Sketch()
            for digest in known:
                base.add(digest)
            self._bases[reference, month] = (len(known), base)
        return base


class Ledger:
    """The counts as one transaction sees and changes them; discarded with it."""

    def __init__(self, counters: Counters, now: datetime) -> None:
        self._counters, self._period = counters, period_of(now)
        self._pending: dict[str, Counted] = {}

    def allowance(self, entry: AgreementEntry, place: Place) -> Allowance | None:
        """What an agreement's limits leave now; None where it has none."""
        agreement, limits = entry.agreement, entry.agreement.limits
        if not has_limits(agreement):
            return None
        reference = agreement.reference
        found = Allowance(
            reference=reference,
            place=f"{place[0]}/{place[1]}",
            month=self._period.month,
            stopped=stopped_standing(agreement),
            events=self._counters.events(reference, self._period),
            people=self._counters.people(reference, self._period),
            events_limit=limits.events_per_day,
            people_limit=limits.distinct_subjects_per_month,
            reached=self.reached(entry),
        )
        return found.after(self._pending.get(reference))

    def reached(self, entry: AgreementEntry) -> Reason | None:
        """The limit of a version that was reached in its present period."""
        found = self._counters.reached(entry, self._period)
        return None if found is None else LIMITS[found[1]]

    def count(
        self, place: Place, number: int, counted: Mapping[str, Counted], entries: Mapping[str, AgreementEntry]
    ) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of every record that makes `counted` of a partition's batch last; none when nothing was counted.

        `number` is one more than the partition's mark says.
        """
        found = {reference: one for reference, one in counted.items() if one != Counted()}
        if not found:
            return
        tallies = dict(self._counters.tallies(place))
        for reference, one in found.items():
            self._pending[reference] = self._pending.get(reference, Counted()).plus(one)
            tallies[reference] = self._tally(tallies.get(reference, Tally()), one, entries[reference])
            yield from self._people(place, reference, one.people)
        name = f"{place[0]}/{place[1]}"
        yield name.encode(), msgspec.json.encode(Tallies(number, tallies))

    def _tally(self, before: Tally, one: Counted, entry: AgreementEntry) -> Tally:
        day = max(before.day, self._period.day)
        events = one.events + (before.events if before.day == day else 0)
        reached = {n: r for n, r in before.reached.items() if r.period == self._period.of(n)}
        for name, reason in LIMITS.items():
            if reason == one.reached:
                reached[name] = Reached(self._period.of(name), getattr(entry.agreement.limits, name))
        return Tally(day, events, reached)

    def _people(self, place: Place, reference: str, digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        month, new = self._period.month, list(digests)
        if not new:
            return
        name = f"{place[0]}/{place[1]}/{reference}"
        if isinstance(self._counters.people(reference, self._period), Sketch):
            sketch = self._counters.sketch(place, reference, month).copy()
            before = sketch.registers()
            for digest in new:
                sketch.add(digest)
            if sketch.registers() != before:
                yield f"{name}/{SKETCH}".encode(), _seen(month, sketch.registers())
            return
        buckets: dict[str, set[bytes]] = {}
        for digest in new:
            part = str(digest[0] % _BUCKETS)
            buckets.setdefault(part, set(self._counters.bucket(place, reference, part, month))).add(digest)
        for part, members in sorted(buckets.items()):
            if members != self._counters.bucket(place, reference, part, month):
                yield f"{name}/{part}".encode(), _seen(month, b"".join(sorted(members)))


def _seen(month: str, data: bytes) -> bytes:
    return msgspec.json.encode(Seen(month, base64.b64encode(data).decode()))
