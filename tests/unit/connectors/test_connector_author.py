"""`concordat connector new` and `conformance`, as an author uses them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from broker.cli.app import main

pytestmark = pytest.mark.xdist_group("connector-author")


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
