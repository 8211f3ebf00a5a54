"""Typed text comes back as it went out, and an extract's changes are the difference of two sets."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.files.connector import FilesConnector
from connectors.files.options import FilesOptions
from connectors.protocol import Position
from connectors.typed import Unreadable, from_text, from_value, json_of, to_text
from contracts.change import Op
from contracts.model import Contract, Field, FieldType, Kind, TypeName

SCALARS = {
    TypeName.STRING: st.text(),
    TypeName.INTEGER: st.integers(-(2**63), 2**63 - 1),
    TypeName.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    TypeName.DECIMAL: st.decimals(-(10**8), 10**8, places=3),
    TypeName.BOOLEAN: st.booleans(),
    TypeName.DATE: st.dates(),
    TypeName.TIMESTAMP: st.datetimes(timezones=st.just(UTC)),
    TypeName.BYTES: st.binary(),
    TypeName.UUID: st.uuids(),
}
QUICK = settings(max_examples=100, deadline=None, derandomize=True)


def type_of(name):
    return FieldType(name, precision=12, scale=3) if name is TypeName.DECIMAL else FieldType(name)


@QUICK
@given(st.sampled_from(list(SCALARS)).flatmap(lambda name: st.tuples(st.just(name), SCALARS[name])))
def test_a_value_is_read_back_from_its_text_and_from_json(pair):
    name, value = pair
    text = to_text(value)
    assert from_text(type_of(name), text) == value
    as_json = value if name in (TypeName.INTEGER, TypeName.DOUBLE, TypeName.BOOLEAN) else text
    if "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text):
        assert from_value(type_of(name), json_of(json.dumps(as_json))) == value
    assert from_value(type_of(name), value) == value


@QUICK
@given(
    st.sampled_from(list(SCALARS)),
    st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.binary(), st.booleans()),
)
def test_whatever_comes_is_a_value_of_the_type_or_unreadable(name, value):
    kinds = {TypeName.DOUBLE: float, TypeName.INTEGER: int, TypeName.DATE: date, TypeName.TIMESTAMP: datetime}
    for read in (from_value, from_text):
        if read is from_text and not isinstance(value, str):
            continue
        with suppress(Unreadable):
            found = read(type_of(name), value)
            assert found is None or isinstance(found, kinds.get(name, object))


ITEMS = Contract(
    "items",
    (1, 0, 0),
    Kind.ENTITY,
    "OFFICIAL",
    "o",
    "s",
    "Items",
    ("id", "at"),
    (
        Field("id", FieldType(TypeName.DECIMAL, precision=4, scale=1), required=True),
        Field("at", FieldType(TypeName.DATE), required=True),
        Field("name", FieldType(TypeName.STRING)),
    ),
)
KEYS = st.tuples(
    st.sampled_from([Decimal("1.0"), Decimal("2.5"), Decimal(-3)]), st.sampled_from([date(2024, 1, 1), date(1, 1, 1)])
)
TABLES = st.dictionaries(KEYS, st.sampled_from(["a", "b", 'ü,\n"', None]), max_size=6)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TABLES, min_size=1, max_size=4), st.integers(1, 3), st.data())
def test_the_changes_of_extracts_are_the_differences_of_sets(tmp_path_factory, tables, size, data):
    directory = tmp_path_factory.mktemp("extract")
    (directory / "in").mkdir()
    options = FilesOptions(
        directory=directory / "in",
        state_directory=directory / "state",
        mode="extract",
        format="jsonl",
        batch_changes_max=size,
        deletes_percent_max=100,
        settle_seconds=0,
        look_seconds=0.01,
    )
    before, text = {}, None
    for number, table in enumerate(tables):
        lines = [{"id": str(key[0]), "at": key[1].isoformat(), "name": name} for key, name in table.items()]
        (directory / "in" / f"items-{number}").write_text("".join(json.dumps(line) + "\n" for line in lines))
        found = []
        connector = _opened(options, text)
        while (batch := connector.poll(0)) is not None:
            if data.draw(st.booleans()):  # it died before this batch was durable
                connector = _opened(options, text)
                assert connector.poll(0) == batch
            found += batch.changes
            text = batch.position.text
            connector.durable(batch.position)
            if data.draw(st.booleans()):
                connector = _opened(options, text)
        assert {(change.op, _key(change), (change.after or {}).get("name")) for change in found} == {
            *((Op.CREATE, key, name) for key, name in table.items() if key not in before),
            *((Op.UPDATE, key, name) for key, name in table.items() if key in before and before[key] != name),
            *((Op.DELETE, key, None) for key in before if key not in table),
        }
        assert len(found) == len({_key(change) for change in found})
        before = table
    assert len(list((directory / "state").iterdir())) == 1


def _opened(options, text):
    connector = FilesConnector("s", options, [ITEMS])
    connector.open(None if text is None else Position(text))
    return connector


def _key(change):
    return change.key["id"], change.key["at"]
