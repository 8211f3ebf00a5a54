"""Ten samples of what a department would receive, with whatever could point to a person replaced by what it is."""

from __future__ import annotations

import hashlib
import heapq
from typing import Any

from agreements.english import treatment_words
from broker.policy.plan import Plan
from contracts.labels import NOT_PERSONAL
from contracts.model import Contract

SAMPLES = 10


class Samples:
    """The deliveries whose place in the source has the smallest hashes: spread evenly, and the same in every run."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, int, int, dict[str, Any]]] = []

    def offer(self, partition: int, offset: int, view: dict[str, Any]) -> None:
        """Consider one delivered view."""
        digest = hashlib.sha256(f"{partition}/{offset}".encode()).digest()
        rank = -int.from_bytes(digest[:8], "big")
        if len(self._kept) < SAMPLES:
            heapq.heappush(self._kept, (rank, partition, offset, view))
        elif rank > self._kept[0][0]:
            heapq.heapreplace(self._kept, (rank, partition, offset, view))

    def redacted(self, plan: Plan, contract: Contract) -> list[dict[str, Any]]:
        """The samples kept, in the order of their places, each redacted."""
        return [redacted(view, plan, contract) for _, _, _, view in sorted(self._kept, key=lambda kept: kept[1:3])]


def redacted(view: dict[str, Any], plan: Plan, contract: Contract) -> dict[str, Any]:
    """A view by dotted path: a value stands only where the owner says that it is not personal and nothing treats it."""
    shown: dict[str, Any] = {}
    for field in plan.fields:
        found = contract.field(field.path)
        value: Any = view
        for name in field.path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value is None or (field.action == "keep" and found is not None and NOT_PERSONAL in found.tags):
            shown[field.path] = value
        elif field.action == "keep":
            shown[field.path] = f"({field.type.value})"
        else:
            shown[field.path] = f"({field.type.value}, {treatment_words(field.treatment)})"
    return shown
