"""For departments that use Python: a share's records, decoded, as an iterator.

Any Kafka client can read a share topic; this one sets what must be set (`read_committed`, explicit places) and decodes with
the schema that each record names.  It knows nothing but the department's own credentials.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import TracebackType
from typing import Any, NamedTuple, Self

from broker.cluster.client import Connection, Message, PartitionOffset
from broker.cluster.consumer import GroupConsumer
from broker.codes import RECORD_UNREADABLE, REGISTRY_UNREACHABLE
from broker.decryption import Decrypter, SealedOf
from contracts.faults import Unavailable
from contracts.wire import AvroSchema, unframe

_ASK_SECONDS = 20
_POLL_SECONDS = 0.2
_BATCH_MESSAGES = 1_000


class Received(NamedTuple):
    """One record as the department has it.  `value` None is a tombstone: the key was withdrawn or deleted."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: str | None
    value: dict[str, Any] | None


class Subscription:
    """The records of some share topics, in order per partition, each decoded.

    Iterate for ever, or call `poll`.  `commit` notes how far the group has come, so that another start goes on there;
    nothing is committed by itself.  With a `decrypter` the fields that are encrypted for the department come decrypted.  Raises `Unavailable` when Kafka or the registry cannot be reached or refuses.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Sequence[str],
        schema_text: Callable[[int], str],
        *,
        group: str,
        decrypter: Decrypter | None = None,
    ) -> None:
        self._text, self._decrypter = cache(schema_text), decrypter
        self._schema = cache(lambda identifier: AvroSchema(self._text(identifier)))
        self._next: dict[tuple[str, int], int] = {}
        self._consumer = GroupConsumer(
            connection,
            group,
            None,
            on_assign=lambda _: None,
            on_revoke=self._forget,
            on_lost=self._forget,
        )
        self._consumer.subscribe(topics)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[Received]:
        while True:
            yield from self.poll(_POLL_SECONDS)

    def poll(self, timeout_seconds: float) -> list[Received]:
        """The next records, waiting at most `timeout_seconds` for the first."""
        messages = self._consumer.consume(1, timeout_seconds)
        if messages:
            messages += self._consumer.consume(_BATCH_MESSAGES, 0)
        received = [self._received(message) for message in messages]
        self._next |= {(message.topic, message.partition): message.offset + 1 for message in messages}
        return received

    def commit(self) -> None:
        """Everything that `poll` has given is done with."""
        if self._next:
            self._consumer.commit(PartitionOffset(*place, offset) for place, offset in self._next.items())

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _forget(self, partitions: list[tuple[str, int]]) -> None:
        for place in partitions:
            self._next.pop(place, None)

    def _received(self, message: Message) -> Received:
        try:
            value = None
            if message.value is not None:
                identifier, body = unframe(message.value)
                value = self._schema(identifier).decode(body)
                if self._decrypter is not None:
                    value = self._decrypter.decrypted(message.topic, self._text(identifier), value)
            key = None if message.key is None else message.key.decode()
        except ValueError as error:  # WireError and UnicodeDecodeError are; their text is not shown: it may hold data
            place = f"{message.topic} partition {message.partition} offset {message.offset}"
            raise Unavailable(RECORD_UNREADABLE.fault(place)) from error
        return Received(message.topic, message.partition, message.offset, message.timestamp_ms, key, value)


def registry_schemas(address: str, username: str, password: str) -> Callable[[int], str]:
    """Schemas by id from a schema registry, signed in with the department's Kafka name and password."""
    ask = _asker(address, username, password)
    return lambda identifier: str(ask(f"schemas/ids/{identifier}", "schema"))


def sealed_keys(address: str, username: str, password: str) -> SealedOf:
    """A share topic's sealed content keys from the broker's service, signed in as for schemas."""
    ask = _asker(address, username, password)
    return lambda topic: {
        int(version): str(sealed) for version, sealed in ask(f"sealed-keys/{topic}", "versions").items()
    }


def _asker(address: str, username: str, password: str) -> Callable[[str, str], Any]:
    credentials = base64.b64encode(f"{username}:{password}".encode()).decode()

    def ask(path: str, member: str) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's own setting
            f"{address.rstrip('/')}/{path}", headers={"Authorization": f"Basic {credentials}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_ASK_SECONDS) as answer:  # noqa: S310
                return json.load(answer)[member]
        except (urllib.error.URLError, TimeoutError, ValueError, KeyError) as exception:
            message = f"{path} from {address}: {exception}"
            raise Unavailable(REGISTRY_UNREACHABLE.fault(message)) from exception

    return ask
