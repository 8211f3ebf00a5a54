"""The error codes of the connectors: what a store lacks, and the statement that mends it."""

from __future__ import annotations

from contracts.faults import Code

UNKNOWN_CONNECTOR = Code(
    "CNR-001",
    "no such connector",
    "the configuration names a connector that is neither shipped nor installed",
    "nothing was started",
    "`concordat connector list` shows those that are here",
)
WRONG_OPTIONS = Code(
    "CNR-002",
    "the connector's options are wrong",
    "an option is unknown, missing or of the wrong type, or a secret stands in the text",
    "nothing was started",
    "see the options of the connector in its guide; secrets are given as the path of a file that holds them",
)
UNKNOWN_SIGNAL = Code(
    "CNR-003",
    "the connector knows no such signal",
    "a signal was sent that this connector does not understand",
    "nothing changed",
    "see the connector's guide for the signals it takes",
)
STORE_UNREACHABLE = Code(
    "CNR-010",
    "the store cannot be reached",
    "nobody answered, or the connection broke; the message says what the store said",
    "nothing is read; a running connector tries again with back-off and continues where it was",
    "see that the server runs and that host, port and database in the DSN are right",
)
POSITION_UNREADABLE = Code(
    "CNR-025",
    "the stored position cannot be read",
    "it was written by another connector or by a newer version of this one",
    "nothing is read",
    "use the version that wrote it, or give the connector a new name",
)
DIRECTORY_AWAY = Code(
    "CNR-301",
    "the directory cannot be read",
    "it is not there, is not mounted, or may not be listed",
    "nothing is read; a running connector tries again",
    "see that the directory exists and that the connector's user may list it and read its files (ls -l)",
)
FILE_CHANGED = Code(
    "CNR-302",
    "a file is not the one that was read",
    "a file that was read, or is being read, now has another size or another beginning",
    "nothing more is read: what changed cannot be told from what was read",
    "give new data in a file with a new name; put the old file back; or begin again under a new connector name",
)
FILE_GONE = Code(
    "CNR-303",
    "a file went before it was read",
    "a file that was read in part is no longer in the directory",
    "nothing more is read: the rest of it may be lost",
    "put the file back, or begin again under a new connector name; keep files until they are read",
)
FILE_TRUNCATED = Code(
    "CNR-304",
    "a growing file became shorter",
    "a file was cut or written anew in place, perhaps before its last lines were read",
    "nothing more is read, unless `on_truncation` is `reread`",
    "rotate by renaming, never by cutting; or set `on_truncation: reread` if no lines can have been lost",
)
COLUMNS_WRONG = Code(
    "CNR-305",
    "the columns of a file do not fit the contract",
    "a contracted column is missing, a column stands twice, or one is unknown to the contract",
    "nothing of the file is read",
    "mend the file, or set `on_unknown_column: ignore`; a column that is not contracted is never carried",
)
TOO_MANY_FILES = Code(
    "CNR-306",
    "too many files are in the directory",
    "the position names each file that is still there, and would become too long",
    "nothing more is read",
    "move files that were read elsewhere; the connector forgets those that are gone",
)
STATE_MISSING = Code(
    "CNR-307",
    "the previous extract is not there",
    "the position names a file of the state directory that is missing or was changed",
    "nothing is read: creates, updates and deletes cannot be derived",
    "put the state directory back, or begin again under a new connector name, which reads the whole extract",
)
TOO_MANY_DELETES = Code(
    "CNR-308",
    "an extract lacks too many rows",
    "more rows than `deletes_percent_max` allows would be deleted: perhaps the extract is not complete",
    "nothing of the extract is carried",
    "give a complete extract with a later name, or raise `deletes_percent_max` for this one",
)
OPTION_UNFIT = Code(
    "CNR-309",
    "an option does not fit the contract",
    "the contract's kind, key or fields cannot be read in the way that the options ask for",
    "nothing is read",
    "change the option that the message names",
)
FEED_WRONG = Code(
    "CNR-320",
    "the HTTP store answered what it should not",
    "the answer has another status, form or size than the options say",
    "nothing more is read; what was read stays",
    "compare the options with the store's documentation; `concordat connector check` asks it once",
)
FEED_REFUSES = Code(
    "CNR-321",
    "the HTTP store refuses the connector",
    "it answered 401 or 403",
    "nothing is read",
    "put a valid token in `token_file`, or user and password in `basic_file`",
)
FEED_CHANGED = Code(
    "CNR-322",
    "what was read has changed",
    "a page that was read in part, or whose cursor was used, now holds other items",
    "nothing more is read: a change may have been missed",
    "use a cursor that is unique and ascending; then begin again under a new connector name",
)
ENDPOINT_TAKEN = Code(
    "CNR-323",
    "the endpoint cannot be opened",
    "the address is in use, may not be used, or its certificate cannot be read",
    "nothing is received",
    "end the other process, or choose another `listen`",
)
SECRET_UNREADABLE = Code(
    "CNR-324",
    "a file with a secret cannot be read",
    "it is missing, empty, or the connector's user may not read it",
    "nothing was started",
    "write the secret to the file that the option names, readable by the connector's user alone (chmod 600)",
)
CHANGES_GONE = Code(
    "CNR-405",
    "the store has no longer, or not yet, what follows the position",
    "it forgot changes that are not in Kafka, or it is another store than the one the position came from",
    "nothing is read: a gap must not look like a quiet store",
    "see that the address is right; else read the store from the beginning under a new connector name",
)
REGISTRY_UNREACHABLE = Code(
    "CNR-201",
    "the schema registry cannot be reached",
    "nobody answered at options.registry, or what answered is no schema registry",
    "records whose schema is not known yet wait; a running connector tries again with back-off",
    "see that the registry runs and that options.registry is its address, e.g. http://registry.example:8081",
)
REGISTRY_REFUSES = Code(
    "CNR-202",
    "the schema registry refuses the connector",
    "the user or password in options.registry_credentials_file is wrong, or lacks the right to read schemas",
    "nothing is read",
    "write `user:password` of a user that may read schemas into the file",
)
SCHEMA_FILE_UNREADABLE = Code(
    "CNR-203",
    "a file of the schema lookup cannot be read",
    "options.schemas or options.registry_credentials_file names a file that is missing or not permitted",
    "nothing is read",
    "mend the path; relative paths count from the configuration's directory",
)
TOPIC_UNNAMED = Code(
    "CNR-204",
    "a dataset has no topic",
    "options.topics does not say which topic carries it",
    "nothing is read",
    "name it, e.g. `topics: {customers: dbserver1.inventory.customers}`",
)
RECORDS_MISSING = Code(
    "CNR-205",
    "there is nothing to take records from",
    "what runs the connector gave it no source of records",
    "nothing is read",
    "run it with `concordat connector run`",
)
CODES = (
    UNKNOWN_CONNECTOR,
    WRONG_OPTIONS,
    UNKNOWN_SIGNAL,
    STORE_UNREACHABLE,
    POSITION_UNREADABLE,
    DIRECTORY_AWAY,
    FILE_CHANGED,
    FILE_GONE,
    FILE_TRUNCATED,
    COLUMNS_WRONG,
    TOO_MANY_FILES,
    STATE_MISSING,
    TOO_MANY_DELETES,
    OPTION_UNFIT,
    FEED_WRONG,
    FEED_REFUSES,
    FEED_CHANGED,
    ENDPOINT_TAKEN,
    SECRET_UNREADABLE,
    CHANGES_GONE,
    REGISTRY_UNREACHABLE,
    REGISTRY_REFUSES,
    SCHEMA_FILE_UNREADABLE,
    TOPIC_UNNAMED,
    RECORDS_MISSING,
)
