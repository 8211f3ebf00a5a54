"""Asking a cluster's administration one thing and waiting for the answer: the plumbing under `Admin`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from broker import clock
from broker.cluster.client import SILENT, Connection, is_forbidden, unavailable
from contracts.faults import Unavailable

LIMIT_SECONDS = 30.0
_REACH_SECONDS = 10.0

Answer = TypeVar("Answer")


class Asking:
    """A client whose every answer is waited for; its errors become `Unavailable` with the reason."""

    def __init__(self, connection: Connection) -> None:
        self._last_error: KafkaError | None = None
        self._client = AdminClient(connection.client_properties(), error_cb=self._note, logger=SILENT)
        self._reach()

    def _wait(self, what: str, future: Future[Any], fine: tuple[int, ...] = ()) -> bool:
        """Whether the change was made; False for an error that means it was made already."""
        try:
            future.result(LIMIT_SECONDS)
        except KafkaException as exception:
            if exception.args[0].code() in fine:
                return False
            raise self._failure(what, exception) from exception
        except TimeoutError as exception:
            raise unavailable(self._last_error, what) from exception
        return True

    def _result(self, what: str, future: Future[Answer]) -> Answer:
        return self._ask(what, lambda: future.result(LIMIT_SECONDS))

    def _ask(self, what: str, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except KafkaException as exception:
            raise self._failure(what, exception) from exception
        except TimeoutError as exception:
            raise unavailable(self._last_error, what) from exception

    def _failure(self, what: str, exception: KafkaException) -> Unavailable:
        self._client.poll(0)  # hands connection errors to `_note`
        error: KafkaError = exception.args[0]
        if error.code() < 0 and self._last_error is not None:
            error = self._last_error  # negative is the client's own: why it could not be reached says more
        return unavailable(error, what)

    def _note(self, error: KafkaError) -> None:
        if self._last_error is None or error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._last_error = error

    def _reach(self) -> None:
        """Wait for a first answer; a wrong password is known at once, not when the time is up."""
        limit = clock.monotonic_seconds() + _REACH_SECONDS
        while True:
            try:
                self._client.list_topics(timeout=1.0)
            except KafkaException as exception:
                self._client.poll(0)  # hands connection errors to `_note`
                refused = self._last_error is not None and is_forbidden(self._last_error)
                if refused or clock.monotonic_seconds() > limit:
                    raise self._failure("the cluster", exception) from exception
            else:
                return
