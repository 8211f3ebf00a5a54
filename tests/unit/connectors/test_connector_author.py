"""`concordat connector new` and `conformance`, as an author uses them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from broker.cli.app import main

pytestmark = pytest.mark.xdist_group("connector-author")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def concordat(capsys, monkeypatch):
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["concordat", *arguments])
        monkeypatch.setattr("sys.path", list(sys.path))
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code or 0, *capsys.readouterr())

    return call


def test_a_new_connector_passes_the_kit_as_it_is(concordat, tmp_path):
    status, out, _ = concordat("connector", "new", "light_house", "--directory", str(tmp_path), "--json")
    assert status == 0
    project = tmp_path / "light_house"
    written = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert len(json.loads(out)["files"]) == len(written) == 6
    assert not [path for path in project.rglob("*") if path.is_file() and "emplate" in path.read_text()]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "21 passed, 1 skipped" in done.stdout


@pytest.mark.parametrize("name", ["Light", "class", "9lives", "light-house", "../light"])
def test_a_name_that_is_no_module_name_is_refused(concordat, tmp_path, name):
    status, _, err = concordat("connector", "new", name, "--directory", str(tmp_path / "there"))
    assert (status, "CNR-404" in err) == (2, True)
    assert not (tmp_path / "there").exists()


def test_a_directory_that_is_there_is_left_alone(concordat, tmp_path):
    (tmp_path / "light").mkdir()
    status, _, err = concordat("connector", "new", "light", "--directory", str(tmp_path))
    assert (status, "CNR-404" in err) == (2, True)
    assert list((tmp_path / "light").iterdir()) == []


def test_a_broken_connector_ends_with_1_and_the_promise(concordat):
    status, out, err = concordat("connector", "conformance", "tests.broken_connectors:ForgetsDeletesHarness")
    assert status == 1
    assert "CNR-403" in err
    assert "deletes: 2 lost: delete of id 1, delete of id 2" in err
    assert "BROKEN" in out


def test_json_is_one_document_with_every_promise(concordat):
    status, out, _ = concordat("connector", "conformance", "tests.broken_connectors:SwallowsOptionsHarness", "--json")
    document = json.loads(out)
    assert (status, document["passed"]) == (1, False)
    broken = [one["promise"] for one in document["promises"] if one["verdict"] == "broken"]
    assert broken == ["unknown-option-refused"]
    assert all(one["says"] and one["evidence"] for one in document["promises"])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("nonsense", "CNR-401"),
        ("no.such.module:Class", "CNR-401"),
        ("connectors.memory:NoSuchClass", "CNR-401"),
        ("connectors.memory:MemoryStore", "CNR-402"),
    ],
)
def test_what_is_no_connector_is_wrong_usage(concordat, path, code):
    status, _, err = concordat("connector", "conformance", path)
    assert (status, code in err) == (2, True)


BROKEN_HARNESS = """
from connectors.conformance import EVERYTHING, Capability
from connectors.conformance.memory import MemoryHarness
from connectors.memory import MemoryConnector


class Raises(MemoryHarness):
    def write(self, writes):
        raise LookupError("no such table")


class Declares(MemoryHarness):
    capabilities = EVERYTHING


class Half:
    name = "half"
    conformance_harness = "{module}:HalfHarness"
    check = discover = open = poll = close = signal = MemoryConnector.close


class HalfHarness(MemoryHarness):
    connector = Half


class Fails(MemoryConnector):
    def poll(self, timeout_seconds):
        return {{}}["nothing"]


class FailsHarness(MemoryHarness):
    connector = Fails
    patience_seconds = 0.1
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module with what goes wrong in a first attempt."""
    (tmp_path / "first_attempt.py").write_text(BROKEN_HARNESS.format(module="first_attempt"))
    monkeypatch.syspath_prepend(tmp_path)
    yield "first_attempt"
    sys.modules.pop("first_attempt", None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Raises", "CNR-411 the harness failed: first_attempt.py:9: LookupError: no such table"),
        ("Declares", "first_attempt.py: NotSupported: the harness declares a capability that needs add_column()"),
        ("HalfHarness", "CNR-412 the class is no whole connector: Half has no description, options_model, durable"),
        ("Half", "CNR-412"),
    ],
)
def test_a_fault_of_the_harness_is_not_taken_for_one_of_the_connector(concordat, module, name, words):
    status, _, err = concordat("connector", "conformance", f"{module}:{name}")
    assert (status, words in err) == (2, True), err


def test_what_a_connector_raises_is_told_with_its_line(concordat, module):
    status, _, err = concordat("connector", "conformance", f"{module}:FailsHarness")
    assert status == 1
    assert "each-change-once: KeyError at first_attempt.py:28: 'nothing'" in err


def _pytest(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "connectors.conformance.plugin", "-p", "no:cacheprovider", "-rA"]
    return subprocess.run(
        [*command, *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_the_plugin_runs_the_promises_of_a_connector_and_nothing_else(tmp_path):
    (tmp_path / "test_other.py").write_text("def test_other():\n    raise AssertionError\n")
    path = "tests.broken_connectors:ForgetsDeletesHarness"
    done = _pytest("--conformance", path, directory=tmp_path)
    assert done.returncode == 1
    assert f"PASSED {path}::each-change-once" in done.stdout, done.stdout
    assert f"FAILED {path}::deletes" in done.stdout
    assert "deletes: 2 lost: delete of id 1, delete of id 2" in done.stdout
    assert "1 failed" in done.stdout
    assert "test_other" not in done.stdout
    (tmp_path / "first_attempt.py").write_text(BROKEN_HARNESS.format(module="first_attempt"))
    unfit = _pytest("--conformance", "first_attempt:Raises", directory=tmp_path)
    assert unfit.returncode == 1
    assert "PASSED first_attempt:Raises::unknown-signal-refused" in unfit.stdout
    assert "FAILED first_attempt:Raises::store-restart" in unfit.stdout
    assert "CNR-411 the harness failed: first_attempt.py:9: LookupError: no such table" in unfit.stdout
    wrong = _pytest("--conformance", "no.such.module:Class", directory=tmp_path)
    assert (wrong.returncode, "CNR-401" in wrong.stderr) == (4, True), wrong.stdout
