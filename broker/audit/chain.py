"""The chain of one source partition: dense numbers, each header naming the one before, ranges that join, and dense sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from broker.audit import codes
from broker.audit.evidence import Mark, SourceRecord
from broker.audit.header import SignedHeader
from broker.audit.runs import Run, expand
from contracts.faults import Fault


@dataclass(slots=True)
class Chain:
    """What the segments of one source partition have said so far; `follow` them in the order of the topic."""

    topic: str
    partition: int
    hashes: list[bytes] = field(default_factory=list)
    """The header hashes, in order: the leaf hashes of the outer log."""
    start: int = 0
    """The position of the first segment."""
    end: int = 0
    register_position: int = -1
    runs: list[Run] = field(default_factory=list)
    """The source records decided live."""
    lost: int = 0
    """Sequences that no decided record carries."""
    quarantined: set[int] = field(default_factory=set)
    """The offsets of the records that stand in quarantine."""
    _sequence: int = -1
    _unreadable: int = 0
    _number: int = 0

    @property
    def name(self) -> str:
        """`<source topic>/<partition>`."""
        return f"{self.topic}/{self.partition}"

    @property
    def records(self) -> int:
        """How many source records were decided live."""
        return sum(count for _, _, count in self.runs)

    def follow(self, signed: SignedHeader) -> Iterator[Fault]:
        """Hold the next header against the chain; the chain goes on behind it, whatever is wrong with it."""
        header = signed.header
        previous = self.hashes[-1].hex() if self.hashes else ""
        if header.number != self._number:
            yield codes.CHAIN_GAP.fault(f"{header.segment} stands where number {self._number} should")
        elif header.previous != previous:
            yield codes.CHAIN_BROKEN.fault(header.segment)
        if not self.hashes:
            self.start = self.end = header.start
        if header.start != self.end or header.end < header.start:
            yield codes.RANGE_BROKEN.fault(f"{header.segment} begins at {header.start}, not at {self.end}")
        if header.register_position < self.register_position:
            yield codes.REGISTER_POSITION_WRONG.fault(
                f"{header.segment} cites {header.register_position}, the segment before it {self.register_position}",
            )
        self.hashes.append(bytes.fromhex(signed.hash))
        self._number, self.end, self.register_position = header.number + 1, header.end, header.register_position

    def decide(self, found: Iterable[Run], *, is_compacted: bool) -> Iterator[Fault]:
        """Note the records of a live segment, and hold their sequences against those before.

        A gap in an entity's sequence may be a change that a later one superseded before it was decided (compaction):
        it is counted in `lost` and not a fault there.  An unreadable record may carry one of the missing sequences.
        """
        for offset, sequence, count in found:
            if sequence is None:
                self._unreadable += count
            elif sequence <= self._sequence:
                yield codes.SEQUENCE_BACK.fault(f"{self.name}/{offset}: {sequence} after {self._sequence}")
                self._sequence, self._unreadable = max(self._sequence, sequence + count - 1), 0
            else:
                missing = max(0, sequence - self._sequence - 1 - self._unreadable)
                self.lost += missing
                if missing and not is_compacted:
                    yield codes.SEQUENCE_GAP.fault(f"{self.name}/{offset}: {sequence} after {self._sequence}")
                self._sequence, self._unreadable = sequence + count - 1, 0
            self._note((offset, sequence, count))

    def replay(self, found: Iterable[Run]) -> Iterator[Fault]:
        """Take the records of a replay out of the quarantine: what did not stand there was not to be decided again."""
        for offset in (offset for offset, _ in expand(tuple(found))):
            if offset not in self.quarantined:
                yield codes.REPLAY_UNFOUNDED.fault(f"{self.name}/{offset}")
            self.quarantined.discard(offset)

    def _note(self, run: Run) -> None:
        if self.runs:
            offset, sequence, count = self.runs[-1]
            goes_on = run[1] is None if sequence is None else run[1] == sequence + count
            if run[0] == offset + count and goes_on:
                self.runs[-1] = (offset, sequence, count + run[2])
                return
        self.runs.append(run)

    def holds_mark(self, mark: Mark | None) -> Iterator[Fault]:
        """Hold the workers' committed offset against the chain: a tail that was cut off shows here."""
        if mark is None:
            return
        if mark.segments > len(self.hashes):
            yield codes.TAIL_MISSING.fault(f"{self.name}: {len(self.hashes)} of {mark.segments} segments are there")
        elif mark.segments and self.hashes[mark.segments - 1].hex() != mark.header:
            yield codes.TAIL_MISSING.fault(f"{self.name}/{mark.segments - 1} is not the segment that was committed")
        elif mark.segments == len(self.hashes) and self.hashes and mark.offset != self.end:
            yield codes.TAIL_MISSING.fault(f"{self.name}: decided to {self.end}, committed to {mark.offset}")

    def holds_source(self, low: int, records: Iterable[SourceRecord], *, is_compacted: bool) -> SourceFindings:
        """Hold the decided records against those that the source topic has, from `low` on."""
        findings = SourceFindings()
        decided = ((offset + i, sequence, i) for offset, sequence, count in self.runs for i in range(count))
        expected = next(decided, None)
        for record in records:
            while expected is not None and expected[0] < record.offset:
                findings.absent(self.name, expected[0], low, is_compacted=is_compacted)
                expected = next(decided, None)
            if expected is not None and expected[0] == record.offset:
                said = None if expected[1] is None else expected[1] + expected[2]
                if record.sequence is not None and record.sequence != said:
                    findings.faults.append(codes.RECORD_UNKNOWN.fault(f"{self.name}/{record.offset}: its sequence"))
                findings.checked += 1
                expected = next(decided, None)
            elif record.offset < self.end:
                findings.faults.append(codes.RECORD_UNDECIDED.fault(f"{self.name}/{record.offset}"))
            else:
                findings.undecided += 1
        while expected is not None:
            findings.absent(self.name, expected[0], low, is_compacted=is_compacted)
            expected = next(decided, None)
        return findings


@dataclass(slots=True)
class SourceFindings:
    """What a source topic says of the decisions on it."""

    checked: int = 0
    """Decided records that are there."""
    expired: int = 0
    """Decided records that the topic no longer keeps (retention, compaction)."""
    undecided: int = 0
    """Committed records after the last decided position: not decided yet."""
    faults: list[Fault] = field(default_factory=list)

    def absent(self, name: str, offset: int, low: int, *, is_compacted: bool) -> None:
        """A decided record is not in the topic."""
        if offset < low or is_compacted:
            self.expired += 1
        else:
            self.faults.append(codes.RECORD_UNKNOWN.fault(f"{name}/{offset}"))
