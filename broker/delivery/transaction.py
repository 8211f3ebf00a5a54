"""One transaction: everything that was decided, or nothing of it (AUDIT-WITH-DELIVERY)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from broker import clock
from broker.cluster.client import Abortable, ClusterFatal
from broker.cluster.producer import TransactionalProducer
from broker.delivery.state import SentState
from broker.pipeline import Prepared
from contracts.faults import Failure


class OutcomeUnknown(ClusterFatal):
    """Kafka did not say whether the transaction is committed: the process must end, its successor reads it."""


class Committer:
    """Sends prepared work in transactions, and applies the sent-key state of those that are committed."""

    def __init__(self, producer: TransactionalProducer, state: SentState, after_commit: Callable[[], None]) -> None:
        self._producer, self._state, self._after_commit = producer, state, after_commit

    def commit(self, work: Sequence[Prepared], group_metadata: Any, still_fresh: Callable[[], bool]) -> float:
        """Commit `work` as one transaction; gives the seconds it was open.

        `group_metadata` was taken right after the `consume` that gave the batch, so a partition that has moved since
        makes Kafka refuse.  `still_fresh` is asked last before the commit.  Raises `Abortable` after
        an abort: nothing of it is visible and all of it may be tried again.  Raises `ClusterFatal` when the process must end.
        """
        opened = clock.monotonic_seconds()
        self._producer.begin()
        try:
            for prepared in work:
                for record in prepared.records:
                    self._producer.produce(record.topic, record.partition, record.key, record.value, record.headers)
            self._producer.send_offsets([prepared.offset for prepared in work], group_metadata)
            if not still_fresh():
                raise Abortable("the register snapshot has grown too old for this transaction")  # noqa: TRY301
        except (Abortable, Failure) as fault:
            self._abort()
            raise Abortable(str(fault)) from fault
        self._finish()
        seconds = clock.monotonic_seconds() - opened
        self._after_commit()
        self._state.apply(
            (change for prepared in work for change in prepared.changes),
            {place: prepared.mark.segments for prepared in work for place in prepared.places},
        )
        return seconds

    def _finish(self) -> None:
        try:
            self._producer.commit()
        except Abortable:
            self._abort()
            raise
        except Failure as fault:
            raise OutcomeUnknown("the commit was not confirmed") from fault

    def _abort(self) -> None:
        try:
            self._producer.abort()
        except (Abortable, Failure) as fault:
            raise OutcomeUnknown("the abort was not confirmed") from fault
