"""The files connector: what becomes of good files, of bad ones, and of those that changed behind its back."""

import io
import json
from decimal import Decimal

import fastavro
import pyarrow as pa
import pytest
from pyarrow import parquet
from ruamel.yaml import YAML

from connectors.files.connector import FilesConnector
from connectors.files.options import FilesOptions
from connectors.proposals import confirmed
from connectors.protocol import Away, Position
from contracts.change import Op
from contracts.codes import TERM_WRONG, UNTAGGED
from contracts.faults import Faults, Refused
from contracts.model import Contract, Field, FieldType, Kind, TypeName
from contracts.text import parse

FIELDS = (
    Field("id", FieldType(TypeName.INTEGER), required=True),
    Field("name", FieldType(TypeName.STRING)),
    Field("amount", FieldType(TypeName.DECIMAL, precision=6, scale=2)),
)
HEADER = "id,name,amount\n"


def contract(kind=Kind.ENTITY):
    return Contract("items", (1, 0, 0), kind, "OFFICIAL", "o", "s", "Items", ("id",), FIELDS)


class Store:
    def __init__(self, directory):
        self.directory = directory
        self.inbox = directory / "in"
        self.inbox.mkdir()

    def put(self, name, content):
        new = self.inbox / f"{name}.tmp"
        new.write_bytes(content if isinstance(content, bytes) else content.encode())
        new.rename(self.inbox / name)

    def connector(self, mode, position=None, kind=Kind.ENTITY, **options):
        options = {"format": "csv", "settle_seconds": 0, "look_seconds": 0.01, **options}
        if mode == "extract":
            options.setdefault("state_directory", self.directory / "state")
        found = FilesConnector("s", FilesOptions(directory=self.inbox, mode=mode, **options), [contract(kind)])
        found.open(position)
        return found


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def add(path, text):
    with path.open("a") as stream:
        stream.write(text)


def take(connector):
    """Everything that is there, every batch durable, and the last position."""
    changes, position = [], None
    while (batch := connector.poll(0)) is not None:
        changes += batch.changes
        position = batch.position
        connector.durable(position)
    return changes, position


def rows(changes):
    return [(change.op, change.after if change.after is not None else change.key) for change in changes]


def test_every_format_gives_the_same_rows(store):
    row = {"id": 7, "name": 'a "b",\nc', "amount": Decimal("1.50")}
    text = {"id": 7, "name": row["name"], "amount": "1.50"}
    schema = {
        "type": "record",
        "name": "r",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "name", "type": ["null", "string"]},
            {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        ],
    }
    avro, columns = io.BytesIO(), io.BytesIO()
    fastavro.writer(avro, schema, [row])
    parquet.write_table(pa.Table.from_pylist([row]), columns)
    contents = {
        "csv": b'\xef\xbb\xbfid,name,amount\r\n7,"a ""b"",\nc",1.50\r\n',
        "jsonl": json.dumps(text).encode(),
        "avro": avro.getvalue(),
        "parquet": columns.getvalue(),
    }
    for form, content in contents.items():
        store.put(f"items.{form}", content)
        changes, _ = take(store.connector("append", format=form, files={"items": f"*.{form}"}))
        assert rows(changes) == [(Op.UPDATE, row)], form
        assert changes[0].problem is None


def test_a_damaged_container_is_one_problem_and_no_crash(store):
    for form in ("avro", "parquet"):
        store.put(f"items.{form}", b"Obj\x01 damaged")
        changes, _ = take(store.connector("append", format=form, files={"items": f"*.{form}"}))
        assert [change.after for change in changes] == [None]
        assert f"not {form}" in changes[0].problem


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1,a,secret", "amount: not a decimal"),
        ("1,a,1.234", "amount: a decimal with more digits"),
        ("one,a,1", "id: not an integer"),
        (",a,1", "id: the key is missing"),
        ("1,a", "2 cells under a header of 3"),
        ('1,"a,1', "quotation mark"),
        ('1,a"b,1', "quotation mark"),
        ("1," + "x" * 300 + ",1", "a line of more than 200 bytes"),
    ],
)
def test_a_row_that_cannot_be_read_is_a_problem_with_its_line(store, line, said):
    store.put("items", HEADER + "1,good,1\n" + line + "\n3,good,3\n")
    changes, _ = take(store.connector("append", row_bytes_max=200))
    assert [change.problem is None for change in changes] == [True, False, True]
    assert said in changes[1].problem
    assert "secret" not in changes[1].problem
    assert [change.position.text for change in changes] == ["items:2", "items:3", "items:4"]


def test_bytes_that_are_no_text_are_a_problem_and_other_encodings_are_read(store):
    store.put("items", HEADER.encode() + b"1,Zo\xeb,1\n")
    bad, _ = take(store.connector("append"))
    good, _ = take(store.connector("append", encoding="iso-8859-1"))
    assert bad[0].problem == "not utf-8"
    assert good[0].after["name"] == "Zoë"


