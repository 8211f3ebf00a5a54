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


def conformance_tests(harness: type[Harness], settings: Mapping[str, str] | None = None) -> Callable[[str], None]:
    """A test function with one case per promise; the kit runs once, when the first of them asks.

    A broken promise fails with its evidence; one that does not apply is skipped with the reason.
    """
    found: dict[str, Outcome] = {}

    @pytest.mark.parametrize("promise", [promise.name for promise in PROMISES])
    def test_conformance(promise: str) -> None:
        if not found:
            found.update((outcome.promise, outcome) for outcome in prove(path_of(harness), settings))
        check(found[promise])

    test: Any = test_conformance
    return test  # type: ignore[no-any-return]


def check(outcome: Outcome) -> None:
    """Fail or skip the running test as an outcome says."""
    if outcome.verdict is Verdict.BROKEN:
        pytest.fail(f"{outcome.promise}: {outcome.evidence}", pytrace=False)
    if outcome.verdict is not Verdict.KEPT:
        pytest.skip(f"{outcome.verdict}: {outcome.evidence}")
