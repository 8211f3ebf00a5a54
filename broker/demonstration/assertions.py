"""What the demonstration asserts: each with what was expected, what was seen, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Assertion:
    """One thing that was checked.  `detail` holds counts and names of things, never personal data."""

    name: str
    passed: bool
    detail: str


@dataclass
class Assertions:
    """All of them, in the order in which they were checked."""

    made: list[Assertion] = field(default_factory=list)

    def equal(self, name: str, seen: Any, expected: Any) -> bool:
        """Hold `seen` against `expected`."""
        detail = f"{seen}" if seen == expected else f"saw {seen}, expected {expected}"
        return self.true(name, seen == expected, detail)

    def true(self, name: str, passed: bool, detail: str = "") -> bool:  # noqa: FBT001 - the fact itself
        """Note a fact; gives it back."""
        self.made.append(Assertion(name, bool(passed), detail))
        return bool(passed)

    @property
    def failed(self) -> list[Assertion]:
        """Those that did not hold."""
        return [made for made in self.made if not made.passed]
