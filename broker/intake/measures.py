"""What a running connector measures of itself (Prometheus).  Labels are connectors, datasets and reason codes: never data."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Sequence
from datetime import datetime

from prometheus_client import Counter, Gauge, Histogram

from connectors.protocol import Change, Written

_CHANGES = Counter("concordat_intake_changes", "Changes committed to source topics", ["connector", "dataset"])
_QUARANTINED = Counter("concordat_intake_quarantined", "Changes that could not be carried", ["connector", "reason"])
_REPEATED = Counter("concordat_intake_transactions_repeated", "Transactions that were tried again", ["connector"])
_OPENED = Counter("concordat_intake_opened", "Times the store was opened", ["connector"])
_SECONDS = Histogram(
    "concordat_intake_transaction_seconds",
    "How long a committed transaction was open",
    ["connector"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_LAG = Gauge(
    "concordat_intake_lag_seconds",
    "Age of the newest change of a dataset when it was committed",
    ["connector", "dataset"],
)


class Measures:
    """The measures of one connector."""

    def __init__(self, name: str) -> None:
        self._name = name

    def opened(self) -> None:
        """The store was opened."""
        _OPENED.labels(self._name).inc()

    def repeated(self) -> None:
        """A transaction has to be tried again."""
        _REPEATED.labels(self._name).inc()

    def committed(
        self, changes: Sequence[Change | Written], reasons: dict[str, int], seconds: float, now: datetime
    ) -> None:
        """One transaction is committed."""
        _SECONDS.labels(self._name).observe(seconds)
        newest = {change.dataset: change.committed_at for change in changes}
        for dataset, count in Count(change.dataset for change in changes).items():
            _CHANGES.labels(self._name, dataset).inc(count)
            _LAG.labels(self._name, dataset).set((now - newest[dataset]).total_seconds())
        for reason, count in reasons.items():
            _QUARANTINED.labels(self._name, reason).inc(count)
