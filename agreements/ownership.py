"""Whose data an agreement shares: only the owner of a dataset provides it (DEFAULT-DENY).

Two organisations cannot agree on the data of a third.  A dataset keeps its owner for good (`agreements.rules.contracts`), so what was
right at the last signature stays right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agreements.codes import NOT_ENTITLED
from agreements.model import Agreement, AgreementKind, Side
from agreements.snapshot import ContractEntry
from contracts.faults import Fault


def not_owned(
    contract: Callable[[str, int | None], ContractEntry | None],
    agreement: Agreement,
    places: Mapping[str, tuple[int, int]] | None = None,
) -> list[Fault]:
    """A fault for each share of a DSA over a published dataset that is not the provider's.  `contract` finds the newest published."""
    if agreement.kind is not AgreementKind.DSA:
        return []
    provider = agreement.party(Side.PROVIDER).organisation
    found = []
    for index, share in enumerate(agreement.shares):
        entry = contract(share.dataset, None)
        if entry is not None and entry.contract.owner != provider:
            line, column = (places or {}).get(f"shares[{index}].dataset", (None, None))
            message = f"{agreement.reference} `shares[{index}]`: {share.dataset} is {entry.contract.owner}'s to share, not {provider}'s"
            found.append(NOT_ENTITLED.fault(message, line=line, column=column))
    return found
