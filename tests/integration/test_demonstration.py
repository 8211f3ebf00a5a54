"""The demonstration itself, once, as a user runs it: its report, its evidence, and that nothing is left behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tests.servers import once

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


SHAPE = re.compile(rb"TR-[0-9A-F]{8}-\d{4}|\d{9}|[a-z0-9._]+@example\.[a-z]+")
"""What identifies a traveller, wherever it stands: reference, document number, address."""


@pytest.fixture(scope="module")
def demonstration(run_directory: Path):
    directory = run_directory / "demonstration"

    def run() -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "broker.cli", "demo", "--directory", str(directory), "--json"],
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        return {"returncode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}

    return directory, SimpleNamespace(**once(run_directory, "demonstration-run", run))


def test_every_assertion_held(demonstration):
    _, done = demonstration
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    report = json.loads(done.stdout)
    assert report["passed"] is True
    assert len(report["assertions"]) >= 35
    assert [made["name"] for made in report["assertions"] if not made["passed"]] == []


def test_outcomes_add_up_and_the_audit_says_the_same(demonstration):
    report = json.loads(demonstration[1].stdout)
    for share in report["shares"]:
        assert sum(share["by_outcome"].values()) == share["decisions"], share["topic"]
    decisions = sum(share["decisions"] for share in report["shares"]) + report["quarantined"]
    assert decisions == report["decisions"] == report["audit"]["decisions"]
    assert report["by_outcome"] == report["audit"]["by_outcome"]
    by_topic = {share["topic"]: share["by_outcome"] for share in report["audit"]["shares"]}
    assert {share["topic"]: share["by_outcome"] for share in report["shares"]} == by_topic
    assert set(report["by_outcome"]) >= {"redact", "permit", "withdraw", "delete", "unchanged", "hold", "deny"}


def test_the_evidence_is_written_and_verifies_by_itself(demonstration):
    directory, done = demonstration
    assert json.loads((directory / "evidence" / "report.json").read_text()) == json.loads(done.stdout)
    verified = subprocess.run(
        [sys.executable, "-m", "broker.cli", "audit", "verify", str(directory / "evidence" / "log"), "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["root"] == json.loads(done.stdout)["audit"]["root"]


def test_no_process_and_no_state_is_left(demonstration):
    directory, _ = demonstration
    assert not (directory / "state").exists()
    left = [process.pid for process in psutil.process_iter() if _concerns(process, directory / "state")]
    assert left == []


def test_no_personal_data_is_in_the_evidence(demonstration):
    """The evidence may be handed on: identifiers of travellers, their documents and addresses are nowhere in it."""
    directory, _ = demonstration
    data = Path(__file__).parents[2] / "examples" / "data" / "travellers.csv"
    rows = [line.split(",") for line in data.read_text(encoding="utf-8").splitlines()[1:]]
    words = {word.encode() for row in rows for word in (row[0], row[5], row[6])}
    assert all(SHAPE.fullmatch(word) for word in words), "a word that would not be found"
    for path in (directory / "evidence").rglob("*"):
        if path.is_file():
            assert words.isdisjoint(SHAPE.findall(path.read_bytes())), path.name


def _concerns(process: psutil.Process, directory: Path) -> bool:
    try:
        return any(str(directory) in word for word in process.cmdline())
    except psutil.Error:
        return False
