"""The interface that every evaluating machine fills: a batch at a time, in two calls.

`reference` (Python) is the specification; a native machine takes the same plans and bytes and gives the same answers.
Neither does I/O; the time, the agreements' standings, the sent-key state and the salts are arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agreements.snapshot import Standing
from broker.policy.decision import Decision, Evaluated, Mode, Reason, Sent, SourceRecord
from broker.policy.limits import Allowance, Counted

SUSPENDED = Reason("suspended", "delivery.when_suspended")
FIELD_SUSPENDED = Reason("field-suspended", "delivery.when_suspended")
EMBARGO = Reason("embargo", "delivery.embargo")


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What `settle` must know of one plan's agreement at the moment of decision."""

    standing: Standing
    sent: Mapping[bytes, Sent]
    """Re-keyed key to what the department holds, for every key the batch's verdicts name (entity datasets only)."""
    stopped_by: Reason = SUSPENDED
    """Why the share is not in force; of no meaning where it is."""
    released_until_ms: int | None = None
    """Under an embargo: up to when a record must have been recorded (Kafka's time) for a release to let it out.

    Every other mode then lets nothing out, so that what was recorded first is delivered first.
    """
    allowance: Allowance | None = None
    """What the agreement's limits leave; None where it has none.  All shares of one agreement have the same."""
    waiting: frozenset[int] = frozenset()
    """In a correction: the offsets of records that wait for a release, so that what they say may not be sent yet."""


def keys_named(evaluated: Sequence[Evaluated], plan: int) -> list[bytes]:
    """Every key that a plan's verdicts name, each once, in their order: what `Circumstance.sent` is asked for."""
    named = (one.verdicts[plan].key for one in evaluated if one.verdicts)
    return list(dict.fromkeys(key for key in named if key is not None))


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of the sent-key state, to apply after the commit; `sent` None forgets the key."""

    plan: int
    key: bytes
    sent: Sent | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A batch's decisions in leaf order (quarantines first, then by plan and source offset), and the state they make."""

    decisions: tuple[Decision, ...]
    changes: tuple[StateChange, ...]
    counted: Mapping[str, Counted] = field(default_factory=dict)
    """What the batch adds to the counts of each agreement (by reference) that has limits."""


class Engine(Protocol):
    """An evaluator for one dataset and the plans that cover it, in one order for both calls."""

    def evaluate(self, records: Sequence[SourceRecord], now_ms: int) -> list[Evaluated]:
        """Decode, check against the contract, filter and shape.  Never raises for what a record holds."""
        ...

    def settle(self, evaluated: Sequence[Evaluated], circumstances: Sequence[Circumstance], mode: Mode) -> Settlement:
        """Turn verdicts into decisions.  Two changes of one key in the batch see each other (overlay)."""
        ...

    def headers(self, decision: Decision, partition: int) -> tuple[tuple[str, bytes], ...]:
        """The headers of a delivered record, which goes to the share's `partition`; none where its plan has none."""
        ...
