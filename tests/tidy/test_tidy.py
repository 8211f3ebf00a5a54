"""What no tool checks: the size of files and functions, names that say nothing, words that may not stand in a source."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "agreements", "connectors", "broker")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LINES_MAX = 300
FUNCTION_LINES_MAX = 70
_EMPTY_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "base", "manager"}
_UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|NotImplemented" + r"Error)\b")


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_is_short_and_its_functions_too(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= FUNCTION_LINES_MAX, node.name


def test_no_module_is_named_after_having_no_subject():
    assert [str(path) for path in SOURCES if path.stem in _EMPTY_NAMES or path.parent.name in _EMPTY_NAMES] == []


def test_nothing_unfinished_is_kept():
    found = [str(path) for path in SOURCES if _UNFINISHED.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_no_path_of_a_machine_is_kept():
    homes = re.compile(r"(?<![\w.])/(?:home|Users|root|work)/[a-z]")
    found = []
    for path in _tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path != Path(__file__) and homes.search(text):
            found.append(str(path.relative_to(ROOT)))
    assert found == []


def test_locks_name_the_hash_of_every_file_and_no_index():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "--index-url" not in text
        assert "--find-links" not in text
        assert "://" not in text
        for requirement in re.split(r"\n(?=[a-z0-9])", text.split("\n\n")[-1]):
            if re.match(r"[a-z0-9][\w.-]*==", requirement):
                assert "--hash=sha256:" in requirement, requirement.splitlines()[0]


def test_the_reader_of_the_environment_and_the_reader_of_the_clock_are_alone():
    """Ruff bans the calls; this sees that nobody has excused another module from the ban."""
    excused = [str(path.relative_to(ROOT)) for path in SOURCES if "noqa: TID251" in path.read_text(encoding="utf-8")]
    assert excused == ["broker/settings.py"]
