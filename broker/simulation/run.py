"""Running a simulation: who asks is entered in the register first, then the sources are read from their beginning.

An entity's records before the period are decided too, uncounted but for what the department would hold at its beginning.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol

from agreements import text
from agreements.acts import AgreementSimulated
from agreements.checks import problems
from agreements.compare import differences
from agreements.instants import day_of, end_of, start_of
from agreements.model import Agreement
from agreements.signing import Signer
from agreements.snapshot import AgreementEntry, AgreementState, ContractEntry, Snapshot
from broker.cluster.client import Connection, Message
from broker.cluster.reader import Reader
from broker.policy.compile import compile_plan
from broker.policy.decision import SourceRecord
from broker.policy.limits import has_limits
from broker.register.acceptable import effective, registered, submission_faults
from broker.register.append import Deed, act
from broker.simulation.counts import Counts
from broker.simulation.report import Report, ShareTally
from broker.simulation.simulator import NO_SCHEMA, Candidate, Simulator
from contracts import topics
from contracts.faults import Faults, Refused
from contracts.model import Kind

_LOOK_RECORDS = 100
"""Enough to find a record in, among the markers of transactions at a partition's end."""
Progress = Callable[[int, int], None]
"""Told how many records were read, of how many."""


class Sources(Protocol):
    """What is read of the source topics; `broker.cluster.reader.Reader` reads them from Kafka."""

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        ...

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset kept, and the end (exclusive)."""
        ...

    def first_since(self, topic: str, partition: int, milliseconds: int) -> int:
        """The offset of the first record that came at this Unix time or later."""
        ...

    def read(self, topic: str, partition: int, start: int | None = None, end: int | None = None) -> Iterator[Message]:
        """The visible records of a range."""
        ...


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` on and before `until`, by the time at which a record came to Kafka; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    def is_after(self, timestamp_ms: int) -> bool:
        """Whether a record lies after the period."""
        return self.until is not None and timestamp_ms >= self.until.timestamp() * 1000


def simulate(
    register: Connection,
    sources: Connection,
    signer: Signer,
    agreement: Agreement,
    period: Period,
    progress: Progress = lambda _done, _all: None,
) -> Report:
    """Try `agreement` on what its datasets' source topics hold of `period`.

    Raises `Refused` for an agreement that could not be submitted, and when the register does not admit who asks; `Unavailable` when Kafka
    cannot be reached.
    """
    content_hash = text.content_hash(agreement)
    organisations = tuple(party.organisation for party in agreement.parties)

    def asked(snapshot: Snapshot) -> list[Deed]:
        if registered(agreement, snapshot) is None:
            found = tuple(problem.code.fault(problem.message) for problem in problems(agreement))
            if faults := found or submission_faults(agreement, snapshot):
                raise Refused(*faults)
        said = AgreementSimulated(agreement.reference, content_hash, organisations, period.since, period.until)
        return [Deed(said, signer)]

    snapshot = act(register, asked).snapshot
    with Reader(sources) as reader, tempfile.TemporaryDirectory(prefix="concordat-simulation-") as directory:
        holds = effective(agreement, snapshot)
        report = run(reader, snapshot, holds, period, Path(directory), progress)
    report.content_hash = content_hash
    return report


def run(
    reader: Sources, snapshot: Snapshot, agreement: Agreement, period: Period, directory: Path, progress: Progress
) -> Report:
    """The simulation itself, against one snapshot of the register."""
    signed = in_force(snapshot, agreement.reference)
    report = Report(agreement.reference, agreement.version, text.content_hash(agreement), agreement.limits.model_dump())
    if signed is not None:
        report.compared_with = signed.agreement.version
        report.differences = differences(signed.agreement, agreement)
    counts = {True: Counts(agreement, "draft")}
    if signed is not None:
        counts[False] = Counts(signed.agreement, "in-force")
    datasets = list(dict.fromkeys((share.dataset, share.contract) for share in agreement.shares))
    reading = _Reading(reader, period, progress, [topics.source(dataset) for dataset, _ in datasets])
    with ExitStack() as stack:
        trials = []
        for number, (dataset, major) in enumerate(datasets):
            entry = snapshot.contract(dataset, major)
            assert entry is not None, "register_faults has looked"
            candidates = [*_candidates(agreement, entry, snapshot, is_draft=True)]
            if signed is not None:
                candidates += _candidates(signed.agreement, entry, snapshot, is_draft=False)
            simulator = Simulator(entry, dict(snapshot.schemas), candidates, directory / str(number), counts)
            stack.callback(simulator.close)
            trials.append(_Trial(simulator, reading, report))
        for trial in trials:
            trial.begin()
        is_limited = any(has_limits(one) for one in (agreement, *([signed.agreement] if signed else [])))
        for day in reading.days() if is_limited else (None,):
            for trial in trials:
                trial.decide(day)
    return report


def in_force(snapshot: Snapshot, reference: str) -> AgreementEntry | None:
    """The newest signed version of an agreement, suspended or not."""
    signed = (AgreementState.APPROVED, AgreementState.SUSPENDED)
    return next((e for e in reversed(snapshot.agreements.get(reference, ())) if e.state in signed), None)


def _candidates(
    agreement: Agreement, entry: ContractEntry, snapshot: Snapshot, *, is_draft: bool
) -> Iterator[Candidate]:
    for share in agreement.shares:
        if (share.dataset, share.contract) != (entry.contract.dataset, entry.contract.major):
            continue
        versions = snapshot.key_versions
        plan = compile_plan(
            agreement,
            text.content_hash(agreement),
            share,
            entry.contract,
            view_schema_id=NO_SCHEMA,
            key_versions=versions,
        )
        if isinstance(plan, Faults):
            raise Refused(*plan.items)
        yield Candidate(agreement, share, plan, is_draft)


class _Trial:
    """The draft on one dataset, and beside it the version in force."""

    def __init__(self, simulator: Simulator, reading: _Reading, report: Report) -> None:
        self._simulator, self._reading, self._report = simulator, reading, report
        self._topic = topics.source(simulator.contract.dataset)
        named = enumerate(simulator.candidates)
        self._tallies = {index: ShareTally(one, simulator.contract) for index, one in named if one.is_draft}
        self._before = _counterparts(simulator.candidates)
        report.shares += self._tallies.values()

    def begin(self) -> None:
        """Decide, for an entity, what the department would hold when the period begins; no limit counts it."""
        if self._simulator.contract.kind is Kind.ENTITY:
            for partition, start in self._reading.starts(self._topic):
                records = self._reading.records(self._topic, partition, None, start)
                for batch in self._simulator.decide(partition, records, limited=False):
                    self._report.take_earlier(batch, self._tallies)

    def decide(self, day: date | None) -> None:
        """Decide the records of one day of the period, or of all of it."""
        for partition, start in self._reading.starts(self._topic):
            first, end = self._reading.bounds(self._topic, partition, start, day)
            for batch in self._simulator.decide(partition, self._reading.records(self._topic, partition, first, end)):
                self._report.take(batch, self._tallies, self._before)


def _counterparts(candidates: tuple[Candidate, ...]) -> Mapping[int, int]:
    """The draft's candidates to the candidates in force of the same share."""
    in_force = {one.share.id: index for index, one in enumerate(candidates) if not one.is_draft}
    return {
        index: in_force[one.share.id]
        for index, one in enumerate(candidates)
        if one.is_draft and one.share.id in in_force
    }


