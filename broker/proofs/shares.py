"""Proofs of the clauses of a share that say which rows, fields and contracts it is about."""

from __future__ import annotations

from dataclasses import replace

from agreements.model import Treatment
from agreements.snapshot import ContractEntry
from broker.proofs.proof import Proofs, equal, first, withheld
from broker.proofs.world import (
    CONTRACT,
    DATASET,
    IDENTIFIER,
    ROW,
    Seen,
    agreement,
    deliver,
    deliver_under,
    entry_of,
    share,
    snapshot_of,
)
from contracts.faults import Faults


def _another_major_version() -> str:
    newer = replace(CONTRACT, version=(2, 0, 0))
    snapshot = snapshot_of([entry_of(agreement())])
    if isinstance(snapshot, Faults):
        return str(snapshot)
    (published,) = snapshot.contracts[DATASET]
    both = replace(snapshot, contracts={DATASET: (published, ContractEntry(newer, 1, 2, 3))})
    return first(
        withheld(deliver_under(both, newer), deliver_under(snapshot), "contract-version"),
        equal(deliver(agreement(share(contract=2))).reasons, ("POL-010",)),
    )


def _ceiling() -> str:
    secret = replace(CONTRACT, classification="SECRET")

    def seen(ceiling: str) -> Seen:
        return deliver(agreement(share(classification_ceiling=ceiling)), contract=secret)

    return withheld(seen("OFFICIAL"), seen("SECRET"), "POL-011")


def _row_filter() -> str:
    """False, without an answer, or about a value that the store did not give: not shared."""
    filtered, open_ = agreement(share(rows="level == 7")), agreement(share())
    eight, absent = dict(ROW) | {"level": 8}, dict(ROW) | {"level": None}
    return first(
        withheld(deliver(filtered, row=eight), deliver(open_, row=eight), "row-filter-false"),
        withheld(deliver(filtered, row=absent), deliver(open_, row=absent), "row-filter-absent"),
        withheld(
            deliver(filtered, unavailable=("level",)), deliver(open_, unavailable=("level",)), "row-filter-unavailable"
        ),
        equal(deliver(filtered).is_delivered, True),
    )


def _key() -> str:
    """Tokenised under the agreement's own key; raw only where the owner says that it is about nobody."""
    keys = [_key_of(deliver(agreement(reference=reference))) for reference in ("DSA-PROOF", "DSA-OTHER")]
    raw = [key for key in keys if IDENTIFIER.encode() in key]
    return first(
        equal(raw, []),
        equal(len(set(keys)), 2),
        equal(deliver(agreement(share(key="keep"))).reasons, ("POL-016",)),
    )


def _key_of(seen: Seen) -> bytes:
    return b"" if seen.record is None else seen.record.key or b""


def _fields() -> str:
    """What is not named does not leave, and what is named leaves in the form agreed."""
    cut = Treatment(action="truncate", truncate_characters=3)
    return first(
        equal(deliver(agreement(share({"level": "keep", "note": cut}))).view, {"level": 7, "note": "a r"}),
        equal(deliver(agreement(share({"level": "keep", "note": "drop"}))).view, {"level": 7}),
        equal(deliver(agreement(share({"level": "keep"}))).view, {"level": 7}),
    )


PROOFS: Proofs = {
    "shares.contract": _another_major_version,
    "shares.classification_ceiling": _ceiling,
    "shares.rows": _row_filter,
    "shares.key": _key,
    "shares.fields": _fields,
}
