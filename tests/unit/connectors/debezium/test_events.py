"""Every kind of record, of every database: what it becomes."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import fastavro
import pytest

from connectors.debezium import DebeziumConnector
from connectors.debezium.options import DebeziumOptions
from connectors.debezium.source import read_place
from contracts.change import Op
from contracts.model import FieldType, Kind, TypeName
from tests.debezium_cases import PLACEHOLDER, connector, contract, converted, data, event, field, with_schema

LABEL, NOTE = field("label", TypeName.STRING, required=True), field("note", TypeName.STRING)
ROW = {"id": 1, "label": "a", "note": None}


def made(**options):
    return connector(LABEL, NOTE, options=options)


@pytest.mark.parametrize("op", ["c", "r", "u"])
def test_a_row_is_carried_with_its_place(op):
    (change,) = converted(made(), {"id": 1}, event(op, None, ROW, {"snapshot": "last" if op == "r" else "false"}))
    assert (change.op, change.key, change.after, change.problem) == (Op(op), {"id": 1}, ROW, None)
    assert (change.position.text, change.transaction, change.snapshot) == ("lsn=900;txId=77", "77", op == "r")
    assert change.committed_at == datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)


def test_a_delete_has_its_key_and_the_row_before_only_if_it_is_whole():
    (whole,) = converted(made(), {"id": 1}, event("d", ROW, None))
    (partial,) = converted(made(), {"id": 1}, event("d", {"id": 1, "label": None, "note": None}, None))
    assert (whole.op, whole.key, whole.before) == (Op.DELETE, {"id": 1}, ROW)
    assert (partial.key, partial.before) == ({"id": 1}, None)


def test_a_delete_without_a_key_has_it_from_the_row():
    (change,) = converted(made(), None, event("d", ROW, None))
    assert change.key == {"id": 1}


def test_a_null_value_is_a_delete_unless_it_follows_one():
    one = made()
    assert [change.op for change in converted(one, {"id": 1}, event("d", ROW, None))] == [Op.DELETE]
    assert converted(one, {"id": 1}, None) == "the null value that follows a delete"
    (alone,) = converted(one, {"id": 2}, None)
    assert (alone.op, alone.key, alone.after, alone.problem) == (Op.DELETE, {"id": 2}, None, None)
    (elided,) = converted(one, {"schema": None, "payload": {"id": 3}}, {"schema": None, "payload": None})
    assert (elided.op, elided.key) == (Op.DELETE, {"id": 3})


def test_a_null_value_without_a_key_is_quarantined():
    (change,) = converted(made(), None, None)
    assert change.problem == "a null value without a key"


def test_a_truncate_concerns_every_row():
    value = event("t", None, None)
    del value["before"], value["after"]
    (change,) = converted(made(), None, value)
    assert (change.op, change.after, change.problem) == (Op.TRUNCATE, None, None)


def test_a_changed_key_is_a_delete_and_a_create():
    gone, new = converted(made(), {"id": 2}, event("u", ROW, {**ROW, "id": 2}))
    assert [(one.op, one.key) for one in (gone, new)] == [(Op.DELETE, {"id": 1}), (Op.CREATE, {"id": 2})]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"status": "BEGIN", "id": "571:53", "ts_ms": 1, "event_count": None, "data_collections": None}, "transaction"),
        (
            {"status": "END", "id": "571:53", "event_count": 1, "data_collections": [{"data_collection": "a"}]},
            "transac",
        ),
        (event("m", None, None, message={"prefix": "p", "content": "YQ=="}), "logical message"),
        ({"source": {}, "databaseName": "d", "ddl": "ALTER TABLE x", "tableChanges": []}, "schema change"),
        ({"ts_ms": 1}, "heartbeat"),
        ({"id": "1", "aggregate_type": "Initial Snapshot", "type": "STARTED", "additional_data": {}}, "notification"),
    ],
)
def test_what_is_no_change_is_passed_over(value, reason):
    assert reason in converted(made(), {"id": 1}, value)
    assert reason in converted(made(), {"id": 1}, {"schema": {"type": "struct"}, "payload": value})


FORMS = [
    PLACEHOLDER,
    base64.b64encode(PLACEHOLDER.encode()).decode(),
    PLACEHOLDER.encode().hex(),
    [PLACEHOLDER],
    list(PLACEHOLDER.encode()),
    {PLACEHOLDER: PLACEHOLDER},
    json.dumps({PLACEHOLDER: PLACEHOLDER}),
    {"scale": 0, "value": base64.b64encode(PLACEHOLDER.encode()).decode()},
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "type_",
    [
        FieldType(TypeName.STRING),
        FieldType(TypeName.BYTES),
        FieldType(TypeName.DECIMAL, precision=9),
        FieldType(TypeName.ARRAY, items=FieldType(TypeName.INTEGER)),
        FieldType(TypeName.MAP, items=FieldType(TypeName.STRING)),
    ],
)
def test_what_the_database_left_out_is_unavailable_in_every_form(form, type_):
    fields = (field("big", type_.name, precision=type_.precision, items=type_.items),)
    (change,) = converted(connector(*fields), {"id": 1}, event("u", None, {"id": 1, "big": form}))
    assert (change.after, change.unavailable, change.problem) == ({"id": 1, "big": None}, ("big",), None)


def test_what_was_left_out_is_filled_from_the_row_before():
    (change,) = converted(made(), {"id": 1}, event("u", {**ROW, "note": "n"}, {**ROW, "note": PLACEHOLDER}))
    assert (change.after["note"], change.unavailable) == ("n", ())


def test_another_placeholder_is_an_option_and_the_usual_one_is_data_then():
    one = made(unavailable_value="?")
    (change,) = converted(one, {"id": 1}, event("u", None, {**ROW, "label": PLACEHOLDER, "note": "?"}))
    assert (change.after["label"], change.unavailable) == (PLACEHOLDER, ("note",))


def test_a_column_that_is_not_there_is_a_fault_and_never_null():
    (change,) = converted(made(), {"id": 1}, event("c", None, {"id": 1, "label": "a"}))
    assert change.problem == "no column for note"


def test_columns_that_are_not_contracted_are_left_out():
    (change,) = converted(made(), {"id": 1}, event("c", None, {**ROW, "secret": "s"}))
    assert change.after == ROW


def test_columns_may_have_other_names():
    one = made(columns={"parcels": {"id": "ID", "label": "LABEL", "note": "NOTE"}})
    (change,) = converted(one, {"ID": 1}, event("c", None, {"ID": 1, "LABEL": "a", "NOTE": None}))
    assert (change.key, change.after) == ({"id": 1}, ROW)


@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"\xff", b"[]", b"3", b'"x"', b"{}", b'{"op":7,"after":{}}', b'{"op":"c","after":[1]}', b"\0\0\0\0\1x",
     b'{"op":"z","after":{}}', b'{"op":"u","source":{},"after":null}', b"\0", b"[" * 5000, b'{"op":"c","after":{"id":NaN}}',
     b'{"op":"c","source":{"snapshot":[],"file":{},"ts_ms":"x","sequence":[1]},"after":{"id":{}}}',
     b'{"specversion":"1.0","data":null}'],
)  # fmt: skip
def test_what_cannot_be_read_is_quarantined_and_never_a_crash(value):
    one = made()
    (change,) = one.convert(b'{"id":1}', value)
    assert change.problem
    (change,) = one.convert(b"\xff", b'{"op":"c","source":{},"after":{"id":1,"label":"a","note":null}}')
    assert change.problem.startswith("the key: ")


def test_a_reason_never_holds_a_value():
    (change,) = converted(made(), {"id": 1}, event("c", None, {"id": "sesame", "label": True, "note": {"a": "sesame"}}))
    assert change.problem.startswith("id: not a whole number; label: true or false")
    assert "sesame" not in change.problem


# -- databases -----------------------------------------------------------------------------------------------------------


def test_a_mongodb_document_is_extended_json():
    document = '{"_id": {"$numberLong": "1"}, "label": "a", "seen": {"$date": 1700000000000}, "extra": {"$oid": "5f"}}'
    one = connector(LABEL, NOTE, field("seen", TypeName.TIMESTAMP), field("extra", TypeName.STRING))
    source = {"connector": "mongodb", "collection": "parcels", "rs": "rs0", "ord": 3}
    (change,) = converted(one, {"id": "1"}, event("c", None, document, source))
    moment = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert change.after == {"id": 1, "label": "a", "note": None, "seen": moment, "extra": "5f"}
    assert (change.key, change.problem) == ({"id": 1}, None)


def test_a_mongodb_update_names_only_what_changed_and_the_rest_is_unavailable():
    nested = FieldType(TypeName.RECORD, fields=(field("town", TypeName.STRING), field("street", TypeName.STRING)))
    one = connector(LABEL, NOTE, field("home", TypeName.RECORD, fields=nested.fields))
    update = {"updatedFields": '{"home.town": "Leeds"}', "removedFields": ["note"], "truncatedArrays": []}
    value = event("u", None, None, {"connector": "mongodb"}, updateDescription=update)
    (change,) = converted(one, {"id": '{"$numberInt": "1"}'}, value)
    assert change.after == {"id": 1, "label": None, "note": None, "home": {"town": "Leeds", "street": None}}
    assert (change.unavailable, change.problem) == (("home.street", "label"), None)


def test_a_mongodb_document_without_a_contract_keeps_its_decimals():
    one = DebeziumConnector("post", DebeziumOptions(), [])
    document = '{"_id": {"$oid": "5f"}, "price": {"$numberDecimal": "1.10"}, "weight": 1.5}'
    (change,) = converted(one, {"id": '{"$oid": "5f"}'}, event("r", None, document, {"connector": "mongodb"}))
    assert (change.key, change.after) == ({"_id": "5f"}, {"_id": "5f", "price": Decimal("1.10"), "weight": 1.5})
    assert str(change.after["price"]) == "1.10"


def test_a_mongodb_patch_of_old_versions():
    value = event(
        "u", None, None, {"connector": "mongodb"}, patch='{"$v": 1, "$set": {"label": "b"}}', filter='{"_id": 1}'
    )
    (change,) = converted(made(), {"id": "1"}, value)
    assert (change.after["label"], change.unavailable) == ("b", ("note",))


def cell(value, *, given=True):
    return {"value": value, "deletion_ts": None, "set": given}


def test_cassandra_cells_that_are_not_set_are_unavailable():
    source = {"connector": "cassandra", "keyspace": "post", "file": "CommitLog-6-123.log", "pos": 54}
    row = {"id": cell(1), "label": cell("a"), "note": cell(None)}
    (new,) = converted(made(), {"id": 1}, event("i", None, row, source))
    (update,) = converted(made(), {"id": 1}, event("u", None, {**row, "label": None}, source))
    (gone,) = converted(made(), None, event("d", None, {"id": cell(1), "label": None, "note": None}, source))
    (many,) = converted(made(), {"id": 1}, event("r", None, row, source))
    assert (new.op, new.after, new.unavailable) == (Op.CREATE, ROW, ())
    assert (update.after["label"], update.unavailable) == (None, ("label",))
    assert (gone.op, gone.key) == (Op.DELETE, {"id": 1})
    assert many.problem == "an operation that is none of a row"


def test_spanner_gives_changed_columns_only():
    source = {"connector": "spanner", "server_transaction_id": "t9", "record_sequence": "0001", "mod_number": 2}
    value = event("u", {"id": 1, "label": "a"}, {"id": 1, "label": None, "note": None}, source)
    (change,) = converted(made(), {"id": 1}, value)
    assert (change.after["label"], change.unavailable) == (None, ("note",))


PLACES = [
    ({"connector": "mysql", "file": "mysql-bin.000003", "pos": 154, "row": 1, "gtid": "u:7", "db": "i", "table": "c"},
     "file=mysql-bin.000003;pos=154;row=1;gtid=u:7", (3, 154, 1), "i.c", "u:7"),
    ({"connector": "mariadb", "file": "mariadb-bin.000012", "pos": 4, "row": 0, "gtid": "0-1-2", "db": "i", "table": "c"},
     "file=mariadb-bin.000012;pos=4;row=0;gtid=0-1-2", (12, 4, 0), "i.c", "0-1-2"),
    ({"connector": "postgresql", "lsn": 9, "sequence": '["7","9"]', "schema": "s", "table": "c", "txId": 5},
     "lsn=9;txId=5", (7, 9), "s.c", "5"),
    ({"connector": "postgresql", "lsn": 9, "sequence": '[null,"9"]', "schema": "s", "table": "c"}, "lsn=9", None, "s.c", None),
    ({"connector": "sqlserver", "change_lsn": "0000002b:000002e3:0002", "commit_lsn": "0000002b:000002e3:0003",
      "event_serial_no": 1, "schema": "dbo", "table": "c"},
     "commit_lsn=0000002b:000002e3:0003;change_lsn=0000002b:000002e3:0002;event_serial_no=1",
     (43, 739, 3, 43, 739, 2, 1), "dbo.c", None),
    ({"connector": "oracle", "scn": "21", "commit_scn": "22", "lcr_position": None, "ssn": 0, "txId": "6.28", "schema": "S",
      "table": "C"}, "scn=21;commit_scn=22;ssn=0", None, "S.C", "6.28"),
    ({"connector": "db2", "change_lsn": "00:01", "commit_lsn": "00:02", "schema": "S", "table": "C"},
     "commit_lsn=00:02;change_lsn=00:01", None, "S.C", None),
    ({"connector": "informix", "change_lsn": "8", "commit_lsn": "9", "begin_lsn": "7", "txId": "3", "schema": "i", "table": "c"},
     "commit_lsn=9;change_lsn=8;begin_lsn=7", None, "i.c", "3"),
    ({"connector": "vitess", "vgtid": '[{"shard":"-80"}]', "keyspace": "k", "shard": "-80", "table": "c"},
     'vgtid=[{"shard":"-80"}];shard=-80', None, "k.c", None),
    ({"connector": "mongodb", "ord": 1, "db": "i", "collection": "c"}, "ord=1", None, "i.c", None),
]  # fmt: skip


@pytest.mark.parametrize(("source", "text", "order", "table", "transaction"), PLACES)
def test_each_database_has_its_place(source, text, order, table, transaction):
    place = read_place(source, {}, None)
    assert (place.text, place.order, place.table, place.transaction) == (text, order, table, transaction)


@pytest.mark.parametrize(
    ("flag", "is_one"),
    [(True, True), ("true", True), ("last", True), ("incremental", True), ("first", True), ("last_in_data_collection", True),
     ("first_in_data_collection", True), (False, False), ("false", False), (None, False), ("", False)],
)  # fmt: skip
def test_each_form_of_the_snapshot_flag(flag, is_one):
    assert read_place({"snapshot": flag}, {}, None).snapshot is is_one


@pytest.mark.parametrize(
    ("source", "payload", "milliseconds"),
    [({"ts_ns": 1_700_000_000_123_456_789}, {}, 1_700_000_000_123), ({"ts_sec": 1_700_000_000}, {}, 1_700_000_000_000),
     ({"ts_ms": 0}, {"ts_ms": 5}, 5), ({"ts_ms": 1_562_202_942_666_382}, {"ts_ms": 7}, 7), ({"ts_ms": "9"}, {}, 9), ({}, {}, 3)],
)  # fmt: skip
def test_the_commit_time_is_the_sources_where_it_is_one(source, payload, milliseconds):
    assert int(read_place(source, payload, 3).committed_at.timestamp() * 1000) == milliseconds


# -- wrappings -----------------------------------------------------------------------------------------------------------


def test_the_json_converters_schema_gives_the_meaning():
    columns = {"id": {"type": "int32"}, "day": {"type": "int32", "name": "io.debezium.time.Date"}}
    value = with_schema(event("c", None, {"id": 1, "day": 0}), columns)
    (change,) = converted(connector(field("day", TypeName.DATE)), {"schema": {}, "payload": {"id": 1}}, value)
    assert change.after["day"].isoformat() == "1970-01-01"


AVRO = {
    "type": "record", "name": "Envelope", "namespace": "post.public.parcels", "fields": [
        {"name": "before", "type": ["null", {"type": "record", "name": "Value", "fields": [
            {"name": "id", "type": "int"},
            {"name": "label", "type": "string"},
            {"name": "day", "type": {"type": "int", "connect.version": 1, "connect.name": "io.debezium.time.Date"}},
            {"name": "price", "type": ["null", {"type": "bytes", "scale": 2, "precision": 9, "logicalType": "decimal",
             "connect.name": "org.apache.kafka.connect.data.Decimal"}]},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        ]}], "default": None},
        {"name": "after", "type": ["null", "Value"], "default": None},
        {"name": "source", "type": {"type": "record", "name": "Source", "namespace": "io.debezium.connector.mysql",
         "fields": [{"name": "connector", "type": "string"}, {"name": "ts_ms", "type": "long"}]}},
        {"name": "op", "type": "string"},
    ],
}  # fmt: skip


def avro(value) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(AVRO), value)
    return b"\0\0\0\0\7" + out.getvalue()


@pytest.fixture
def with_avro(tmp_path):
    (tmp_path / "envelope.avsc").write_text(json.dumps(AVRO))
    fields = (LABEL, field("day", TypeName.DATE), field("price", TypeName.DECIMAL, precision=9, scale=2),
              field("at", TypeName.TIMESTAMP))  # fmt: skip
    return connector(*fields, options={"schemas": {7: str(tmp_path / "envelope.avsc")}})


AVRO_ROW = {"id": 1, "label": "a", "day": -1, "price": 3, "at": 1_700_000_000_123}


def test_framed_avro_is_read_through_the_schema(with_avro):
    row = {**AVRO_ROW, "price": Decimal("12.34"), "at": MOMENT}
    value = avro({"before": None, "after": row, "source": {"connector": "mysql", "ts_ms": 5}, "op": "c"})
    (change,) = with_avro.convert(b'{"id":1}', value)
    assert change.problem is None
    assert (change.after["day"].isoformat(), str(change.after["price"])) == ("1969-12-31", "12.34")
    assert change.after["at"] == MOMENT


MOMENT = datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)


def test_avro_that_was_cut_or_has_another_schema_is_quarantined(with_avro):
    row = {**AVRO_ROW, "price": None, "at": MOMENT}
    value = avro({"before": None, "after": row, "source": {"connector": "mysql", "ts_ms": 5}, "op": "c"})
    for wrong in (value[:-3], value + b"x", b"\0\0\0\0\x08" + value[5:]):
        (change,) = with_avro.convert(b'{"id":1}', wrong)
        assert change.problem


def cloud_event(**data_):
    return {"id": "1", "specversion": "1.0", "type": "io.debezium.connector.postgresql.DataChangeEvent",
            "source": "/debezium/postgresql/post", "datacontenttype": "application/json", "iodebeziumop": "r",
            "iodebeziumconnector": "postgresql", "iodebeziumtsms": "1700000000123", "iodebeziumsnapshot": "true",
            "iodebeziumschema": "public", "iodebeziumtable": "parcels", "iodebeziumlsn": "900", "iodebeziumtxid": "5",
            "iodebeziumtxtotalorder": "1", **data_}  # fmt: skip


def test_a_cloud_event_carries_its_source_in_attributes():
    (change,) = converted(made(), {"id": 1}, cloud_event(data={"before": None, "after": ROW}))
    assert (change.op, change.after, change.snapshot, change.transaction) == (Op.READ, ROW, True, "5")
    assert (change.position.text, change.committed_at) == ("lsn=900", MOMENT)
    pair = {"schema": {"type": "struct", "fields": []}, "payload": {"before": None, "after": ROW}}
    (wrapped,) = converted(made(), {"id": 1}, cloud_event(data=pair))
    assert wrapped.after == ROW


def test_a_cloud_events_data_may_be_avro(with_avro):
    row = {**AVRO_ROW, "price": None, "at": MOMENT}
    body = avro({"before": None, "after": row, "source": {"connector": "mysql", "ts_ms": 5}, "op": "c"})
    wrapped = cloud_event(datacontenttype="application/avro", data=base64.b64encode(body).decode())
    (change,) = converted(with_avro, {"id": 1}, wrapped)
    assert (change.op, change.after["label"]) == (Op.CREATE, "a")


def test_a_bare_row_says_its_operation_or_is_an_update():
    row = {**ROW, "__op": "c", "__deleted": "false", "__lsn": 7, "__source_ts_ms": 1_700_000_000_123}
    (new,) = converted(made(), {"id": 1}, row)
    (gone,) = converted(made(), {"id": 1}, {**row, "__deleted": "true"})
    (plain,) = converted(made(form="row"), {"id": 1}, ROW)
    (unknown,) = converted(made(), {"id": 1}, ROW)
    assert (new.op, new.after, gone.op, gone.key) == (Op.CREATE, ROW, Op.DELETE, {"id": 1})
    assert (new.committed_at, plain.op) == (MOMENT, Op.UPDATE)
    assert unknown.problem == "not a Debezium event: it has no envelope; bare rows need the option `form: row`"
    appended = connector(LABEL, NOTE, options={"form": "row"}, kind=Kind.EVENT)
    assert converted(appended, {"id": 1}, ROW)[0].op is Op.CREATE


def test_several_datasets_are_told_apart_by_table():
    others = contract(LABEL, NOTE, dataset="lost-parcels")
    one = DebeziumConnector(
        "post", DebeziumOptions(tables={"parcels": "public.parcels"}), [contract(LABEL, NOTE), others]
    )
    assert converted(one, {"id": 1}, event("c", None, ROW))[0].dataset == "parcels"
    assert converted(one, {"id": 1}, event("c", None, ROW, {"table": "lost_parcels"}))[0].dataset == "lost-parcels"
    assert converted(one, {"id": 1}, event("c", None, ROW, {"table": "other"})) == "no dataset takes public.other"
    (unreadable,) = one.convert(data({"id": 1}), b"{")
    assert unreadable.problem


def test_without_a_contract_rows_are_shown_as_they_are():
    one = DebeziumConnector("post", DebeziumOptions(), [])
    columns = {"id": {"type": "int32"}, "day": {"type": "int32", "name": "io.debezium.time.Date"}}
    (change,) = converted(
        one, {"id": 1}, with_schema(event("u", None, {"id": 1, "day": 0, "big": PLACEHOLDER}), columns)
    )
    assert change.after == {"id": 1, "day": datetime(1970, 1, 1, tzinfo=UTC).date(), "big": None}
    assert change.unavailable == ("big",)


@pytest.mark.parametrize("depth", [90, 120, 900])
@pytest.mark.parametrize("kind", [TypeName.STRING, TypeName.ARRAY])
def test_a_document_that_is_nested_too_deeply_is_quarantined(depth: int, kind: TypeName) -> None:
    one = connector(field("label", kind, items=FieldType(TypeName.STRING)))
    nested = "[" * depth + "]" * depth
    found = one.convert(data({"id": 7}), json.dumps(event("c", None, {"id": 7, "label": nested})).encode())
    assert kind is TypeName.STRING or (found[0].problem is None) is (depth < 100)
    plain = json.dumps(event("c", None, {"id": 7, "label": "@"})).replace('"@"', nested).encode()
    assert (one.convert(data({"id": 7}), plain)[0].problem is None) is (depth < 100)