class _Reading:
    """The records of a period, partition by partition, with progress over all topics."""

    def __init__(self, reader: Sources, period: Period, progress: Progress, wanted: list[str]) -> None:
        self.reader, self._period, self._progress = reader, period, progress
        bounds = [reader.bounds(topic, p) for topic in wanted for p in range(reader.partitions(topic))]
        self._done, self._all, self._wanted = 0, sum(high - low for low, high in bounds), wanted

    def starts(self, topic: str) -> Iterator[tuple[int, int]]:
        """Each partition, with the offset at which the period begins in it."""
        since = self._period.since
        for partition in range(self.reader.partitions(topic)):
            if since is None:
                yield partition, self.reader.bounds(topic, partition)[0]
            else:
                yield partition, self.reader.first_since(topic, partition, int(since.timestamp() * 1000))

    def bounds(self, topic: str, partition: int, start: int, day: date | None) -> tuple[int, int | None]:
        """The offsets of one day of the period, London's, from `start` on."""
        if day is None:
            return start, None
        first, end = (
            self.reader.first_since(topic, partition, int(at.timestamp() * 1000)) for at in (start_of(day), end_of(day))
        )
        return max(start, first), max(start, end)

    def days(self) -> Iterator[date]:
        """Every day of the period on which records came."""
        times = [
            message.timestamp_ms
            for topic in self._wanted
            for partition, start in self.starts(topic)
            for offset in self._ends(topic, partition, start)
            for message in self.reader.read(topic, partition, *offset)
        ]
        if times:
            day, last = (day_of(datetime.fromtimestamp(one / 1000, UTC)) for one in (min(times), max(times)))
            while day <= last:
                yield day
                day += timedelta(days=1)

    def _ends(self, topic: str, partition: int, start: int) -> Iterator[tuple[int, int]]:
        """Ranges that hold the first and the last record of a partition."""
        _, high = self.reader.bounds(topic, partition)
        yield start, min(start + _LOOK_RECORDS, high)
        yield max(start, high - _LOOK_RECORDS), high

    def records(self, topic: str, partition: int, start: int | None, end: int | None) -> Iterator[SourceRecord]:
        """The records from offset `start` and before offset `end`, none of them after the period."""
        for message in self.reader.read(topic, partition, start, end):
            if self._period.is_after(message.timestamp_ms):
                return
            self._done += 1
            self._progress(self._done, self._all)
            yield SourceRecord(message.offset, message.timestamp_ms, message.key, message.value)
