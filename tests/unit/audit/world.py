"""A small honest world to lie in: a register, two workers' chains, two departments' topics, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agreements.model import Agreement, AgreementKind, Dates, Delivery, Law, Party, Share, Side, Treatment
from agreements.snapshot import (
    AgreementEntry,
    AgreementState,
    ContractEntry,
    Job,
    JobKind,
    Snapshot,
    Suspension,
    WorkerEntry,
)
from broker.audit import segment as segments
from broker.audit.evidence import Exposed, Mark, SegmentRecord, ShareRecord, SourceRecord
from broker.audit.header import sign_header
from broker.audit.leaf import DELIVERED, REMOVED, delivered_digest, key_digest
from broker.audit.segment import SALTS_BYTES, Decided, Ground, Segment, Terms, build_segment
from contracts.model import Contract, Field, FieldType, Kind, TypeName

KEY = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
WORKER = WorkerEntry("worker-1", KEY.public_key().public_bytes_raw().hex())
BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
DECIDED_MS = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1000)
HASH = "sha256:" + "0" * 64
SOURCE, ENTITY = "source.crossings", "source.travellers"


def contract(dataset: str, kind: Kind) -> ContractEntry:
    fields = (Field("id", FieldType(TypeName.STRING), required=True, tags=frozenset({"not-personal"})),)
    return ContractEntry(Contract(dataset, (1, 0, 0), kind, "OFFICIAL", "o", "s", dataset, ("id",), fields), 1, 2, 0)


def agreement(reference: str, dataset: str, *, suspended: bool = False, ended: bool = False) -> AgreementEntry:
    parties = tuple(Party(organisation=side.value, side=side, role="controller", signs=("Owner",)) for side in Side)
    share = Share(
        id="flow",
        dataset=dataset,
        contract=1,
        purpose="testing",
        classification_ceiling="OFFICIAL",
        key="keep",
        fields={"id": Treatment(action="keep")},
    )
    value = Agreement(
        reference=reference,
        version=1,
        kind=AgreementKind.DSA,
        title="a test",
        parties=parties,
        law=Law(power="x", lawful_basis="x", regime="uk-gdpr"),
        shares=(share,),
        dates=Dates(start=date(2026, 1, 1), end=date(2026, 12, 31)),
        delivery=Delivery(retention=timedelta(days=7)),
    )
    state = AgreementState.SUSPENDED if suspended else AgreementState.APPROVED
    state = AgreementState.TERMINATED if ended else state
    held = (Suspension(6, BEGIN, "x", "x"),) if suspended else ()
    return AgreementEntry(value, HASH, "x", state, 1, BEGIN, END, approved_position=5, suspensions=held)


def snapshot(position: int, **changes) -> Snapshot:
    base = Snapshot(
        position=position,
        fingerprint=sha256(b"%d" % position).hexdigest(),
        contracts={
            "crossings": (contract("crossings", Kind.EVENT),),
            "travellers": (contract("travellers", Kind.ENTITY),),
        },
        agreements={
            "A": (agreement("A", "crossings"),),
            "B": (agreement("B", "crossings"),),
            "E": (agreement("E", "travellers"),),
        },
        workers={"worker-1": WORKER},
        jobs=(Job(6, JobKind.REPLAY, "crossings", None, None, 0, 2),),
    )
    return replace(base, **changes)


SUSPENDED = {"agreements": {"A": (agreement("A", "crossings", suspended=True),)}}


@dataclass
class World:
    """Everything that evidence shows; tests change it before they verify."""

    snapshots: dict[int, Snapshot] = field(default_factory=lambda: {7: snapshot(7), 9: snapshot(9)})
    chains: dict[tuple[str, int], list[Segment]] = field(default_factory=dict)
    topics: dict[tuple[str, int], list] = field(default_factory=dict)
    lows: dict[tuple[str, int], int] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    ranges: dict[tuple[str, int], list[Exposed]] = field(default_factory=dict)
    bodies: list[SegmentRecord] = field(default_factory=list)
    had: bytes | None = None
    """The digest of what the recipients had before what is decided next."""
    kept_marks: dict[tuple[str, int], Mark] | None = None

    # ---- making it

    def decide(self, topic, partition, rows, *, mode="live", job=None, position=9, end=None, **changes) -> Segment:
        """`rows`: (offset, sequence, {agreement: outcome}); "quarantine" stands under ""."""
        chain = self.chains.setdefault((topic, partition), [])
        start = chain[-1].header.end if chain else 0
        ground = Ground(
            topic=topic,
            partition=partition,
            number=len(chain),
            mode=mode,
            job=job,
            start=start,
            end=end if end is not None else (rows[-1][0] + 1 if mode == "live" else start),
            records=[(offset, sequence) for offset, sequence, _ in rows],
            previous=chain[-1].signed.hash if chain else "",
            register_position=position,
            register_fingerprint=self.snapshots[position].fingerprint,
            decided_ms=DECIDED_MS,
            worker="worker-1",
        )
        decided = [
            self._decided(topic, row, agreement, outcome) for row in rows for agreement, outcome in row[2].items()
        ]
        salts = bytes(number % 251 for number in range(SALTS_BYTES * len(decided)))
        made = build_segment(replace(ground, **changes), decided, salts, KEY.sign)
        chain.append(made)
        if mode == "live":
            self.topics.setdefault((topic, partition), []).extend(SourceRecord(o, s) for o, s, _ in rows)
        for agreement in sorted({one.terms.agreement for one in decided} - {""}):
            for one in decided:
                if one.terms.agreement == agreement and one.is_delivered:
                    self.deliver(f"share.{agreement.lower()}.flow", partition, one.key, one.value)
        return made

    def _decided(self, topic, row, agreement, outcome) -> Decided:
        offset, sequence, _ = row
        terms = Terms(agreement, 1, HASH, "flow", "testing", "id", "ab", 1) if agreement else Terms()
        is_delivered = outcome in DELIVERED
        key = b"k%d" % (offset % 3 if topic == ENTITY else offset)
        return Decided(
            terms,
            outcome,
            (("a-reason", "shares[0].rows"),),
            offset,
            sequence,
            DECIDED_MS - offset,
            None,
            is_delivered,
            key if is_delivered else None,
            b"v%d" % offset if is_delivered and outcome not in REMOVED else None,
            self.had,
        )

    def deliver(self, topic, partition, key, value) -> None:
        records = self.topics.setdefault((topic, partition), [])
        digests = bytes.fromhex(delivered_digest(key, value)), bytes.fromhex(key_digest(key))
        records.append(ShareRecord(records[-1].offset + 1 if records else 0, *digests, value is None))

    # ---- Evidence and Register

    @property
    def first(self):
        return 0

    def at(self, position):
        return self.snapshots.get(position)

    def newest(self):
        return self.snapshots[max(self.snapshots)]

    def register(self):
        return ()

    def segments(self):
        number = 0
        for chain in self.chains.values():
            for made in chain:
                for key, value in made.records():
                    yield SegmentRecord(f"segments/0/{number}", key, value)
                    number += 1
        yield from self.bodies

    def marks(self):
        if self.kept_marks is not None:
            return self.kept_marks
        return {
            place: Mark(chain[-1].header.end, chain[-1].signed.hash, len(chain))
            for place, chain in self.chains.items()
            if chain
        }

    def partitions(self, topic):
        return 2 if topic != "share.gone.flow" else 0

    def low(self, topic, partition):
        return self.lows.get((topic, partition), 0)

    def settled(self, topic, partition):
        return self.ends.get((topic, partition), 10_000)

    def source(self, topic, partition):
        return iter(self.topics.get((topic, partition), ()))

    share = source

    def exposed(self, topic, partition):
        return self.ranges.get((topic, partition), [])


def honest() -> World:
    """Two chains of crossings, one of travellers, a quarantine, a release and a replay: nothing is wrong with it."""
    world = World()
    world.decide(
        SOURCE,
        0,
        [(0, 0, {"A": "redact", "B": "deny"}), (1, 1, {"A": "permit", "B": "permit"}), (2, 2, {"": "quarantine"})],
        position=7,
    )
    world.decide(SOURCE, 0, [(5, 3, {"A": "hold", "B": "redact"}), (7, 4, {"A": "deny", "B": "redact"})])
    world.decide(SOURCE, 0, [(5, 3, {"A": "permit"})], mode="release", job=5)
    world.decide(SOURCE, 0, [(2, 2, {"A": "redact", "B": "redact"})], mode="replay", job=6)
    world.decide(SOURCE, 0, [(9, 5, {"A": "redact", "B": "unchanged"})])
    world.decide(SOURCE, 1, [(0, 0, {"A": "deny", "B": "deny"})])
    world.decide(ENTITY, 0, [(n, n, {"E": "redact"}) for n in range(6)])
    world.decide(ENTITY, 0, [(6, 6, {"E": "withdraw"}), (7, 7, {"": "quarantine", "E": "withdraw"})])
    return world


def forge(made: Segment, *, given=None, index=None, key=KEY, **header) -> Segment:
    """The segment with other leaves, index or header fields, signed again by `key`; nothing else is made to fit."""
    leaves = made.leaves if given is None else tuple(given)
    index = made.index if index is None else index
    parts = tuple(segments._parts(index, leaves))
    digests = tuple(sha256(part).hexdigest() for part in parts)
    changed = msgspec.structs.replace(made.header, **{"parts": digests, **header})
    return Segment(sign_header(changed, key.sign), index, leaves, parts)
