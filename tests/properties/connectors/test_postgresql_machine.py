"""SAME-BYTES: what the generated writers make of any stream is what the decoder and fastavro make of it, byte for byte."""

from __future__ import annotations

import json
import struct
from datetime import UTC, date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from agreements.snapshot import ContractEntry
from broker.intake.encoding import Encoder, Target
from connectors.postgresql.assembler import Assembler
from connectors.postgresql.chunks import ChunkReader
from connectors.postgresql.columns import BINARY, Column
from connectors.postgresql.decoder import Decoder
from connectors.postgresql.feeding import feed
from connectors.postgresql.machine import Machine
from connectors.postgresql.position import Place, TableProgress
from connectors.postgresql.tables import Table
from connectors.postgresql.types import ColumnType
from connectors.protocol import Written
from connectors.written import SchemaIds
from contracts import topics
from contracts.change import Op
from contracts.faults import Failure
from contracts.longs import long_bytes
from contracts.model import Contract, Field, FieldType, Kind, TypeName
from contracts.wire import AvroSchema, EnvelopeCodec
from tests import pgoutput as pg

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)
STRING, INTEGER = FieldType(TypeName.STRING), FieldType(TypeName.INTEGER)
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
LONG_TEXTS = TEXTS | st.integers(8_190, 8_194).map(lambda size: "x" * size)
SCHEMAS = SchemaIds(7, 70_000)


def fixed(letter: str, numbers):
    return numbers.map(lambda value: pg.both(struct.pack(">" + letter, value), repr(value)))


def numerics(digits: int, shown: int):
    edges = st.sampled_from([10 ** (digits - 1), 10 ** (digits - 1) - 1])
    numbers = (edges | st.integers(-(10**digits), 10**digits)).map(lambda n: Decimal(n).scaleb(-shown))
    return numbers.map(lambda n: pg.both(pg.numeric(n, shown), f"{n:.{shown}f}"))


def text_forms(texts):
    return texts.map(lambda text: pg.both(text.encode(), text))


