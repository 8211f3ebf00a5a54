"""The conformance kit passes the shipped connectors that need no server, and names what is broken in the others."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlite_connector.harness import SqliteHarness

from connectors.conformance import Verdict, prove, report
from connectors.conformance.memory import MemoryHarness
from connectors.conformance.testing import conformance_tests
from tests.broken_connectors import PATHS
from tests.mutations import mutants

pytestmark = pytest.mark.xdist_group("conformance")
ROOT = Path(__file__).parents[3]
AT_ONCE = 5
CAUGHT_MIN = 10

test_memory = conformance_tests(MemoryHarness)
test_sqlite = conformance_tests(SqliteHarness)


@pytest.fixture(scope="module")
def reports():
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(PATHS, pool.map(report, PATHS), strict=True))


@pytest.mark.parametrize("path", PATHS)
def test_a_broken_connector_fails_the_check_that_is_meant_for_it_and_no_other(reports, path):
    broken = {outcome.promise: outcome.evidence for outcome in reports[path].broken}
    assert set(broken) == {PATHS[path]}, broken
    assert broken[PATHS[path]]


MUTATED = {
    "connectors/memory.py": ("connectors.conformance.memory:MemoryHarness", "MemoryConnector", 5),
    "connectors/template/connector.py": ("connectors.template.harness:TemplateHarness", "TemplateConnector", 5),
    "examples/sqlite_connector/connector.py": ("sqlite_connector.harness:SqliteHarness", "SqliteConnector", 5),
}


def test_random_mutations_are_caught(tmp_path, monkeypatch, record_property):
    """Some mutations change nothing that anybody promised (a pause left out); most of them must be caught."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = {}
    for source, (harness, connector, count) in MUTATED.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        for what, mutant in mutants(text, seed=4, count=count):
            name = f"mutant_{len(made)}"
            (tmp_path / f"{name}.py").write_text(mutant + _harness_of(*harness.split(":"), connector), encoding="utf-8")
            made[f"{name}:MutantHarness"] = f"{source} {what}"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(made.values(), pool.map(_first_broken, made), strict=True))
    for name in [name for name in sys.modules if name.startswith("mutant_")]:
        del sys.modules[name]
    caught = {what: promise for what, promise in found.items() if promise}
    record_property("caught", f"{len(caught)} of {len(found)}")
    assert len(caught) >= CAUGHT_MIN, found


def _harness_of(module: str, name: str, connector: str) -> str:
    return (
        f"\n\nfrom {module} import {name}\n\n\nclass MutantHarness({name}):\n"
        f"    connector = {connector}\n    patience_seconds = 0.3\n    large_rows = 200\n"
    )


def _first_broken(path: str) -> str | None:
    return next((one.promise for one in prove(path) if one.verdict is Verdict.BROKEN), None)
