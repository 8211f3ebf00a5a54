"""The segment: every decision that one transaction made for one source partition, and its signed header.

The body is text, cut into parts well under Kafka's record limit.  Its first line is the *index* (which source records
were decided, and the directory of shares), every further line one leaf.  `docs/formats/audit-segment.md` is the page.
Leaves stand in the directory's order, quarantines first, then by source offset: strictly increasing, so that
a share's leaves are contiguous and no decision can stand twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import groupby, pairwise
from typing import NamedTuple

import msgspec

from broker.audit import tree
from broker.audit.canonical import Whole, encode
from broker.audit.header import FORMAT, Header, SignedHeader, sign_header
from broker.audit.leaf import (
    SALT_BYTES,
    AuditorPart,
    Leaf,
    ModeName,
    OutcomeName,
    ReasonPart,
    RecipientPart,
    delivered_digest,
    key_digest,
    make_leaf,
)
from broker.audit.runs import Run, runs

SALTS_BYTES = 2 * SALT_BYTES
"""Random bytes that one leaf takes."""
PART_BYTES_MAX = 524_288
"""Where a body part is cut; one line alone may be longer."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the directory: a share's leaves are those from `start` on, `count` of them.

    Quarantines stand under the empty agreement and share.
    """

    agreement: str
    count: Whole
    outcomes: dict[OutcomeName, Whole]
    share: str
    start: Whole


class Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line of a segment's body: its directory by agreement and share, and the source records decided."""

    directory: tuple[Entry, ...]
    records: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """One complete segment: `leaves` in order, the `index` over them, and the signed header."""

    signed: SignedHeader
    index: Index
    leaves: tuple[Leaf, ...]
    parts: tuple[bytes, ...]
    """The body as it is stored."""

    @property
    def header(self) -> Header:
        """What the worker has signed."""
        return self.signed.header

    def identifier(self, leaf: int) -> str:
        """The decision identifier of a leaf: `<segment>/<leaf>`."""
        return f"{self.header.segment}/{leaf}"

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of every Kafka record of this segment: its body parts, then its header (decision 5)."""
        name = self.header.segment
        for number, part in enumerate(self.parts):
            yield f"{name}/{number}".encode(), part
        yield name.encode(), self.signed.entry


@dataclass(frozen=True, slots=True)
class Terms:
    """What every leaf of one share says alike; `Terms()` is for quarantines."""

    agreement: str = ""
    version: int = 0
    content_hash: str = ""
    share: str = ""
    purpose: str = ""
    fields: str = ""
    """The identifier of the set of fields released."""
    plan: str = ""
    """The plan's digest, hex."""
    key_version: int | None = None


