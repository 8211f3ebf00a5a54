"""The error codes of the audit package and of the commands that read it."""

from __future__ import annotations

from contracts.faults import Code

_NOT_PROVED = "the audit is not verified"


def _lie(identifier: str, name: str, cause: str) -> Code:
    """Something that honest workers never write."""
    remedy = "keep the topics as they are and ask the operator; `concordat audit export` takes a copy to examine"
    return Code(identifier, name, cause, _NOT_PROVED, remedy)


HEADER_UNREADABLE = _lie(
    "AUD-001",
    "segment header unreadable",
    "a record that should be a segment header is not one, or not in its canonical spelling",
)
PART_ALTERED = _lie(
    "AUD-002",
    "segment part missing or altered",
    "the body parts of a segment are not those that its signed header names",
)
BODY_UNREADABLE = _lie(
    "AUD-003",
    "segment body unreadable",
    "a line of a segment's body is not an index or a leaf in its canonical spelling",
)
LEAF_ROOT_WRONG = _lie(
    "AUD-004",
    "leaves do not give the root",
    "the leaves of a segment are not those whose Merkle root its header has signed",
)
DIRECTORY_WRONG = _lie(
    "AUD-005",
    "directory wrong",
    "a segment's directory does not describe its leaves, or is not the one its header has signed",
)
COUNTS_WRONG = _lie(
    "AUD-006",
    "counts wrong",
    "the counts or times in a segment's header are not those of its leaves and records",
)
LEAF_MISPLACED = _lie(
    "AUD-007",
    "leaf disagrees with its header",
    "a leaf names another source, mode, time or register position than the header it stands under, or contradicts itself",
)
LEAF_ORDER_WRONG = _lie(
    "AUD-008",
    "leaves out of order",
    "the leaves of a segment are not strictly increasing by share and source offset: one stands twice or in a wrong place",
)
RECORDS_WRONG = _lie(
    "AUD-009",
    "list of records wrong",
    "the source records that a segment names are not those its header has signed, or lie outside its range",
)
SIGNATURE_WRONG = _lie(
    "AUD-010",
    "signature wrong",
    "a segment header is not signed by the key that the register has for its worker",
)
WORKER_UNKNOWN = _lie(
    "AUD-011",
    "worker not enrolled",
    "the register had no such worker at the position that a segment cites",
)
CHAIN_GAP = _lie(
    "AUD-012",
    "chain has a gap",
    "the segment numbers of a source partition are not dense: a segment is missing or stands twice",
)
CHAIN_BROKEN = _lie(
    "AUD-013",
    "chain broken",
    "a segment header does not name the hash of the one before it",
)
RANGE_BROKEN = _lie(
    "AUD-014",
    "source range broken",
    "a segment does not begin at the source position where the one before it ends",
)
REGISTER_POSITION_WRONG = _lie(
    "AUD-015",
    "register position wrong",
    "a segment cites a register position that does not exist, goes back, or has another fingerprint (CITED-POLICY)",
)
DECISION_MISSING = _lie(
    "AUD-016",
    "decision missing",
    "a source record has no decision under an agreement that covered it (ONE-DECISION)",
)
DECISION_UNFOUNDED = _lie(
    "AUD-017",
    "decision without ground",
    "a decision stands under an agreement that did not cover the record, beside a quarantine, or for a record not read",
)
SEQUENCE_GAP = Code(
    "AUD-018",
    "source record lost",
    "the dense sequence of a source partition has a gap that nothing explains: a record was lost before it was decided",
    _NOT_PROVED,
    "compare the connector's position with its store; `concordat connector status` shows both",
)
SEQUENCE_BACK = Code(
    "AUD-019",
    "source sequence goes back",
    "two records of a source partition have one sequence, or a later one has a smaller: a change was written twice",
    _NOT_PROVED,
    "see that one connector alone writes the dataset; `concordat connector status` shows its principal",
)
RECORD_UNDECIDED = _lie(
    "AUD-020",
    "source record without decision",
    "a committed source record lies in a range that a segment claims, but no segment names it",
)
RECORD_UNKNOWN = _lie(
    "AUD-021",
    "decided record not in the source",
    "a segment names a source record that the source topic does not have, or with another sequence",
)
UNLOGGED_DELIVERY = _lie(
    "AUD-022",
    "delivery without leaf",
    "a committed record on a department's topic has no leaf that says it was decided (AUDIT-WITH-DELIVERY)",
)
MISSING_DELIVERY = _lie(
    "AUD-023",
    "leaf without delivery",
    "a leaf says that a record was delivered, but it is not on the department's topic and nothing explains why",
)
DELIVERY_ORDER = _lie(
    "AUD-024",
    "delivered in another order",
    "the records of a department's partition do not stand in the order of their leaves",
)
TERMS_WRONG = _lie(
    "AUD-025",
    "leaf misquotes its agreement",
    "the version, content hash or purpose in a leaf is not what the register says at the position cited",
)
FLOWED_WHILE_SUSPENDED = _lie(
    "AUD-026",
    "flowed while suspended",
    "a leaf says that a record was delivered under an agreement that was suspended at the position cited",
)
TAIL_MISSING = _lie(
    "AUD-027",
    "newest segments missing",
    "the workers' committed offset says that more was decided, or otherwise, than the segments show",
)
PART_ORPHANED = _lie(
    "AUD-028",
    "body part without header",
    "a committed body part belongs to no committed segment header, or a record of the topic is neither",
)
JOB_UNKNOWN = _lie(
    "AUD-029",
    "job not in the register",
    "a segment claims to belong to a job that the register does not have at the position cited",
)
REGISTER_UNREADABLE = Code(
    "AUD-030",
    "register does not hold",
    "the register's first records are gone, so nothing that rests on it can be checked",
    _NOT_PROVED,
    "the register topic is kept for ever: see who changed its retention",
)
EXPORT_ALTERED = Code(
    "AUD-031",
    "export altered",
    "a file of the export is missing, unexpected, or not the one that its manifest names",
    "nothing in the export is trusted",
    "take the export again with `concordat audit export`",
)
EXPORT_UNREADABLE = Code(
    "AUD-032",
    "export unreadable",
    "the directory has no manifest of a known form, or a file in it is not in its form",
    "nothing was verified",
    "give the directory that `concordat audit export --directory` wrote",
)
NO_SUCH_DECISION = Code(
    "AUD-033",
    "no such decision",
    "no committed segment has a decision with this identifier",
    "nothing is shown",
    "identifiers are `<source topic>/<partition>/<segment>/<leaf>`; `concordat audit search` prints them",
)
REASON_NEEDED = Code(
    "AUD-034",
    "reason needed",
    "a question about a person was asked without saying why",
    "nothing was searched",
    "state the reason: --reason TEXT; it is logged",
)
QUESTION_UNCLEAR = Code(
    "AUD-035",
    "question unclear",
    "an option of the search has a form that is not understood",
    "nothing was searched",
    "times are RFC 3339 with an offset (2026-11-24T09:00:00Z), outcomes those of `docs/formats/audit-leaf.md`",
)
DIRECTORY_NOT_EMPTY = Code(
    "AUD-036",
    "directory not empty",
    "the directory for the export holds something already",
    "nothing was written",
    "give a new or empty directory",
)
EVIDENCE_UNSETTLED = Code(
    "AUD-037",
    "topics did not settle",
    "an open transaction kept the topics from agreeing on one moment",
    "nothing was verified",
    "try again; look for a hanging transaction if it repeats",
)
DELIVERY_CONTRADICTS = _lie(
    "AUD-038",
    "delivery contradicts its leaf",
    "a leaf says that a record was removed and its delivery is a value, or the other way round",
)
REPLAY_UNFOUNDED = _lie(
    "AUD-039",
    "replay of what was not in quarantine",
    "a segment decides a record again as a replay, and no earlier segment left that record in quarantine",
)
CORRECTION_UNFOUNDED = _lie(
    "AUD-040",
    "correction of what was not held",
    "a leaf of a correction delivers under a key of which, by the leaves before it, the recipient held nothing",
)
CODES = (
    HEADER_UNREADABLE,
    PART_ALTERED,
    BODY_UNREADABLE,
    LEAF_ROOT_WRONG,
    DIRECTORY_WRONG,
    COUNTS_WRONG,
    LEAF_MISPLACED,
    LEAF_ORDER_WRONG,
    RECORDS_WRONG,
    SIGNATURE_WRONG,
    WORKER_UNKNOWN,
    CHAIN_GAP,
    CHAIN_BROKEN,
    RANGE_BROKEN,
    REGISTER_POSITION_WRONG,
    DECISION_MISSING,
    DECISION_UNFOUNDED,
    SEQUENCE_GAP,
    SEQUENCE_BACK,
    RECORD_UNDECIDED,
    RECORD_UNKNOWN,
    UNLOGGED_DELIVERY,
    MISSING_DELIVERY,
    DELIVERY_ORDER,
    TERMS_WRONG,
    FLOWED_WHILE_SUSPENDED,
    TAIL_MISSING,
    PART_ORPHANED,
    JOB_UNKNOWN,
    REGISTER_UNREADABLE,
    EXPORT_ALTERED,
    EXPORT_UNREADABLE,
    NO_SUCH_DECISION,
    REASON_NEEDED,
    QUESTION_UNCLEAR,
    DIRECTORY_NOT_EMPTY,
    EVIDENCE_UNSETTLED,
    DELIVERY_CONTRADICTS,
    REPLAY_UNFOUNDED,
    CORRECTION_UNFOUNDED,
)
