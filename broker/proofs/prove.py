"""Running the proofs: what an agreement's clauses need, and what of that does not hold (NOTHING-UNENFORCED)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from agreements.clauses import ClauseLine, clause_name, clause_report
from agreements.mechanisms import MECHANISMS, ClauseClass
from agreements.model import Agreement
from broker.proofs import shares, terms
from broker.proofs.codes import UNPROVEN
from broker.proofs.proof import Proofs
from contracts.faults import Fault, Unusable

PROOFS: Proofs = {**terms.PROOFS, **shares.PROOFS}
PROVED = frozenset({ClauseClass.ENFORCED, ClauseClass.PARTLY})
"""The classes that act on events: each of their mechanisms has a proof."""


class ProvedLine(NamedTuple):
    """One line of the clause report, and what proving its mechanism showed."""

    line: ClauseLine
    proved: bool | None
    """None for a clause that does not act on events: there is nothing to run."""
    failure: str = ""
    """What was seen in place of what must be."""


def proved_report(agreement: Agreement) -> tuple[ProvedLine, ...]:
    """The clause report of an agreement, each mechanism that acts on events run now."""
    lines = clause_report(agreement)
    failures = failing(clause_name(line.path) for line in lines if line.clause_class in PROVED)
    return tuple(_proved(line, failures) for line in lines)


def unproven(agreement: Agreement) -> tuple[Fault, ...]:
    """A fault for every mechanism that a clause of the agreement needs and that does not hold now."""
    return tuple(
        UNPROVEN.fault(f"`{proved.line.clause}`: {proved.failure}")
        for proved in proved_report(agreement)
        if proved.proved is False
    )


def failing(names: Iterable[str]) -> dict[str, str]:
    """Those of the clauses whose mechanism does not hold, each with what was seen."""
    return {name: failure for name in sorted(set(names)) if (failure := _failure(name))}


def check_every_mechanism() -> None:
    """Raises `Unusable` unless every mechanism holds: a worker does not start without one (DEFAULT-DENY)."""
    names = [name for name, mechanism in MECHANISMS.items() if mechanism.clause_class in PROVED]
    failures = failing(names)
    if failures:
        raise Unusable(*(UNPROVEN.fault(f"`{name}`: {failure}") for name, failure in failures.items()))


def _failure(name: str) -> str:
    proof = PROOFS.get(name)
    if proof is None:
        return "there is no proof of its mechanism"
    try:
        return proof()
    except Exception as error:  # noqa: BLE001  a proof that cannot run proves nothing, whatever the reason
        return f"the proof itself failed ({type(error).__name__})"


def _proved(line: ClauseLine, failures: Mapping[str, str]) -> ProvedLine:
    if line.clause_class not in PROVED:
        return ProvedLine(line, None)
    failure = failures.get(clause_name(line.path), "")
    return ProvedLine(line, not failure, failure)