INSTANTS = st.datetimes().map(lambda naive: naive.replace(tzinfo=UTC))
EDGES = st.sampled_from([2**63 - 1, -(2**63), 2**62, -(2**59)]).map(
    lambda n: (BINARY, struct.pack(">q", n)),
)
SURPLUS = numerics(9, 7)
"""A digit more than the contract has: what ends in a zero fits, by the general way."""
LISTS = st.lists(st.none() | TEXTS, max_size=4)
POOL = [
    ("text", STRING, text_forms(LONG_TEXTS)),
    ("varchar", STRING, text_forms(TEXTS)),
    ("json", STRING, text_forms(TEXTS)),
    ("jsonb", STRING, TEXTS.map(lambda text: pg.both(b"\x01" + text.encode(), text))),
    ("jsonb", FieldType(TypeName.ARRAY, items=INTEGER), st.lists(st.integers(-9, 9), max_size=3).map(
        lambda found: pg.both(b"\x01" + json.dumps(found).encode(), json.dumps(found)))),
    ("text", FieldType(TypeName.ENUM, symbols=("ONE", "TWO")), text_forms(st.sampled_from(["ONE", "TWO", "TWO", "THREE"]))),
    ("int2", INTEGER, fixed("h", st.integers(-(2**15), 2**15 - 1))),
    ("int4", INTEGER, fixed("i", st.integers(-(2**31), 2**31 - 1) | st.integers(-70, 8_200))),
    ("int8", INTEGER, fixed("q", st.integers(-(2**63), 2**63 - 1))),
    ("int4", STRING, fixed("i", st.integers(-9, 9))),
    ("bool", FieldType(TypeName.BOOLEAN), st.booleans().map(lambda v: pg.both(bytes([v]), "t" if v else "f"))),
    ("date", FieldType(TypeName.DATE), st.dates().map(lambda v: pg.both(pg.day(v), str(v)))),
    ("timestamptz", FieldType(TypeName.TIMESTAMP), INSTANTS.map(lambda v: pg.both(pg.instant(v), str(v)))
        | EDGES.map(lambda v: (v, v))),
    ("float4", FieldType(TypeName.DOUBLE), fixed("f", st.floats(width=32))),
    ("float8", FieldType(TypeName.DOUBLE), fixed("d", st.floats())),
    ("uuid", FieldType(TypeName.UUID), st.uuids().map(pg.uuid)),
    ("uuid", STRING, st.uuids().map(pg.uuid)),
    ("bytea", FieldType(TypeName.BYTES), st.binary(max_size=9).map(lambda v: pg.both(v, "\\x" + v.hex()))),
    ("numeric", FieldType(TypeName.DECIMAL, precision=12, scale=2), numerics(13, 2)),
    ("numeric", FieldType(TypeName.DECIMAL, precision=8, scale=6), numerics(3, 3) | numerics(8, 0)),
    ("numeric", FieldType(TypeName.DECIMAL, precision=7, scale=6), SURPLUS),
    ("numeric", STRING, numerics(9, 3)),
    ("int2", FieldType(TypeName.DECIMAL, precision=5, scale=0), fixed("h", st.integers(-(2**15), 2**15 - 1))),
    ("int4", FieldType(TypeName.DECIMAL, precision=9, scale=2), fixed("i", st.integers(-9_999_999, 9_999_999))),
    ("int4", FieldType(TypeName.DECIMAL, precision=9, scale=3), fixed("i", st.integers(-(2**31), 2**31 - 1))),
    ("int8", FieldType(TypeName.DECIMAL, precision=38, scale=10), fixed("q", st.integers(-(2**63), 2**63 - 1))),
    ("bool", FieldType(TypeName.ENUM, symbols=("t", "f")), st.booleans().map(lambda v: pg.both(bytes([v]), "ft"[v]))),
    ("timestamp", FieldType(TypeName.TIMESTAMP), INSTANTS.map(lambda v: pg.both(pg.instant(v), str(v)[:-6]))),
    ("_text", FieldType(TypeName.ARRAY, items=STRING), LISTS.map(
        lambda v: pg.both(pg.array([None if one is None else one.encode() for one in v]), pg.array_text(v).decode()))),
    ("_text", FieldType(TypeName.ARRAY, items=STRING, items_required=False), LISTS.map(
        lambda v: pg.both(pg.array([None if one is None else one.encode() for one in v]), pg.array_text(v).decode()))),
    ("_int4", FieldType(TypeName.ARRAY, items=INTEGER), st.lists(st.integers(-9, 9), max_size=3).map(
        lambda v: pg.both(pg.array([struct.pack(">i", n) for n in v], 23), "{" + ",".join(map(str, v)) + "}"))),
]  # fmt: skip
KEYS = [
    number for number, (name, type_, _) in enumerate(POOL) if (name, type_) in (("int8", INTEGER), ("text", STRING))
]
KEYS += [number for number, (name, type_, _) in enumerate(POOL) if name == "uuid" and type_ is STRING]
KEYS += [number for number, (name, type_, _) in enumerate(POOL) if name == "numeric" and type_ is STRING]


class _Sealed:
    def seal(self, dataset: str, content: bytes) -> bytes:
        return content

    def open(self, dataset: str, sealed: bytes) -> bytes:
        raise AssertionError


