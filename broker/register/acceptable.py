"""What an agreement must be on this register before it can be submitted, simulated or activated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agreements import text
from agreements.checks import problems
from agreements.codes import COMBINATION
from agreements.combination import clashes
from agreements.content_keys import encrypting_shares
from agreements.durations import spell
from agreements.model import Agreement, AgreementKind, Share, Side
from agreements.ownership import not_owned
from agreements.snapshot import AgreementEntry, Snapshot
from agreements.umbrella.under import what_holds, without_umbrella
from broker import clock
from broker.cluster.topics import SOURCE_RETENTION
from broker.policy.codes import NO_ENCRYPTION_KEY
from broker.policy.compile import compile_plan
from broker.register.codes import EMBARGO, NO_SUCH
from contracts.faults import Fault, Faults, Refused
from contracts.model import Contract, Kind


def register_faults(
    agreement: Agreement,
    snapshot: Snapshot,
    places: Mapping[str, tuple[int, int]] | None = None,
) -> tuple[Fault, ...]:
    """What stands against an agreement on this register: unknown parties and contracts, shares that do not compile."""
    found = [
        NO_SUCH.fault(f"the party {party.organisation}")
        for party in agreement.parties
        if party.organisation not in snapshot.parties
    ]
    found += _combined(agreement, snapshot, places or {})
    found += without_umbrella(snapshot.contract, agreement, places)
    found += not_owned(snapshot.contract, agreement, places)
    found += _share_faults(agreement, snapshot, places or {})
    found += without_encryption_key(agreement, snapshot)
    holds = what_holds(snapshot.agreements.get, agreement, places)
    if isinstance(holds, Faults):
        return (*found, *holds.items)
    return tuple(found) or (*_share_faults(holds.agreement, snapshot, {}), *_combined(holds.agreement, snapshot, {}))


def submission_faults(
    agreement: Agreement,
    snapshot: Snapshot,
    places: Mapping[str, tuple[int, int]] | None = None,
) -> tuple[Fault, ...]:
    """As `register_faults`, and what is wrong with the meaning of what holds under the umbrella, its gates included."""
    if found := register_faults(agreement, snapshot, places):
        return found
    return tuple(problem.code.fault(problem.message) for problem in problems(_alone(agreement, snapshot)))


def effective(agreement: Agreement, snapshot: Snapshot) -> Agreement:
    """What holds of an agreement on this register, under its umbrella if it names one; raises `Refused` for what widens it."""
    if (entry := registered(agreement, snapshot)) is not None:
        return entry.agreement
    holds = what_holds(snapshot.agreements.get, agreement)
    if isinstance(holds, Faults):
        raise Refused(*holds.items)
    return holds.agreement


def registered(agreement: Agreement, snapshot: Snapshot) -> AgreementEntry | None:
    """The version in the register that this is, as its text or as what holds of it: it stays met as it was submitted."""
    versions = snapshot.agreements.get(agreement.reference, ())
    return next((entry for entry in versions if agreement in (entry.document, entry.agreement)), None)


def _alone(agreement: Agreement, snapshot: Snapshot) -> Agreement:
    """What holds, with no umbrella above it any more that could open a gate."""
    return effective(agreement, snapshot).model_copy(update={"under": None})


def _share_faults(agreement: Agreement, snapshot: Snapshot, places: Mapping[str, tuple[int, int]]) -> Iterator[Fault]:
    """Shares whose contract is not there, or over which they do not compile."""
    for index, share in enumerate(agreement.shares):
        contract = snapshot.contract(share.dataset, share.contract)
        if contract is None:
            if agreement.kind is not AgreementKind.DSA:
                continue  # a ceiling may be for a dataset that is yet to come
            line, column = places.get(f"shares[{index}].dataset", (None, None))
            message = f"a contract for {share.dataset} of major version {share.contract}"
            yield NO_SUCH.fault(message, line=line, column=column)
            continue
        yield from _unknown_caveats(index, share, contract.contract, places)
        yield from _outlasted(agreement, contract.contract, places)
        plan = compile_plan(agreement, text.content_hash(agreement), share, contract.contract, positions=places)
        if isinstance(plan, Faults):
            yield from plan.items


def _outlasted(agreement: Agreement, contract: Contract, places: Mapping[str, tuple[int, int]]) -> Iterator[Fault]:
    """An embargo that is longer than the source keeps its events, which would be lost before they are released."""
    embargo = agreement.delivery.embargo
    if embargo is not None and contract.kind is Kind.EVENT and embargo >= SOURCE_RETENTION:
        line, column = places.get("delivery.embargo", (None, None))
        message = (
            f"events of {contract.dataset} are kept for {spell(SOURCE_RETENTION)}, the embargo is {spell(embargo)}"
        )
        yield EMBARGO.fault(message, line=line, column=column)


def _combined(agreement: Agreement, snapshot: Snapshot, places: Mapping[str, tuple[int, int]]) -> Iterator[Fault]:
    """What the recipient has already and may not receive beside this."""
    entries = (entry for versions in snapshot.agreements.values() for entry in versions)
    for clash in clashes(agreement, entries, clock.now()):
        line, column = places.get(f"shares[{clash.share}].dataset", (None, None))
        dataset, other = agreement.shares[clash.share].dataset, clash.other.agreement.reference
        message = f"{dataset} never goes with {clash.dataset}, which {other} shares"
        yield COMBINATION.fault(message, line=line, column=column)


def _unknown_caveats(
    index: int,
    share: Share,
    contract: Contract,
    places: Mapping[str, tuple[int, int]],
) -> Iterator[Fault]:
    """The gate of the clause `caveats`: what was read must be what the contract says now."""
    known = {f"{caveat.identifier}@{caveat.version}" for caveat in contract.caveats}
    for number, caveat in enumerate(share.caveats):
        if caveat not in known:
            line, column = places.get(f"shares[{index}].caveats[{number}]", (None, None))
            yield NO_SUCH.fault(f"the caveat {caveat} in the contract of {share.dataset}", line=line, column=column)


def without_encryption_key(agreement: Agreement, snapshot: Snapshot) -> list[Fault]:
    """A fault where fields are to be encrypted for a recipient that has no X25519 key."""
    if not any(encrypting_shares(agreement)):
        return []
    recipient = snapshot.parties.get(agreement.party(Side.RECIPIENT).organisation)
    if recipient is None or recipient.encryption_key is not None:
        return []
    return [
        NO_ENCRYPTION_KEY.fault(f"{recipient.organisation} has no X25519 key, and fields are to be encrypted for it")
    ]
