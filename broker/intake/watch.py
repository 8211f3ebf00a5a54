"""How a connector stands: asked of it, measured, kept in its record, and what is wrong logged once when it begins and ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from msgspec.structs import replace

from broker import clock
from broker.intake.measures import Measures
from broker.intake.positions import Standing, Stored
from connectors.health import TellsHealth
from connectors.protocol import Batch, Connector
from contracts.faults import Fault

LOOK_SECONDS = 5.0
"""How often a connector is asked how its store stands."""
RESTATE_MILLISECONDS = 30_000
"""How often a connector that has nothing to write may write that it has caught up."""


class Watch:
    """Keeps the standing of one connector.  `standing` is how it stands now."""

    def __init__(
        self, connector: Connector, name: str, datasets: Collection[str], measures: Measures, log: Any
    ) -> None:
        self._connector, self._name, self._datasets = connector, name, datasets
        self._measures, self._log = measures, log
        self._look_at = 0.0
        self.standing = Standing()

    def begin(self, stored: Standing) -> None:
        """Go on from what the last process wrote; alarms are raised anew."""
        self.standing = replace(stored, alarms=())

    def look(self) -> None:
        """Ask the connector, if it is time and it tells.  Raises what `health` does."""
        now = clock.monotonic_seconds()
        if now < self._look_at or not isinstance(self._connector, TellsHealth):
            return
        self._look_at = now + LOOK_SECONDS
        found = self._connector.health()
        self._measures.health(found, self._datasets)
        self._compare(found.alarms)
        codes = tuple(sorted({fault.code.identifier for fault in found.alarms}))
        self.standing = replace(self.standing, lag_bytes=found.lag_bytes, alarms=codes)

    def with_batch(self, batch: Batch, now_ms: int) -> Standing:
        """How it stands once `batch` is written; one without changes says that there is nothing more to read."""
        if not batch.changes:
            return replace(self.standing, behind_ms=dict.fromkeys(self.standing.newest_ms, 0))
        moments = {change.dataset: change.committed_at for change in batch.changes}
        newest = {dataset: int(moment.timestamp() * 1000) for dataset, moment in moments.items()}
        behind = {dataset: max(now_ms - moment, 0) for dataset, moment in newest.items()}
        return replace(
            self.standing,
            newest_ms=self.standing.newest_ms | newest,
            behind_ms=self.standing.behind_ms | behind,
        )

    def written(self, standing: Standing) -> None:
        """A record with this standing is committed."""
        self.standing = standing
        self._measures.standing(standing)

    def caught_up(self) -> None:
        """A poll has found nothing."""
        if any(self.standing.behind_ms.values()):
            self.written(replace(self.standing, behind_ms=dict.fromkeys(self.standing.behind_ms, 0)))

    def is_news(self, stored: Stored, now_ms: int) -> bool:
        """Whether the record is to be written though there is no batch: an alarm at once, the rest from time to time."""
        if stored.standing.alarms != self.standing.alarms:
            return True
        return stored.standing != self.standing and now_ms - stored.written_ms >= RESTATE_MILLISECONDS

    def _compare(self, alarms: Iterable[Fault]) -> None:
        """Log what has begun and what is over."""
        present = {fault.code.identifier: fault for fault in alarms}
        for code, fault in present.items():
            if code not in self.standing.alarms:
                self._log.warning("alarm", connector=self._name, code=code, reason=fault.message)
                self._measures.alarm(code, stands=True)
        for code in self.standing.alarms:
            if code not in present:
                self._log.info("alarm over", connector=self._name, code=code)
                self._measures.alarm(code, stands=False)