class World:
    """A table with some of the columns of `POOL`, its contract, and both ways through a stream of it."""

    def __init__(
        self, numbers: list[int], keys: list[int], inner: frozenset[int], stray: int, *, required: bool
    ) -> None:
        self.numbers, names = numbers, {number: f"c{number}" for number in numbers}
        fields = [Field(names[n], POOL[n][1], required=required) for n in numbers if n not in inner]
        nested = [Field(names[n], POOL[n][1]) for n in numbers if n in inner]
        if nested:
            fields.insert(1, Field("r", FieldType(TypeName.RECORD, fields=tuple(nested))))
        columns = [Column(("r_" if n in inner else "") + names[n], _type(POOL[n][0])) for n in numbers]
        columns.insert(stray, Column("stray", ColumnType("int4")))
        self.stray = stray
        self.contract = Contract(
            "items", (1, 0, 0), Kind.ENTITY, "OFFICIAL", "owner", "store", "items",
            tuple(names[n] for n in keys), tuple(fields), row_bytes_max=20_000,
        )  # fmt: skip
        self.table = Table("public", "items", tuple(columns))

    def run(self, messages: list[bytes], *, fast: bool):
        """The records that come of `messages`, whether all came as bytes, and what broke the stream."""
        machine = Machine("store", {"items": SCHEMAS}) if fast else None
        contracts = {("public", "items"): self.contract}
        decoder = Decoder(contracts, lambda *_: self.table, quarantine=True, machine=machine)
        place = Place(system="7", timeline=1, slot="s", lsn=1, tables={"items": TableProgress(done=True)})
        assembler, broken = Assembler(place, 10_000), None
        try:
            feed(messages, assembler, decoder, machine)
        except Exception as exception:  # noqa: BLE001 - whatever it is, the other way must come to the same
            broken = type(exception)
        running, batch = assembler.running, assembler.batch()
        changes = batch.changes if batch is not None else ()
        found = (self.encoded(changes), None if batch is None else batch.position, running, broken)
        return found, [isinstance(change, Written) for change in changes]

    def encoded(self, changes):
        """The records that the runtime makes of changes."""
        codec = EnvelopeCodec(self.contract, *SCHEMAS)
        target = Target(ContractEntry(self.contract, *SCHEMAS, 0), 3, codec)
        return Encoder("store", {"items": target}, _Sealed(), 2, 9).encode(changes, {}, 0)

    def relation(self) -> bytes:
        return pg.relation("public", "items", {column.name: 0 for column in self.table.columns})

    def tuple(self, draw, *, text: bool, only_key: bool = False, plain: bool = False):
        """A tuple in the order of the columns."""
        found = []
        for n in self.numbers:
            is_key = f"c{n}" in self.contract.key
            chance = 9 if plain or is_key else draw(st.integers(0, 9))
            forms = draw(POOL[n][2])
            value = pg.NOTHING if chance == 0 else pg.NOT_SENT if chance == 1 else forms[text]
            found.append(value if is_key or not only_key else pg.NOTHING)
        found.insert(self.stray, draw(st.sampled_from([pg.NOTHING, pg.NOT_SENT, (b"t", b"5"), (BINARY, b"\0\0\0\5")])))
        return found


def _type(name: str) -> ColumnType:
    return ColumnType(name, element=ColumnType(name[1:])) if name[0] == "_" else ColumnType(name)


@st.composite
def worlds(draw):
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True))
    others = draw(st.lists(st.sampled_from(range(len(POOL))), max_size=7, unique=True))
    numbers = draw(st.permutations(list(dict.fromkeys([*keys, *others]))))
    inner = frozenset(n for n in others if n not in keys and draw(st.integers(0, 3)) == 0)
    stray = draw(st.integers(0, len(numbers)))
    return World(list(numbers), keys, inner, stray, required=draw(st.booleans()))


@st.composite
def streams(draw, damages=1):
    """A table and transactions on it: changes of every kind, up to `damages` of them damaged."""
    world, text = draw(worlds()), draw(st.booleans())
    messages = [pg.begin(100, 5), world.relation()]
    for number in range(draw(st.integers(1, 3))):
        messages += [_change(draw, world, text=text) for _ in range(draw(st.integers(0, 4)))]
        end = 108 + 100 * number
        messages += [pg.commit(end), pg.begin(end + 92, 6 + number, draw(st.integers(-(10**9), 10**15)))]
    if draw(st.booleans()):
        messages += [_change(draw, world, text=text)]
    for _ in range(draw(st.integers(0, damages))):
        place = draw(st.integers(0, len(messages) - 1))
        messages[place] = _damaged(draw, messages[place])
    return world, messages


