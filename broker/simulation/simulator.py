"""What an agreement would have done with the past events of one dataset: the worker's steps 2 to 4, and nothing sent.

The same plan, engine and settlement as the worker's (`broker.delivery.isolation`), record after record as they were recorded, so
simulated and live counts are equal.  It stands in for an agreement whose gates are all met.  Keys are random and gone
afterwards: a simulation cannot be joined with what any department holds, nor with another simulation.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agreements.model import Agreement, Share
from agreements.snapshot import ContractEntry, SchemaEntry, Standing
from broker.delivery.isolation import evaluate, settle
from broker.delivery.state import Place, SentChange, SentState
from broker.policy.decision import Decision, Evaluated, Mode, Sent, SourceRecord
from broker.policy.engine import Circumstance, keys_named
from broker.policy.limits import Allowance
from broker.policy.plan import Plan
from broker.policy.reference import ReferenceEngine
from broker.simulation.counts import Counts
from contracts import topics
from contracts.model import Kind

NO_SCHEMA = 0
"""The schema id in the frame of a simulated view: it is decoded here and never sent."""
_BATCH_RECORDS_MAX = 2_000
_MINUTE_MILLISECONDS = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One share to try: of the draft, or (for the difference) of the version in force."""

    agreement: Agreement
    share: Share
    plan: Plan
    is_draft: bool

    @property
    def place_name(self) -> str:
        """Under which name the simulated department's holdings are kept."""
        return f"{'draft' if self.is_draft else 'in-force'}.{self.share.id}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition decided together, and what was decided of each, by candidate."""

    partition: int
    at: datetime
    """When a worker would have decided them."""
    evaluated: tuple[Evaluated, ...]
    decisions: tuple[Decision, ...]


class Simulator:
    """Tries `candidates` on one dataset.  What each would hold is kept in `directory`, which the caller removes.

    `counts` are those of the draft (True) and of the version in force (False), which all datasets share.
    """

    def __init__(
        self,
        entry: ContractEntry,
        schemas: dict[int, SchemaEntry],
        candidates: Sequence[Candidate],
        directory: Path,
        counts: Mapping[bool, Counts],
    ) -> None:
        self.contract, self.candidates, self._counts = entry.contract, tuple(candidates), counts
        self._engine = ReferenceEngine(entry, [one.plan for one in candidates], schemas, PassingKeys())
        self._state = SentState(directory)

    def decide(self, partition: int, records: Iterable[SourceRecord], *, limited: bool = True) -> Iterator[Batch]:
        """Decide a partition's records in their order, each at the time at which it was recorded, within limits or without."""
        counts = self._counts if limited else {}
        for batch in _batches(records):
            yield self._batch(partition, batch, counts)

    def close(self) -> None:
        """Release the directory."""
        self._state.close()

    def _batch(self, partition: int, records: Sequence[SourceRecord], counts: Mapping[bool, Counts]) -> Batch:
        now_ms = records[-1].timestamp_ms
        evaluated = evaluate(self._engine, records, now_ms)
        places = [Place(one.place_name, partition) for one in self.candidates]
        at = _EPOCH + timedelta(milliseconds=now_ms)
        source = (topics.source(self.contract.dataset), partition)
        allowances = {is_draft: one.allowance(source, at) for is_draft, one in counts.items()}
        circumstances = [
            _circumstance(one, self._sent(places[index], evaluated, index), allowances.get(one.is_draft))
            for index, one in enumerate(self.candidates)
        ]
        withdraws = self.contract.withdraws_on_quarantine
        made = settle(self._engine, evaluated, circumstances, Mode.LIVE, withdraws=withdraws)
        self._state.apply((SentChange(places[change.plan], change.key, change.sent) for change in made.changes), {})
        for one in counts.values():
            if one.name in made.counted:
                one.take(made.counted[one.name])
        return Batch(partition, at, tuple(evaluated), made.decisions)

    def _sent(self, place: Place, evaluated: Sequence[Evaluated], index: int) -> dict[bytes, Sent]:
        if self.contract.kind is Kind.EVENT:
            return {}
        return self._state.sent(place, keys_named(evaluated, index))


def _circumstance(candidate: Candidate, sent: Mapping[bytes, Sent], allowance: Allowance | None) -> Circumstance:
    """In force, within what its limits leave; suspended from the batch on after which a worker would have suspended it."""
    if allowance is None or allowance.reached is None or candidate.agreement.limits.when_reached != "suspend":
        return Circumstance(Standing.IN_FORCE, sent, allowance=allowance)
    return Circumstance(allowance.stopped, sent, allowance.reached)


class PassingKeys:
    """Random keys that live as long as the simulation: what is tokenised here means nothing elsewhere (UNLINKABLE)."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, int], bytes] = {}

    def key(self, identifier: str, version: int) -> bytes | None:
        """The key of that name, made when it is first asked for."""
        return self._made.setdefault((identifier, version), secrets.token_bytes(32))


def _batches(records: Iterable[SourceRecord]) -> Iterator[list[SourceRecord]]:
    """Runs of records of one minute: the time of decision matters to look-back and to limits."""
    batch: list[SourceRecord] = []
    for record in records:
        other = batch and record.timestamp_ms // _MINUTE_MILLISECONDS != batch[-1].timestamp_ms // _MINUTE_MILLISECONDS
        if other or len(batch) >= _BATCH_RECORDS_MAX:
            yield batch
            batch = []
        batch.append(record)
    if batch:
        yield batch
