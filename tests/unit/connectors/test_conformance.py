"""The conformance kit passes the shipped connectors that need no server, and names what is broken in the others."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlite_connector.harness import SqliteHarness

from connectors.conformance import PROMISES
from connectors.conformance.memory import MemoryHarness
from connectors.conformance.testing import conformance_tests
from tests.broken_connectors import PATHS, conformance
from tests.mutations import mutants
from tests.servers import once

pytestmark = pytest.mark.xdist_group("conformance")
ROOT = Path(__file__).parents[3]
AT_ONCE = 5
CAUGHT_MIN = 10

test_memory = conformance_tests(MemoryHarness)
test_sqlite = conformance_tests(SqliteHarness)


@pytest.fixture(scope="module")
def reports(run_directory):
    """Each broken connector by the command, once in a run: how it ended, and what it printed."""

    def made():
        with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as pool:
            return dict(zip(PATHS, pool.map(conformance, PATHS), strict=True))

    return once(run_directory, "broken-connectors", made)


@pytest.mark.parametrize("path", PATHS)
def test_the_command_ends_with_1_and_the_one_promise_that_a_broken_connector_breaks(reports, path):
    status, printed = reports[path]
    assert status == 1, printed
    document = json.loads(printed)
    broken = {one["promise"]: one["evidence"] for one in document["promises"] if one["verdict"] == "broken"}
    assert document["passed"] is False
    assert set(broken) == {PATHS[path]}, broken
    assert broken[PATHS[path]]


def test_every_promise_has_a_connector_that_breaks_it():
    assert set(PATHS.values()) == {promise.name for promise in PROMISES}


def test_a_connector_written_from_the_guide_is_short():
    assert len((ROOT / "examples/sqlite_connector/connector.py").read_text(encoding="utf-8").splitlines()) < 150


MUTATED = {
    "connectors.memory": ("connectors/memory.py", "connectors.conformance.memory:MemoryHarness", 6),
    "connectors.files.append": ("connectors/files/append.py", "connectors.files.harness:AppendHarness", 3),
    "connectors.files.extract": ("connectors/files/extract.py", "connectors.files.harness:ExtractHarness", 3),
    "sqlite_connector.connector": (
        "examples/sqlite_connector/connector.py",
        "sqlite_connector.harness:SqliteHarness",
        4,
    ),
}
SEED = 4

_MUTANT = """
import subprocess
import sys
from importlib.util import spec_from_file_location


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return spec_from_file_location(name, {file!r}) if name == {module!r} else None


sys.meta_path.insert(0, Finder)
from {of} import {harness}


class MutantHarness({harness}):
    large_rows = 200
"""
_PROVE = """
import subprocess
import sys
sys.path[:0] = sys.argv[2:]
from connectors.conformance import prove
print(next((one.promise for one in prove(sys.argv[1]) if one.verdict == "broken"), ""))
"""


def test_random_mutations_are_caught(tmp_path, record_property):
    """Some mutations change nothing that anybody promised (a pause left out); most of them must be caught.

    The harnesses have the patience with which other tests pass the connectors as they are: slowness catches no mutant.
    """
    made = {}
    for module, (source, harness, count) in MUTATED.items():
        for what, mutant in mutants((ROOT / source).read_text(encoding="utf-8"), SEED, count):
            name = f"mutant_{len(made)}"
            file = tmp_path / f"{name}_source.py"
            file.write_text(mutant, encoding="utf-8")
            of, _, kind = harness.partition(":")
            text = _MUTANT.format(file=str(file), module=module, of=of, harness=kind)
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
            made[f"{source} {what}"] = f"{name}:MutantHarness"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(made, pool.map(partial(_first_broken, tmp_path), made.values()), strict=True))
    caught = [what for what, promise in found.items() if promise]
    record_property("caught", f"{len(caught)} of {len(found)}")
    assert len(caught) >= CAUGHT_MIN, found


def _first_broken(directory: Path, path: str) -> str:
    """The promise that a mutant breaks first; nothing where it breaks none."""
    places = [str(directory), str(ROOT), str(ROOT / "examples")]
    command = [sys.executable, "-P", "-c", _PROVE, path, *places]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