def _change(draw, world: World, *, text: bool) -> bytes:
    new = world.tuple(draw, text=text)
    kind = draw(st.integers(0, 24)) // 2
    if kind < 3:
        return pg.insert(new)
    if kind < 5:
        return pg.update(new)
    if kind == 5:  # the key as it was, or another one
        old = draw(st.sampled_from([new, world.tuple(draw, text=text)]))
        return pg.update(new, old=old)
    if kind == 6:
        return pg.update(new, old=world.tuple(draw, text=text, only_key=True), tag=b"K")
    if kind == 7:
        return pg.delete(world.tuple(draw, text=text, only_key=True))
    return pg.truncate(pg.RELATION) if kind == 12 else pg.delete(new, tag=b"O")


def _damaged(draw, message: bytes) -> bytes:
    if not message:
        return message
    place = draw(st.integers(0, len(message) - 1))
    if draw(st.booleans()):
        return message[:place]
    return message[:place] + draw(st.binary(min_size=1, max_size=2)) + message[place + 1 :]


@EXAMPLES
@given(streams())
def test_both_ways_through_a_stream_give_the_same_records(stream):
    world, messages = stream
    found, _ = world.run(messages, fast=True)
    assert found == world.run(messages, fast=False)[0]
    assert found[3] is None or issubclass(found[3], Failure), "a damaged stream is refused by name"


@settings(EXAMPLES, max_examples=400)
@given(streams(damages=4), st.booleans())
def test_whatever_is_damaged_ends_in_changes_a_quarantine_or_a_refusal(stream, fast):
    world, messages = stream
    (encoded, *_, broken), _ = world.run(messages, fast=fast)
    assert broken is None or issubclass(broken, Failure)
    assert sum(encoded.quarantined.values()) == sum(record.topic == topics.QUARANTINE for record in encoded.records)


@EXAMPLES
@given(st.data(), worlds(), st.booleans())
def test_plain_rows_come_as_bytes(data, world, full):
    """Not vacuous: rows without nulls, each value within its type, never need the general way."""
    rows = [world.tuple(data.draw, text=False, plain=True) for _ in range(3)]
    messages = [world.relation(), pg.begin(100, 5), pg.insert(rows[0]), pg.update(rows[1], rows[1] if full else None)]
    messages += [pg.insert(rows[2]), pg.delete(rows[2], tag=b"O"), pg.delete(rows[2], tag=b"K"), pg.commit(108)]
    (encoded, *_), written = world.run(messages, fast=True)
    general, _ = world.run(messages, fast=False)
    assert encoded == general[0]
    if not encoded.quarantined and not any(POOL[n][2] is SURPLUS for n in world.numbers):
        assert all(written)


@EXAMPLES
@given(st.data(), worlds())
def test_both_ways_through_a_chunk_give_the_same_records(data, world):
    readers = [ChunkReader(world.contract, world.table, write) for write in (("store", SCHEMAS), None)]
    rows = data.draw(st.integers(0, 4))
    copied = b"PGCOPY" + bytes(13) + b"".join(_copied(data.draw, world, readers[0]) for _ in range(rows)) + b"\xff\xff"
    found = [reader._rows_of(copied, 1 << 40, pg.EPOCH) for reader in readers]
    assert found[0][1] == found[1][1]
    assert world.encoded(found[0][0]) == world.encoded(found[1][0])
    surplus = any(POOL[n][2] is SURPLUS for n in world.numbers)
    if not world.encoded(found[0][0]).quarantined and not surplus:
        assert sum(isinstance(row, Written) for row in found[0][0]) >= rows - 1, "only the last row may have no room"


def _copied(draw, world: World, reader: ChunkReader) -> bytes:
    """A row as COPY gives it."""
    parts = [struct.pack(">H", len(reader._columns))]
    for column, kind in zip(reader._columns, reader._kinds, strict=True):
        number = int(column.removeprefix("r_")[1:])
        is_null = column not in world.contract.key and draw(st.integers(0, 9)) == 0
        value = draw(POOL[number][2])[kind != BINARY][1]
        parts.append(struct.pack(">i", -1) if is_null else struct.pack(">i", len(value)) + value)
    return b"".join(parts)


