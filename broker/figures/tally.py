"""The figures of one dataset, as its records are counted one by one (pure).

What is counted is what stands on the source topic, read as the worker reads it: a record is valid exactly when the worker would
not quarantine it.  Memory depends on the contract, not on how much is read.  Figures are counts and times: never a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from broker.figures.sketch import DURATION_ERROR, STANDARD_ERROR, DistinctKeys, Durations
from broker.policy.decision import Reason
from broker.policy.read import Read, value_at
from contracts.change import Envelope, Op
from contracts.model import Contract


class FieldFigures(msgspec.Struct, frozen=True):
    """One field: in how many of the rows it has a value, is null, or was not given by the store."""

    path: str
    required: bool
    rows: int
    given: int
    null: int
    unavailable: int
    completeness: float | None
    """`given` of `rows`; None without rows."""


class Completeness(msgspec.Struct, frozen=True):
    """How many of the values that the contract has room for are there: of its required fields, and of the others."""

    required: float | None
    optional: float | None
    fields: tuple[FieldFigures, ...]


class ReasonCount(msgspec.Struct, frozen=True):
    """How many records were refused for one reason; a record may have several."""

    code: str
    field: str
    records: int


class Validity(msgspec.Struct, frozen=True):
    """How many records keep the contract, and why the others do not."""

    valid: int
    invalid: int
    share: float | None
    reasons: tuple[ReasonCount, ...]


class Delay(msgspec.Struct, frozen=True):
    """How long after its commit in the store a change was somewhere, in milliseconds."""

    changes: int
    p50: int | None
    p95: int | None
    maximum: int | None
    negative: int
    """Changes that were there before their commit: the clocks of store and broker disagree."""
    error: float = DURATION_ERROR
    """How far `p50` and `p95` may be from the true ones, as a share of them."""


class Timeliness(msgspec.Struct, frozen=True):
    """From the store's commit to the source topic, and to the decision; rows of a snapshot have no commit and are left out."""

    to_topic: Delay
    to_decision: Delay
    undecided: int
    """Records that no worker has decided yet."""


class Keys(msgspec.Struct, frozen=True):
    """How many different keys the records have."""

    distinct: int
    exact: bool
    standard_error: float
    """Of an estimate, as a share of it; 0 where it is exact."""
    without_key: int


class Counted(msgspec.Struct, frozen=True):
    """What the records of a dataset say."""

    records: int
    rows: int
    deletions: int
    first_event_ms: int | None
    last_event_ms: int | None
    completeness: Completeness
    validity: Validity
    timeliness: Timeliness
    keys: Keys


@dataclass(slots=True)
class _FieldTally:
    given: int = 0
    null: int = 0
    unavailable: int = 0


@dataclass(slots=True)
class Tally:
    """Counts the records of one dataset."""

    contract: Contract
    keys: DistinctKeys = field(default_factory=DistinctKeys)
    _records: int = 0
    _rows: int = 0
    _deletions: int = 0
    _valid: int = 0
    _without_key: int = 0
    _undecided: int = 0
    _first_ms: int | None = None
    _last_ms: int | None = None
    _to_topic: Durations = field(default_factory=Durations)
    _to_decision: Durations = field(default_factory=Durations)
    _reasons: Counter[Reason] = field(default_factory=Counter)
    _fields: dict[str, _FieldTally] = field(init=False)

    def __post_init__(self) -> None:
        self._fields = {path: _FieldTally() for path, _ in self.contract.leaves()}

    def add(self, read: Read, arrived_ms: int, decided_ms: int | None) -> None:
        """Count a record that came to the source topic at `arrived_ms` and was decided at `decided_ms`, if it was."""
        self._records += 1
        self._valid += not read.faults
        self._reasons.update(set(read.faults))
        self._undecided += decided_ms is None
        if read.key is None or read.record.key is None:
            self._without_key += 1
        else:
            self.keys.add(read.record.key)
        envelope = read.envelope
        self._deletions += read.record.value is None or (envelope is not None and envelope.op is Op.DELETE)
        if envelope is not None:
            self._time(envelope, arrived_ms, decided_ms)
            self._row(envelope)

    def _time(self, envelope: Envelope, arrived_ms: int, decided_ms: int | None) -> None:
        event_ms = envelope.ts_ms
        self._first_ms = event_ms if self._first_ms is None else min(self._first_ms, event_ms)
        self._last_ms = event_ms if self._last_ms is None else max(self._last_ms, event_ms)
        if envelope.op is Op.READ or envelope.source.snapshot:
            return
        self._to_topic.add(arrived_ms - event_ms)
        if decided_ms is not None:
            self._to_decision.add(decided_ms - event_ms)

    def _row(self, envelope: Envelope) -> None:
        row = envelope.after
        if row is None:
            return
        self._rows += 1
        for path, tally in self._fields.items():
            if value_at(row, path) is not None:
                tally.given += 1
            elif _is_unavailable(path, envelope.unavailable):
                tally.unavailable += 1
            else:
                tally.null += 1

    def counted(self) -> Counted:
        """The figures of what was counted so far."""
        return Counted(
            records=self._records,
            rows=self._rows,
            deletions=self._deletions,
            first_event_ms=self._first_ms,
            last_event_ms=self._last_ms,
            completeness=self._completeness(),
            validity=Validity(
                self._valid,
                self._records - self._valid,
                _share(self._valid, self._records),
                reasons_of(self._reasons),
            ),
            timeliness=Timeliness(_delay(self._to_topic), _delay(self._to_decision), self._undecided),
            keys=Keys(
                self.keys.count(), self.keys.exact, 0.0 if self.keys.exact else STANDARD_ERROR, self._without_key
            ),
        )

    def _completeness(self) -> Completeness:
        required = {path: one.required for path, one in self.contract.leaves()}
        fields = tuple(
            FieldFigures(
                path,
                required[path],
                self._rows,
                tally.given,
                tally.null,
                tally.unavailable,
                _share(tally.given, self._rows),
            )
            for path, tally in self._fields.items()
        )
        return Completeness(
            _mean([one for one in fields if one.required]), _mean([one for one in fields if not one.required]), fields
        )


def reasons_of(counted: Counter[Reason]) -> tuple[ReasonCount, ...]:
    """Reasons with their counts, the most frequent first."""
    ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0].code, one[0].clause))
    return tuple(ReasonCount(reason.code, reason.clause, count) for reason, count in ordered)


def _is_unavailable(path: str, unavailable: Iterable[str]) -> bool:
    return any(path == one or path.startswith(one + ".") for one in unavailable)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(fields: list[FieldFigures]) -> float | None:
    return _share(sum(one.given for one in fields), sum(one.rows for one in fields))


def _delay(durations: Durations) -> Delay:
    quantiles = durations.quantile(0.5), durations.quantile(0.95)
    return Delay(durations.count, *quantiles, durations.maximum, durations.negative)
