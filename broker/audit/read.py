"""Reading a segment with distrust: what it says is believed only where its signed header has committed to it.

Any change of one bit in any part or header is refused, with the code of the first thing that is wrong and the
identifier of the first bad leaf.  The signature is checked by whoever knows the worker's key (`broker.audit.verify`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

import msgspec

from broker.audit import codes, tree
from broker.audit.canonical import NotCanonical, decode
from broker.audit.header import Header, SignedHeader, read_header
from broker.audit.leaf import DELIVERED, SALT_BYTES, AuditorPart, Leaf, RecipientPart
from broker.audit.runs import expand
from broker.audit.segment import Index, Segment, count_outcomes, directory_root, records_digest
from contracts.faults import Fault, Faults


class Opened(NamedTuple):
    """Both parts of one leaf, read."""

    recipient: RecipientPart
    auditor: AuditorPart


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """A segment whose body is the one its header has signed, with every leaf read."""

    segment: Segment
    opened: tuple[Opened, ...]

    @property
    def header(self) -> Header:
        """What the worker has signed."""
        return self.segment.header


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    auditor: msgspec.Raw
    auditor_salt: str
    recipient: msgspec.Raw
    recipient_salt: str


_LINE = msgspec.json.Decoder(_Line)
_INDEX = msgspec.json.Decoder(Index)


class _Bad(Exception):
    """The first thing that is wrong, found deep in the reading."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def read_segment(entry: bytes, parts: Sequence[bytes]) -> OpenSegment | Faults:
    """The segment in these records, or what is wrong with it.  Never raises for what they hold."""
    try:
        signed = read_header(entry)
    except NotCanonical as fault:
        return Faults((codes.HEADER_UNREADABLE.fault(str(fault)),))
    try:
        return _read_body(signed, parts)
    except _Bad as bad:
        return Faults((bad.fault,))


def _read_body(signed: SignedHeader, parts: Sequence[bytes]) -> OpenSegment:
    header = signed.header
    if len(parts) != len(header.parts):
        raise _Bad(codes.PART_ALTERED.fault(f"{header.segment} has {len(parts)} of {len(header.parts)} body parts"))
    for number, (part, digest) in enumerate(zip(parts, header.parts, strict=True)):
        if sha256(part).hexdigest() != digest:
            raise _Bad(codes.PART_ALTERED.fault(f"{header.segment}/{number}"))
    lines = _lines(header, parts)
    index = _index(header, next(lines, b""))
    leaves, opened = [], []
    for number, line in enumerate(lines):
        leaf = _leaf(header, number, line)
        leaves.append(leaf)
        opened.append(_opened(header, number, leaf))
    segment = Segment(signed, index, tuple(leaves), tuple(parts))
    found = OpenSegment(segment, tuple(opened))
    fault = next(_disagreements(found), None)
    if fault is not None:
        raise _Bad(fault)
    return found


def _lines(header: Header, parts: Sequence[bytes]) -> Iterator[bytes]:
    for number, part in enumerate(parts):
        *lines, rest = part.split(b"\n")
        if rest or not lines:
            raise _Bad(codes.BODY_UNREADABLE.fault(f"{header.segment}/{number} does not end with a line"))
        yield from lines


def _index(header: Header, line: bytes) -> Index:
    try:
        return decode(line, _INDEX)
    except NotCanonical as fault:
        raise _Bad(codes.BODY_UNREADABLE.fault(f"the index of {header.segment} is {fault}")) from None


def _leaf(header: Header, number: int, line: bytes) -> Leaf:
    try:
        found = _LINE.decode(line)
        salts = bytes.fromhex(found.recipient_salt), bytes.fromhex(found.auditor_salt)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise _Bad(codes.BODY_UNREADABLE.fault(f"leaf {header.segment}/{number} is not of the required form")) from None
    leaf = Leaf(bytes(found.recipient), bytes(found.auditor), *salts)
    if len(salts[0]) != SALT_BYTES or len(salts[1]) != SALT_BYTES or leaf.line() != line + b"\n":
        raise _Bad(codes.BODY_UNREADABLE.fault(f"leaf {header.segment}/{number} is not in its canonical spelling"))
    return leaf


