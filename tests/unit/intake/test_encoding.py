"""What becomes of each change: its key, partition, number, and what is quarantined."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from agreements.snapshot import ContractEntry
from broker.delivery.quarantine import Content, Quarantined
from broker.intake import codes
from broker.intake.encoding import Encoder, Target
from broker.intake.partitioner import partition_of
from connectors.protocol import Change, Position
from contracts import topics
from contracts.change import Op
from contracts.wire import EnvelopeCodec
from tests.postgresql_cases import contract

CODEC = EnvelopeCodec(contract(), 1, 2)
ROW = {"id": 1, "name": "n", "amount": Decimal("1.50"), "seen": None, "large": None, "tags": None, "place": None}


class _Sealed:
    def seal(self, dataset: str, content: bytes) -> bytes:
        return b"sealed " + dataset.encode()

    def open(self, dataset: str, sealed: bytes) -> bytes:
        raise AssertionError


@pytest.fixture
def encoder() -> Encoder:
    entry = ContractEntry(contract(), 1, 2, 0)
    return Encoder("store", {"items": Target(entry, 3, CODEC)}, _Sealed(), 2, 9)


def change(op: Op = Op.CREATE, **more) -> Change:
    after = None if op in (Op.DELETE, Op.TRUNCATE) else {**ROW, **more.pop("row", {})}
    key = more.pop("key", {"id": 1})
    return Change("items", op, key, more.pop("before", None), after, Position("0/1#1"), datetime.now(UTC), **more)


def test_numbers_are_dense_per_partition_and_the_given_ones_stay(encoder: Encoder) -> None:
    given = {"source.items": {0: 5}}
    changes = [change(key={"id": n}, row={"id": n}) for n in range(30)]
    encoded = encoder.encode(changes, given, 0)
    assert given == {"source.items": {0: 5}}
    for partition in range(3):
        numbers = [CODEC.decode(r.value).source.sequence for r in encoded.records if r.partition == partition]
        start = 5 if partition == 0 else 0
        assert numbers == list(range(start, start + len(numbers)))
        assert encoded.sequences["source.items"][partition] == start + len(numbers)
    for record in encoded.records:
        assert record.partition == partition_of(record.key, 3)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (change(problem="amount: a number that is not finite"), codes.NOT_ENCODABLE),
        (change(row={"amount": Decimal("1.005")}), codes.NOT_ENCODABLE),
        (change(row={"large": "x" * 300_000}), codes.TOO_LARGE),
        (change(key={"id": None}), codes.NO_KEY),
        (change(key={"id": "text"}), codes.NO_KEY),
    ],
)
def test_what_cannot_be_carried_is_a_placeholder_and_a_quarantined_record(encoder: Encoder, bad: Change, code) -> None:
    encoded = encoder.encode([bad, change()], {}, 7)
    placeholder, quarantined, after = encoded.records
    envelope = CODEC.decode(placeholder.value)
    assert (envelope.op, envelope.after, envelope.source.sequence) == (Op.CREATE, None, 0)
    assert placeholder.key == (b"" if code is codes.NO_KEY else CODEC.encode_key({"id": 1}))
    assert quarantined.topic == topics.QUARANTINE
    entry = msgspec.json.decode(quarantined.value, type=Quarantined)
    assert entry.reasons[0].code == code.identifier
    assert (entry.sequence, entry.sealed, entry.content) == (0, True, b"sealed items")
    assert CODEC.decode(after.value).after == ROW
    assert encoded.quarantined == {code.identifier: 1}


def test_a_row_that_fits_only_without_its_old_form_is_carried(encoder: Encoder) -> None:
    large = {**ROW, "large": "x" * 200_000}
    encoded = encoder.encode([change(Op.UPDATE, before=large, row={"large": "y" * 200_000})], {}, 0)
    envelope = CODEC.decode(encoded.records[0].value)
    assert envelope.before is None
    assert envelope.after["large"] == "y" * 200_000
    assert len(encoded.records) == 1


def test_a_truncate_stands_in_every_partition(encoder: Encoder) -> None:
    encoded = encoder.encode([change(Op.TRUNCATE, key={})], {}, 0)
    assert [(r.partition, r.key) for r in encoded.records] == [(n, b"truncate") for n in range(3)]
    assert all(CODEC.decode(r.value).op is Op.TRUNCATE for r in encoded.records)


@pytest.mark.parametrize("op", [Op.UPDATE, Op.DELETE])
def test_a_row_before_that_cannot_be_encoded_takes_nothing_with_it(encoder: Encoder, op: Op) -> None:
    encoded = encoder.encode([change(op, before={**ROW, "amount": Decimal("1.005")})], {}, 0)
    envelope = CODEC.decode(encoded.records[0].value)
    assert (envelope.op, envelope.before, len(encoded.records)) == (op, None, 1)


def test_text_that_is_none_is_quarantined_and_its_content_spelled_out() -> None:
    plain = replace(contract(), quarantine_encrypted=False)
    target = Target(ContractEntry(plain, 1, 2, 0), 3, CODEC)
    bad = change(row={"name": "a\ud800", "tags": ["\udfff", None], "place": {"code": "\ud800", "rank": 1}})
    encoded = Encoder("store", {"items": target}, _Sealed(), 2, 9).encode([bad], {}, 0)
    assert encoded.quarantined == {codes.NOT_ENCODABLE.identifier: 1}
    entry = msgspec.json.decode(encoded.records[1].value, type=Quarantined)
    row = msgspec.json.decode(msgspec.json.decode(entry.content, type=Content).value)["after"]
    assert (row["name"], row["tags"], row["place"]["code"]) == ("a\\ud800", ["\\udfff", None], "\\ud800")
    assert row["amount"] == "1.50"
