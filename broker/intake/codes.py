"""The error codes of the intake: connectors as the broker runs them, and the local PostgreSQL."""

from __future__ import annotations

from contracts.faults import Code

POSTGRESQL_NOT_STARTED = Code(
    "INT-001",
    "the local PostgreSQL did not start",
    "the server ended, or was not ready in time; the message says which, and where its log is",
    "what was started was stopped; what was stored is kept",
    "read the log; a full disk, too little shared memory and a directory of another major version are the usual causes",
)
CONFIGURATION_WRONG = Code(
    "INT-002",
    "the connector's configuration is wrong",
    "a key or an option is unknown, missing or of the wrong type; the message names it",
    "nothing was started",
    "mend the text at the place that is named; docs/guides/add-a-postgresql-connector.md shows a whole one",
)
CONTRACT_MISSING = Code(
    "INT-003",
    "no contract is published for a dataset",
    "the configuration names a dataset that the register does not know",
    "nothing was started: what has no contract cannot be read",
    "publish it first: `concordat contract publish FILE`",
)
NOT_DESIGNATED = Code(
    "INT-004",
    "the connector is not the dataset's designated store",
    "the contract names another store (`concordat.store`), and only that one may write the dataset",
    "nothing was started",
    "give the connector the name that the contract designates, or have the owner publish a contract that names this one",
)
TOPIC_MISSING = Code(
    "INT-005",
    "the dataset's topic is missing",
    "source.<dataset> has not been made, or this connector's principal may not see it",
    "nothing was started",
    "run `concordat provision apply`",
)
TAKEN_OVER = Code(
    "INT-006",
    "another process runs this connector",
    "a process that was started later under the same name has taken its place",
    "this process has ended; nothing is lost or written twice",
    "run each connector once; see `concordat connector status`",
)
POSITION_UNREADABLE = Code(
    "INT-007",
    "the stored position cannot be read",
    "the record on concordat.positions does not have the form of docs/formats/position.md",
    "nothing was started",
    "use the version of concordat that wrote it",
)
NO_KEY = Code(
    "INT-020",
    "no key",
    "a key field of the row is null, or cannot be written as the contract says",
    "the row is quarantined and its sequence number kept; the stream goes on",
    "mend the row in its store: a later change of it is carried as usual",
)
NOT_ENCODABLE = Code(
    "INT-021",
    "not encodable",
    "a value of the row has no form in the contract's schema, such as NaN in a decimal or an unknown enum symbol",
    "the row is quarantined and its sequence number kept; the stream goes on",
    "mend the row in its store, or publish a contract that has room for the value",
)
TOO_LARGE = Code(
    "INT-022",
    "too large",
    "the encoded row is larger than the contract's limit, or than a Kafka record may be",
    "the row is quarantined and its sequence number kept; the stream goes on",
    "make the row smaller in its store, leave the large field out of the contract, or raise its row limit",
)
DRAFT_NOT_WRITTEN = Code(
    "INT-030",
    "a draft contract was not written",
    "a file of that name is there already, or the directory cannot be written",
    "drafts before it are written; none was replaced",
    "name another directory, or move the file away: it may hold an owner's work",
)
RECORDS_GONE = Code(
    "INT-023",
    "records of the topic are gone",
    "the topic no longer keeps the record that the connector would read next: retention, or the topic was made anew",
    "nothing is read: changes may be lost",
    "have Debezium take a new snapshot, and read it under a new connector name",
)
TOPIC_AWAY = Code(
    "INT-024",
    "a topic that the connector reads is not there",
    "it does not exist, Kafka cannot be reached, or the connector's principal may not read it",
    "nothing is read; a running connector tries again with back-off",
    "see that options.topics names it rightly, name it in the setting connector_topics, and run `concordat provision apply`",
)
EVENTS_UNREADABLE = Code(
    "INT-025",
    "the events cannot be read",
    'a line of the file is not JSON of the form {"key": …, "value": …}',
    "nothing was converted",
    "mend the line that is named; docs/guides/add-a-debezium-topic.md shows the form, also for binary records",
)
NO_EVENTS = Code(
    "INT-026",
    "the connector takes no events",
    "it reads a store, and has no records that could be tried",
    "nothing was converted",
    "use `concordat connector check`; `concordat connector list` shows the connectors",
)
SIGNAL_NOT_SENT = Code(
    "INT-031",
    "the signal was not sent",
    "other senders of signals took this one's turn again and again",
    "nothing was sent",
    "send it again",
)
NO_SUCH_CONNECTOR = Code(
    "INT-032",
    "no such connector has run",
    "no connector of this name has ever been started on this cluster",
    "nothing was sent",
    "`concordat connector status` shows those that have run",
)
CODES = (
    POSTGRESQL_NOT_STARTED,
    CONFIGURATION_WRONG,
    CONTRACT_MISSING,
    NOT_DESIGNATED,
    TOPIC_MISSING,
    TAKEN_OVER,
    POSITION_UNREADABLE,
    NO_KEY,
    NOT_ENCODABLE,
    TOO_LARGE,
    DRAFT_NOT_WRITTEN,
    SIGNAL_NOT_SENT,
    NO_SUCH_CONNECTOR,
    RECORDS_GONE,
    TOPIC_AWAY,
    EVENTS_UNREADABLE,
    NO_EVENTS,
)
