"""The error codes of the register on Kafka and of the commands that act on it."""

from __future__ import annotations

from contracts.faults import Code

BEATEN = Code(
    "REG-001",
    "beaten by another writer",
    "another command wrote to the register at the same moment, again and again",
    "nothing was written",
    "try again",
)
STALE_VERSION = Code(
    "REG-002",
    "stale version",
    "another command has changed the same object since this one looked at it",
    "nothing was written",
    "look at the newest state, then decide again",
)
NOT_INITIALISED = Code(
    "REG-003",
    "the register is empty",
    "nobody has run `concordat init` on this cluster, or the register's topic is missing",
    "nothing was done",
    "run `concordat init`",
)
INITIALISED = Code(
    "REG-004",
    "the register has its first act already",
    "`concordat init` was run before on this cluster",
    "nothing was written",
    "use the operator key that was made then; a register is initialised once",
)
WENT_BACK = Code(
    "REG-005",
    "the register is not the one that was read",
    "the register's topic ends before a position that was read from it, or begins after its first act: it was deleted or replaced",
    "nothing is decided on it any more",
    "find out who changed the topic; restore it from a backup, or delete local checkpoints if the cluster is a new one",
)
NOT_READ = Code(
    "REG-006",
    "the register could not be read to its end",
    "Kafka gave no records for too long although there are some, or the reader has stopped",
    "nothing is decided on an old snapshot (BOUNDED-STOP)",
    "see that Kafka is well; the process tries again",
)
NO_SUCH = Code(
    "REG-007",
    "not in the register",
    "the register has no party, contract, agreement or share of this name",
    "nothing was done",
    "list what there is with `concordat party list`, `contract list` or `agreement list`",
)
KEY_FILE = Code(
    "REG-008",
    "key file cannot be used",
    "the file is missing, is not a private key of the kind that is needed, others may read it, or it exists already",
    "nothing was done",
    "make one with `concordat key new`; a private key file has mode 0600 and is never written over",
)
TEXT_FILE = Code(
    "REG-009",
    "file cannot be read",
    "the file is missing or is not UTF-8 text",
    "nothing was done",
    "name a file that exists; save it as UTF-8",
)
BREAKS_AGREEMENTS = Code(
    "REG-010",
    "agreements would break",
    "a signed agreement over this dataset could not be enforced under the new version of its contract",
    "the contract was not published",
    "publish a new major version, or change the agreements that are named",
)
NOT_CONFIRMED = Code(
    "REG-011",
    "stop not confirmed in time",
    "a worker that owned a partition has not said that it decides under the new register position",
    "the act is in the register; no transaction begun before it can commit after the stated worst case",
    "see whether the worker is paused or dead; nothing flows from it after the worst case has passed",
)
NOT_WAITING = Code(
    "REG-012",
    "quarantined record does not wait",
    "the record was discarded, or it was asked to be decided again and has not been quarantined since",
    "nothing was done: to decide a record twice would deliver it twice",
    "`concordat audit search` shows what was decided on the record",
)
EMBARGO = Code(
    "REG-013",
    "an embargo longer than records are kept",
    "the records of an event dataset are gone from its source before the embargo on them is over",
    "the agreement was neither submitted nor signed",
    "agree on an embargo of fewer days than the source keeps events",
)
CLOCKS_APART = Code(
    "REG-014",
    "clock apart from Kafka's",
    "this machine's clock and that of Kafka's machine are more than five minutes apart, and every reader would ignore an act whose time is"
    " not that of its record",
    "nothing was written",
    "set the clock of this machine and have it kept (NTP); if it is right, have Kafka's set",
)
WRITERS_TIME = Code(
    "REG-015",
    "Kafka does not stamp the register",
    "the register's topic was made by hand or by an older version: `message.timestamp.type` is not `LogAppendTime`, so that nobody but the"
    " writer vouches for the time of an act",
    "nothing was written",
    "run `concordat provision apply`, which sets it; acts that are there stay valid",
)
CODES = (
    BEATEN,
    STALE_VERSION,
    NOT_INITIALISED,
    INITIALISED,
    WENT_BACK,
    NOT_READ,
    NO_SUCH,
    KEY_FILE,
    TEXT_FILE,
    BREAKS_AGREEMENTS,
    NOT_CONFIRMED,
    NOT_WAITING,
    EMBARGO,
    CLOCKS_APART,
    WRITERS_TIME,
)
