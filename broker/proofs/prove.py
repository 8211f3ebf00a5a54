"""Running the proofs: what an agreement's clauses need, and what of that does not hold (NOTHING-UNENFORCED)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from agreements.clauses import ClauseLine, clause_name, clause_report
from agreements.mechanisms import MECHANISMS, ClauseClass
from agreements.model import Agreement
from broker.proofs import endings, labels, notices, shares, stops, terms, umbrellas
from broker.proofs.codes import UNPROVEN
from broker.proofs.proof import Proofs
from contracts.faults import Fault, Unusable

PROOFS: Proofs = {
    **terms.PROOFS,
    **shares.PROOFS,
    **labels.PROOFS,
    **stops.PROOFS,
    **notices.PROOFS,
    **umbrellas.PROOFS,
    **endings.PROOFS,
}
PROVED = frozenset({ClauseClass.ENFORCED, ClauseClass.PARTLY})
"""The classes that act on events: each of their mechanisms has a proof.  A gate may have one."""


class ProvedLine(NamedTuple):
    """One line of the clause report, and what proving its mechanism showed."""

    line: ClauseLine
    proved: bool | None
    """None for a clause that acts on nothing that could be run."""
    failure: str = ""
    """What was seen in place of what must be."""


def proved_report(agreement: Agreement) -> tuple[ProvedLine, ...]:
    """The clause report of an agreement, each mechanism that acts on events run now."""
    lines = clause_report(agreement)
    names = ((clause_name(line.path), line.clause_class) for line in lines)
    failures = failing(name for name, clause_class in names if _is_to_be_proved(name, clause_class))
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
    failures = failing(name for name, mechanism in MECHANISMS.items() if _is_to_be_proved(name, mechanism.clause_class))
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


def _is_to_be_proved(name: str, clause_class: ClauseClass) -> bool:
    return clause_class in PROVED or (clause_class is ClauseClass.GATE and name in PROOFS)


def _proved(line: ClauseLine, failures: Mapping[str, str]) -> ProvedLine:
    name = clause_name(line.path)
    if not _is_to_be_proved(name, line.clause_class):
        return ProvedLine(line, None)
    failure = failures.get(name, "")
    return ProvedLine(line, not failure, failure)
