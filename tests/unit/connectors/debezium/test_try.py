"""`concordat connector try`: one JSON document, one entry per event or row, no Kafka; bad input ends with status 2 and the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from broker.cli.connector_try import command
from contracts.faults import Unusable
from tests.debezium_cases import CONTRACT_TEXT, event

RECORDED = Path(__file__).parents[4].parent / "shared" / "data" / "debezium"
ENTRY = {"line", "outcome", "op", "key", "before", "after", "source", "reason", "unavailable"}
ROW = {"id": 1, "label": "a", "note": None}


@pytest.fixture
def tried(tmp_path):
    def run(lines, *arguments, contract=True, connector="debezium", options=""):
        (tmp_path / "contract.yaml").write_text(CONTRACT_TEXT)
        config = f"connector: {connector}\nname: post\ndataset: parcels\n{options}"
        (tmp_path / "config.yaml").write_text(config + ("contracts: [contract.yaml]\n" if contract else ""))
        text = lines if isinstance(lines, str) else "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / "events.jsonl").write_text(text)
        paths = [str(tmp_path / "config.yaml"), "--events", str(tmp_path / "events.jsonl"), *arguments]
        app = typer.Typer()
        app.command("try")(command)
        return CliRunner().invoke(app, paths)

    return run


def entries(result):
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def test_each_event_has_its_outcome_and_reason(tried):
    found = entries(
        tried(
            [
                {"key": {"id": 1}, "value": event("c", None, ROW)},
                {"key": {"id": 1}, "value": event("u", None, {**ROW, "label": None})},
                {"key": {"id": 1}, "value": event("u", None, {**ROW, "label": 7.5, "id": "x"})},
                {"key": {"id": 1}, "value": event("d", None, None)},
                {"key": {"id": 1}, "value": None},
                {"key": None, "value": {"status": "BEGIN", "id": "1"}},
            ],
            "--json",
        )
    )
    assert all(set(one) == ENTRY for one in found)
    assert [(one["line"], one["outcome"], one["op"]) for one in found] == [
        (1, "accepted", "c"), (2, "quarantine", "u"), (3, "quarantine", "u"), (4, "accepted", "d"),
        (5, "passed-over", None), (6, "passed-over", None),
    ]  # fmt: skip
    assert (found[0]["key"], found[0]["after"], found[0]["reason"]) == ({"id": 1}, ROW, None)
    assert found[0]["source"]["position"] == "lsn=900;txId=77"
    assert found[1]["reason"] == "required: label"
    assert found[2]["reason"].startswith("id: not a whole number")


def test_without_a_contract_the_change_is_shown_as_it_is(tried):
    (found,) = entries(tried([{"key": {"id": 1}, "value": event("c", None, {"a": 1.5})}], "--json", contract=False))
    assert (found["outcome"], found["after"], found["source"]["dataset"]) == ("converted", {"a": 1.5}, "parcels")


def test_records_may_be_text_or_bytes(tried):
    text = json.dumps(event("c", None, ROW))
    lines = [
        {"key": '{"id": 1}', "value": text},
        {"value": {"$base64": "e30="}},
        {"value": {"$hex": "00"}},
    ]
    found = entries(tried(lines, "--json"))
    assert [one["outcome"] for one in found] == ["accepted", "quarantine", "quarantine"]
    assert found[1]["reason"].startswith("not a Debezium event")
    assert (found[1]["op"], found[1]["after"]) == (None, {"record": "e30="})
    assert found[2]["reason"].startswith("Avro that cannot be read")


def test_a_pipe_gets_one_entry_per_line(tried):
    lines = [{"key": {"id": 1}, "value": event("c", None, ROW)}, {"key": {"id": 1}, "value": event("z", None, ROW)}]
    found = tried(lines)
    assert found.exit_code == 0, found.exception
    accepted, unknown = [json.loads(line) for line in found.stdout.splitlines()]
    assert [accepted, unknown] == entries(tried(lines, "--json"))
    assert (accepted["outcome"], accepted["after"]) == ("accepted", ROW)
    assert (unknown["outcome"], unknown["op"], unknown["key"]) == ("quarantine", None, {"id": 1})
    assert unknown["after"].keys() == {"record"}  # whole, so that nothing is lost


@pytest.mark.parametrize(
    "text", ['{"key": 1}\n', '{"key": 1, "value": 2}\n{"value"\n', "[]\n", '{"value": {"$hex": "x"}}\n', "\x00\n"]
)
def test_a_line_that_is_no_event_is_named_and_nothing_is_converted(tried, text):
    found = tried(text, "--json")
    assert isinstance(found.exception, Unusable)
    fault = found.exception.faults[0]
    assert (fault.code.identifier, fault.line) == ("INT-025", text.count("\n"))
    assert fault.file.endswith("events.jsonl")


def test_what_the_configuration_gets_wrong_is_named(tried, tmp_path):
    assert isinstance(tried([], "--contract", str(tmp_path / "no.yaml")).exception, Unusable)
    assert isinstance(tried([], options="options: {registry: no}\n").exception, Unusable)
    assert isinstance(tried([], connector="memory", contract=False).exception, Unusable)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the events that others recorded are not here")
def test_events_that_others_recorded_are_all_understood(tried):
    events = []
    for file in sorted(RECORDED.glob("*.json")):
        recorded = json.loads(file.read_text())
        if "key" not in file.name:
            events += [(file.name, one) for one in [recorded.get("event"), *recorded.get("events", [])] if one]
    found = entries(tried([{"key": {"id": 1004}, "value": one} for _, one in events], "--json", contract=False))
    assert len(found) == len(events) > 20
    for (name, _), one in zip(events, found, strict=True):
        if "transaction" in name or "message" in name or "schemachange" in name:
            assert one["outcome"] == "passed-over", name
        elif name == "cloudevents-cloudevent-2.json":  # its Avro schema was not recorded
            assert "no schema of number 1" in one["reason"]
        else:
            assert one["outcome"] == "converted", name
    toast = next(one for (name, _), one in zip(events, found, strict=True) if "toast" in name)
    assert (toast["unavailable"], toast["after"]["biography"]) == (["biography"], None)
