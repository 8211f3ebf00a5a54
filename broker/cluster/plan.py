"""What has to be done so that Kafka is as the register says: a list of steps (pure).

Nothing is removed without being asked for, access excepted: a rule that no agreement in force gives is always taken
away, and before anything else is done (DEFAULT-DENY, BOUNDED-STOP).  What cannot be mended is a `Problem` in the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from agreements.endings import emptied_shares
from agreements.snapshot import Snapshot
from broker.cluster import access, principals
from broker.cluster.objects import Rule, TopicSpec, TopicState
from broker.cluster.topics import base_topics, notices_topic, receipts_topic, share_topic, source_topic
from contracts import topics

EMPTIED: Mapping[str, str] = MappingProxyType({"cleanup.policy": "delete", "retention.ms": "1000"})
"""How a terminated share's topic is kept.  Kafka removes records of a compacted topic only once it is compacted no more; the
retention removes the bytes of the segment that is being written, and whatever a late transaction might still bring."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the settings decide: partitions of a new source topic, copies of everything, and what connectors read besides."""

    partitions: int
    replication_factor: int
    connector_topics: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Observed:
    """A cluster as it is: its topics, SCRAM users and rules."""

    topics: Mapping[str, TopicState] = field(default_factory=dict)
    users: frozenset[str] = frozenset()
    rules: frozenset[Rule] = frozenset()
    filled: frozenset[str] = frozenset()
    """Departments' topics that hold records; empty where nobody has looked."""


@dataclass(frozen=True, slots=True)
class Revoke:
    """Take a permission away."""

    rule: Rule

    def __str__(self) -> str:
        return f"revoke: {self.rule}"


@dataclass(frozen=True, slots=True)
class CreateTopic:
    """Make a topic."""

    spec: TopicSpec

    def __str__(self) -> str:
        spec = self.spec
        return f"create topic {spec.name}: {spec.partitions} partition(s), {spec.configuration['cleanup.policy']}"


@dataclass(frozen=True, slots=True)
class SetTopic:
    """Set values on a topic that have drifted."""

    name: str
    configuration: Mapping[str, str] = field(hash=False)

    def __str__(self) -> str:
        return f"set on topic {self.name}: " + ", ".join(f"{k}={v}" for k, v in sorted(self.configuration.items()))


@dataclass(frozen=True, slots=True)
class AddUser:
    """Make a SCRAM user, with the password of its credential file, or a new one that is written there."""

    principal: str

    def __str__(self) -> str:
        return f"create user {self.principal}"


@dataclass(frozen=True, slots=True)
class Grant:
    """Permit."""

    rule: Rule

    def __str__(self) -> str:
        return f"grant: {self.rule}"


@dataclass(frozen=True, slots=True)
class RemoveUser:
    """Remove a SCRAM user that the register no longer knows.  Only when asked for."""

    principal: str

    def __str__(self) -> str:
        return f"remove user {self.principal}"


@dataclass(frozen=True, slots=True)
class RemoveTopic:
    """Remove a source or share topic that the register does not know, with all its records.  Only when asked for."""

    name: str

    def __str__(self) -> str:
        return f"remove topic {self.name}"


