"""The HTTP connector that is sent changes: an endpoint that answers only after the commit (see `endpoint` and `desk`)."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar

from connectors.codes import POSITION_UNREADABLE, UNKNOWN_SIGNAL
from connectors.http.desk import Desk, Known, Submission
from connectors.http.endpoint import Endpoint, Wrong, tls
from connectors.http.options import HttpPushOptions, secret
from connectors.http.poll import change_of
from connectors.items import Shaper
from connectors.protocol import Batch, CheckReport, Options, Position, Signal
from connectors.typed import Unreadable, json_of
from contracts.faults import Failure, Refused
from contracts.model import Contract

_BATCH_CHANGES = 1_000


class HttpPushConnector:
    """`POST /<dataset>`: rows become changes, and the sender is told once they are durable."""

    name: ClassVar[str] = "http-push"
    description: ClassVar[str] = "an HTTP endpoint that rows are sent to, and that answers after the commit"
    options_model: ClassVar[type[Options]] = HttpPushOptions
    conformance_harness: ClassVar[str] = "connectors.http.harness:PushHarness"

    def __init__(self, name: str, options: Options, contracts: Sequence[Contract]) -> None:
        assert isinstance(options, HttpPushOptions)
        self._name, self._options = name, options
        ignore = options.on_unknown_member == "ignore"
        self._shapers = {contract.dataset: Shaper(contract, ignore_unknown=ignore) for contract in contracts}
        self._desk = Desk(options.keys_kept, options.senders_max)
        self._endpoint: Endpoint | None = None

    @property
    def port(self) -> int | None:
        """Where the endpoint listens, while it does."""
        return None if self._endpoint is None else self._endpoint.port

    def check(self) -> CheckReport:
        """Whether the token and the certificate can be read; the address is tried by `open` alone."""
        try:
            secret(self._options.token_file)
            tls(self._options)
        except Failure as failure:
            return CheckReport(failure.faults, (f"chmod 600 {self._options.token_file}",))
        return CheckReport(())

    def discover(self) -> Sequence[str]:
        """None: what will be sent is not known."""
        return ()

    def open(self, position: Position | None) -> None:
        """Listen, and remember the keys that `position` holds; raises `Unavailable` when the address cannot be used."""
        try:
            found: dict[str, Any] = {"number": 0, "keys": []} if position is None else json.loads(position.text)
            known = [(str(key), Known(*rest)) for key, *rest in found["keys"]]
            self._desk.open(int(found["number"]), known)
        except (ValueError, TypeError, KeyError):
            raise Refused(POSITION_UNREADABLE.fault(self._name)) from None
        if self._endpoint is None:
            self._endpoint = Endpoint(self._options, self._receive)

    def poll(self, timeout_seconds: float) -> Batch | None:
        """The changes of the requests that wait."""
        taken = self._desk.take(_BATCH_CHANGES, timeout_seconds)
        if not taken:
            return None
        number, known = self._desk.state()
        text = json.dumps({"number": number, "keys": [[key, *one] for key, one in known]}, separators=(",", ":"))
        return Batch(tuple(change for one in taken for change in one.changes), Position(text))

    def durable(self, position: Position) -> None:
        """Answer the requests that are safe now."""
        self._desk.durable(int(json.loads(position.text)["number"]))

    def signal(self, signal: Signal) -> None:
        """Takes none."""
        raise Refused(UNKNOWN_SIGNAL.fault(signal.name))

    def close(self) -> None:
        """Answer 503 to whoever waits, and listen no more."""
        self._desk.close()
        if self._endpoint is not None:
            self._endpoint.stop()
        self._endpoint = None

    def _receive(self, dataset: str, key: str, body: bytes) -> Known:
        """One request, in a thread of the endpoint."""
        shaper = self._shapers.get(dataset)
        if shaper is None:
            raise Wrong(HTTPStatus.NOT_FOUND, "no such dataset")
        try:
            document = json_of(body)
        except Unreadable as unreadable:
            raise Wrong(HTTPStatus.BAD_REQUEST, f"the body is {unreadable}") from None
        items = document if isinstance(document, list) else [document]
        if len(items) > self._options.items_max:
            raise Wrong(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {self._options.items_max} items")
        name = _digest(f"{dataset}/{key}".encode())
        now = datetime.fromtimestamp(time.time_ns() / 1e9, UTC)
        changes = tuple(
            change_of(shaper, item, self._options, Position(f"{name}:{number}"), now)
            for number, item in enumerate(items, 1)
        )
        return self._desk.submit(Submission(name, _digest(body), changes), self._options.wait_seconds)


def _digest(content: bytes) -> str:
    """22 characters that stand for a key or a body."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()[:16]).decode().rstrip("=")