def _opened(header: Header, number: int, leaf: Leaf) -> Opened:
    try:
        return Opened(leaf.recipient_part(), leaf.auditor_part())
    except NotCanonical as fault:
        raise _Bad(codes.BODY_UNREADABLE.fault(f"leaf {header.segment}/{number} is {fault}")) from None


def _disagreements(found: OpenSegment) -> Iterator[Fault]:
    """Everything in which body and header contradict each other, in the order in which it should be reported."""
    header, segment = found.header, found.segment
    name = header.segment
    if tree.root([leaf.hash() for leaf in segment.leaves]).hex() != header.leaf_root:
        yield codes.LEAF_ROOT_WRONG.fault(name)
    if records_digest(segment.index) != header.records_digest or not _records_hold(found):
        yield codes.RECORDS_WRONG.fault(name)
    if directory_root(segment.index) != header.directory_root:
        yield codes.DIRECTORY_WRONG.fault(f"{name}: its root")
    for number, opened in enumerate(found.opened):
        if not _stands_under(opened, header):
            yield codes.LEAF_MISPLACED.fault(f"leaf {name}/{number}")
            return
    orders = [(one.recipient.agreement, one.recipient.share, one.auditor.offset) for one in found.opened]
    for number in range(1, len(orders)):
        if orders[number] <= orders[number - 1]:
            yield codes.LEAF_ORDER_WRONG.fault(f"leaf {name}/{number}")
            return
    if not _directory_holds(found):
        yield codes.DIRECTORY_WRONG.fault(f"{name}: its entries")
    if not _counts_hold(found):
        yield codes.COUNTS_WRONG.fault(name)


def _records_hold(found: OpenSegment) -> bool:
    """Offsets strictly increase, in runs as long as can be; a live segment's lie in its range and reach its end."""
    header, last, count = found.header, -1, 0
    for offset, _, length in found.segment.index.records:
        if offset <= last or length < 1:
            return False
        last, count = offset + length - 1, count + length
    if count != header.records:
        return False
    if header.mode != "live":
        return header.start == header.end and last < header.end
    first = found.segment.index.records[0][0] if count else header.start
    return header.start <= first and last + 1 == header.end and count > 0


def _stands_under(opened: Opened, header: Header) -> bool:
    """A leaf repeats its header's facts, so that it can be shown alone, and does not contradict itself."""
    recipient, auditor = opened
    same = (auditor.topic, auditor.partition, auditor.mode, auditor.decided_ms) == (
        header.topic,
        header.partition,
        header.mode,
        header.decided_ms,
    ) and (auditor.register_position, auditor.register_fingerprint) == (
        header.register_position,
        header.register_fingerprint,
    )
    is_delivered = recipient.outcome in DELIVERED
    has_digests = (recipient.delivered is not None, recipient.key is not None)
    is_quarantine = recipient.outcome == "quarantine"
    return same and has_digests == (is_delivered, is_delivered) and is_quarantine == (not recipient.agreement)


def _directory_holds(found: OpenSegment) -> bool:
    start = 0
    for entry in found.segment.index.directory:
        group = [one.recipient for one in found.opened[start : start + entry.count]]
        inside = {(one.agreement, one.share) for one in group} == {(entry.agreement, entry.share)}
        counts = count_outcomes(one.outcome for one in group)
        if entry.start != start or not inside or list(entry.outcomes.items()) != list(counts.items()):
            return False
        start += entry.count
    names = [(entry.agreement, entry.share) for entry in found.segment.index.directory]
    return start == len(found.opened) and names == sorted(set(names))


def _counts_hold(found: OpenSegment) -> bool:
    header = found.header
    times = [one.auditor.event_ms for one in found.opened if one.auditor.event_ms is not None]
    sequences = [sequence for _, sequence in expand(found.segment.index.records) if sequence is not None]
    counts = count_outcomes(one.recipient.outcome for one in found.opened)
    return (
        header.leaves == len(found.opened)
        and header.outcomes == counts
        and (header.event_ms_min, header.event_ms_max) == (min(times, default=None), max(times, default=None))
        and (header.sequence_min, header.sequence_max) == (min(sequences, default=None), max(sequences, default=None))
    )
