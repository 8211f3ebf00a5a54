"""Encodings and their inverses, and arbitrary records: never a crash, never a repeat, never a change lost."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from agreements.snapshot import ContractEntry
from broker.intake.encoding import Encoder, Target
from connectors.debezium.encodings import clock_time, day, duration, instant, timestamp_of, unscaled
from connectors.debezium.repeats import Seen, after, seen_of
from connectors.events import EventRecord, PassedOver
from connectors.protocol import Position
from contracts.model import TypeName
from contracts.wire import EnvelopeCodec
from tests.debezium_cases import connector, data, event, field, with_schema

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIELDS = (field("label", TypeName.STRING), field("day", TypeName.DATE), field("price", TypeName.DECIMAL, precision=9))


@EXAMPLES
@given(st.dates())
def test_days(value):
    assert day((value - date(1970, 1, 1)).days).moment == value


@EXAMPLES
@given(st.datetimes(), st.sampled_from([10**6, 10**9]))
def test_times(naive, per_second):
    value = naive.replace(tzinfo=UTC)
    found = instant((value - EPOCH) // timedelta(microseconds=1) * (per_second // 10**6), per_second)
    assert (found.moment, found.loss) == (value, False)
    assert datetime.fromisoformat(found.text) == value


@EXAMPLES
@given(st.integers(-(10**18), 10**18))
def test_nanoseconds_are_kept_in_the_text_and_never_cut_unseen(number):
    found = instant(number, 10**9)
    assert found.loss is (number % 1000 != 0)
    assert found.text.endswith(f"{number % 10**9:09d}Z") or not found.loss


@EXAMPLES
@given(st.datetimes().filter(lambda one: 1 < one.year < 9999), st.integers(-14 * 60, 14 * 60))
def test_times_with_an_offset(naive, minutes):
    value = naive.replace(tzinfo=UTC)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    local = naive + timedelta(minutes=minutes)
    assert timestamp_of(f"{local.isoformat()}{sign}{hours:02d}:{rest:02d}").moment == value


@EXAMPLES
@given(st.integers(-(10**40), 10**40), st.integers(-3, 50))
def test_decimals(number, scale):
    raw = number.to_bytes((number.bit_length() + 8) // 8, "big", signed=True)
    sign, digits, exponent = unscaled(raw, scale).as_tuple()
    assert (-1 if sign else 1) * int("".join(map(str, digits))) == number
    assert exponent == -scale
    assert unscaled((b"\xff" if number < 0 else b"\0") + raw, scale) == unscaled(raw, scale)


@EXAMPLES
@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from([10**3, 10**6, 10**9]))
def test_clock_times_and_durations(number, per_second):
    sign = -1 if number < 0 else 1
    hours, minutes, seconds = clock_time(number, per_second).text.lstrip("-").split(":")
    total = (int(hours) * 3600 + int(minutes) * 60) + Decimal(seconds)
    assert sign * total * per_second == number
    assert Decimal(duration(number, per_second).text.lstrip("-")[2:-1]) * sign * per_second == number


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["op", "before", "after", "source", "payload", "schema", "type", "fields", "id", "day", "price",
                         "name", "specversion", "data", "scale", "value", "set", "$date", "$oid", "connector"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@EXAMPLES
@given(
    JSON, JSON, st.sampled_from(["postgresql", "mongodb", "cassandra", "spanner", None]), st.sampled_from("cudrtmi?")
)
def test_any_json_becomes_changes_or_is_passed_over(key, row, database, op):
    one = connector(*FIELDS)
    value = {"op": op, "before": row, "after": row, "source": {"connector": database}}
    for payload in (value, {"schema": row, "payload": value}, row):
        found = one.convert(data(key), json.dumps(payload).encode())
        assert isinstance(found, PassedOver) or found


@EXAMPLES
@given(st.binary(max_size=60), st.none() | st.binary(max_size=20))
def test_any_bytes_become_changes_or_are_passed_over(value, key):
    found = connector(*FIELDS).convert(key, value)
    assert isinstance(found, PassedOver) or found


COLUMNS = {"id": {"type": "int64"}, "label": {"type": "string"}, "day": {"type": "int32", "name": "io.debezium.time.Date"},
           "price": {"type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "2"}}}  # fmt: skip
ROW = {"id": 7, "label": "a", "day": 18262, "price": "AQ=="}
MYSQL = {"connector": "mysql", "file": "b.000001", "pos": 4, "row": 0, "gtid": "a:1"}
SHAPES = [
    event("u", ROW, ROW),
    event("c", None, ROW, {"sequence": '["1","2"]'}, transaction={"id": "77:1"}),
    with_schema(event("u", ROW, ROW, MYSQL), COLUMNS),
    event("u", None, None, {"connector": "mongodb"}, updateDescription={"updatedFields": '{"label": {"$date": 5}}'}),
    event("c", None, json.dumps({"_id": {"$numberLong": "7"}, "label": {"$oid": "a"}}), {"connector": "mongodb"}),
    event("u", None, {name: {"value": v, "deletion_ts": None, "set": True} for name, v in ROW.items()}, {"connector": "cassandra"}),
    {"specversion": "1.0", "iodebeziumop": "c", "iodebeziumtsms": "5", "data": {"before": None, "after": ROW}},
    {**ROW, "__op": "u", "__deleted": "false"},
]  # fmt: skip
ODD = st.sampled_from(
    [None, True, -1, 1.5, 10**30, "", "\ud800", "NaN", "1e4000", "[", "[" * 5_000, "9" * 5_000, "b." + "9" * 5_000, "2020-02-30",
     "99999-01-01T00:00:00Z", [], {}, [[]], {"$date": 10**20}, {"$numberDecimal": "1e6000"}, {"scale": 10**9, "value": "AQ=="},
     {"wkb": "z"}, "mongodb", "spanner", "io.debezium.data.Bits", "io.debezium.time.NanoTimestamp", "map", "d", "t", "__debezium_unavailable_value"]
)  # fmt: skip


@st.composite
def damaged(draw):
    """A key and a value as Debezium writes them, parts of them put in the place of others, left out, or odd."""
    found = json.loads(json.dumps({"key": {"id": 7}, "value": draw(st.sampled_from(SHAPES))}))
    for _ in range(draw(st.integers(1, 4))):
        *within, name = draw(st.sampled_from([path for path in _paths(found) if len(path) > 1] or [("key", "value")]))
        part = found
        for step in within:
            part = part[step]
        if not isinstance(part, dict | list):
            continue
        if isinstance(part, dict) and draw(st.integers(0, 3)) == 0:
            part.pop(name, None)
        else:
            part[name] = json.loads(json.dumps(draw(ODD | st.sampled_from(SHAPES))))
    return data(found["key"]), data(found["value"])


def _paths(value, path=()):
    yield path
    for name in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from _paths(value[name], (*path, name))


class _Sealed:
    def seal(self, dataset, content):
        return content

    def open(self, dataset, sealed):
        raise AssertionError


@settings(EXAMPLES, max_examples=600)
@given(damaged(), st.sampled_from(["envelope", "row"]), st.integers(0, 30))
def test_damaged_events_become_records_are_quarantined_with_a_reason_or_passed_over(record, form, cut):
    key, value = record
    value = value[:-cut] if cut < 5 and value else value
    one = connector(*FIELDS, options={"form": form})
    made = one._converter.convert(key, value, "parcels", 5)
    if isinstance(made, PassedOver):
        return
    seen, changes = after(Seen(), made, key)
    assert seen_of(json.loads(json.dumps(seen.document()))) == seen
    contract = one._contracts["parcels"]
    target = Target(ContractEntry(contract, 7, 8, 0), 3, EnvelopeCodec(contract, 7, 8))
    encoded = Encoder("post", {"parcels": target}, _Sealed(), 2, 9).encode(changes, {}, 0)
    assert len(encoded.records) >= len(changes)
    assert all(len(found.value) < 1_000_000 for found in encoded.records)


class Records:
    """A topic of one partition."""

    def __init__(self, records):
        self.records, self.next, self.batch = records, 0, 2

    def open(self, topics, next_offsets):
        assert topics == ["t"]
        self.next = next_offsets.get(("t", 0), 0)

    def poll(self, timeout_seconds):
        found = self.records[self.next : self.next + self.batch]
        self.next += len(found)
        return found

    def close(self):
        pass


def mysql(position, number, op):
    source = {
        "connector": "mysql",
        "file": "b.000001",
        "pos": position,
        "row": 0,
        "ts_ms": 1_700_000_000_000 + position,
    }
    row = {"id": number, "label": str(position), "day": None, "price": None}
    return data({"id": number}), data(event(op, None if op == "c" else row, None if op == "d" else row, source))


@EXAMPLES
@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from("cud")), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=3),
    st.integers(1, 4),
)
def test_each_change_comes_once_whatever_was_written_again_and_wherever_the_reader_restarts(
    writes, again, restart_every
):
    stream = [mysql(4 + 10 * number, key, op) for number, (key, op) in enumerate(writes)]
    wanted = [(op, key, f"file=b.000001;pos={4 + 10 * number};row=0") for number, (key, op) in enumerate(writes)]
    told = []  # Debezium goes back to an older place and writes everything after it again
    for end, back in sorted(again):
        told += stream[len({id(one) for one in told}) : end + 1]
        told += stream[min(back, end) : end + 1]
    told += stream
    with_tombstones = []
    for key, value in told:
        with_tombstones.append((key, value))
        if b'"op": "d"' in value:
            with_tombstones.append((key, None))
    records = [EventRecord("t", 0, n, 0, key, value) for n, (key, value) in enumerate(with_tombstones)]
    found, position = [], None
    while True:
        one = connector(*FIELDS, options={"topics": {"parcels": "t"}})
        one.read_from(Records(records))
        one.open(position)
        batches = [one.poll(0) for _ in range(restart_every)]
        for batch in filter(None, batches):
            found += [(change.op.value, change.key["id"], change.position.text) for change in batch.changes]
            position = Position(batch.position.text)
        if None in batches:
            break
    assert found == wanted


@EXAMPLES
@given(st.integers(0), st.text(max_size=5), st.lists(st.integers(0), max_size=3), st.integers(0), st.text(max_size=5))
def test_what_is_remembered_survives_its_text(offset, history, order, committed, deleted):
    seen = Seen(offset, history, tuple(order), committed, ("a", "b"), deleted)
    assert seen_of(json.loads(json.dumps(seen.document()))) == seen


def test_a_database_that_counts_from_further_back_loses_nothing():
    one = connector(*FIELDS)
    seen = Seen()
    for position, later in ((900, 0), (100, 1_000_000)):
        key, value = mysql(position, 1, "u")
        value = value.replace(b"1700000000", str(1_700_000_000 + later).encode())
        made = one._converter.convert(key, value, "parcels", None)
        seen, changes = after(seen, made, key)
        assert len(changes) == 1
    key, value = mysql(50, 1, "u")
    made = one._converter.convert(key, value, "parcels", None)
    assert after(seen, made, key)[1] == ()


def test_rows_of_one_place_with_different_keys_are_all_given():
    one = connector(*FIELDS)
    seen, count = Seen(), 0
    for number in (1, 2, 1):
        key, value = mysql(7, number, "c")
        seen, changes = after(seen, one._converter.convert(key, value, "parcels", None), key)
        count += len(changes)
    assert count == 2
