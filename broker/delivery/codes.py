"""The error codes of the delivery package."""

from __future__ import annotations

from contracts.faults import Code

DIRECTORY_BUSY = Code(
    "DEL-001",
    "worker directory in use",
    "another process holds the lock of this worker's state directory",
    "this worker does not start: two processes with one identity would fence each other for ever",
    "stop the other worker, or give this one a directory of its own with --state",
)
OTHER_CLUSTER = Code(
    "DEL-002",
    "worker directory of another cluster",
    "the state directory was made for another Kafka cluster than the one in the settings",
    "this worker does not start: what it remembers is not true of this cluster",
    "see CONCORDAT_BOOTSTRAP_SERVERS, or give a new directory with --state",
)
NOT_ENROLLED = Code(
    "DEL-003",
    "worker not enrolled",
    "the register has no act that enrols this worker's key, or it names another key for its identifier",
    "this worker does not start: nobody could verify the segments it signs",
    "run `concordat enforce` once with the operator's key, or enrol the worker's public key as printed",
)
SHARE_BLOCKED = Code(
    "DEL-004",
    "share cannot be served",
    "a share's topic is missing or has another number of partitions than its source",
    "the worker decides nothing of that dataset until this is mended; other datasets go on",
    "run `concordat provision apply`",
)
OFFSETS_LOST = Code(
    "DEL-005",
    "undecided records are gone",
    "the source topic's retention removed records that no worker had decided yet",
    "the worker stops: going on would leave records without a decision (ONE-DECISION)",
    "raise the source's retention; then reset the group's offset by hand, knowing that the gap shows in the audit",
)
FENCED = Code(
    "DEL-006",
    "worker replaced",
    "another process took this worker's place, a transaction outlived its time limit, or Kafka's client has failed or no longer answers",
    "the process ends at once and a new one starts; nothing it had open is committed",
    "none is needed unless it repeats: the line's reason says which it was; see that no two workers share one directory, and that Kafka is healthy",
)
OUTCOME_UNKNOWN = Code(
    "DEL-007",
    "outcome of a commit unknown",
    "Kafka did not confirm a commit in time",
    "the process ends; the new one reads from Kafka whether the transaction was committed",
    "see that Kafka is healthy; nothing is lost or doubled",
)
NO_SUCH_QUARANTINE = Code(
    "DEL-008",
    "no such quarantined record",
    "no record with this identifier is in quarantine",
    "nothing was done",
    "`concordat quarantine list` prints the identifiers, `<topic>/<partition>/<offset>`",
)
REGISTER_BEHIND = Code(
    "DEL-009",
    "register cannot be read in time",
    "the worker's register snapshot was older than the limit and could not be renewed",
    "nothing is decided until the register answers again (BOUNDED-STOP)",
    "see that Kafka is healthy and that the worker may read concordat.register",
)
STATE_UNSETTLED = Code(
    "DEL-010",
    "share topic does not settle",
    "an open transaction on a share topic did not end within the transaction time limit",
    "the partition is not taken over yet; the worker starts again",
    "look for a hanging transaction on the topic; Kafka ends one after its time limit",
)
QUARANTINE_SEALED = Code(
    "DEL-011",
    "quarantined content cannot be opened",
    "the key that sealed it was destroyed, or this key directory is not the worker's",
    "the content is not shown; reason and place of the record still are",
    "use the key directory of the worker that wrote it",
)
QUARANTINED_AT_INTAKE = Code(
    "DEL-012",
    "never on its source",
    "the connector could not write this row to its source topic, so there is nothing there to decide again",
    "nothing was done; the place it would have had is quarantined under `<topic>/<partition>/<offset>`",
    "mend the row at its store: its next change arrives by itself",
)
SHARE_HELD = Code(
    "DEL-013",
    "no plan for a share",
    "an agreement in force cannot be applied to its dataset's contract as that is now, or its view schema does not fit its fields",
    "every record is held for that share, and nothing is lost; other shares of the dataset go on",
    "`concordat agreement check` names the faults; what was held is released once the plan can be made",
)
REPLAY_REFUSED = Code(
    "DEL-014",
    "replay of what is not in quarantine",
    "an act asks for a record to be decided again that is not in quarantine, was given up, or was decided again since",
    "the record is not decided again: what was delivered once is not delivered twice (ONE-DECISION)",
    "`concordat quarantine list` shows what waits; look at who wrote the act at the register position named",
)
CODES = (
    DIRECTORY_BUSY,
    OTHER_CLUSTER,
    NOT_ENROLLED,
    SHARE_BLOCKED,
    OFFSETS_LOST,
    FENCED,
    OUTCOME_UNKNOWN,
    NO_SUCH_QUARANTINE,
    REGISTER_BEHIND,
    STATE_UNSETTLED,
    QUARANTINE_SEALED,
    QUARANTINED_AT_INTAKE,
    SHARE_HELD,
    REPLAY_REFUSED,
)
