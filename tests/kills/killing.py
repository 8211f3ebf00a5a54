"""Killing at random moments, and looking at what each kill left behind before anything is started again."""

from __future__ import annotations

import random
import shutil
import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions

from broker.cluster.admin import Admin
from broker.cluster.reader import Reader
from broker.delivery.identity import GROUP
from broker.delivery.mark import read_mark
from broker.delivery.state import Place, SentState
from contracts import topics
from tests.kills.world import CONNECTOR, PARTITIONS, SHARES, WORKER, World, share_places, source_places
from tests.servers import until

MOMENT_SECONDS = 0.5
"""Many turns of either loop: a moment drawn from it is uniform over the loop."""
_LOOK_SECONDS = 0.03
_BLINKS_MAX = 100
_SEGMENTS = [(topics.AUDIT_SEGMENTS, partition) for partition in range(PARTITIONS)]
_OF_WORKER = [*share_places(), *_SEGMENTS]
_ENTITY_SHARES = [Place(SHARES[name], p) for name in ("residents", "taxpayers") for p in range(PARTITIONS)]


@dataclass
class Kills:
    """How many there were, and what they left behind."""

    killed: int = 0
    aborted: int = 0
    """Those that left an open transaction with records, which the successor aborts."""
    before_state: int = 0
    """Those of the worker that fell after a commit and before the writing of its state."""
    supervisors: int = 0
    """Kills of a supervisor alone; its worker stops in order.  Not among `killed`."""
    seen: set[tuple[Place, int, int]] = field(default_factory=set)


class Killer:
    """One thread uses it; the world's worker and connector run while it does."""

    def __init__(self, world: World, directory: Path, seed: int) -> None:
        self.kills = Kills()
        self._world, self._directory = world, directory
        self._chance = random.Random(seed)
        self._committed, self._every = Reader(world.kafka.connection), Reader(world.kafka.connection, committed=False)
        self._admin = Admin(world.kafka.connection)
        self._moment = threading.Event()

    def close(self) -> None:
        self._committed.close()
        self._every.close()

    def round(self, number: int) -> None:
        """Wait until everything works, kill both at moments of their own, look, and start them again."""
        self.await_at_work()
        if number % 5 == 3:
            self._kill_and_let_restart()
        first, second = self._chance.sample([WORKER, CONNECTOR], 2)
        for name in (first, second):
            self._moment.wait(self._chance.uniform(0, MOMENT_SECONDS))
            self._world.kill(name)
            self.kills.killed += 1
        self._look()
        for name in (CONNECTOR, WORKER):
            self._world.start(name)

    def aim(self, *, wanted_open: bool, wanted_behind: bool) -> None:
        """Stop the worker for a blink at random moments until it stands where kills are still wanted, and kill it there.

        The wanted moments are an open transaction, and the one after a commit and before the writing of the state, of which
        the process itself says nothing: it is stopped, Kafka comes to rest, and its files are compared with Kafka.
        """
        for _ in range(_BLINKS_MAX):
            self._moment.wait(self._chance.uniform(0, MOMENT_SECONDS / 2))
            self._world.signal_worker(signal.SIGSTOP)
            committed, every, marks = self._settled(_OF_WORKER, looks=2)
            is_open, is_behind = every != committed, self._is_state_behind(marks)
            if (wanted_open and is_open) or (wanted_behind and is_behind):
                self._world.kill(WORKER)
                self.kills.killed += 1
                self.kills.aborted += is_open
                self.kills.before_state += is_behind
                self._world.start(WORKER)
                self.await_at_work()
                return
            self._world.signal_worker(signal.SIGCONT)

    def await_at_work(self) -> None:
        """Until every part has moved since now: changes arrive, and are decided."""
        before = self._ends(self._committed, [*source_places(), *_SEGMENTS])

        def moved() -> bool:
            self._world.check()
            now = self._ends(self._committed, [*source_places(), *_SEGMENTS])
            return all(any(now[place] > before[place] for place in places) for places in (source_places(), _SEGMENTS))

        until(moved, 60)

    def _kill_and_let_restart(self) -> None:
        """The worker alone, which its supervisor starts again; then the supervisor alone, whose worker must not stay."""
        self._moment.wait(self._chance.uniform(0, MOMENT_SECONDS))
        self._world.kill(WORKER, child_only=True)
        self.kills.killed += 1
        self.await_at_work()
        self._world.kill(WORKER, supervisor_only=True)
        self.kills.supervisors += 1
        self._world.start(WORKER)
        self.await_at_work()

    def _look(self) -> None:
        """Nothing runs: count what the two kills left."""
        places = [*source_places(), *_OF_WORKER]
        committed, every, marks = self._settled(places, looks=5)
        for group in (source_places(), _OF_WORKER):
            self.kills.aborted += any(every[place] > committed[place] for place in group)
        self.kills.before_state += self._is_state_behind(marks)

    def _settled(self, places, *, looks: int):
        """Ends and marks once they have not moved for so many looks: what was being committed is, what is open stays so."""
        seen, same = None, 0
        while same < looks:
            found = (self._ends(self._committed, places), self._ends(self._every, places), self._marks())
            same = same + 1 if found == seen else 0
            seen = found
            self._moment.wait(_LOOK_SECONDS)
        return seen

    def _is_state_behind(self, marks: dict[tuple[str, int], int]) -> bool:
        """Whether the state lacks exactly the last committed transaction of a partition, and did not at the last kill."""
        copy = self._directory / "state-copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._world.worker_state / "state", copy, ignore=shutil.ignore_patterns("LOCK"))
        behind = False
        with SentState(copy) as state:
            for place in _ENTITY_SHARES:
                applied, segments = state.applied(place), marks.get((topics.source("travellers"), place.partition), 0)
                found = None if applied is None else (place, applied, segments)
                if found is not None and segments - applied == 1 and found not in self.kills.seen:
                    self.kills.seen.add(found)
                    behind = True
        return behind

    def _marks(self) -> dict[tuple[str, int], int]:
        """The committed segments of each source partition; those of an open transaction are not among them."""
        asked = self._admin._client.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(GROUP)], require_stable=False, request_timeout=20
        )
        found = asked[GROUP].result().topic_partitions
        return {(p.topic, p.partition): read_mark(p.metadata or "").segments for p in found if p.offset >= 0}

    @staticmethod
    def _ends(reader: Reader, places) -> dict[tuple[str, int], int]:
        return {place: reader.stable_end(*place) for place in places}
