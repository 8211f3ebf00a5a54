"""The error codes of umbrellas: an agreement that would widen the one that it stands under, or may not stand there."""

from __future__ import annotations

from contracts.faults import Code

_NOT_SUBMITTED = "the agreement cannot be submitted or signed"

WIDENING = Code(
    "AGR-042",
    "widening",
    "a clause of an agreement says more than the umbrella that it stands under allows, or the two cannot be compared",
    "the agreement cannot be submitted: an agreement can only narrow its umbrella (NARROW-ONLY)",
    "narrow the clause to what the message says is allowed, or have the parties of the umbrella sign a new version of it",
)
UMBRELLA = Code(
    "AGR-060",
    "umbrella cannot be stood under",
    "the register does not have the umbrella in this version, it is not approved, its hash is another, its kind is no umbrella,"
    " or a party of the agreement has not signed it",
    _NOT_SUBMITTED,
    "cite reference, version and content hash of the approved umbrella as `concordat agreement show` prints them; have both"
    " parties sign it first",
)
UMBRELLA_REQUIRED = Code(
    "AGR-061",
    "umbrella required",
    "the contract of a dataset says `concordat.umbrella: required`, and the agreement stands under none",
    _NOT_SUBMITTED,
    "name an approved umbrella in `under`, or ask the owner of the dataset",
)
CEILING = Code(
    "AGR-062",
    "several ceilings fit",
    "more than one share of the umbrella has the dataset, contract and a purpose above that of the agreement's share",
    _NOT_SUBMITTED,
    "give the share the identifier of the umbrella's share that is meant",
)
PURPOSE_NOT_PERMITTED = Code(
    "AGR-063",
    "purpose is not permitted",
    "a share's purpose lies in none of the purposes that purposes.permitted lists",
    _NOT_SUBMITTED,
    "list the purpose, or change that of the share; an empty list permits each share's purpose alone",
)
ROWS_NOT_JOINED = Code(
    "AGR-064",
    "row filters cannot be joined",
    "a row filter has brackets or quotes that are not closed, so that it cannot be put beside that of the umbrella",
    _NOT_SUBMITTED,
    "mend the filter; `concordat agreement check FILE --registered` shows where it breaks",
)
CODES = (
    WIDENING,
    UMBRELLA,
    UMBRELLA_REQUIRED,
    CEILING,
    PURPOSE_NOT_PERMITTED,
    ROWS_NOT_JOINED,
)