class Decided(NamedTuple):
    """One decision as its leaf needs it.  `key` and `value` are the delivered record's, where there is one."""

    terms: Terms
    outcome: OutcomeName
    reasons: tuple[tuple[str, str], ...]
    """Code and clause of each."""
    offset: int
    sequence: int | None
    event_ms: int | None
    subject: str | None
    is_delivered: bool = False
    key: bytes | None = None
    value: bytes | None = None
    sent: bytes | None = None
    """Digest of what had been sent under the key before."""
    counters: str | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What a segment stands on.  `start` and `end` are consumer positions; a job's are equal.

    `records` has offset and sequence of every source record that was decided, in order of offset, also of those
    that no agreement covers and that therefore have no leaf.  `previous` is the last header's hash, "" for number 0.
    """

    topic: str
    partition: int
    number: int
    mode: ModeName
    job: int | None
    start: int
    end: int
    records: Sequence[tuple[int, int | None]]
    previous: str
    register_position: int
    register_fingerprint: str
    decided_ms: int
    worker: str


def build_segment(
    ground: Ground,
    decisions: Iterable[Decided],
    salts: bytes,
    sign: Callable[[bytes], bytes],
) -> Segment:
    """The segment of these decisions, in any order; `salts` is `SALTS_BYTES` random bytes for each of them.

    Raises `ValueError` when two decisions are for one record and share, or the header would be too large.
    """
    ordered = sorted(decisions, key=_order)
    assert len(salts) >= SALTS_BYTES * len(ordered)
    leaves = tuple(
        _leaf(ground, decided, salts[start : start + SALTS_BYTES])
        for decided, start in zip(ordered, range(0, SALTS_BYTES * len(ordered), SALTS_BYTES), strict=True)
    )
    index = Index(_directory(ordered), tuple(runs(ground.records)))
    parts = tuple(_parts(index, leaves))
    header = _header(ground, ordered, leaves, index, parts)
    return Segment(sign_header(header, sign), index, leaves, parts)


def _order(decided: Decided) -> tuple[str, str, int]:
    return decided.terms.agreement, decided.terms.share, decided.offset


def _leaf(ground: Ground, decided: Decided, salts: bytes) -> Leaf:
    terms = decided.terms
    recipient = RecipientPart(
        agreement=terms.agreement,
        content_hash=terms.content_hash,
        delivered=delivered_digest(decided.key, decided.value) if decided.is_delivered else None,
        fields=terms.fields,
        key=key_digest(decided.key) if decided.is_delivered else None,
        outcome=decided.outcome,
        purpose=terms.purpose,
        reasons=_reasons(decided.reasons),
        share=terms.share,
        version=terms.version,
    )
    auditor = AuditorPart(
        counters=decided.counters,
        decided_ms=ground.decided_ms,
        event_ms=decided.event_ms,
        key_version=terms.key_version,
        mode=ground.mode,
        offset=decided.offset,
        partition=ground.partition,
        plan=terms.plan,
        register_fingerprint=ground.register_fingerprint,
        register_position=ground.register_position,
        sent=None if decided.sent is None else decided.sent.hex(),
        sequence=decided.sequence,
        subject=decided.subject,
        topic=ground.topic,
    )
    return make_leaf(recipient, auditor, salts)


@lru_cache(maxsize=4_096)
def _reasons(found: tuple[tuple[str, str], ...]) -> tuple[ReasonPart, ...]:
    return tuple(ReasonPart(clause, code) for code, clause in found)


def _directory(ordered: Sequence[Decided]) -> tuple[Entry, ...]:
    entries, start = [], 0
    for (agreement, share), group in groupby(ordered, key=lambda decided: _order(decided)[:2]):
        found = list(group)
        if any(after.offset <= before.offset for before, after in pairwise(found)):
            raise ValueError(f"two decisions for one record under {agreement or 'quarantine'} {share}")
        entries.append(Entry(agreement, len(found), count_outcomes(decided.outcome for decided in found), share, start))
        start += len(found)
    return tuple(entries)


def count_outcomes(outcomes: Iterable[OutcomeName]) -> dict[OutcomeName, int]:
    """How often each outcome stands there, in the order of canonical JSON."""
    return dict(sorted(Counter(outcomes).items()))


def directory_root(index: Index) -> str:
    """The RFC 6962 root over the canonical bytes of the directory's entries, hex."""
    return tree.root([tree.leaf_hash(encode(entry)) for entry in index.directory]).hex()


def records_digest(index: Index) -> str:
    """SHA-256 over the canonical JSON of the runs, hex."""
    return sha256(encode(index.records)).hexdigest()


def _parts(index: Index, leaves: Iterable[Leaf]) -> Iterator[bytes]:
    lines = [encode(index) + b"\n"]
    size = len(lines[0])
    for leaf in leaves:
        line = leaf.line()
        size += len(line)
        if size > PART_BYTES_MAX:
            yield b"".join(lines)
            lines, size = [], len(line)
        lines.append(line)
    yield b"".join(lines)


def _header(
    ground: Ground,
    ordered: Sequence[Decided],
    leaves: Sequence[Leaf],
    index: Index,
    parts: Sequence[bytes],
) -> Header:
    times = [decided.event_ms for decided in ordered if decided.event_ms is not None]
    sequences = [sequence for _, sequence in ground.records if sequence is not None]
    return Header(
        decided_ms=ground.decided_ms,
        directory_root=directory_root(index),
        end=ground.end,
        event_ms_max=max(times, default=None),
        event_ms_min=min(times, default=None),
        format=FORMAT,
        job=ground.job,
        leaf_root=tree.root([leaf.hash() for leaf in leaves]).hex(),
        leaves=len(leaves),
        mode=ground.mode,
        number=ground.number,
        outcomes=count_outcomes(decided.outcome for decided in ordered),
        partition=ground.partition,
        parts=tuple(sha256(part).hexdigest() for part in parts),
        previous=ground.previous,
        records=len(ground.records),
        records_digest=records_digest(index),
        register_fingerprint=ground.register_fingerprint,
        register_position=ground.register_position,
        sequence_max=max(sequences, default=None),
        sequence_min=min(sequences, default=None),
        start=ground.start,
        topic=ground.topic,
        worker=ground.worker,
    )