@pytest.mark.parametrize(("empty", "names"), [("null", [None, None]), ("text", ["", ""]), ("quoted-text", [None, ""])])
def test_an_empty_cell_is_what_the_option_says(store, empty, names):
    store.put("items", HEADER + '1,,\n2,"",\n')
    changes, _ = take(store.connector("append", empty=empty))
    assert [change.after["name"] for change in changes] == names
    assert [change.after["amount"] for change in changes] == [None, None]


@pytest.mark.parametrize("header", ["id,name", "id,name,amount,extra", "id,name,amount,name"])
def test_columns_that_do_not_fit_are_refused_by_check_and_by_reading(store, header):
    store.put("items", header + "\n")
    connector = store.connector("append")
    assert [fault.code.identifier for fault in connector.check().faults] == ["CNR-305"]
    with pytest.raises(Refused):
        connector.poll(0)


def test_an_unknown_column_can_be_ignored(store):
    store.put("items", "id,extra,name,amount\n1,x,a,1\n")
    changes, _ = take(store.connector("append", on_unknown_column="ignore"))
    assert rows(changes) == [(Op.UPDATE, {"id": 1, "name": "a", "amount": Decimal(1)})]


def test_a_member_that_a_line_lacks_is_unavailable_and_not_null(store):
    store.put("items", '{"id":1,"name":null}\n')
    changes, _ = take(store.connector("append", format="jsonl"))
    assert changes[0].unavailable == ("amount",)


def test_files_are_read_by_name_and_once_over_a_restart(store):
    store.put("items-2", HEADER + "2,b,")
    store.put("items-1", HEADER + "1,a,\n")
    changes, position = take(store.connector("append", kind=Kind.EVENT))
    assert [(change.op, change.key["id"]) for change in changes] == [(Op.CREATE, 1), (Op.CREATE, 2)]
    store.put("items-0", HEADER + "0,late,\n")
    assert [change.key["id"] for change in take(store.connector("append", position))[0]] == [0]


def test_a_file_that_was_read_and_is_another_now_is_refused(store):
    store.put("items", HEADER + "1,a,\n")
    _, position = take(store.connector("append"))
    store.put("items", HEADER + "1,a,\n")
    assert take(store.connector("append", position))[0] == []  # the same again
    store.put("items", HEADER + "1,b,\n")
    with pytest.raises(Refused, match="CNR-302"):
        store.connector("append", position).poll(0)
    (store.inbox / "items").unlink()
    assert take(store.connector("append", position))[0] == []


def test_a_file_that_goes_before_it_is_read_is_refused(store):
    store.put("items", HEADER + "1,a,\n2,a,\n")
    connector = store.connector("append", batch_changes_max=1)
    batch = connector.poll(0)
    connector.close()
    (store.inbox / "items").unlink()
    with pytest.raises(Refused, match="CNR-303"):
        store.connector("append", batch.position).poll(0)


def test_only_complete_lines_of_a_growing_file_are_read(store):
    path = store.inbox / "items"
    path.write_text(HEADER + '1,a,\n2,"b')
    connector = store.connector("grow")
    assert [change.key["id"] for change in take(connector)[0]] == [1]
    add(path, '\nc",\n3,d')
    changes, _ = take(connector)
    assert [(change.key["id"], change.after["name"]) for change in changes] == [(2, "b\nc")]


def test_truncation_is_detected_and_may_be_chosen(store):
    path = store.inbox / "items"
    path.write_text(HEADER + "1,a,\n2,b,\n")
    _, position = take(store.connector("grow"))
    path.write_text(HEADER + "3,c,\n")
    with pytest.raises(Refused, match="CNR-304"):
        store.connector("grow", position).poll(0)
    changes, _ = take(store.connector("grow", position, on_truncation="reread"))
    assert [change.key["id"] for change in changes] == [3]


def test_rotation_by_renaming_loses_nothing(store):
    path = store.inbox / "items"
    path.write_text(HEADER + "1,a,\n")
    connector = store.connector("grow", files={"items": "items"})
    take(connector)
    add(path, "2,b,\n")
    path.rename(store.inbox / "items.1")
    path.write_text(HEADER + "3,c,\n")
    assert [change.key["id"] for change in take(connector)[0]] == [2, 3]


def test_an_extract_is_compared_with_the_one_before(store):
    store.put("items-1", HEADER + "1,a,\n2,b,\n3,c,\n")
    first, position = take(store.connector("extract"))
    assert [op for op, _ in rows(first)] == [Op.CREATE] * 3
    store.put("items-2", HEADER + "3,c,\n2,B,\n4,d,\n")
    second, _ = take(store.connector("extract", position))
    assert [(change.op, change.key["id"]) for change in second] == [(Op.UPDATE, 2), (Op.CREATE, 4), (Op.DELETE, 1)]


