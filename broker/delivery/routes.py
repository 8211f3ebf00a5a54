"""The index from dataset to what covers it now, kept from snapshot to snapshot.

A route is made again only when its own contract, agreements or keys change, so unrelated agreements cost nothing.
A dataset that cannot be served completely is *blocked*, with the reason: deciding for some of its shares only would
leave the others without a decision (ONE-DECISION), so none of its records is decided until it is mended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from agreements.snapshot import ContractEntry, Coverage, Snapshot
from agreements.standing import covers, moments
from broker.delivery.codes import SHARE_BLOCKED
from broker.pipeline import Route
from broker.policy.engine import Engine
from broker.policy.plan import Plan
from contracts import topics
from contracts.faults import Fault, Faults
from contracts.model import Kind

CompilePlan = Callable[[Snapshot, ContractEntry, Coverage], Plan | Faults]
MakeEngine = Callable[[Snapshot, ContractEntry, tuple[Plan, ...]], Engine]

_Signature = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A dataset whose records wait, and why."""

    dataset: str
    fault: Fault


class Routes:
    """The routes of one snapshot at a time.  `partitions` says how many a topic has, 0 for none."""

    def __init__(self, compile_plan: CompilePlan, make_engine: MakeEngine, partitions: Callable[[str], int]) -> None:
        self._compile, self._make_engine, self._partitions = compile_plan, make_engine, partitions
        self._made: dict[str, tuple[_Signature, Route]] = {}
        self._counts: dict[str, int] = {}
        self.by_dataset: Mapping[str, Route | Blocked] = {}
        self._made_at: datetime | None = None
        self._changes_at: datetime | None = None
        """When the standing of a share may next change by time alone: the routes are to be made again then."""

    def stand_at(self, now: datetime) -> bool:
        """Whether the routes are also those of `now`: no agreement has begun or ended since, and the clock was not set back."""
        if self._made_at is None or now < self._made_at:
            return False
        return self._changes_at is None or now < self._changes_at

    def renew(self, snapshot: Snapshot, now: datetime) -> None:
        """Make the routes of every published dataset as they are under `snapshot` at `now`."""
        self.by_dataset = {dataset: self._route(snapshot, dataset, now) for dataset in snapshot.contracts}
        self._made = {name: kept for name, kept in self._made.items() if name in self.by_dataset}
        changes = (
            moment
            for dataset in snapshot.contracts
            for coverage in snapshot.coverages(dataset)
            for moment in moments(snapshot, coverage.entry, now)
        )
        self._made_at, self._changes_at = now, min(changes, default=None)

    def retry(self, snapshot: Snapshot, now: datetime) -> None:
        """Look again at the topics of blocked datasets."""
        if any(isinstance(route, Blocked) for route in self.by_dataset.values()):
            self._counts.clear()
            self.renew(snapshot, now)

    def _route(self, snapshot: Snapshot, dataset: str, now: datetime) -> Route | Blocked:
        entry = snapshot.contract(dataset)
        assert entry is not None
        coverages = tuple(coverage for coverage in snapshot.coverages(dataset) if covers(coverage.entry, now))
        signature = self._signature(snapshot, dataset, coverages)
        known = self._made.get(dataset)
        if known is not None and known[0] == signature:
            route = replace(known[1], coverages=coverages)  # the plans stand; suspensions may have changed
        else:
            made = self._make(snapshot, entry, coverages)
            if isinstance(made, Blocked):
                return made
            route = made
        self._made[dataset] = (signature, route)
        return self._blocked_by_topics(route) or route

    @staticmethod
    def _signature(snapshot: Snapshot, dataset: str, coverages: tuple[Coverage, ...]) -> _Signature:
        versions = tuple(entry.position for entry in snapshot.contracts[dataset])
        shares = tuple(
            (
                coverage.entry.content_hash,
                coverage.share.id,
                coverage.entry.view_schemas.get(coverage.share.id),
                tuple(
                    coverage.share.fields
                ),  # others when a field is suspended or resumed, whatever schema an act names
                tuple(
                    sorted(
                        (name, number) for name, number in snapshot.key_versions.items() if _concerns(name, coverage)
                    )
                ),
            )
            for coverage in coverages
        )
        return versions, shares

    def _make(self, snapshot: Snapshot, entry: ContractEntry, coverages: tuple[Coverage, ...]) -> Route | Blocked:
        plans: list[Plan] = []
        for coverage in coverages:
            contract = snapshot.contract(entry.contract.dataset, coverage.share.contract)
            plan = None if contract is None else self._compile(snapshot, contract, coverage)
            if plan is None or isinstance(plan, Faults):
                reason = "its contract version is not published" if plan is None else str(plan)
                return _blocked(entry, f"{coverage.topic}: {reason}")
            plans.append(plan)

        def make_engine(chosen: tuple[Plan, ...]) -> Engine:
            return self._make_engine(snapshot, entry, chosen)

        shares = () if entry.contract.kind is Kind.EVENT else tuple(coverage.topic for coverage in coverages)
        topic, made = topics.source(entry.contract.dataset), tuple(plans)
        return Route(topic, entry, coverages, made, make_engine(made), make_engine, shares)

    def _blocked_by_topics(self, route: Route) -> Blocked | None:
        wanted = self._count(route.topic)
        for coverage in route.coverages:
            found = self._count(coverage.topic)
            if found != wanted:
                return _blocked(route.entry, f"{coverage.topic} has {found} partitions, its source has {wanted}")
        return None

    def _count(self, topic: str) -> int:
        if not self._counts.get(topic):
            self._counts[topic] = self._partitions(topic)
        return self._counts[topic]


def _concerns(key: str, coverage: Coverage) -> bool:
    return coverage.entry.agreement.reference in key


def _blocked(entry: ContractEntry, reason: str) -> Blocked:
    return Blocked(entry.contract.dataset, SHARE_BLOCKED.fault(reason))
