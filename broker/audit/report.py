"""What a verification found, and the honest claim that goes with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from broker.audit.evidence import Exposed
from contracts.faults import Fault

FAULTS_MAX = 1_000
"""Faults kept; the number found is counted beyond."""

_PROVED = """\
A verified result proves: every source record that its topic still holds, up to each partition's `end`, has exactly one \
decision per agreement that covered it (or one quarantine); no sequence is missing; every record on a department's topic has \
its signed leaf and every delivered leaf its record; no decision was changed, dropped or added since an enrolled worker signed it."""
_NOT_PROVED = """\
It does not prove: that a worker decided rightly (a replay would show it); that nobody handed data on outside Kafka; that \
the operator, who holds the workers' keys, has not rewritten topics and register together. Until departments hold \
checkpoints, it is evidence against everybody but the operator."""
_EXPOSED = """\
Exposed ranges are records of aborted or open transactions that readers at read_uncommitted could see: exposed, not \
delivered. A worker had decided each of them permit, but they have no committed leaf."""
_LINKABLE = """\
Two departments that collude can compare the times and the order of what they receive, though not identifiers."""
CLAIM = (_PROVED, _NOT_PROVED, _EXPOSED, _LINKABLE)
"""What the proof covers and what it does not; printed with every result (decision 12)."""


@dataclass(slots=True)
class PartitionReport:
    """One source partition.  `end` is the source offset below which everything is decided."""

    topic: str
    partition: int
    segments: int = 0
    records: int = 0
    start: int = 0
    end: int = 0
    in_source: int = 0
    """Decided records that the source topic still has."""
    expired: int = 0
    """Decided records that it no longer keeps."""
    undecided: int = 0
    superseded: int = 0
    """Entity changes that a later one replaced (compaction) before they were decided."""
    register_position: int = -1


@dataclass(slots=True)
class ShareReport:
    """One department's topic, all partitions."""

    topic: str
    decisions: int = 0
    by_outcome: Counter[str] = field(default_factory=Counter)
    delivered: int = 0
    """Records there that have their leaf."""
    explained: int = 0
    """Delivered leaves whose record has been compacted or has expired."""
    later: int = 0
    """Records newer than the segments that were read."""
    exposed: list[tuple[int, Exposed]] = field(default_factory=list)
    """Partition and range: exposed, not delivered."""


@dataclass(slots=True)
class Report:
    """The outcome of one verification.  All totals are counted from leaves."""

    tree_size: int = 0
    root: str = ""
    decisions: int = 0
    by_outcome: Counter[str] = field(default_factory=Counter)
    partitions: list[PartitionReport] = field(default_factory=list)
    shares: dict[str, ShareReport] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    faults_found: int = 0
    register_position: int = -1
    register_fingerprint: str = ""

    @property
    def verified(self) -> bool:
        """Whether nothing was wrong."""
        return self.faults_found == 0

    def blame(self, fault: Fault) -> None:
        """Note a fault; the first is the one to look at."""
        self.faults_found += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(fault)

    def share(self, topic: str) -> ShareReport:
        """The report of one department's topic."""
        return self.shares.setdefault(topic, ShareReport(topic))

    def document(self) -> dict[str, Any]:
        """The shape that programs rely on."""
        return {
            "verified": self.verified,
            "tree_size": self.tree_size,
            "root": self.root,
            "decisions": self.decisions,
            "by_outcome": dict(sorted(self.by_outcome.items())),
            "partitions": [_partition_document(partition) for partition in self.partitions],
            "shares": [_share_document(self.shares[topic]) for topic in sorted(self.shares)],
            "register": {"position": self.register_position, "fingerprint": self.register_fingerprint},
            "faults": [fault.document() for fault in self.faults],
            "faults_found": self.faults_found,
            "claim": list(CLAIM),
        }


def _partition_document(partition: PartitionReport) -> dict[str, Any]:
    return {
        "topic": partition.topic,
        "partition": partition.partition,
        "segments": partition.segments,
        "records": partition.records,
        "start": partition.start,
        "end": partition.end,
        "in_source": partition.in_source,
        "expired": partition.expired,
        "undecided": partition.undecided,
        "superseded": partition.superseded,
        "register_position": partition.register_position,
    }


def _share_document(share: ShareReport) -> dict[str, Any]:
    return {
        "topic": share.topic,
        "decisions": share.decisions,
        "by_outcome": dict(sorted(share.by_outcome.items())),
        "delivered": share.delivered,
        "explained": share.explained,
        "later": share.later,
        "exposed": [
            {"partition": partition, "first": found.first_offset, "last": found.last_offset, "records": found.records}
            for partition, found in share.exposed
        ],
    }
