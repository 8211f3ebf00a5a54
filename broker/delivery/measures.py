"""What a worker measures of itself (Prometheus).  Labels are topics, outcomes and reason codes: never data."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

from broker.pipeline import Prepared

_RECORDS = Counter("concordat_records", "Source records decided", ["topic", "mode"])
_DECISIONS = Counter("concordat_decisions", "Decisions committed", ["topic", "outcome", "reason"])
_SECONDS = Histogram(
    "concordat_transaction_seconds",
    "How long a committed transaction was open",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_ABORTED = Counter("concordat_transactions_repeated", "Turns that were undone and tried again")
_POSITION = Gauge("concordat_snapshot_position", "Register position that this worker decides under")
_BLOCKED = Gauge("concordat_partitions_held_back", "Source partitions that wait because a share cannot be served")
_OWNED = Gauge("concordat_partitions_owned", "Source partitions that this worker decides")
_LAG = Gauge(
    "concordat_lag_records", "Offsets between the last decided record and the stable end", ["topic", "partition"]
)
_OLDEST = Gauge("concordat_oldest_undecided_seconds", "Age of the newest batch's oldest record when it was committed")


class Measures:
    """The worker's side of the metrics."""

    def committed(self, work: Sequence[Prepared], seconds: float, position: int) -> None:
        """One transaction is committed."""
        _SECONDS.observe(seconds)
        _POSITION.set(position)
        for prepared in work:
            if prepared.mode is None:
                continue
            _RECORDS.labels(prepared.offset.topic, prepared.mode.value).inc(len(prepared.source_keys))
            for (outcome, reason), count in prepared.outcomes.items():
                _DECISIONS.labels(prepared.offset.topic, outcome.value, reason).inc(count)

    def aborted(self) -> None:
        """A turn was undone."""
        _ABORTED.inc()

    def partitions(self, owned: int, held_back: int) -> None:
        """How many partitions this worker has, and how many of them wait."""
        _OWNED.set(owned)
        _BLOCKED.set(held_back)

    def waiting(self, topic: str, partition: int, records: int) -> None:
        """How far one partition is behind its stable end."""
        _LAG.labels(topic, str(partition)).set(records)

    def oldest(self, seconds: float) -> None:
        """How old the oldest record of a batch was when it was decided."""
        _OLDEST.set(max(seconds, 0.0))
