"""The kit in pytest: one test per promise.

from connectors.conformance.testing import conformance_tests
from my_connector.harness import MyHarness

test_conformance = conformance_tests(MyHarness)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from connectors.conformance.harness import Harness
from connectors.conformance.kit import PROMISES, Outcome, Verdict, path_of, prove
from contracts.faults import Failure


def conformance_tests(harness: type[Harness], settings: Mapping[str, str] | None = None) -> Callable[[str], None]:
    """A test function with one case per promise; the kit runs as far as the promise that is asked for, and never twice.

    A broken promise fails with its evidence; one that does not apply is skipped with the reason.
    """
    run = Run(path_of(harness), settings)

    @pytest.mark.parametrize("promise", [promise.name for promise in PROMISES])
    def test_conformance(promise: str) -> None:
        run.check(promise)

    test: Any = test_conformance
    return test  # type: ignore[no-any-return]


class Run:
    """The kit's run for the connector (or the harness) at a path, promise by promise."""

    def __init__(self, path: str, settings: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._outcomes = prove(path, settings)
        self._found: dict[str, Outcome] = {}
        self._failure: Failure | None = None

    def check(self, promise: str) -> None:
        """Fail or skip the running test as the outcome says; fail it too where the kit could not come so far."""
        while promise not in self._found and self._failure is None:
            try:
                one = next(self._outcomes)
            except Failure as failure:
                self._failure = failure
            else:
                self._found[one.promise] = one
        if promise not in self._found:
            pytest.fail(str(self._failure), pytrace=False)
        outcome = self._found[promise]
        if outcome.verdict is Verdict.BROKEN:
            pytest.fail(f"{outcome.promise}: {outcome.evidence}", pytrace=False)
        if outcome.verdict is not Verdict.KEPT:
            pytest.skip(f"{outcome.verdict}: {outcome.evidence}")
