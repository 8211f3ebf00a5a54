"""How every topic is kept: partitions, compaction, retention.  The names are made in `contracts.topics`.

Entity data is compacted only: its topic is the record of what is true, or of what was sent, and time removes nothing from it.
Event data goes by the time Kafka received it (LogAppendTime), so that no writer's clock decides what is kept; the register's
acts are held against that time (TRUSTED-TIME).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from broker.cluster.objects import TopicSpec, TopicState
from contracts import topics
from contracts.model import Kind

SOURCE_RETENTION = timedelta(days=30)
"""How long an event dataset's source is kept: no hold may last longer."""
QUARANTINE_RETENTION = timedelta(days=90)
SIGNAL_RETENTION = timedelta(days=7)
TOMBSTONE_RETENTION = timedelta(days=30)
"""How long a reader of a compacted topic may be away and still learn of every withdrawal and deletion."""
COMPACTION_LAG_MAX = timedelta(days=1)
"""When an old value is gone at the latest, on a topic that is still written to."""
SEGMENT_MAX = timedelta(days=7)
_SEGMENT_MIN = timedelta(minutes=10)


_STAMPED = {"message.timestamp.type": "LogAppendTime"}
"""Each record carries the time at which Kafka appended it, and not one that its writer chose."""


def base_topics(partitions: int, factor: int) -> tuple[TopicSpec, ...]:
    """The broker's own topics; `partitions` for those that grow with the sources."""
    kept, compacted = _kept(factor), _compacted(factor)
    signals = _for_time(SIGNAL_RETENTION, factor)
    return (
        register_topic(factor),
        TopicSpec(topics.AUDIT_SEGMENTS, partitions, factor, kept),
        TopicSpec(topics.AUDIT_HEADERS, 1, factor, kept),
        TopicSpec(topics.AUDIT_CHECKPOINTS, 1, factor, kept),
        TopicSpec(topics.POSITIONS, 1, factor, compacted),
        TopicSpec(topics.WORKERS, 1, factor, compacted),
        TopicSpec(topics.COUNTERS, 1, factor, compacted),
        TopicSpec(topics.QUARANTINE, partitions, factor, _for_time(QUARANTINE_RETENTION, factor)),
        TopicSpec(topics.SIGNALS, 1, factor, signals),
    )


def register_topic(factor: int) -> TopicSpec:
    """The acts: kept for ever, stamped by Kafka (TRUSTED-TIME)."""
    return TopicSpec(topics.REGISTER, 1, factor, {**_kept(factor), **_STAMPED})


def is_stamped(state: TopicState) -> bool:
    """Whether Kafka stamps the records of a topic that is there."""
    return all(state.configuration.get(name) == value for name, value in _STAMPED.items())


def source_topic(dataset: str, kind: Kind, partitions: int, factor: int) -> TopicSpec:
    """The topic a dataset's connector writes; its number of partitions never changes once it is made."""
    keeping = _compacted(factor) if kind is Kind.ENTITY else _for_time(SOURCE_RETENTION, factor)
    return TopicSpec(topics.source(dataset), partitions, factor, keeping)


def share_topic(
    reference: str,
    share: str,
    kind: Kind,
    retention: timedelta,
    partitions: int,
    factor: int,
) -> TopicSpec:
    """What a department receives.  `partitions` is its source's number: order per key and rebuilding depend on it.

    `retention` acts on event data only; on entity data a retention term acts by withdrawing.
    """
    keeping = _compacted(factor) if kind is Kind.ENTITY else _for_time(retention, factor)
    return TopicSpec(topics.share(reference, share), partitions, factor, keeping)


def receipts_topic(reference: str, share: str, factor: int) -> TopicSpec:
    """The proofs that go with a share; kept for ever, for they hold no data."""
    return TopicSpec(topics.receipts(reference, share), 1, factor, _kept(factor))


def notices_topic(organisation: str, factor: int) -> TopicSpec:
    """What the broker tells one organisation."""
    return TopicSpec(topics.notices(organisation), 1, factor, _kept(factor))


def _kept(factor: int) -> Mapping[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", **_safe(factor)}


def _compacted(factor: int) -> Mapping[str, str]:
    return {
        "cleanup.policy": "compact",
        "max.compaction.lag.ms": _ms(COMPACTION_LAG_MAX),
        "delete.retention.ms": _ms(TOMBSTONE_RETENTION),
        "segment.ms": _ms(COMPACTION_LAG_MAX),
        **_safe(factor),
    }


def _for_time(retention: timedelta, factor: int) -> Mapping[str, str]:
    """Kept for `retention`, and at most a tenth of it (within bounds) longer: only whole segments are removed."""
    segment = min(max(retention / 10, _SEGMENT_MIN), SEGMENT_MAX)
    return {
        "cleanup.policy": "delete",
        "retention.ms": _ms(retention),
        "segment.ms": _ms(segment),
        **_STAMPED,
        **_safe(factor),
    }


def _safe(factor: int) -> Mapping[str, str]:
    """A commit is on a majority of replicas, and no replica that lacks it ever leads."""
    return {"min.insync.replicas": str(factor // 2 + 1), "unclean.leader.election.enable": "false"}


def _ms(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))
