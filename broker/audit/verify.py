"""`audit verify`: AUDIT-WITH-DELIVERY, ONE-DECISION and the chains, over evidence, whatever wrote it.

    1. Segments: each is read with distrust, its signature checked, its place in its partition's chain, its decisions
       held against the register as it was.  Totals are counted from leaves.
    2. Sources: every committed record in a decided range is named by a segment, and back.
    3. Departments' topics: every record has its leaf, and back; a correction's leaf follows one of the same key that
       gave something; exposed ranges are labelled.
    4. The tail: the workers' committed offsets know no more than the segments show.

Nothing is believed because a counter says so, and nothing here waits: it ends when the evidence ends.  Memory grows with
header hashes (32 bytes) and delivered leaves (63 bytes); segments are read one at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from agreements.endings import emptied_shares
from agreements.snapshot import Snapshot
from broker.audit import codes, tree
from broker.audit.assemble import Assembled, assemble
from broker.audit.canonical import NotCanonical
from broker.audit.chain import Chain
from broker.audit.decisions import check_decisions
from broker.audit.delivery import SharePartition, Trail, match
from broker.audit.evidence import Evidence, SourcePartition
from broker.audit.header import SignedHeader, read_header
from broker.audit.history import History, Register
from broker.audit.leaf import REMOVED
from broker.audit.read import OpenSegment, read_segment
from broker.audit.report import PartitionReport, Report
from contracts import topics
from contracts.faults import Fault, Faults
from contracts.model import Kind

_LAST = datetime.max.replace(tzinfo=UTC)


def verify(evidence: Evidence, register: Register | None = None) -> Report:
    """Check everything that `evidence` holds.  Never raises for what it says, only when it cannot be read.

    `register` is the evidence's own, folded, unless the caller has it already.
    """
    return _Verification(evidence, History(evidence.register()) if register is None else register).run()


class _Verification:
    def __init__(self, evidence: Evidence, register: Register) -> None:
        self._evidence, self._history = evidence, register
        self._newest = self._history.newest()
        self._chains: dict[SourcePartition, Chain] = {}
        self._trails: dict[SourcePartition, Trail] = {}
        self._report = Report(
            register_position=self._newest.position,
            register_fingerprint=self._newest.fingerprint,
        )

    def run(self) -> Report:
        if self._history.first not in (None, 0):
            self._blame([codes.REGISTER_UNREADABLE.fault(f"it begins at offset {self._history.first}")])
        for found in assemble(self._evidence.segments()):
            if isinstance(found, Fault):
                self._blame([found])
            else:
                self._segment(found)
        self._tails()
        self._sources()
        self._shares()
        self._tree()
        return self._report

    def _blame(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            self._report.blame(fault)

    # 1. segments

    def _segment(self, assembled: Assembled) -> None:
        try:
            signed = read_header(assembled.entry)
        except NotCanonical as fault:
            self._blame([codes.HEADER_UNREADABLE.fault(f"{assembled.name}: {fault}")])
            return
        if signed.header.segment != assembled.name:
            self._blame([codes.HEADER_UNREADABLE.fault(f"{assembled.name} stands under another name")])
            return
        snapshot = self._history.at(signed.header.register_position)
        self._blame(self._authority(signed, snapshot, self._newest))
        chain = self._chain((signed.header.topic, signed.header.partition))
        self._blame(chain.follow(signed))
        found = read_segment(assembled.entry, assembled.parts)
        if isinstance(found, Faults):
            self._blame(found.items)
            return
        if signed.header.mode == "live":
            is_compacted = self._is_entity(signed.header.topic)
            self._blame(chain.decide(found.segment.index.records, is_compacted=is_compacted))
        if signed.header.mode == "replay":
            self._blame(chain.replay(found.segment.index.records))
        chain.quarantined |= {one.auditor.offset for one in found.opened if not one.recipient.agreement}
        if snapshot is not None:
            self._blame(check_decisions(found, snapshot))
        self._count(found)

    @staticmethod
    def _authority(signed: SignedHeader, snapshot: Snapshot | None, newest: Snapshot) -> Iterable[Fault]:
        """The header's signature by an enrolled worker, and its register position (CITED-POLICY).

        The key is the one that the worker had at that position: an earlier key vouches for nothing that cites a later one.
        """
        header = signed.header
        if snapshot is None or snapshot.fingerprint != header.register_fingerprint:
            yield codes.REGISTER_POSITION_WRONG.fault(f"{header.segment} cites {header.register_position}")
        if snapshot is None:
            return
        worker = newest.workers.get(header.worker)
        key = None if worker is None else worker.key_at(header.register_position)
        if key is None:
            yield codes.WORKER_UNKNOWN.fault(f"{header.segment} is signed by {header.worker!r}")
        elif not signed.is_signed_by(key):
            yield codes.SIGNATURE_WRONG.fault(header.segment)

    def _chain(self, place: SourcePartition) -> Chain:
        return self._chains.setdefault(place, Chain(*place))

    def _is_entity(self, source: str) -> bool:
        entry = self._newest.contract(topics.dataset_of(source) or "")
        return entry is not None and entry.contract.kind is Kind.ENTITY

    def _count(self, found: OpenSegment) -> None:
        header, report = found.header, self._report
        report.decisions += len(found.opened)
        for entry in found.segment.index.directory:
            report.by_outcome.update(entry.outcomes)
            if entry.agreement:
                share = report.share(topics.share(entry.agreement, entry.share))
                share.decisions += entry.count
                share.by_outcome.update(entry.outcomes)
        for number, (recipient, _) in enumerate(found.opened):
            if recipient.delivered is not None and recipient.key is not None:
                place = (topics.share(recipient.agreement, recipient.share), header.partition)
                record = (
                    bytes.fromhex(recipient.delivered),
                    bytes.fromhex(recipient.key),
                    recipient.outcome in REMOVED,
                )
                trail, is_correction = self._trails.setdefault(place, Trail()), header.mode == "correction"
                trail.add(header.topic, header.number, number, record, is_correction=is_correction)

    # 2. sources

    def _sources(self) -> None:
        known = {topics.source(dataset) for dataset in self._newest.contracts} | {topic for topic, _ in self._chains}
        for topic in sorted(known):
            count = self._evidence.partitions(topic)
            beyond = {partition for name, partition in self._chains if name == topic and partition >= count}
            for partition in [*range(count), *sorted(beyond)]:
                self._source(topic, partition, exists=partition < count)

    def _source(self, topic: str, partition: int, *, exists: bool) -> None:
        chain = self._chains.get((topic, partition), Chain(topic, partition))
        found = PartitionReport(topic, partition, len(chain.hashes), chain.records, chain.start, chain.end)
        found.superseded, found.register_position = chain.lost, chain.register_position
        if exists:
            low, records = self._evidence.low(topic, partition), self._evidence.source(topic, partition)
            findings = chain.holds_source(low, records, is_compacted=self._is_entity(topic))
            found.in_source, found.expired, found.undecided = findings.checked, findings.expired, findings.undecided
            self._blame(findings.faults)
        elif chain.hashes:
            self._blame([codes.RECORD_UNKNOWN.fault(f"{chain.name}: there is no such partition")])
        self._report.partitions.append(found)

    # 3. departments' topics

    def _shares(self) -> None:
        known: dict[str, bool] = {}
        ended: set[str] = set()
        for reference, versions in self._newest.agreements.items():
            for entry in versions:
                for share in entry.shares:
                    known[topics.share(reference, share.id)] = self._is_entity(topics.source(share.dataset))
            ended |= {topics.share(reference, share) for share in emptied_shares(versions, _LAST)}
        for topic in sorted(known.keys() | {topic for topic, _ in self._trails}):
            count = self._evidence.partitions(topic)
            beyond = {partition for name, partition in self._trails if name == topic and partition >= count}
            for partition in [*range(count), *sorted(beyond)]:
                exists = partition < count
                place = SharePartition(
                    topic,
                    partition,
                    low=self._evidence.low(topic, partition) if exists else 0,
                    settled=self._evidence.settled(topic, partition) if exists else 0,
                    is_compacted=known.get(topic, False),
                    is_ended=topic in ended,
                )
                self._share(place, exists=exists)

    def _share(self, place: SharePartition, *, exists: bool) -> None:
        share = self._report.share(place.topic)
        trail = self._trails.get((place.topic, place.partition), Trail())
        records = self._evidence.share(place.topic, place.partition) if exists else iter(())
        found = match(trail, records, place)
        share.delivered += found.delivered
        share.explained += found.explained
        share.later += found.later
        if exists:
            ranges = self._evidence.exposed(place.topic, place.partition)
            share.exposed += [(place.partition, exposed) for exposed in ranges]
        self._blame(found.faults)
        for index in trail.corrects_nothing():
            self._blame([codes.CORRECTION_UNFOUNDED.fault(f"leaf {trail.identifier(index, place.partition)}")])

    # 4. the tail, and the root over everything

    def _tails(self) -> None:
        for place, mark in sorted(self._evidence.marks().items()):
            self._blame(self._chains.get(place, Chain(*place)).holds_mark(mark))

    def _tree(self) -> None:
        """Provisional until the log is sequenced: headers by source topic, partition and number."""
        hashes = [hash_ for place in sorted(self._chains) for hash_ in self._chains[place].hashes]
        self._report.tree_size = len(hashes)
        self._report.root = tree.root(hashes).hex()
