"""Proofs of the clauses that bound an agreement from above: its umbrella, and the purposes that it permits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agreements.checks import problems
from agreements.model import Agreement, AgreementKind, Purposes, Under
from agreements.snapshot import AgreementEntry, Signature, Suspension
from agreements.text import content_hash
from agreements.umbrella.codes import PURPOSE_NOT_PERMITTED, WIDENING
from agreements.umbrella.under import held_by, what_holds
from broker.cluster import access, principals
from broker.cluster.objects import Operation
from broker.proofs.proof import Proofs, equal, first, withheld
from broker.proofs.world import NOW, Seen, agreement, deliver_under, entry_of, share, snapshot_of
from contracts import topics
from contracts.faults import Faults

UMBRELLA = "UMOU-PROOF"


def umbrella(**clauses: Any) -> Agreement:
    """An umbrella whose one share is a ceiling over the made-up dataset, with `clauses` of that share."""
    return agreement(share(**clauses), reference=UMBRELLA, kind=AgreementKind.UMBRELLA_MOU)


def pin(above: Agreement) -> Under:
    """What an agreement under this umbrella says of it."""
    return Under(reference=above.reference, version=above.version, hash=content_hash(above))


def signed(above: Agreement, *suspensions: Suspension) -> AgreementEntry:
    """The umbrella in the register, signed by all of its parties."""
    entry = entry_of(above, suspensions=suspensions)
    signatures = (
        Signature(f"{party.organisation}-{office}", party.organisation, office, 1, NOW)
        for party in above.parties
        for office in party.signs
    )
    return replace(entry, signatures=tuple(signatures))


def _below(above: AgreementEntry, one: Agreement) -> AgreementEntry | Faults:
    """The agreement under it, as the register takes it."""
    holds = what_holds({UMBRELLA: (above,)}.get, one)
    return holds if isinstance(holds, Faults) else held_by(holds, entry_of(one))


def _seen(above: AgreementEntry) -> Seen:
    snapshot = _register(above)
    return Seen("nothing", ("refused",)) if isinstance(snapshot, Faults) else deliver_under(snapshot)


def _register(above: AgreementEntry) -> Any:
    below = _below(above, agreement(share(rows="level < 9"), under=pin(above.document)))
    return below if isinstance(below, Faults) else snapshot_of([above, below])


def _rows_of_both() -> str:
    found = [_seen(signed(umbrella(rows=f"level == {level}"))) for level in (8, 7)]
    return withheld(found[0], found[1], "row-filter-false")


def _widening_is_refused() -> str:
    def codes(**clauses: Any) -> list[str]:
        above = umbrella(fields={"note": "tokenise", "level": "keep"}, classification_ceiling="OFFICIAL")
        found = _below(signed(above), agreement(share(**clauses), under=pin(above)))
        return [fault.code.identifier for fault in found.items] if isinstance(found, Faults) else []

    return first(
        equal(codes(fields={"note": "tokenise"}), []),
        equal(codes(fields={"note": "keep"}), [WIDENING.identifier]),
        equal(codes(fields={"at": "keep"}), [WIDENING.identifier]),
        equal(codes(fields={"level": "keep"}, classification_ceiling="SECRET"), [WIDENING.identifier]),
    )


def _stops_with_its_umbrella() -> str:
    stop = Suspension(5, NOW, "signatory/somebody", "a reason")
    return withheld(_seen(signed(umbrella(), stop)), _seen(signed(umbrella())), "umbrella-suspended")


def _may_read_only_under_an_open_umbrella() -> str:
    def readers(*suspensions: Suspension) -> set[str]:
        snapshot = _register(signed(umbrella(), *suspensions))
        topic = topics.share(agreement().reference, share().id)
        rules = access.rules(snapshot, NOW)
        found = {rule.principal for rule in rules if rule.name == topic and rule.operation is Operation.READ}
        return found - {principals.WORKER, principals.AUDITOR}

    stop = Suspension(5, NOW, "signatory/somebody", "a reason")
    return first(equal(readers(), {agreement().parties[1].organisation}), equal(readers(stop), set()))


def _under() -> str:
    return first(
        _rows_of_both(), _widening_is_refused(), _stops_with_its_umbrella(), _may_read_only_under_an_open_umbrella()
    )


def _other_purposes_are_a_fault() -> str:
    def seen(permitted: str) -> bool:
        one = agreement(purposes=Purposes(permitted=(permitted,)))
        return any(problem.code is PURPOSE_NOT_PERMITTED for problem in problems(one))

    found = [seen(purpose) for purpose in ("research", "research.statistics", "research.stat", "marketing")]
    return equal(found, [False, False, True, True])


PROOFS: Proofs = {"under": _under, "purposes.permitted": _other_purposes_are_a_fault}
