"""The kit as a pytest plugin, for connectors that have no test file of their own: one test for each promise.

pytest -p connectors.conformance.plugin --conformance lighthouse:LighthouseConnector

With `--conformance` pytest runs the promises alone; a setting of the harness is given by `--conformance-set NAME=VALUE`.  It is loaded
by `-p` and not by an entry point, so that no other run of pytest pays for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from connectors.conformance.kit import PROMISES, Outcome, harness_at, prove
from connectors.conformance.testing import check
from contracts.faults import Failure


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options."""
    group = parser.getgroup("conformance", "conformance of connectors")
    group.addoption(
        "--conformance", action="append", default=[], metavar="MODULE:CLASS", help="A connector, or its harness."
    )
    group.addoption(
        "--conformance-set", action="append", default=[], metavar="NAME=VALUE", help="A setting for the harness."
    )


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--conformance`: the promises of each connector in the place of whatever else was found."""
    paths = config.getoption("--conformance")
    if not paths:
        return
    settings = _settings(config.getoption("--conformance-set"))
    items[:] = [item for path in paths for item in _items(session, path, settings)]


class PromiseItem(pytest.Item):
    """One promise of one connector as a test."""

    run: _Run

    def runtest(self) -> None:
        """Fail with the evidence, or skip with the reason."""
        check(self.run.outcome(self.name))

    def reportinfo(self) -> tuple[Path, None, str]:
        """What pytest calls it."""
        return Path(self.run.path), None, f"{self.run.path} {self.name}"


class _Run:
    """The kit's run for one connector; it goes on as far as the promise that is asked for."""

    def __init__(self, path: str, settings: Mapping[str, str]) -> None:
        self.path = path
        self._outcomes = prove(path, settings)
        self._found: dict[str, Outcome] = {}

    def outcome(self, promise: str) -> Outcome:
        while promise not in self._found:
            one = next(self._outcomes)
            self._found[one.promise] = one
        return self._found[promise]


def _items(session: pytest.Session, path: str, settings: Mapping[str, str]) -> Iterator[PromiseItem]:
    try:
        harness_at(path)
    except Failure as failure:
        raise pytest.UsageError(str(failure)) from failure
    run = _Run(path, settings)
    for promise in PROMISES:
        item: PromiseItem = PromiseItem.from_parent(session, name=promise.name, nodeid=f"{path}::{promise.name}")
        item.run = run
        yield item


def _settings(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if any(not separator for _, separator, _ in pairs):
        raise pytest.UsageError("--conformance-set takes NAME=VALUE")
    return {name: value for name, _, value in pairs}