@EXAMPLES
@given(
    st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([sign * 2**n + d for n in range(63) for sign in (1, -1) for d in (-1, 0, 1)])
)
def test_longs_are_avros(value):
    assert long_bytes(value) == AvroSchema('"long"').encode(value)


def test_a_text_that_is_not_utf_8_goes_the_general_way():
    world = World([0, 8], [8], frozenset(), 0, required=True)
    key = (BINARY, struct.pack(">q", 1))
    messages = [world.relation(), pg.begin(100, 5), pg.insert([pg.NOTHING, (BINARY, b"\xff"), key]), pg.commit(108)]
    (encoded, *_), written = world.run(messages, fast=True)
    assert written == [False]
    assert sum(encoded.quarantined.values()) == 1


def test_a_key_that_is_not_utf_8_is_quarantined_whatever_was_done_to_its_row():
    world = World([0], [0], frozenset(), 0, required=True)
    bad, good = [pg.NOTHING, (BINARY, b"\xff")], [pg.NOTHING, (BINARY, b"a")]
    messages = [world.relation(), pg.begin(100, 5), pg.insert(bad), pg.update(bad, bad), pg.update(good, bad)]
    messages += [pg.update(bad, good, tag=b"K"), pg.delete(bad), pg.delete(bad, tag=b"O"), pg.commit(108)]
    found, _ = world.run(messages, fast=True)
    assert found == world.run(messages, fast=False)[0]
    assert found[3] is None
    assert sum(found[0].quarantined.values()) == 6, "of the changed key, what was there before cannot be named"
    reasons = [
        json.loads(record.value)["reasons"][0] for record in found[0].records if record.topic == topics.QUARANTINE
    ]
    assert {reason["clause"] for reason in reasons} == {"c0: not UTF-8"}


def test_a_row_before_that_cannot_be_carried_is_left_out_and_never_null():
    numbers = {name: next(n for n, one in enumerate(POOL) if one[:2] == (name, type_)) for name, type_ in (
        ("int8", INTEGER), ("date", FieldType(TypeName.DATE)), ("text", FieldType(TypeName.ENUM, symbols=("ONE", "TWO"))))}  # fmt: skip
    world = World(list(numbers.values()), [numbers["int8"]], frozenset(), 0, required=False)
    key, day, symbol = (BINARY, struct.pack(">q", 7)), (BINARY, pg.day(date(2020, 1, 1))), (BINARY, b"ONE")
    whole, infinite = [pg.NOTHING, key, day, symbol], [pg.NOTHING, key, (BINARY, struct.pack(">i", 2**31 - 1)), symbol]
    unknown = [pg.NOTHING, key, day, (BINARY, b"THREE")]
    messages = [world.relation(), pg.begin(100, 5)]
    for old in (whole, infinite, unknown):
        messages += [pg.update(whole, old), pg.delete(old, tag=b"O")]
    found, _ = world.run([*messages, pg.commit(108)], fast=True)
    assert found == world.run([*messages, pg.commit(108)], fast=False)[0]
    assert not found[0].quarantined, "the rows that came after are whole, and a delete needs its key alone"
    codec = EnvelopeCodec(world.contract, *SCHEMAS)
    envelopes = [codec.decode(record.value) for record in found[0].records]
    assert [envelope.op for envelope in envelopes] == [Op.UPDATE, Op.DELETE] * 3
    assert [envelope.before is not None for envelope in envelopes] == [True, True, False, False, False, False]


def test_a_row_that_is_too_large_is_read_back_and_quarantined():
    world = World([0, 8], [8], frozenset(), 0, required=True)
    new = [pg.NOTHING, (BINARY, b"x" * 20_000), (BINARY, struct.pack(">q", 1))]
    messages = [world.relation(), pg.begin(100, 5), pg.insert(new), pg.update(new, old=new), pg.commit(108)]
    found, written = world.run(messages, fast=True)
    assert written == [True, True]
    assert found == world.run(messages, fast=False)[0]
    assert sum(found[0].quarantined.values()) == 2
