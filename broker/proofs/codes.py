"""Error codes of the proofs."""

from __future__ import annotations

from contracts.faults import Code

UNPROVEN = Code(
    "PRF-001",
    "mechanism not proved",
    "a clause's mechanism did not refuse an event that it must refuse, or there is no proof of it",
    "the agreement is neither submitted nor activated, and no worker starts (NOTHING-UNENFORCED)",
    "install a sound version of the broker; `concordat agreement check` shows which mechanism fails",
)
CODES = (UNPROVEN,)
