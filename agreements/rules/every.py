"""Every act of `acts.AnyAct`, and the rule that applies it."""

from __future__ import annotations

from collections.abc import Mapping

from agreements import acts
from agreements.mutable import Rule
from agreements.rules import (
    contracts,
    endings,
    limits,
    notices,
    parties,
    reviews,
    signatures,
    simulations,
    stops,
    submission,
    undertakings,
)

RULES: Mapping[type[acts.Act], Rule] = {
    **contracts.RULES,
    **endings.RULES,
    **limits.RULES,
    **notices.RULES,
    **parties.RULES,
    **reviews.RULES,
    **signatures.RULES,
    **simulations.RULES,
    **stops.RULES,
    **submission.RULES,
    **undertakings.RULES,
}
"""Which function applies each act."""
