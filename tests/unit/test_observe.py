"""What a log line may hold."""

from __future__ import annotations

import ast
import io
import json
import sys
from pathlib import Path

import pytest

from broker import observe

SOURCES = [file for package in ("broker", "connectors") for file in sorted(Path(package).rglob("*.py"))]


def test_a_fact_under_an_unknown_name_is_withheld(capsys):
    observe.configure("INFO")
    observe.logger("test").info("decided", topic="source.x", passenger="Ada Lovelace")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["topic"], line["logger"], line["passenger"]) == (
        "decided",
        "source.x",
        "test",
        "withheld",
    )


@pytest.mark.parametrize("level", ["DEBUG", "info"])
def test_a_level_is_a_name_in_any_case(level, capsys):
    observe.configure(level)
    observe.logger("test").debug("detail")
    assert bool(capsys.readouterr().err) == (level == "DEBUG")


def test_a_line_goes_to_what_standard_error_is_when_it_is_written(monkeypatch):
    before, after = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", before)
    observe.configure("INFO")
    log = observe.logger("test")
    before.close()
    monkeypatch.setattr(sys, "stderr", after)
    log.info("decided")
    assert json.loads(after.getvalue())["event"] == "decided"


def test_no_line_of_ours_states_a_fact_that_is_withheld():
    found = []
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and "log" in ast.unparse(node.func.value)
            ):
                found += [
                    f"{file}: {word.arg}" for word in node.keywords if _is_line(node) and word.arg not in observe.KEYS
                ]
    assert found == []


def _is_line(node: ast.Call) -> bool:
    return node.func.attr in ("debug", "info", "warning", "error", "critical", "exception", "bind")
