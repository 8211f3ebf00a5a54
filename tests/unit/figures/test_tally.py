"""The figures of a dataset against a slow twin that keeps everything it is told."""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from broker.cli.contract_figures import tables
from broker.figures.gather import Figures, QuarantineFigures
from broker.figures.sketch import DURATION_ERROR, STANDARD_ERROR, DistinctKeys, Durations
from broker.figures.tally import ReasonCount, Tally
from broker.policy.decision import Reason, SourceRecord
from broker.policy.read import Read
from contracts.change import Envelope, Op, Origin
from contracts.lineage import Lineage, lineage
from contracts.model import Contract, Field, FieldType, Kind, TypeName
from contracts.text import parse
from tests.registers import EXAMPLES

TEXT = FieldType(TypeName.STRING)
PLACE = FieldType(TypeName.RECORD, fields=(Field("street", TEXT), Field("town", TEXT, required=True)))
CONTRACT = Contract(
    dataset="people",
    version=(1, 0, 0),
    kind=Kind.ENTITY,
    classification="OFFICIAL",
    owner="o",
    store="s",
    name="People",
    key=("id",),
    fields=(Field("id", TEXT, required=True), Field("name", TEXT), Field("place", PLACE)),
)
LEAVES = {"id": True, "name": False, "place.street": False, "place.town": True}


@dataclass
class Told:
    read: Read
    arrived_ms: int
    decided_ms: int | None


def read(row, op=Op.CREATE, *, key=b"k", event_ms=1_000, unavailable=(), faults=(), snapshot=False) -> Read:
    """A record as the worker reads it; `op` None is one whose value cannot be read."""
    origin = Origin("s", "people", "1", 0, None, snapshot)
    envelope = None if op is None else Envelope(op, None, row, origin, event_ms, unavailable)
    record = SourceRecord(0, 0, key, b"value")
    kept = None if faults else row
    return Read(record, None if key is None else {"id": "x"}, envelope, kept, unavailable, False, faults)


VALUES = st.none() | st.text(max_size=2)
ROWS = st.fixed_dictionaries(
    {"id": VALUES, "name": VALUES, "place": st.none() | st.fixed_dictionaries({"street": VALUES, "town": VALUES})}
)
FAULTS = st.lists(
    st.sampled_from([Reason("contract-required", "id"), Reason("contract-type", "name"), Reason("malformed")]),
    max_size=3,
)
READS = st.builds(
    read,
    st.none() | ROWS,
    st.sampled_from([*Op, None]),
    key=st.none() | st.sampled_from([b"a", b"b", b"c", b"d"]),
    event_ms=st.integers(0, 10**13),
    unavailable=st.lists(st.sampled_from(["name", "place", "place.street"]), max_size=2).map(tuple),
    faults=FAULTS.map(tuple),
    snapshot=st.booleans(),
)
TIMES = st.integers(0, 10**13)
TOLD = st.lists(st.builds(Told, READS, TIMES, st.none() | TIMES), max_size=30)


def at(row, path):
    for name in path.split("."):
        row = row[name] if isinstance(row, dict) else None
    return row


@settings(max_examples=150, deadline=None, derandomize=True)
@given(TOLD)
def test_the_figures_are_those_of_who_keeps_everything(told):
    tally = Tally(CONTRACT)
    for one in told:
        tally.add(one.read, one.arrived_ms, one.decided_ms)
    found = tally.counted()
    envelopes = [one.read.envelope for one in told if one.read.envelope is not None]
    rows = [(one.after, one.unavailable) for one in envelopes if one.after is not None]
    assert (found.records, found.rows) == (len(told), len(rows))
    assert found.deletions == sum(one.op is Op.DELETE for one in envelopes)
    for field in found.completeness.fields:
        missing = [lost for row, lost in rows if at(row, field.path) is None]
        parents = {field.path, field.path.split(".")[0]}
        assert field.required == LEAVES[field.path]
        assert field.given == len(rows) - len(missing)
        assert field.unavailable == sum(bool(parents & set(lost)) for lost in missing)
        assert field.given + field.null + field.unavailable == field.rows == len(rows)
    given = [at(row, path) is not None for row, _ in rows for path, required in LEAVES.items() if required]
    assert found.completeness.required == (sum(given) / len(given) if given else None)
    assert found.validity.valid == sum(not one.read.faults for one in told)
    assert found.validity.valid + found.validity.invalid == len(told)
    wanted = Counter(fault for one in told for fault in set(one.read.faults))
    assert {(r.code, r.field): r.records for r in found.validity.reasons} == {
        (reason.code, reason.clause): count for reason, count in wanted.items()
    }
    assert found.keys.distinct == len({one.read.record.key for one in told} - {None})
    assert found.keys.without_key == sum(one.read.record.key is None for one in told)
    changes = [
        one
        for one in told
        if (envelope := one.read.envelope) is not None and envelope.op is not Op.READ and not envelope.source.snapshot
    ]
    matches(found.timeliness.to_topic, [one.arrived_ms - one.read.envelope.ts_ms for one in changes])
    decided = [one for one in changes if one.decided_ms is not None]
    matches(found.timeliness.to_decision, [one.decided_ms - one.read.envelope.ts_ms for one in decided])
    assert found.timeliness.undecided == sum(one.decided_ms is None for one in told)