@dataclass(frozen=True, slots=True)
class EmptyTopic:
    """Remove every record of a share that is over, now and from now on; the topic itself stays.  Only when asked for."""

    name: str
    configuration: Mapping[str, str] = field(default_factory=lambda: EMPTIED, hash=False)

    def __str__(self) -> str:
        return f"empty topic {self.name}: its agreement is ended, or a newer version left the share out"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that no step can mend."""

    subject: str
    message: str

    def __str__(self) -> str:
        return f"problem with {self.subject}: {self.message}"


Step = Revoke | CreateTopic | SetTopic | AddUser | Grant | RemoveUser | RemoveTopic | EmptyTopic | Problem


def plan(
    snapshot: Snapshot, observed: Observed, shape: Shape, now: datetime, *, prune: bool = False
) -> tuple[Step, ...]:
    """The steps from `observed` to what the register says at `now`, in the order they are to be taken; empty when there."""
    gone = _emptied(snapshot, now)
    wanted = {spec.name: spec for spec in _topics(snapshot, observed, shape) if spec.name not in gone}
    rules = access.rules(snapshot, now, shape.connector_topics)
    organisations = frozenset(snapshot.parties) | access.departments(snapshot)
    steps: list[Step] = [
        Revoke(rule) for rule in sorted(observed.rules - rules) if principals.is_managed(rule.principal, organisations)
    ]
    for spec in wanted.values():
        steps.extend(_topic_steps(spec, observed.topics.get(spec.name)))
    users = _users(snapshot)
    steps.extend(AddUser(principal) for principal in sorted(users - observed.users))
    steps.extend(Grant(rule) for rule in sorted(rules - observed.rules))
    steps.extend(_reserved(snapshot))
    steps.extend(_unknown_connectors(snapshot, shape))
    if prune:
        managed = {user for user in observed.users - users if principals.is_managed(user, organisations)}
        steps.extend(RemoveUser(user) for user in sorted(managed))
        steps.extend(EmptyTopic(name) for name in gone if _is_to_be_emptied(name, observed))
        steps.extend(RemoveTopic(name) for name in sorted(observed.topics) if _is_stray(name, snapshot, wanted))
    return tuple(steps)


def _topics(snapshot: Snapshot, observed: Observed, shape: Shape) -> Iterator[TopicSpec]:
    """Every topic that is to be.  A source keeps the partitions it has; its shares have as many."""
    factor = shape.replication_factor
    yield from base_topics(_existing(observed, topics.AUDIT_SEGMENTS, shape.partitions), factor)
    partitions = {
        dataset: _existing(observed, topics.source(dataset), shape.partitions) for dataset in snapshot.contracts
    }
    for dataset, count in partitions.items():
        entry = snapshot.contract(dataset)
        if entry is not None:
            yield source_topic(dataset, entry.contract.kind, count, factor)
    for coverage in access.signed_shares(snapshot):
        share, agreement = coverage.share, coverage.entry.agreement
        contract = snapshot.contract(share.dataset, share.contract)
        if contract is not None:
            kind, retention = contract.contract.kind, agreement.delivery.retention
            yield share_topic(agreement.reference, share.id, kind, retention, partitions[share.dataset], factor)
            yield receipts_topic(agreement.reference, share.id, factor)
    for organisation in sorted(access.recipients(snapshot)):
        yield notices_topic(organisation, factor)


def _existing(observed: Observed, topic: str, otherwise: int) -> int:
    state = observed.topics.get(topic)
    return otherwise if state is None else state.partitions


def _topic_steps(spec: TopicSpec, state: TopicState | None) -> Iterator[Step]:
    if state is None:
        yield CreateTopic(spec)
        return
    drifted = {key: value for key, value in spec.configuration.items() if state.configuration.get(key) != value}
    if drifted:
        yield SetTopic(spec.name, drifted)
    if state.partitions != spec.partitions:
        found = f"{state.partitions} partition(s) where {spec.partitions} are due"
        yield Problem(spec.name, f"{found}; the number cannot be changed without moving keys")
    if state.replication_factor < spec.replication_factor:
        found = f"{state.replication_factor} copies where {spec.replication_factor} are due"
        yield Problem(spec.name, f"{found}; reassign its partitions with Kafka's own tools")


def _users(snapshot: Snapshot) -> frozenset[str]:
    ours = {principals.OPERATOR, principals.WORKER, principals.AUDITOR, principals.SERVICE}
    writers = {principals.connector(name) for name in access.connectors(snapshot)}
    return frozenset(ours | writers | access.departments(snapshot))


def _reserved(snapshot: Snapshot) -> Iterator[Problem]:
    for name in sorted(access.recipients(snapshot) & principals.RESERVED):
        yield Problem(name, "this identifier is reserved, so the organisation gets no user and no access")


def _unknown_connectors(snapshot: Snapshot, shape: Shape) -> Iterator[Problem]:
    for name in sorted(set(shape.connector_topics) - set(access.connectors(snapshot))):
        yield Problem(name, "connector_topics names it, and no contract designates it as its store: it gets no access")


def _emptied(snapshot: Snapshot, now: datetime) -> list[str]:
    """The share topics that hold nothing any more at `now` (`agreements.endings`).  Receipts stay."""
    return sorted(
        topics.share(reference, share)
        for reference, versions in snapshot.agreements.items()
        for share in emptied_shares(versions, now)
    )


def _is_to_be_emptied(name: str, observed: Observed) -> bool:
    state = observed.topics.get(name)
    if state is None:
        return False
    return name in observed.filled or any(state.configuration.get(key) != value for key, value in EMPTIED.items())


def _is_stray(name: str, snapshot: Snapshot, wanted: Mapping[str, TopicSpec]) -> bool:
    """A source or share topic that no contract and no agreement, ended ones included, accounts for."""
    if name in wanted or not name.startswith((topics.source(""), "share.")):
        return False
    kept = {
        text
        for versions in snapshot.agreements.values()
        for entry in versions
        if entry.was_signed
        for share in entry.shares
        for text in (
            topics.share(entry.agreement.reference, share.id),
            topics.receipts(entry.agreement.reference, share.id),
        )
    }
    return name not in kept