def test_an_extract_written_anew_under_its_name_counts(store):
    store.put("items", HEADER + "1,a,\n")
    _, position = take(store.connector("extract"))
    store.put("items", HEADER + "1,b,\n")
    assert [op for op, _ in rows(take(store.connector("extract", position))[0])] == [Op.UPDATE]


def test_an_extract_that_goes_while_it_is_carried_is_carried_to_its_end(store):
    store.put("items-1", HEADER + "1,a,\n2,b,\n3,c,\n")
    batch = store.connector("extract", batch_changes_max=2).poll(0)
    (store.inbox / "items-1").unlink()
    rest, _ = take(store.connector("extract", batch.position, batch_changes_max=2))
    assert [change.key["id"] for change in (*batch.changes, *rest)] == [1, 2, 3]


def test_nothing_is_deleted_by_an_extract_with_an_unreadable_key(store):
    store.put("items-1", HEADER + "1,a,\n2,b,\n")
    _, position = take(store.connector("extract"))
    store.put("items-2", HEADER + "1,a,\nx,b,\n")
    second, position = take(store.connector("extract", position))
    assert [(change.problem, change.key["id"]) for change in second] == [("id: not an integer", None)]
    store.put("items-3", HEADER + "1,a,\n")
    assert [(c.op, c.key["id"]) for c in take(store.connector("extract", position))[0]] == [(Op.DELETE, 2)]


def test_a_key_that_stands_twice_is_a_problem_until_it_stands_once(store):
    store.put("items-1", HEADER + "1,a,\n1,b,\n")
    first, position = take(store.connector("extract"))
    assert [change.problem for change in first] == ["the key stands 2 times in the extract"]
    store.put("items-2", HEADER + "1,b,\n")
    second, _ = take(store.connector("extract", position))
    assert [(change.op, change.problem) for change in second] == [(Op.UPDATE, None)]


def test_an_extract_that_lacks_too_much_is_refused(store):
    store.put("items-1", HEADER + "1,a,\n2,b,\n3,c,\n")
    _, position = take(store.connector("extract"))
    store.put("items-2", HEADER + "1,a,\n")
    with pytest.raises(Refused, match="lacks 2 of 3 rows"):
        store.connector("extract", position).poll(0)


def test_a_lost_or_changed_state_is_refused(store):
    store.put("items-1", HEADER + "1,a,\n")
    _, position = take(store.connector("extract"))
    [kept] = (store.directory / "state").iterdir()
    kept.write_bytes(kept.read_bytes() + b"\n")
    with pytest.raises(Refused, match="CNR-307"):
        store.connector("extract", position)
    kept.unlink()
    with pytest.raises(Refused, match="CNR-307"):
        store.connector("extract", position)


def test_durable_at_an_older_position_keeps_what_both_need(store):
    store.put("items-1", HEADER + "1,a,\n")
    _, older = take(store.connector("extract"))
    store.put("items-2", HEADER + "1,b,\n")
    connector = store.connector("extract", older)
    newer = connector.poll(0).position
    connector.durable(older)
    store.connector("extract", older)
    store.connector("extract", newer)


def test_wrong_positions_and_directories_are_refused_with_a_reason(store, tmp_path):
    with pytest.raises(Refused, match="CNR-025"):
        store.connector("append", Position("x"))
    with pytest.raises(Refused, match="CNR-309"):
        store.connector("extract", kind=Kind.EVENT)
    store.inbox.rmdir()
    with pytest.raises(Away, match="CNR-301"):
        store.connector("append")


def test_a_draft_proposes_and_confirms_nothing(store):
    store.put(
        "people-1.csv", "person_id,surname,born_on,active,telephone\n1,Ada,1990-01-31,true,0123\n2,Bo,,false,07\n"
    )
    options = FilesOptions(directory=store.inbox, mode="append", format="csv")
    [text] = FilesConnector("s", options, []).discover()
    draft = YAML(typ="safe").load(text)
    properties = {one["name"]: one for one in draft["schema"][0]["properties"]}
    assert draft["id"] == "people"
    assert [one["logicalType"] for one in properties.values()] == ["integer", "string", "date", "boolean", "string"]
    assert properties["person_id"]["primaryKey"] is True
    assert all(tag.startswith("proposed:") for one in properties.values() for tag in one["tags"])
    refused = parse(text)
    assert isinstance(refused, Faults)
    assert {fault.code for fault in refused.items} == {UNTAGGED, TERM_WRONG}
    assert isinstance(parse(confirmed(text)), Contract)
