"""The error codes of the PostgreSQL connector: what the server lacks, and the statement that mends it."""

from __future__ import annotations

from contracts.faults import Code

STORE_REFUSES = Code(
    "CNR-011",
    "the store refuses the connector's user",
    "the user or password is wrong, or pg_hba.conf has no line for it",
    "nothing is read",
    "give the right password in `password_file`, or set it: ALTER ROLE <user> LOGIN REPLICATION PASSWORD '…'",
)
PRIVILEGE_MISSING = Code(
    "CNR-012",
    "the connector's user lacks a privilege",
    "it may not read a table, use a schema, or replicate",
    "nothing is read",
    "run the statements that `concordat connector check` prints, as the owner of the table or a superuser",
)
SETTING_WRONG = Code(
    "CNR-013",
    "a setting of the server forbids change capture",
    "wal_level is not logical, or no replication slot or sender is left",
    "nothing is read",
    "run the statements that `concordat connector check` prints as a superuser, then restart the server",
)
TABLE_MISSING = Code(
    "CNR-014",
    "a table is not there",
    "the table that the options name for a dataset does not exist, or the user cannot see it",
    "nothing is read",
    "name the table in `options.tables`, e.g. `tables: {crossings: public.border_crossings}`",
)
TABLE_MISFIT = Code(
    "CNR-015",
    "the table does not fit the contract",
    "a contracted column is missing or of a type that cannot carry the field",
    "nothing is read from now on; what was read stays",
    "change the table back, or publish a contract version that fits it, and start the connector again",
)
KEY_MISFIT = Code(
    "CNR-016",
    "the table's identity does not carry the contract's key",
    "updates and deletes would not say which record they concern",
    "nothing is read",
    "make the contract's key the primary key, or run ALTER TABLE … REPLICA IDENTITY FULL",
)
TOAST_UNAVAILABLE = Code(
    "CNR-017",
    "values would be unavailable",
    "a contracted column can be stored out of line, and PostgreSQL leaves such a value out of an update that does not change it",
    "nothing is read: a value that is not there must not look like null",
    "run ALTER TABLE … REPLICA IDENTITY FULL, as `concordat connector check` prints it",
)
PUBLICATION_WRONG = Code(
    "CNR-018",
    "the publication does not fit",
    "it does not exist, or does not publish every table with all of insert, update, delete and truncate",
    "nothing is read",
    "run the CREATE or ALTER PUBLICATION that `concordat connector check` prints",
)
SLOT_MISSING = Code(
    "CNR-020",
    "the replication slot is gone",
    "a position is stored, but the slot that kept the changes after it does not exist or was invalidated",
    "nothing is read: changes since the stored position may be lost",
    "find out who dropped it, or whether a standby was promoted that did not have it (or max_slot_wal_keep_size); then `concordat connector signal NAME snapshot` and start it again:"
    " every row is read again, but rows that were deleted in between are not known",
)
SLOT_HELD = Code(
    "CNR-021",
    "the replication slot is held by another",
    "another session reads from the slot; the message names it",
    "nothing is read",
    "end the other session, e.g. SELECT pg_terminate_backend(<pid>), or give this connector a slot of its own",
)
SLOT_AHEAD = Code(
    "CNR-022",
    "the replication slot is ahead of the stored position",
    "somebody else confirmed changes that are not in Kafka, or Kafka was restored from an older state",
    "nothing is read: PostgreSQL would silently leave out the changes between the two",
    "find out who used the slot; then `concordat connector signal NAME snapshot` and start it again: every row is read again,"
    " but rows that were deleted in between are not known",
)
OTHER_SERVER = Code(
    "CNR-023",
    "this is not the server that the position came from",
    "the system identifier differs, or the server's history does not contain the stored position: another cluster, a restored"
    " backup, or a standby that was promoted without the newest changes",
    "nothing is read: positions of two histories cannot be compared",
    "point the DSN at the old server; after a fail-over `concordat connector signal NAME snapshot` and start it again: every row"
    " is read again, but rows that were deleted in between are not known",
)
NOT_PROMOTED = Code(
    "CNR-105",
    "the server is a standby",
    "the DSN leads to a standby that was not promoted, where the connector has no slot of its own",
    "nothing is read; the connector asks again until the server is promoted",
    "promote the standby, or point the DSN at the primary; `target_session_attrs=read-write` in a DSN of several hosts finds it",
)
SLOT_WRONG = Code(
    "CNR-024",
    "the replication slot is of another kind",
    "a slot of this name exists for another database or with another plugin than pgoutput",
    "nothing is read",
    "name another slot in `options.slot`, or drop it: SELECT pg_drop_replication_slot('…')",
)
STREAM_BROKEN = Code(
    "CNR-026",
    "the store sent what it should not",
    "a message of the replication stream does not have the form that its protocol promises",
    "nothing more is read; what was read stays",
    "report it with the server's version; the message says which part could not be read",
)
SLOT_IDLE = Code(
    "CNR-027",
    "nobody reads from the replication slot",
    "the connector does not run, or its session was ended; the server keeps every change for it",
    "nothing is lost yet; the server's disk fills",
    "start the connector; if it is not to run again, drop the slot: SELECT pg_drop_replication_slot('…')",
)
SLOT_RETAINS = Code(
    "CNR-028",
    "the replication slot keeps more WAL than its owner wants",
    "the connector is paused, slow or stopped, Kafka is away, or one transaction is open for long",
    "nothing is lost; the server's disk fills",
    "see `concordat connector status`: resume or start it; look for old transactions in pg_stat_activity;"
    " `options.alarm_retained_bytes` is the limit",
)
SLOT_EXTENDED = Code(
    "CNR-029",
    "the replication slot keeps WAL beyond max_wal_size",
    "as for CNR-028; `wal_status` is extended",
    "nothing is lost; the server's disk fills beyond what it was planned for",
    "resume or start the connector, and see that the disk has room",
)
SLOT_NEAR_LIMIT = Code(
    "CNR-019",
    "the replication slot will soon be lost",
    "what it keeps comes near max_slot_wal_keep_size, or is beyond it (`wal_status` is unreserved)",
    "nothing is lost yet; the server gives the slot up at its limit, and changes after it are gone",
    "resume or start the connector at once, or give it room: ALTER SYSTEM SET max_slot_wal_keep_size = '…';"
    " SELECT pg_reload_conf()",
)
TABLE_ALLOWS_MORE = Code(
    "CNR-101",
    "the table allows what the contract forbids",
    "a column may hold null, a value or a size that the contract has no room for; only advice, nothing is stopped",
    "such a row breaks its contract and is quarantined when it comes",
    "constrain the column, or publish a contract that has room for it",
)
OUTBOX_WRONG = Code(
    "CNR-102",
    "the outbox does not fit",
    "a column that the options name is missing, of the wrong type or null, or a dataset of its routes is none of events",
    "nothing is read",
    "mend `options.outbox` or the table as the message says; docs/guides/add-a-postgresql-connector.md shows both",
)
ROUTE_UNKNOWN = Code(
    "CNR-103",
    "an event has no route",
    "a row of the outbox has a value in its route column that `options.outbox.routes` does not name",
    "nothing more is read; the row was not passed over and comes again",
    "name the value in `routes`, with a dataset for it, or name a dataset in `unrouted` to have such rows quarantined;"
    " SELECT DISTINCT of the route column shows the values",
)
ORDER_NOT_KEPT = Code(
    "CNR-104",
    "the order of each aggregate's events is not kept",
    "the contract's key is not the outbox's aggregate column alone, so its events may lie in several partitions; only advice",
    "events of one key stand in their order, those of one aggregate may not",
    "make the field of the aggregate column the contract's key, where a reader relies on that order",
)
CODES = (
    STORE_REFUSES,
    PRIVILEGE_MISSING,
    SETTING_WRONG,
    TABLE_MISSING,
    TABLE_MISFIT,
    KEY_MISFIT,
    TOAST_UNAVAILABLE,
    PUBLICATION_WRONG,
    SLOT_NEAR_LIMIT,
    SLOT_MISSING,
    SLOT_HELD,
    SLOT_AHEAD,
    OTHER_SERVER,
    NOT_PROMOTED,
    SLOT_WRONG,
    STREAM_BROKEN,
    SLOT_IDLE,
    SLOT_RETAINS,
    SLOT_EXTENDED,
    TABLE_ALLOWS_MORE,
    OUTBOX_WRONG,
    ROUTE_UNKNOWN,
    ORDER_NOT_KEPT,
)
