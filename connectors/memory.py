"""The memory connector: a store that lives in a process, read over a local socket.  For tests, demonstrations and learning.

`MemoryStore` is the store; whoever holds it writes to it.  It numbers its changes from 1 and forgets what is durable.  A
position is the number of the last change that was read.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from connectors.codes import CHANGES_GONE, POSITION_UNREADABLE, STORE_UNREACHABLE, UNKNOWN_SIGNAL
from connectors.protocol import Away, Batch, Change, CheckReport, Options, Position, Signal
from contracts.change import Op, Row
from contracts.faults import Failure, Refused, Unavailable
from contracts.model import Contract

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAUSE_SECONDS = 0.01
_ANSWER_SECONDS = 30.0


class MemoryOptions(Options):
    """Where the store is, and how much is read at once."""

    address: Path
    """The socket of the store: a path on this machine."""
    batch_changes: int = Field(default=1_000, ge=1)
    """How many changes make one batch at most; a transaction is cut where it is longer."""


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """One change as the store keeps it, in JSON values.  `unavailable` names fields that the store leaves out of `after`."""

    dataset: str
    op: Op
    key: Row
    before: Row | None
    after: Row | None
    unavailable: tuple[str, ...] = ()


class MemoryStore:
    """A store in this process, served at a socket.  A context manager; safe to use from several threads."""

    def __init__(self, address: Path) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._log: list[dict[str, Any]] = []
        self._forgotten = 0
        self._server: _Server | None = None

    def write(self, changes: Sequence[MemoryChange]) -> None:
        """One transaction."""
        microseconds = time.time_ns() // 1_000
        with self._lock:
            for change in changes:
                number = self._forgotten + len(self._log) + 1
                self._log.append({"number": number, "microseconds": microseconds, **asdict(change)})

    def held(self) -> list[dict[str, Any]]:
        """What the store has not forgotten."""
        with self._lock:
            return list(self._log)

    def answer(self, question: dict[str, int]) -> Any:
        """What a connector is told: the changes after a number, or, for `forget`, nothing but that it is done."""
        with self._lock:
            if "forget" in question:
                count = max(0, min(question["forget"] - self._forgotten, len(self._log)))
                self._forgotten += count
                del self._log[:count]
                return True
            began = max(0, question["after"] - self._forgotten)
            return {
                "first": self._forgotten + 1,
                "last": self._forgotten + len(self._log),
                "changes": self._log[began : began + question["limit"]],
            }

    def start(self) -> None:
        """Serve connectors until `stop`; what was written stays in between."""
        self._address.unlink(missing_ok=True)
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Serve nobody any more, and cut every connection; safe to call twice."""
        if self._server is not None:
            self._server.shutdown()
            self._server.cut()
            self._server.server_close()
        self._server = None

    @property
    def address(self) -> str:
        """The path of the socket."""
        return str(self._address)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(socketserver.ThreadingUnixStreamServer):
    """Answers lines of JSON with lines of JSON."""

    daemon_threads = True

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self._connected: list[socket.socket] = []
        super().__init__(store.address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, to be able to cut it."""
        self._connected.append(request)
        super().process_request(request, client_address)

    def cut(self) -> None:
        """End every connection."""
        for connected in self._connected:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            for line in self.rfile:
                self.wfile.write(json.dumps(self.server.store.answer(json.loads(line))).encode() + b"\n")


class MemoryConnector:
    """Reads a `MemoryStore`."""

    name: ClassVar[str] = "memory"
    description: ClassVar[str] = "a store in the memory of a process, for tests and demonstrations"
    options_model: ClassVar[type[Options]] = MemoryOptions
    conformance_harness: ClassVar[str] = "connectors.conformance.memory:MemoryHarness"

    def __init__(self, name: str, options: Options, contracts: Sequence[Contract]) -> None:
        assert isinstance(options, MemoryOptions)
        self._name, self._options = name, options
        self._datasets = frozenset(contract.dataset for contract in contracts)
        self._socket: socket.socket | None = None
        self._answers: Any = None
        self._read = 0

    def check(self) -> CheckReport:
        """Whether the store answers."""
        try:
            self._connect()
            self._ask({"after": 0, "limit": 0})
        except Failure as failure:
            return CheckReport(failure.faults)
        finally:
            self.close()
        return CheckReport(())

    def discover(self) -> Sequence[str]:
        """No drafts: the store has no schema."""
        return ()

    def open(self, position: Position | None) -> None:
        """Continue after `position`; raises `Away`, or `Unavailable` when the store does not have what follows it."""
        self.close()
        try:
            self._read = 0 if position is None else int(position.text)
        except ValueError as error:
            raise Unavailable(POSITION_UNREADABLE.fault("it is not a number")) from error
        self._connect()
        has = self._ask({"after": self._read, "limit": 0})
        if not has["first"] - 1 <= self._read <= has["last"]:
            self.close()
            message = f"read up to {self._read}; the store has {has['first']} to {has['last']}"
            raise Unavailable(CHANGES_GONE.fault(message))

    def poll(self, timeout_seconds: float) -> Batch | None:
        """The next changes."""
        end = time.monotonic() + timeout_seconds
        while True:
            found = self._ask({"after": self._read, "limit": self._options.batch_changes})["changes"]
            if found:
                self._read = found[-1]["number"]
                changes = tuple(_change(one) for one in found if one["dataset"] in self._datasets)
                return Batch(changes, Position(str(self._read)))
            if time.monotonic() >= end:
                return None
            time.sleep(_PAUSE_SECONDS)

    def durable(self, position: Position) -> None:
        """The store forgets everything up to `position`."""
        self._ask({"forget": int(position.text)})

    def signal(self, signal: Signal) -> None:
        """Refuses every signal."""
        raise Refused(UNKNOWN_SIGNAL.fault(f"{self.name} takes no signal {signal.name!r}"))

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._answers.close()
            self._socket.close()
        self._socket = None

    def _connect(self) -> None:
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(_ANSWER_SECONDS)
        try:
            connected.connect(str(self._options.address))
        except OSError as error:
            connected.close()
            raise self._away(error) from error
        self._socket, self._answers = connected, connected.makefile("rb")

    def _ask(self, question: dict[str, int]) -> Any:
        assert self._socket is not None
        try:
            self._socket.sendall(json.dumps(question).encode() + b"\n")
            answer = self._answers.readline()
        except OSError as error:
            raise self._away(error) from error
        if not answer.endswith(b"\n"):
            raise self._away(None)
        return json.loads(answer)

    def _away(self, error: OSError | None) -> Away:
        reason = "the connection was cut" if error is None else error.strerror or type(error).__name__
        return Away(STORE_UNREACHABLE.fault(f"{self._options.address}: {reason}"))


def _change(found: dict[str, Any]) -> Change:
    return Change(
        dataset=found["dataset"],
        op=Op(found["op"]),
        key=found["key"],
        before=found["before"],
        after=found["after"],
        position=Position(str(found["number"])),
        committed_at=_EPOCH + timedelta(microseconds=found["microseconds"]),
        unavailable=tuple(found["unavailable"]),
    )
