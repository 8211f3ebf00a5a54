"""The kit as a pytest plugin, for connectors that have no test file of their own: one test for each promise.

pytest -p connectors.conformance.plugin --conformance lighthouse:LighthouseConnector

With `--conformance` pytest runs the promises alone; a setting of the harness is given by `--conformance-set NAME=VALUE`.  It is loaded
by `-p` and not by an entry point, so that no other run of pytest pays for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from connectors.conformance.kit import PROMISES, harness_at
from connectors.conformance.testing import Run
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

    run: Run

    def runtest(self) -> None:
        """Fail with the evidence, or skip with the reason."""
        self.run.check(self.name)

    def reportinfo(self) -> tuple[Path, None, str]:
        """What pytest calls it."""
        return Path(self.run.path), None, f"{self.run.path} {self.name}"


def _items(session: pytest.Session, path: str, settings: Mapping[str, str]) -> Iterator[PromiseItem]:
    try:
        harness_at(path)
    except Failure as failure:
        raise pytest.UsageError(str(failure)) from failure
    run = Run(path, settings)
    for promise in PROMISES:
        item: PromiseItem = PromiseItem.from_parent(session, name=promise.name, nodeid=f"{path}::{promise.name}")
        item.run = run
        yield item


def _settings(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if any(not separator for _, separator, _ in pairs):
        raise pytest.UsageError("--conformance-set takes NAME=VALUE")
    return {name: value for name, _, value in pairs}