def matches(delay, exact) -> None:
    exact = sorted(exact)
    assert (delay.changes, delay.negative) == (len(exact), sum(one < 0 for one in exact))
    assert delay.maximum == (max(0, exact[-1]) if exact else None)
    for share, found in ((0.5, delay.p50), (0.95, delay.p95)):
        if exact:
            true = max(0, exact[math.ceil(share * len(exact)) - 1])
            assert abs(found - true) <= DURATION_ERROR * true + 0.5, (found, true)
        else:
            assert found is None


def test_a_figure_holds_no_value_of_the_data():
    tally = Tally(CONTRACT)
    secret = "QQ123456C"
    tally.add(read({"id": secret, "name": secret, "place": None}, key=secret.encode()), 1, 1)
    assert secret not in msgspec.json.encode(tally.counted()).decode()


def test_a_value_that_the_store_did_not_give_is_not_null():
    tally = Tally(CONTRACT)
    tally.add(read({"id": "1", "name": None, "place": None}, Op.UPDATE, unavailable=("name",)), 1, None)
    fields = {one.path: one for one in tally.counted().completeness.fields}
    assert (fields["name"].unavailable, fields["name"].null) == (1, 0)
    assert (fields["place.town"].unavailable, fields["place.town"].null) == (0, 1)


@pytest.mark.parametrize("keys", [0, 1, 1_000, 1_001, 20_000, 120_000])
def test_distinct_keys_are_exact_while_few_and_near_when_many(keys):
    counted = DistinctKeys(exact_max=1_000)
    for number in (*range(keys), *range(0, keys, 3)):
        counted.add(b"key %d" % number)
    assert counted.exact == (keys <= 1_000)
    if counted.exact:
        assert counted.count() == keys
    else:
        assert counted.count() == pytest.approx(keys, rel=3 * STANDARD_ERROR)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 10**15), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_quantile_is_within_its_error(durations, share):
    counted = Durations()
    for one in durations:
        counted.add(one)
    true = sorted(durations)[math.ceil(share * len(durations)) - 1]
    assert abs(counted.quantile(share) - true) <= DURATION_ERROR * true + 0.5


def test_lineage_is_what_the_contract_says():
    text = (EXAMPLES / "contracts" / "ports.contract.yaml").read_text()
    assert lineage(parse(text)) == Lineage("carriers", {}, None, dict.fromkeys(one.name for one in parse(text).fields))
    said = text.replace("  - name: ports\n", "  - name: ports\n    physicalName: air.ports\n")
    said = said.replace("{ name: city,", "{ name: city, physicalName: town_name,")
    said = said.replace(
        "schema:\n",
        "servers:\n  - { server: carriers, type: postgresql, host: db, port: 5432, database: air, schema: air }\nschema:\n",
    )
    found = lineage(parse(said))
    assert (found.table, found.columns["city"], found.columns["name"]) == ("air.ports", "town_name", None)
    assert found.server == {"type": "postgresql", "host": "db", "port": 5432, "database": "air", "schema": "air"}
    assert lineage(CONTRACT) == Lineage("s", {}, None, dict.fromkeys(LEAVES))


def test_a_person_reads_the_figures_in_tables():
    tally = Tally(CONTRACT)
    for number in range(2_999):
        tally.add(read({"id": "1", "name": "x", "place": None}, key=b"%d" % number, event_ms=0), 250, 500)
    tally.add(read(None, faults=(Reason("contract-required", "id"),)), 1_000, None)
    quarantine = QuarantineFigures(1, 0, 0, 0, (ReasonCount("contract-required", "id", 1),))
    figures = Figures("people", "1.0.0", "entity", None, tally.counted(), quarantine, lineage(CONTRACT))
    console = Console(width=160, record=True, file=io.StringIO())
    for one in tables(figures):
        console.print(one)
    text = console.export_text()
    assert "99.96 %: 2999, and 1 not" in text, text
    assert re.search("p50 2(4[89]|5[0-2]) ms, p95 2(4[89]|5[0-2]) ms, maximum 250 ms, of 3000 changes", text)
    assert "contract-required" in text
    assert "a table that is not named" in text
