"""AUDIT-WITH-DELIVERY: the records of a department's partition against the leaves that say they were delivered.

Both stand in one order: leaves by segment number and place, records by offset.  They are matched by digest from the
newest backwards, because what Kafka takes away by time it takes from the front.  A leaf without its record is explained
- at the front of a topic that no longer begins at offset 0 (retention, or emptied on termination);
- on a compacted topic, by a later leaf for the same key (the key's newest record is always kept);
- on a compacted topic, if it is the key's newest and a removal: tombstones are dropped in time, and then no older record
  of the key may be left.
Nothing explains a record without its leaf.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from broker.audit import codes
from broker.audit.evidence import ShareRecord
from broker.audit.header import segment_identifier
from contracts.faults import Fault

_DIGEST = 32
_KEY = 16


class Trail:
    """The delivered leaves of one share partition in order, 63 bytes each."""

    def __init__(self) -> None:
        self._digests, self._keys, self._removals = bytearray(), bytearray(), bytearray()
        self._numbers, self._leaves, self._topics = array("Q"), array("I"), array("H")
        self._names: list[str] = []
        self._corrections: list[int] = []

    def __len__(self) -> int:
        return len(self._removals)

    def add(
        self, topic: str, number: int, leaf: int, record: tuple[bytes, bytes, bool], *, is_correction: bool = False
    ) -> None:
        """Note a delivered leaf of segment `number` of this partition of `topic`: digest, key digest, whether it removes."""
        digest, key, is_removal = record
        if is_correction:
            self._corrections.append(len(self))
        if topic not in self._names:
            self._names.append(topic)
        self._digests += digest
        self._keys += key
        self._removals.append(is_removal)
        self._numbers.append(number)
        self._leaves.append(leaf)
        self._topics.append(self._names.index(topic))

    def digest(self, index: int) -> bytes:
        """The digest of what the leaf says was delivered."""
        return bytes(self._digests[index * _DIGEST : (index + 1) * _DIGEST])

    def key(self, index: int) -> bytes:
        """The digest of its key."""
        return bytes(self._keys[index * _KEY : (index + 1) * _KEY])

    def is_removal(self, index: int) -> bool:
        """Whether the leaf's outcome is one that removes."""
        return bool(self._removals[index])

    def corrects_nothing(self) -> Iterator[int]:
        """The leaves of corrections before which the recipient held nothing of their key, by the leaves and not by their word."""
        corrections = set(self._corrections)
        concerned = {self.key(index) for index in corrections}
        has: set[bytes] = set()
        for index in range(len(self) if corrections else 0):
            key = self.key(index)
            if key not in concerned:
                continue
            if index in corrections and key not in has:
                yield index
            if self.is_removal(index):
                has.discard(key)
            else:
                has.add(key)

    def identifier(self, index: int, partition: int) -> str:
        """The decision identifier of the leaf."""
        segment = segment_identifier(self._names[self._topics[index]], partition, self._numbers[index])
        return f"{segment}/{self._leaves[index]}"


@dataclass(slots=True)
class Matched:
    """What came of matching one share partition."""

    delivered: int = 0
    """Records that have their leaf."""
    explained: int = 0
    """Leaves whose record is gone for a reason that is no fault."""
    later: int = 0
    """Records newer than the segments read: not judged."""
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SharePartition:
    """One partition of a department's topic as evidence has it.  `settled`: below it, no segment is still to be read."""

    topic: str
    partition: int
    low: int
    settled: int
    is_compacted: bool
    is_ended: bool
    """Its agreement is terminated: the topic may have been emptied or removed."""


def match(trail: Trail, records: Iterable[ShareRecord], place: SharePartition) -> Matched:
    """Match a partition's records with its leaves.  Memory: about 200 bytes for every record."""
    kept = list(records)
    pairs, unlogged = _walk(trail, kept)
    found = Matched(delivered=len(pairs))
    found.later = sum(kept[index].offset >= place.settled for index in unlogged)
    unlogged = [index for index in unlogged if kept[index].offset < place.settled]
    missing = list(_unexplained(trail, pairs, place))
    found.explained = len(trail) - len(pairs) - len(missing)
    strangers = Counter(kept[index].digest for index in unlogged)
    moved = {trail.digest(index) for index in missing} & strangers.keys()
    for index in missing:
        code = codes.DELIVERY_ORDER if trail.digest(index) in moved else codes.MISSING_DELIVERY
        found.faults.append(code.fault(f"leaf {trail.identifier(index, place.partition)} on {place.topic}"))
    for index in reversed(unlogged):
        if kept[index].digest not in moved:
            message = f"{place.topic}/{place.partition}/{kept[index].offset}"
            found.faults.append(codes.UNLOGGED_DELIVERY.fault(message))
    for leaf, record in pairs.items():
        if trail.is_removal(leaf) != kept[record].is_removal:
            message = f"leaf {trail.identifier(leaf, place.partition)} and {place.topic}/{kept[record].offset}"
            found.faults.append(codes.DELIVERY_CONTRADICTS.fault(message))
    return found


def _walk(trail: Trail, records: list[ShareRecord]) -> tuple[dict[int, int], list[int]]:
    """Pairs of leaf and record, and the records that no leaf is left for; from the newest backwards."""
    pairs: dict[int, int] = {}
    unlogged: list[int] = []
    left: Counter[bytes] | None = None  # how often each digest stands in the leaves not passed yet
    leaf, record = len(trail) - 1, len(records) - 1
    while record >= 0:
        digest = records[record].digest
        if leaf >= 0 and trail.digest(leaf) == digest:
            pairs[leaf] = record
            record -= 1
        else:
            if left is None:
                left = Counter(trail.digest(index) for index in range(leaf + 1))
            if left[digest] == 0:
                unlogged.append(record)
                record -= 1
                continue
        if left is not None:  # the leaf is passed, paired or not
            left[trail.digest(leaf)] -= 1
        leaf -= 1
    return pairs, unlogged


def _unexplained(trail: Trail, pairs: dict[int, int], place: SharePartition) -> Iterator[int]:
    """The leaves without a record that nothing explains, oldest first."""
    first = min(pairs, default=len(trail))
    newest = {trail.key(index): index for index in range(len(trail))} if place.is_compacted else {}
    oldest_kept: dict[bytes, int] = {}
    if place.is_compacted:
        for index in pairs:
            key = trail.key(index)
            oldest_kept[key] = min(index, oldest_kept.get(key, index))
    for index in range(len(trail)):
        if index in pairs or (index < first and (place.low > 0 or place.is_ended)):
            continue
        if place.is_compacted:
            key = trail.key(index)
            if newest[key] != index or (trail.is_removal(index) and key not in oldest_kept):
                continue
        yield index
