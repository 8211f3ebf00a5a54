"""The index from dataset to what covers it now, kept from snapshot to snapshot.

A route is made again only when its own contract, agreements or keys change, so unrelated agreements cost nothing.
A share of which no plan can be made is held alone (`broker.delivery.unplanned`): what one agreement says is no reason to keep
a dataset from the others.  A dataset whose topics do not fit is *blocked*, with the reason: none of its records is decided
until that is mended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from agreements.snapshot import ContractEntry, Coverage, Snapshot
from agreements.standing import covers, moments
from broker.delivery.codes import SHARE_BLOCKED, SHARE_HELD
from broker.delivery.work import Route, Unplanned
from broker.policy.compile import compile_share
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

    @property
    def unplanned(self) -> Mapping[str, Fault]:
        """Why no plan can be made, by the topic of every share of which that is so."""
        routes = (route for route in self.by_dataset.values() if isinstance(route, Route))
        return {one.coverage.topic: one.fault for route in routes for one in route.unplanned}

    def stand_at(self, now: datetime) -> bool:
        """Whether the routes are also those of `now`: no agreement has begun or ended since, and the clock was not set back."""
        if self._made_at is None or now < self._made_at:
            return False
        return self._changes_at is None or now < self._changes_at

    def renew(self, snapshot: Snapshot, now: datetime) -> None:
        """Make the routes of every published dataset as they are under `snapshot` at `now`.

        All of them or, where an engine cannot be made (`Unavailable`), none: what was there stays, and `stand_at` says as before.
        """
        made = {dataset: self._route(snapshot, dataset, now) for dataset in snapshot.contracts}
        by_dataset = {dataset: self._blocked_by_topics(route) or route for dataset, (_, route) in made.items()}
        changes = (
            moment
            for dataset in snapshot.contracts
            for coverage in snapshot.coverages(dataset)
            for moment in moments(snapshot, coverage.entry, now)
        )
        changes_at = min(changes, default=None)
        self._made, self.by_dataset, self._made_at, self._changes_at = made, by_dataset, now, changes_at

    def retry(self, snapshot: Snapshot, now: datetime) -> None:
        """Look again at the topics of blocked datasets."""
        if any(isinstance(route, Blocked) for route in self.by_dataset.values()):
            self._counts.clear()
            self.renew(snapshot, now)

    def _route(self, snapshot: Snapshot, dataset: str, now: datetime) -> tuple[_Signature, Route]:
        entry = snapshot.contract(dataset)
        assert entry is not None
        coverages = tuple(coverage for coverage in snapshot.coverages(dataset) if covers(coverage.entry, now))
        signature = self._signature(snapshot, dataset, coverages)
        known = self._made.get(dataset)
        if known is not None and known[0] == signature:
            return signature, _renewed(known[1], coverages)
        return signature, self._make(snapshot, entry, coverages)

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

    def _make(self, snapshot: Snapshot, entry: ContractEntry, coverages: tuple[Coverage, ...]) -> Route:
        planned: list[tuple[Coverage, Plan]] = []
        unplanned: list[Unplanned] = []
        for coverage in coverages:
            plan = plan_of(snapshot, coverage, self._compile)
            if isinstance(plan, Fault):
                unplanned.append(Unplanned(coverage, plan))
            else:
                planned.append((coverage, plan))

        def make_engine(chosen: tuple[Plan, ...]) -> Engine:
            return self._make_engine(snapshot, entry, chosen)

        served, plans = tuple(coverage for coverage, _ in planned), tuple(plan for _, plan in planned)
        shares = () if entry.contract.kind is Kind.EVENT else tuple(coverage.topic for coverage in served)
        topic = topics.source(entry.contract.dataset)
        return Route(topic, entry, served, plans, make_engine(plans), make_engine, shares, tuple(unplanned))

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


def compile_coverage(snapshot: Snapshot, entry: ContractEntry, coverage: Coverage) -> Plan | Faults:
    """The product's own `CompilePlan`."""
    return compile_share(coverage.entry, coverage.share, entry, snapshot)


def plan_of(snapshot: Snapshot, coverage: Coverage, compile_plan: CompilePlan) -> Plan | Fault:
    """The plan of a share over the newest version of its contract, or why there is none (`DEL-013`)."""
    contract = snapshot.contract(coverage.share.dataset, coverage.share.contract)
    plan = None if contract is None else compile_plan(snapshot, contract, coverage)
    if plan is None or isinstance(plan, Faults):
        reason = "its contract version is not published" if plan is None else str(plan)
        return SHARE_HELD.fault(f"{coverage.topic}: {reason}")
    return plan


def _renewed(route: Route, coverages: tuple[Coverage, ...]) -> Route:
    """The same plans, or none, for the same shares, of which suspensions may have changed."""
    waiting = {one.coverage.topic: one.fault for one in route.unplanned}
    return replace(
        route,
        coverages=tuple(one for one in coverages if one.topic not in waiting),
        unplanned=tuple(Unplanned(one, waiting[one.topic]) for one in coverages if one.topic in waiting),
    )


def _concerns(key: str, coverage: Coverage) -> bool:
    return coverage.entry.agreement.reference in key


def _blocked(entry: ContractEntry, reason: str) -> Blocked:
    return Blocked(entry.contract.dataset, SHARE_BLOCKED.fault(reason))
