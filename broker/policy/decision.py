"""What is decided: the vocabulary that the evaluator fills and everybody else reads.

Two calls make a batch's decisions (`broker.policy.engine`): `evaluate` gives an `Evaluated` per record with one
`Verdict` per plan; `settle` turns them into `Decision`s, deliveries and changes of the sent-key state.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one record under one agreement (`quarantine`: of the record itself)."""

    PERMIT = "permit"
    REDACT = "redact"
    WITHDRAW = "withdraw"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    HOLD = "hold"
    DENY = "deny"
    QUARANTINE = "quarantine"


DELIVERED = frozenset({Outcome.PERMIT, Outcome.REDACT, Outcome.WITHDRAW, Outcome.DELETE})
"""The outcomes that put a record on the share topic."""


class Mode(StrEnum):
    """Why the record was decided now."""

    LIVE = "live"
    BACKFILL = "backfill"
    RELEASE = "release"
    REPLAY = "replay"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable reason code and the clause it comes from, e.g. `row-filter-false` at `shares[0].rows`."""

    code: str
    clause: str = ""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record of a source partition as Kafka gave it."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one record means under one plan, before the sent-key state and the agreement's standing are known.

    `value` is the framed view, present exactly when the row qualifies.  `gone` says the source deleted it.
    """

    key: bytes | None
    value: bytes | None
    gone: bool
    treated: bool
    """At least one field was dropped or treated: a delivery is `redact`, not `permit`."""
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One record decoded and held against its contract, with one verdict per plan (none when quarantined)."""

    record: SourceRecord
    sequence: int | None
    event_time_ms: int | None
    subject: str | None
    """The auditors' pseudonym of the person concerned."""
    faults: tuple[Reason, ...]
    """Why the record is quarantined; empty for a record that keeps its contract."""
    verdicts: tuple[Verdict, ...]
    source_key: bytes | None
    """Canonical bytes of the source key, for the overlay; None when it cannot be read."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the department holds under one re-keyed key: digest of the view sent, and what it was made with."""

    digest: bytes
    plan_digest: bytes
    source_offset: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, complete: what the audit leaf says and what is delivered.

    `plan` is the index of the plan in the batch, None for a quarantine.  `key` and `value` are the bytes that go to
    the share topic (a tombstone has value None); both None unless `outcome` is in `DELIVERED`.
    """

    outcome: Outcome
    plan: int | None
    mode: Mode
    reasons: tuple[Reason, ...]
    record: SourceRecord
    sequence: int | None
    event_time_ms: int | None
    subject: str | None
    key: bytes | None
    value: bytes | None
    sent_before: bytes | None
    """Digest of what had been sent under this key, the state the decision depended on."""
    counters: str | None = None
    """What the limits said, where one was consulted."""
