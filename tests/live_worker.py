"""A worker over one dataset in memory: routes, planner, rules, progress and audit are the product's; Kafka alone is not there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from unittest.mock import patch

from agreements.snapshot import Snapshot
from broker.audit.decisions import check_decisions
from broker.audit.read import OpenSegment, read_segment
from broker.cluster.client import Message
from broker.delivery import rederive
from broker.delivery.counters import Counters, Ledger
from broker.delivery.jobs import Task
from broker.delivery.mark import Mark
from broker.delivery.planner import Planner
from broker.delivery.progress import Progress
from broker.delivery.quarantine import read_identifier, stands
from broker.delivery.routes import Routes, compile_coverage
from broker.delivery.state import Place
from broker.delivery.takeover import Owned
from broker.pipeline import Ground, Outgoing, Prepared
from broker.policy.decision import Mode, Sent
from broker.policy.reference import ReferenceEngine
from broker.proofs.world import KEYS, PlainSealer
from contracts import topics
from contracts.faults import Faults


@dataclass(frozen=True)
class _Source:
    """What the re-derive job reads."""

    partitions: dict[int, list[Message]]

    def read(self, topic: str, partition: int, start: int | None = None, end: int | None = None) -> Iterator[Message]:
        del topic
        kept = self.partitions[partition]
        return iter([m for m in kept if (start or 0) <= m.offset and (end is None or m.offset < end)])


class LiveWorker:
    """Everything of it is as of its last commit, as for a real one."""

    def __init__(self, snapshot: Snapshot, dataset: str, partitions: int = 1, keys=KEYS) -> None:
        self.snapshot, self.dataset, self.topic = snapshot, dataset, topics.source(dataset)
        self.source: dict[int, list[Message]] = {partition: [] for partition in range(partitions)}
        self.delivered: dict[str, list[Outgoing]] = defaultdict(list)
        self.segments: list[OpenSegment] = []
        self.counters = Counters()
        self.quarantined: dict[tuple[int, int], int] = {}
        """Partition and offset to the register position under which a record was quarantined last."""
        self.refused: list[int] = []
        """The offsets of replays that decided nothing."""
        self.holds: dict[Place, dict[bytes, Sent]] = defaultdict(dict)
        self.owned = {p: Owned(self.topic, p, 0, Mark(), Progress()) for p in self.source}
        with patch.object(rederive, "Reader", lambda _: _Source(self.source)):
            self._rederiver = rederive.Rederiver(None)
        self._planner = Planner("worker", self, self._rederiver, lambda *_: 0, self._is_founded)
        self._routes = Routes(
            compile_coverage, lambda s, e, plans: ReferenceEngine(e, plans, s.schemas, keys), lambda _: 1
        )

    def sent(self, place: Place, keys: Sequence[bytes]) -> dict[bytes, Sent]:
        """See `broker.delivery.state.SentState`."""
        return {key: self.holds[place][key] for key in keys if key in self.holds[place]}

    def live(self, partition: int, records: Sequence[Message], now: datetime) -> None:
        """One batch, in a transaction of its own."""
        owned, ground = self.owned[partition], self._ground(now)
        self._commit(owned, self._planner.live(owned, records, self._route(now), ground, self._ledger(now)))

    def work(self, now: datetime) -> None:
        """Every chunk of every job that can go on, and the acknowledgements."""
        for owned in self.owned.values():
            while self.chunk(owned.partition, now):
                pass
            self._commit(owned, self._planner.idle(owned, self._route(now), self._ground(now), self._ledger(now)))

    def chunk(self, partition: int, now: datetime) -> bool:
        """The next chunk of the first job that can go on; False when there is none."""
        owned = self.owned[partition]
        return self._commit(owned, self._planner.job(owned, self._route(now), self._ground(now), self._ledger(now)))

    def view(self, topic: str) -> dict[bytes | None, bytes]:
        """What the department holds: key to value."""
        held: dict[bytes | None, bytes] = {}
        for record in self.delivered[topic]:
            if record.value is None:
                del held[record.key]
            else:
                held[record.key] = record.value
        return held

    def _is_founded(self, owned: Owned, task: Task, snapshot: Snapshot, partitions: int) -> bool:
        """As `broker.delivery.replays` finds it on the quarantine topic."""
        assert partitions == 1
        quarantined_at = self.quarantined.get((owned.partition, task.start))
        place = (self.topic, owned.partition, task.start)
        return quarantined_at is not None and stands(snapshot, place, quarantined_at, task.cursor.position)

    def _route(self, now: datetime):
        self._routes.renew(self.snapshot, now)
        return self._routes.by_dataset[self.dataset]

    def _ledger(self, now: datetime) -> Ledger:
        return Ledger(self.counters, now)

    def _ground(self, now: datetime) -> Ground:
        return Ground(self.snapshot, now, "worker", lambda _: b"s" * 64, bytes, PlainSealer(), 1, 1)

    def _commit(self, owned: Owned, prepared: Prepared | None) -> bool:
        if prepared is None:
            return False
        self._take(owned.partition, prepared.records)
        for place, key, sent in prepared.changes:
            self.holds[place].pop(key, None)
            if sent is not None:
                self.holds[place][key] = sent
        owned.offset, owned.mark = prepared.offset.offset, prepared.mark
        owned.progress = prepared.progress or owned.progress
        if prepared.refused is not None:
            self.refused.append(prepared.refused.next)
        if prepared.mode is Mode.LIVE:
            self._rederiver.decided_live(owned, prepared.source_keys)
        if prepared.mode is not None:
            *parts, entry = (r.value or b"" for r in prepared.records if r.topic == topics.AUDIT_SEGMENTS)
            found = read_segment(entry, parts)
            assert not isinstance(found, Faults), str(found)
            assert [*check_decisions(found, self.snapshot)] == []
            self.segments.append(found)
        return True

    def _take(self, partition: int, records: Sequence[Outgoing]) -> None:
        for record in records:
            if record.topic == topics.COUNTERS:
                self.counters.take(record.key, record.value)
            elif record.topic == topics.QUARANTINE:
                self.quarantined[partition, read_identifier(record.key.decode())[2]] = self.snapshot.position
            elif record.topic.startswith("share."):
                self.delivered[record.topic].append(record)
