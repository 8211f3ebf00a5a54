"""What a worker says of things that people must see to: a share that is held alone, a replay that is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import Counter, Gauge

from broker.delivery.codes import REPLAY_REFUSED
from broker.delivery.work import Prepared
from contracts.faults import Fault

_HELD = Gauge("concordat_shares_held_back", "Shares whose records wait because no plan can be made of them")
_REFUSED = Counter("concordat_replays_refused", "Replays that decided nothing: their record is not in quarantine")


class Telling:
    """Log lines and metrics; each thing is said once while it lasts."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._unplanned: frozenset[str] = frozenset()

    def unplanned(self, found: Mapping[str, Fault]) -> None:
        """Why no plan can be made, by the topic of every share of which that is so now."""
        for topic in sorted(found.keys() - self._unplanned):
            self._log.error("share_held", topic=topic, code=found[topic].code.identifier, reason=str(found[topic]))
        self._unplanned = frozenset(found)
        _HELD.set(len(found))

    def refused(self, work: Sequence[Prepared]) -> None:
        """The replays among what was committed that decided nothing."""
        for prepared in work:
            if prepared.refused is not None:
                _REFUSED.inc()
                self._log.error(
                    "replay_refused",
                    code=REPLAY_REFUSED.identifier,
                    topic=prepared.offset.topic,
                    partition=prepared.offset.partition,
                    offset=prepared.refused.next,
                    position=prepared.refused.position,
                )
