"""Who may do what on Kafka: the least that each principal needs, as rules (pure).

Rules name single topics, never a prefix of topics; only consumer groups and transactional ids go by prefix, and a
department's prefix is its own identifier with a dot, so no department's prefix begins another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from agreements.snapshot import SIGNED, AgreementEntry, Coverage, Snapshot
from agreements.umbrella.under import stopped_from_above
from broker.cluster.objects import Operation, Resource, Rule
from broker.cluster.principals import AUDITOR, OPERATOR, RESERVED, SERVICE, WORKER, connector
from contracts import topics

ENFORCE = "concordat.enforce"
"""The consumer group of all workers; their transactional ids begin with it and a dot."""
_REGISTER_WRITER = "concordat.register"
_READ, _WRITE, _DESCRIBE = Operation.READ, Operation.WRITE, Operation.DESCRIBE


def rules(
    snapshot: Snapshot, now: datetime, others_topics: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> frozenset[Rule]:
    """Every rule that is to be in force at `now`, and no other; `others_topics` are those that a connector reads."""
    return frozenset(
        [
            *_operator(snapshot),
            *_worker(snapshot),
            *_auditor(snapshot),
            *_service(),
            *_connectors(snapshot, others_topics),
            *_departments(snapshot, now),
        ],
    )


def departments(snapshot: Snapshot) -> frozenset[str]:
    """The organisations that sign in to Kafka, to read their shares and notices."""
    return recipients(snapshot) - RESERVED


def recipients(snapshot: Snapshot) -> frozenset[str]:
    """The organisations that receive or have received: whoever holds data is told when it turns out wrong, and may sign in."""
    signed = (entry for versions in snapshot.agreements.values() for entry in versions if entry.was_signed)
    return frozenset(entry.recipient for entry in signed if entry.shares)


def connectors(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    """Connector to the datasets it alone may write: the one designated store of the newest contract."""
    found: dict[str, set[str]] = {}
    for dataset in snapshot.contracts:
        entry = snapshot.contract(dataset)
        if entry is not None:
            found.setdefault(entry.contract.store, set()).add(dataset)
    return {name: frozenset(datasets) for name, datasets in found.items()}


def signed_shares(snapshot: Snapshot) -> Iterator[Coverage]:
    """Every share of an agreement that was approved and not ended by an act; older versions first."""
    for versions in snapshot.agreements.values():
        for entry in versions:
            if entry.state in SIGNED:
                for share in entry.shares:
                    yield Coverage(entry, share)


def may_read(entry: AgreementEntry, share: str, now: datetime) -> bool:
    """Whether the recipient may read this share's topic: approved, not over, not suspended (BOUNDED-STOP, second level).

    Before the first day there is nothing to read, so the rule may stand from the approval on.
    """
    stopped = any(entry.stops(one) for one in entry.shares if one.id == share)
    return entry.state in SIGNED and now < entry.ends_at and not stopped


def _operator(snapshot: Snapshot) -> Iterator[Rule]:
    yield from _topics(OPERATOR, (_READ, _WRITE), [topics.REGISTER])
    yield from _topics(OPERATOR, (_READ,), [topics.WORKERS, topics.POSITIONS, topics.QUARANTINE])
    yield from _topics(OPERATOR, (_WRITE,), [topics.SIGNALS])
    yield from _topics(OPERATOR, (_WRITE,), map(topics.notices, recipients(snapshot)))
    yield from _topics(OPERATOR, (_DESCRIBE,), map(topics.source, snapshot.contracts))
    yield Rule(OPERATOR, _DESCRIBE, Resource.GROUP, ENFORCE)
    yield Rule(OPERATOR, _WRITE, Resource.TRANSACTIONAL_ID, _REGISTER_WRITER)
    yield Rule(OPERATOR, _WRITE, Resource.TRANSACTIONAL_ID, topics.SIGNALS)
    yield _own_groups(OPERATOR)


def _worker(snapshot: Snapshot) -> Iterator[Rule]:
    shares = list(signed_shares(snapshot))
    yield from _topics(WORKER, (_READ,), [topics.REGISTER, topics.SIGNALS, *map(topics.source, snapshot.contracts)])
    state = [topics.AUDIT_SEGMENTS, topics.QUARANTINE, topics.WORKERS, topics.COUNTERS]
    yield from _topics(WORKER, (_READ, _WRITE), [*state, *(share.topic for share in shares)])
    proofs = [topics.receipts(share.entry.agreement.reference, share.share.id) for share in shares]
    yield from _topics(WORKER, (_WRITE,), proofs)
    # A worker says when a limit was reached; whatever else it wrote into the register, every reader would ignore.
    yield from _topics(WORKER, (_WRITE,), [topics.REGISTER])
    yield Rule(WORKER, _WRITE, Resource.TRANSACTIONAL_ID, _REGISTER_WRITER)
    yield Rule(WORKER, _READ, Resource.GROUP, ENFORCE)
    yield Rule(WORKER, _WRITE, Resource.TRANSACTIONAL_ID, f"{ENFORCE}.", prefixed=True)
    yield _own_groups(WORKER)


def _auditor(snapshot: Snapshot) -> Iterator[Rule]:
    """What `audit verify` compares: the register, the log, the sources, what was quarantined and what was delivered.

    Shares of every agreement ever submitted are among it, for that a topic is not there is also to be proved.
    """
    log = [topics.AUDIT_SEGMENTS, topics.AUDIT_HEADERS, topics.AUDIT_CHECKPOINTS]
    delivered = [
        name
        for versions in snapshot.agreements.values()
        for entry in versions
        for share in entry.shares
        for name in (
            topics.share(entry.agreement.reference, share.id),
            topics.receipts(entry.agreement.reference, share.id),
        )
    ]
    read = [topics.REGISTER, topics.QUARANTINE, *log, *map(topics.source, snapshot.contracts), *delivered]
    yield from _topics(AUDITOR, (_READ,), read)
    yield Rule(AUDITOR, _DESCRIBE, Resource.GROUP, ENFORCE)
    yield _own_groups(AUDITOR)


def _service() -> Iterator[Rule]:
    yield from _topics(SERVICE, (_READ,), [topics.REGISTER, topics.WORKERS])
    yield _own_groups(SERVICE)


def _connectors(snapshot: Snapshot, others_topics: Mapping[str, Sequence[str]]) -> Iterator[Rule]:
    for name, datasets in connectors(snapshot).items():
        principal = connector(name)
        yield from _topics(principal, (_READ,), [topics.REGISTER, topics.SIGNALS, *others_topics.get(name, ())])
        yield from _topics(principal, (_READ, _WRITE), [topics.POSITIONS])
        yield from _topics(principal, (_WRITE,), [topics.QUARANTINE, *map(topics.source, datasets)])
        yield Rule(principal, _WRITE, Resource.TRANSACTIONAL_ID, principal)
        yield _own_groups(principal)


def _departments(snapshot: Snapshot, now: datetime) -> Iterator[Rule]:
    for department in departments(snapshot):
        yield from _topics(department, (_READ,), [topics.notices(department)])
        yield _own_groups(department)
    for coverage in signed_shares(snapshot):
        entry, share = coverage.entry, coverage.share
        if (
            entry.recipient not in RESERVED
            and may_read(entry, share.id, now)
            and _is_open_above(snapshot, coverage, now)
        ):
            proofs = topics.receipts(entry.agreement.reference, share.id)
            yield from _topics(entry.recipient, (_READ,), [coverage.topic, proofs])


def _is_open_above(snapshot: Snapshot, coverage: Coverage, now: datetime) -> bool:
    """Whether the umbrella above an agreement lets its recipient read."""
    find = snapshot.agreements.get
    return stopped_from_above(find, coverage.entry.agreement, coverage.share, now) is None


def _topics(principal: str, operations: tuple[Operation, ...], names: Iterable[str]) -> Iterator[Rule]:
    for name in names:
        for operation in operations:
            yield Rule(principal, operation, Resource.TOPIC, name)


def _own_groups(principal: str) -> Rule:
    return Rule(principal, _READ, Resource.GROUP, f"{principal}.", prefixed=True)
