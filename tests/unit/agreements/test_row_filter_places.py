"""A row filter that cannot be parsed is a fault of `agreement check` by itself, where it stands in the text."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from agreements.text import places
from broker.cli.agreement import app
from contracts.faults import AnswerIsNo
from tests.unit.agreements.test_faulty_documents import SOUND

_LINE = next(line for line in SOUND.split("\n") if line.startswith("    rows: "))
_NUMBER = SOUND.split("\n").index(_LINE) + 1


def _faults(tmp_path, rows: str, *others: tuple[str, str]) -> list[tuple[str, int, int]]:
    text = SOUND.replace(_LINE, f"    rows: {rows}")
    for old, new in others:
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "faulty.agreement.yaml"
    file.write_text(text)
    result = CliRunner().invoke(app, ["check", str(file), "--json"])
    assert isinstance(result.exception, AnswerIsNo), result.output
    assert all(fault.file == str(file) for fault in result.exception.faults)
    return [(fault.code.identifier, fault.line, fault.column) for fault in result.exception.faults]


@pytest.mark.parametrize(
    ("rows", "line", "column"),
    [
        ('port = "LHR"', 0, 16),
        ("\"port = 'LHR'\"", 0, 17),
        ("'port = 1'", 0, 17),
        ("|\n      port == 1 &&\n      port = 2", 2, 12),
        (">-\n        port = 2", 1, 14),
        ("(port == 1", 0, 21),
    ],
)
def test_the_fault_stands_where_the_expression_is_wrong(tmp_path, rows, line, column):
    assert _faults(tmp_path, rows) == [("POL-001", _NUMBER + line, column)]


def test_it_comes_with_the_other_faults_of_meaning(tmp_path):
    found = _faults(tmp_path, "port =", ("side: recipient", "side: provider"))
    assert [code for code, _, _ in found] == ["AGR-020", "AGR-020", "POL-001"]


def test_a_sound_filter_begins_where_its_text_does():
    assert places(SOUND)["shares[0].rows"] == (_NUMBER, 11)
    assert places(SOUND.replace(_LINE, "    rows: |\n\n      a\n"))["shares[0].rows"] == (_NUMBER + 1, 7)
