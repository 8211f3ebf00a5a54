"""What a running connector measures of itself (Prometheus).  Labels are connectors, datasets and reason codes: never data."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterable, Sequence
from operator import attrgetter

from prometheus_client import Counter, Gauge, Histogram

from broker.intake.positions import Standing
from connectors.health import Health
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
    "Age of the newest change of a dataset when it was committed; 0 once nothing more was there to read",
    ["connector", "dataset"],
)
_NEWEST = Gauge(
    "concordat_intake_newest_change_timestamp_seconds",
    "When the store committed the newest change of a dataset that is on its source topic (Unix time)",
    ["connector", "dataset"],
)
_LAG_BYTES = Gauge(
    "concordat_intake_lag_bytes",
    "What the store has logged beyond the connector's durable position",
    ["connector", "dataset"],
)
_RETAINED = Gauge("concordat_intake_retained_bytes", "What the store keeps for the connector", ["connector"])
_ALARM = Gauge("concordat_intake_alarm", "1 while something is wrong with the store", ["connector", "code"])
_PASSED_OVER = Counter(
    "concordat_intake_passed_over", "What the store gave and the options name for no dataset", ["connector"]
)

_DATASET = attrgetter("dataset")


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

    def committed(self, changes: Sequence[Change | Written], reasons: dict[str, int], seconds: float) -> None:
        """One transaction is committed."""
        _SECONDS.labels(self._name).observe(seconds)
        for dataset, count in Count(map(_DATASET, changes)).items():
            _CHANGES.labels(self._name, dataset).inc(count)
        for reason, count in reasons.items():
            _QUARANTINED.labels(self._name, reason).inc(count)

    def standing(self, found: Standing) -> None:
        """How far each dataset is."""
        for dataset, milliseconds in found.newest_ms.items():
            _NEWEST.labels(self._name, dataset).set(milliseconds / 1000)
        for dataset, milliseconds in found.behind_ms.items():
            _LAG.labels(self._name, dataset).set(milliseconds / 1000)

    def health(self, found: Health, datasets: Iterable[str]) -> None:
        """What the connector said of its store."""
        if found.lag_bytes is not None:
            for dataset in datasets:
                _LAG_BYTES.labels(self._name, dataset).set(found.lag_bytes)
        if found.retained_bytes is not None:
            _RETAINED.labels(self._name).set(found.retained_bytes)
        _PASSED_OVER.labels(self._name).inc(found.passed_over)

    def alarm(self, code: str, *, stands: bool) -> None:
        """An alarm begins or ends."""
        _ALARM.labels(self._name, code).set(stands)
