"""What a proof is, and the comparison that most of them come down to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from broker.proofs.world import Seen

Proof = Callable[[], str]
"""Runs a mechanism; "" where it holds, else what was seen instead, in words."""
Proofs = Mapping[str, Proof]
"""Clause name, as in `agreements.mechanisms.MECHANISMS`, to its proof."""
HOLDS = ""


def withheld(with_clause: Seen, without: Seen, *reasons: str) -> str:
    """Holds where the event is delivered without the clause, and with it is not, for exactly these reasons."""
    if not without.is_delivered:
        return f"without the clause: {without}"
    if with_clause.is_delivered or with_clause.reasons != reasons:
        return f"with the clause: {with_clause}"
    return HOLDS


def equal(found: object, wanted: object) -> str:
    """Holds where `found` is `wanted`."""
    return HOLDS if found == wanted else f"{found} in place of {wanted}"


def first(*failures: str) -> str:
    """Holds where every one of them does, else the first that does not."""
    return next((failure for failure in failures if failure), HOLDS)
