"""What the story of an event (`broker.pipeline`) is told with: a route, the ground it stands on, the work, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from agreements.snapshot import ContractEntry, Coverage, Snapshot
from broker.cluster.client import PartitionOffset
from broker.delivery.mark import Mark
from broker.delivery.progress import Cursor, Progress
from broker.delivery.quarantine import Sealer
from broker.delivery.state import Place, SentChange
from broker.policy.decision import Evaluated, Mode, Outcome, Sent, SourceRecord
from broker.policy.engine import Engine, Settlement
from broker.policy.plan import Plan
from contracts.faults import Fault

SentOf = Callable[[Place, Sequence[bytes]], Mapping[bytes, Sent]]


@dataclass(frozen=True, slots=True)
class Unplanned:
    """A share that covers the dataset and of which no plan can be made, and why: it is held alone (DEFAULT-DENY)."""

    coverage: Coverage
    fault: Fault


@dataclass(frozen=True, slots=True)
class Route:
    """One dataset's contract and everything that covers it now: coverages and plans in one order, and their engine.

    What covers it and has no plan is in `unplanned`, and nowhere else.
    """

    topic: str
    entry: ContractEntry
    coverages: tuple[Coverage, ...]
    plans: tuple[Plan, ...]
    engine: Engine
    make_engine: Callable[[tuple[Plan, ...]], Engine]
    entity_topics: tuple[str, ...]
    """The share topics whose sent-key state matters; none for an event dataset."""
    unplanned: tuple[Unplanned, ...] = ()

    @property
    def covering(self) -> tuple[Coverage, ...]:
        """Everything that covers the dataset; a decision's `plan` is an index here."""
        return (*self.coverages, *(one.coverage for one in self.unplanned))

    def narrowed(self, share_topic: str) -> Route:
        """The same route for one share alone, which has a plan."""
        index = next(i for i, coverage in enumerate(self.coverages) if coverage.topic == share_topic)
        plans = (self.plans[index],)
        engine = self.make_engine(plans)
        return replace(self, coverages=(self.coverages[index],), plans=plans, engine=engine, unplanned=())


@dataclass(frozen=True, slots=True)
class Ground:
    """What every decision of a turn stands on, cited in its segment (CITED-POLICY)."""

    snapshot: Snapshot
    now: datetime
    worker: str
    sign: Callable[[bytes], bytes]
    draw: Callable[[int], bytes]
    """Random bytes for the leaves' salts, asked for once per segment."""
    sealer: Sealer
    segment_partitions: int
    quarantine_partitions: int

    @property
    def now_ms(self) -> int:
        """The time of decision, Unix milliseconds."""
        return int(self.now.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Work:
    """Records of one source partition to decide together.

    Deciding moves the partition from `start` to `end`; a job's records leave it where it is.
    """

    topic: str
    partition: int
    mark: Mark
    start: int
    end: int
    records: tuple[SourceRecord, ...]
    mode: Mode
    job: int | None = None
    """The register position of the act that asked for the job, a release's of the act that approved its agreement.

    None for a live batch.
    """
    waiting: frozenset[int] = frozenset()
    """In a correction: the offsets of those records that wait for a release."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record of the transaction."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """One source partition's part of a transaction, and what becomes true when it is committed."""

    mode: Mode | None
    """None for an acknowledgement, which decides nothing."""
    records: tuple[Outgoing, ...]
    offset: PartitionOffset
    mark: Mark
    progress: Progress | None
    changes: tuple[SentChange, ...] = ()
    places: tuple[Place, ...] = ()
    source_keys: tuple[bytes | None, ...] = ()
    outcomes: Mapping[tuple[Outcome, str], int] = field(default_factory=dict)
    """How many decisions had each outcome and first reason."""
    refused: Cursor | None = None
    """A replay that decides nothing, because its record does not stand in quarantine."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Records decided, and nothing of it put down yet."""

    evaluated: tuple[Evaluated, ...]
    settlement: Settlement
    limited: Mapping[str, int]
    """Share topic to the first offset that a limit stopped."""
