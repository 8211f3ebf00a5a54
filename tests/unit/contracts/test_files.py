"""`concordat contract` on files: what is taken over or written out is the same to the byte."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from broker.cli import contract as verbs
from contracts.faults import Unusable
from contracts.text import parse
from tests.unit.contracts.test_text import GOOD

ODD = "\ufeff" + GOOD.replace("name: Visits", 'name: "Visits :warning: [bold]x[/bold]\t."').replace("\n", "\r\n")


def test_import_keeps_every_byte(tmp_path):
    theirs, ours = tmp_path / "theirs.yaml", tmp_path / "ours.yaml"
    theirs.write_bytes(ODD.encode())
    result = CliRunner().invoke(verbs.app, ["import", str(theirs), "--output", str(ours), "--json"])
    assert result.exit_code == 0, result.exception
    assert ours.read_bytes() == ODD.encode()
    assert CliRunner().invoke(verbs.app, ["import", str(theirs)]).stdout_bytes == ODD.encode()
    document = json.loads(CliRunner().invoke(verbs.app, ["import", str(theirs), "--json"]).stdout)
    assert document == {"file": None, "dataset": "visits", "text": ODD}


def test_export_prints_every_byte(monkeypatch):
    contract = parse(ODD)
    monkeypatch.setattr(verbs, "_published", lambda dataset: SimpleNamespace(contract=contract))
    result = CliRunner().invoke(verbs.app, ["export", "visits"])
    assert result.exit_code == 0, result.exception
    assert result.stdout_bytes == ODD.encode()


def test_what_is_not_utf_8_has_its_place(tmp_path):
    file = tmp_path / "latin.yaml"
    file.write_bytes(GOOD.encode().replace(b"Visits", b"Vis\xeft"))
    result = CliRunner().invoke(verbs.app, ["check", str(file)])
    assert isinstance(result.exception, Unusable)
    (fault,) = result.exception.faults
    assert (fault.line, fault.column, fault.file) == (4, 10, str(file))


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"[1]", b'{"a": 1,', b"\tx: 1", b"a: b\n---\nc: d\n"])
def test_a_file_that_is_no_contract_ends_with_status_2(tmp_path, data):
    file = tmp_path / "odd.yaml"
    file.write_bytes(data)
    result = CliRunner().invoke(verbs.app, ["check", str(file), "--json"])
    assert isinstance(result.exception, Unusable)
    assert [fault.code.identifier for fault in result.exception.faults] == ["CON-001"]
