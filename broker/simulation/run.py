"""Running a simulation: who asks is entered in the register first, then the sources are read from their beginning.

An entity's records before the period are decided too, uncounted but for what the department would hold at its beginning.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from agreements import text
from agreements.acts import AgreementSimulated
from agreements.checks import problems
from agreements.compare import differences
from agreements.model import Agreement
from agreements.signing import Signer
from agreements.snapshot import AgreementEntry, AgreementState, ContractEntry, Snapshot
from broker.cluster.client import Connection, Message
from broker.cluster.reader import Reader
from broker.policy.compile import compile_plan
from broker.policy.decision import SourceRecord
from broker.register.acceptable import effective, registered, submission_faults
from broker.register.append import Deed, act
from broker.simulation.report import Report, ShareTally
from broker.simulation.simulator import NO_SCHEMA, Candidate, Simulator
from contracts import topics
from contracts.faults import Faults, Refused
from contracts.model import Kind

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
    datasets = list(dict.fromkeys((share.dataset, share.contract) for share in agreement.shares))
    reading = _Reading(reader, period, progress, [topics.source(dataset) for dataset, _ in datasets])
    for number, (dataset, major) in enumerate(datasets):
        entry = snapshot.contract(dataset, major)
        assert entry is not None, "register_faults has looked"
        candidates = [*_candidates(agreement, entry, snapshot, is_draft=True)]
        if signed is not None:
            candidates += _candidates(signed.agreement, entry, snapshot, is_draft=False)
        simulator = Simulator(entry, dict(snapshot.schemas), candidates, directory / str(number))
        try:
            _dataset(simulator, reading, report)
        finally:
            simulator.close()
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


def _dataset(simulator: Simulator, reading: _Reading, report: Report) -> None:
    contract = simulator.contract
    tallies = {index: ShareTally(one, contract) for index, one in enumerate(simulator.candidates) if one.is_draft}
    before = _counterparts(simulator.candidates)
    report.shares += tallies.values()
    topic = topics.source(contract.dataset)
    for partition in range(reading.reader.partitions(topic)):
        start = reading.start(topic, partition)
        if contract.kind is Kind.ENTITY:
            for batch in simulator.decide(partition, reading.records(topic, partition, None, start)):
                report.take_earlier(batch, tallies)
        for batch in simulator.decide(partition, reading.records(topic, partition, start, None)):
            report.take(batch, tallies, before)


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
        self._done, self._all = 0, sum(high - low for low, high in bounds)

    def start(self, topic: str, partition: int) -> int:
        """The offset at which the period begins in a partition."""
        since = self._period.since
        if since is None:
            return self.reader.bounds(topic, partition)[0]
        return self.reader.first_since(topic, partition, int(since.timestamp() * 1000))

    def records(self, topic: str, partition: int, start: int | None, end: int | None) -> Iterator[SourceRecord]:
        """The records from offset `start` and before offset `end`, none of them after the period."""
        for message in self.reader.read(topic, partition, start, end):
            if self._period.is_after(message.timestamp_ms):
                return
            self._done += 1
            self._progress(self._done, self._all)
            yield SourceRecord(message.offset, message.timestamp_ms, message.key, message.value)
