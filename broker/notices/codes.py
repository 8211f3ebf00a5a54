"""The error codes of notices."""

from __future__ import annotations

from contracts.faults import Code

_NOBODY_TOLD = "nobody was told and no case was opened"

KEY_UNREADABLE = Code(
    "NTC-002",
    "record key not readable",
    "the record is not given as a JSON object with exactly the key fields of the dataset's contract, each of its type",
    _NOBODY_TOLD,
    'write each key field once, as JSON: --record \'{"crossing_id": "C-1"}\'; `concordat contract show` names the fields',
)
NOBODY = Code(
    "NTC-003",
    "nobody received it",
    "the audit has no delivery of such a record under any agreement that there ever was",
    "no case was opened: there is nobody to tell",
    "check the dataset and the key; a record that no agreement has delivered needs no notice",
)
AUDIT_INCOMPLETE = Code(
    "NTC-004",
    "audit not readable",
    "a segment of the audit could not be read, so somebody who received the record might not be found",
    _NOBODY_TOLD,
    "`concordat audit verify` names what is damaged; restore it, and issue the notice then",
)
NO_TOPIC = Code(
    "NTC-005",
    "no topic for notices",
    "a recipient has no topic for its notices",
    _NOBODY_TOLD,
    "run `concordat provision apply` and issue the notice again",
)
NO_SUCH_NOTICE = Code(
    "NTC-006",
    "no such notice",
    "the register has no notice of that number, or none of it was to the organisation that asks",
    "nothing was done",
    "`concordat notice list` shows every notice",
)
UNSEARCHABLE = Code(
    "NTC-007",
    "deliveries not searchable",
    "nobody was found, and a version of a share's key is not here, so what was delivered under it cannot be found by record",
    _NOBODY_TOLD,
    "run the command where the keys are kept; where a key was destroyed on purpose, tell that recipient by other means",
)
CODES = (KEY_UNREADABLE, NOBODY, AUDIT_INCOMPLETE, NO_TOPIC, NO_SUCH_NOTICE, UNSEARCHABLE)
