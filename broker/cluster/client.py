"""The Kafka client as the rest of the broker sees it: connections, messages, and what can go wrong.

`broker.cluster` is the only package that imports a Kafka client.  Three classes use it, one for each way of
working: `TransactionalProducer`, `GroupConsumer` and `Reader`.  What a client library reports in many ways becomes
four: `Abortable` (abort, rewind, try again), `ClusterFatal` (this process must end; `Fenced` when another has taken
its place), `OffsetsLost` (what was to be read next is gone), and `Unavailable` (cannot be reached or is not allowed).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from confluent_kafka import KafkaError, KafkaException

from broker.cluster.codes import FORBIDDEN, UNREACHABLE
from contracts.faults import Unavailable

_FORBIDDEN = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - the client's public name for a local error begins with `_`
        KafkaError.SASL_AUTHENTICATION_FAILED,
    },
)


class ClusterFatal(Exception):
    """The client can do nothing more: the process must end at once and a new one take its place."""


class Fenced(ClusterFatal):
    """Another process has taken this one's transactional id, or a transaction outlived its time limit."""


class OffsetsLost(ClusterFatal):
    """The next record to read is no longer in the topic (retention went past a reader that was away)."""


class Abortable(Exception):
    """The transaction cannot commit; after an abort and a rewind the same work may be tried again."""


class Message(NamedTuple):
    """One record of a topic.

    `timestamp_ms` is Unix milliseconds; -1 where the record has none.  `is_stamped` says that it is Kafka's own time of the
    append (LogAppendTime), and not one that the writer chose.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    is_stamped: bool = False


class PartitionOffset(NamedTuple):
    """A place in a partition, and the text committed with it (at most 4,096 bytes)."""

    topic: str
    partition: int
    offset: int
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a cluster, as one principal.  Its `repr` never shows a secret."""

    bootstrap_servers: str
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)

    def as_user(self, username: str, password: str) -> Connection:
        """The same cluster, signed in as another SCRAM user."""
        return Connection(
            self.bootstrap_servers,
            {
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                **self.properties,
                "sasl.username": username,
                "sasl.password": password,
            },
        )

    @property
    def username(self) -> str | None:
        """The SCRAM user, or None on a cluster without sign-in."""
        return self.properties.get("sasl.username")

    def client_properties(self, **more: str | float | bool) -> dict[str, str | int | float | bool]:
        """Librdkafka's properties for one client; keyword names have `_` for `.`."""
        quiet = {"log_level": 3, "socket.keepalive.enable": True, "reconnect.backoff.max.ms": 2000}
        return {
            **quiet,
            "bootstrap.servers": self.bootstrap_servers,
            **self.properties,
            **{name.replace("_", "."): value for name, value in more.items()},
        }


SILENT = logging.getLogger("concordat.kafka")
"""Where librdkafka's own lines go: nowhere unless somebody listens; they name hosts, never data."""
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False


def is_fatal(error: KafkaError) -> bool:
    """Whether this client has ended.  A fenced consumer says `_FATAL` once with `fatal()` False, then nothing for ever."""
    return error.fatal() or error.code() in (
        KafkaError._FATAL,  # noqa: SLF001
        KafkaError._FENCED,  # noqa: SLF001
        KafkaError.FENCED_INSTANCE_ID,
    )


def is_forbidden(error: KafkaError) -> bool:
    """Whether Kafka refused this principal."""
    return error.code() in _FORBIDDEN


def raise_for(error: KafkaError, what: str) -> NoReturn:
    """Raise what `error` means for whoever was doing `what`."""
    if error.code() == KafkaError._FENCED:  # noqa: SLF001
        raise Fenced(f"{what}: {error.str()}")
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
        raise OffsetsLost(f"{what}: {error.str()}")
    if is_forbidden(error):  # fatal or abortable to the client; but only somebody's permission mends it
        raise unavailable(error, what)
    if is_fatal(error):
        raise ClusterFatal(f"{what}: {error.name()} {error.str()}")
    if error.txn_requires_abort():
        raise Abortable(f"{what}: {error.name()} {error.str()}")
    raise unavailable(error, what)


def unavailable(error: KafkaError | None, what: str) -> Unavailable:
    """The failure to report when Kafka cannot be reached, or refuses this principal."""
    if error is not None and is_forbidden(error):
        return Unavailable(FORBIDDEN.fault(f"{what}: {error.name()}"))
    reason = "no answer" if error is None else f"{error.name()} {error.str()}"
    return Unavailable(UNREACHABLE.fault(f"{what}: {reason}"))


def error_of(exception: BaseException) -> KafkaError | None:
    """The client's error inside an exception; also of the SystemError that a failing callback turns it into."""
    cause: BaseException | None = exception
    while cause is not None:
        if isinstance(cause, KafkaException) and cause.args and isinstance(cause.args[0], KafkaError):
            return cause.args[0]
        cause = cause.__cause__
    return None
