"""A worker's side of the limits: reading `concordat.counters`, and the breaker that suspends an agreement at its limit.

The counts are brought up to date before every decision, as the register is.  What other workers have begun and not committed is not
among them: so several workers together may deliver more than a limit says, at most what each of the others delivers while one
transaction is open.  One worker alone never exceeds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client import Counter

from agreements.snapshot import SIGNED, AgreementEntry, Snapshot
from agreements.standing import covers
from broker import clock, observe
from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.delivery.codes import STATE_UNSETTLED
from broker.delivery.counters import Counters, Ledger, Period, Place, period_of
from broker.pipeline import Prepared
from broker.policy.limits import has_limits
from contracts import topics
from contracts.faults import Failure, Unavailable

_REACHED = Counter("concordat_limits_reached", "Agreements that this worker has suspended at a limit", ["limit"])
_PARTITION = 0
_POLL_SECONDS = 0.02
_SETTLE_SECONDS = 20.0
_RETRY_SECONDS = 5.0

Trip = Callable[[str, str, str], None]
"""Says in the register that a limit was reached: reference, limit, period.  Raises a `Failure`."""


class Limits:
    """The counts of one worker.  Raises `Unavailable` when the topic cannot be read."""

    def __init__(self, connection: Connection, trip: Trip) -> None:
        self._connection, self._trip = connection, trip
        self._counters = Counters()
        self._reader: Reader | None = None
        self._next = 0
        self._retry_at = 0.0
        self._log = observe.logger("concordat.enforce")

    def ledger(self, snapshot: Snapshot, now: datetime) -> Ledger:
        """The counts as the next transaction is to see them."""
        if next(_limited(snapshot), None) is not None:
            self._catch_up()
        return Ledger(self._counters, now)

    def take_over(self, topic: str, partition: int, number: int) -> None:
        """Read until the newest record of a partition is there, which its mark names."""
        until = clock.monotonic_seconds() + _SETTLE_SECONDS
        while self._counters.number((topic, partition)) < number:
            self._catch_up()
            if clock.monotonic_seconds() > until:
                raise Unavailable(STATE_UNSETTLED.fault(f"counts {number} of {topic}/{partition}"))

    def committed(self, work: Iterable[Prepared]) -> None:
        """What a transaction has written is known at once: it can be read only a moment later."""
        for prepared in work:
            for record in prepared.records:
                if record.topic == topics.COUNTERS and record.key is not None:
                    self._counters.take(record.key, record.value)

    def trip(self, snapshot: Snapshot, now: datetime, owned: Iterable[Place]) -> None:
        """Suspend what says so at a limit that was reached in a partition of this worker, unless that is done.

        What the version in force says counts; one that has not begun has reached nothing.
        """
        if clock.monotonic_seconds() < self._retry_at:
            return
        mine, period = set(owned), period_of(now)
        for entry in (entry for entry in _limited(snapshot) if covers(entry, now)):
            found = self._counters.reached(entry, period)
            if found is not None and found[0] in mine and is_to_be_suspended(entry, found[1]):
                self._suspend(entry, found[1], period)

    def close(self) -> None:
        """Release the connection."""
        if self._reader is not None:
            self._reader.close()

    def _suspend(self, entry: AgreementEntry, limit: str, period: Period) -> None:
        reference = entry.agreement.reference
        try:
            self._trip(reference, limit, period.of(limit))
        except Failure as fault:  # nothing flows meanwhile: the counts stop it
            self._retry_at = clock.monotonic_seconds() + _RETRY_SECONDS
            self._log.error("limit_not_said", reference=reference, reason=str(fault))
        else:
            _REACHED.labels(limit).inc()
            self._log.warning("limit_reached", reference=reference, reason=f"{limit} in {period.of(limit)}")

    def _catch_up(self) -> None:
        if self._reader is None:
            reader = Reader(self._connection)
            self._next = reader.bounds(topics.COUNTERS, _PARTITION)[0]
            reader.assign(topics.COUNTERS, _PARTITION, self._next)
            self._reader = reader
        end = self._reader.stable_end(topics.COUNTERS, _PARTITION)
        while self._next < end:
            for message in self._reader.poll(_POLL_SECONDS):
                if message.key is not None:
                    self._counters.take(message.key, message.value)
            self._next = max(self._next, self._reader.position(topics.COUNTERS, _PARTITION))


def is_to_be_suspended(entry: AgreementEntry, limit: str) -> bool:
    """Whether a limit that was reached has still to be said in the register."""
    return entry.agreement.limits.when_reached == "suspend" and all(held.limit != limit for held in entry.suspensions)


def _limited(snapshot: Snapshot) -> Iterator[AgreementEntry]:
    return (
        entry
        for versions in snapshot.agreements.values()
        for entry in versions
        if entry.state in SIGNED and has_limits(entry.agreement)
    )
