"""Sessions with the server: opened with clear faults, one for questions and rows, one for the replication stream."""

from __future__ import annotations

import select
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
from psycopg import errors, pq, sql

from connectors.codes import STORE_UNREACHABLE
from connectors.postgresql.codes import PRIVILEGE_MISSING, SETTING_WRONG, SLOT_HELD, STORE_REFUSES, STREAM_BROKEN
from connectors.postgresql.position import lsn_number, lsn_text
from connectors.protocol import Away
from contracts.faults import Failure, Unavailable

_FORMS = "-c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c bytea_output=hex -c extra_float_digits=1"
_LIVELY = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""A network that is cut without a word is noticed within a minute or so, in seconds but for the last, in milliseconds."""
_DATA, _KEEPALIVE = struct.Struct(">QQq"), struct.Struct(">QqB")
_STATUS = struct.Struct(">cQQQqB")
_REFUSALS = ("28P01", "28000", "password", "no pg_hba.conf entry", "not permitted to log in", 'role "')
_STATUS_SECONDS = 1.0
_READ_BYTES_MAX = 4_000_000
_GATHER_SECONDS, _PAUSE_SECONDS = 0.01, 0.003
"""The server sends every change by itself: once one has come, wait this long for more, and read them together."""
_DATA_KIND, _MESSAGE_KIND = b"wM"

Received = bytes | int


def failure(exception: psycopg.Error | str) -> Unavailable:
    """What a broken or refused session means; the text is the server's, which shows no row."""
    text = " ".join(str(exception).split())
    if isinstance(exception, errors.InsufficientPrivilege):
        return Unavailable(PRIVILEGE_MISSING.fault(text))
    if any(sign in text for sign in _REFUSALS):
        return Unavailable(STORE_REFUSES.fault(text))
    return Away(STORE_UNREACHABLE.fault(text))


@contextmanager
def reported() -> Iterator[None]:
    """Turns what psycopg raises into failures with what to do."""
    try:
        yield
    except psycopg.Error as exception:
        raise failure(exception) from exception


def connect(conninfo: str, application: str) -> psycopg.Connection:
    """A session for questions; autocommit.  Raises `Unavailable`."""
    full = psycopg.conninfo.make_conninfo(
        conninfo, **_LIVELY, application_name=application, options=_FORMS, client_encoding="UTF8"
    )
    with reported():
        return psycopg.connect(full, autocommit=True)


class Server(NamedTuple):
    """Which server it is, on which timeline of its history, and up to where it has flushed that."""

    system: str
    timeline: int
    lsn: int


class Slotted(NamedTuple):
    """A slot that was made: the LSN from which it keeps changes, and the snapshot (`pg_current_snapshot()`) there."""

    lsn: int
    snapshot: str


class CopyOut:
    """What a `COPY … TO STDOUT` gives, taken in as it comes; to be given each row by psycopg costs more than to read it."""

    def __init__(self, session: psycopg.Connection, query: bytes) -> None:
        self._connection = session.pgconn
        self._rows = list[bytes | memoryview]()
        self._is_ended = False
        result: pq.abc.PGresult | None = self._connection.exec_(query)
        assert result is not None
        if result.status != pq.ExecStatus.COPY_OUT:
            raise _command_failure(result)

    def take(self) -> None:
        """Take in what has come, without waiting for more."""
        if self._is_ended:
            return
        self._connection.consume_input()
        get, length = self._connection.get_copy_data, 1
        while length > 0:
            length, data = get(1)
            if length > 0 and data is not None:
                self._rows.append(data)
        self._is_ended = length < 0

    def rows(self) -> list[bytes | memoryview]:
        """All of it, a row each: the form's opening stands before the first, and its end is one more."""
        self.take()
        while not self._is_ended:
            select.select([self._connection.socket], [], [])
            self.take()
        while (result := self._connection.get_result()) is not None:
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise _command_failure(result)
        return self._rows


class Stream:
    """The replication stream of one slot, as raw pgoutput messages.  One thread owns it."""

    def __init__(self, conninfo: str, application: str) -> None:
        more = {"replication": "database", "application_name": application, "options": _FORMS}
        full = psycopg.conninfo.make_conninfo(conninfo, **more, **_LIVELY, client_encoding="UTF8")
        self._connection = pq.PGconn.connect(full.encode())
        if self._connection.status != pq.ConnStatus.OK:
            raise failure(_words(self._connection))
        self._durable = 0
        self._told_at = 0.0
        self.sent = 0
        """The server has sent everything up to this LSN that belongs to the stream."""

    def identify(self) -> Server:
        """Which server this is."""
        result = self._run(b"IDENTIFY_SYSTEM", pq.ExecStatus.TUPLES_OK)
        system, timeline, lsn = ((result.get_value(0, place) or b"").decode() for place in range(3))
        return Server(system, int(timeline), lsn_number(lsn))

    def left_at(self, timeline: int, present: int) -> int | None:
        """The LSN at which the history of the timeline `present` left `timeline`; None where it was never on it."""
        if present <= 1:
            return None  # the first timeline has no history
        result = self._run(b"TIMELINE_HISTORY %d" % present, pq.ExecStatus.TUPLES_OK)
        for line in (result.get_value(0, 1) or b"").decode().splitlines():
            parts = line.split()
            if len(parts) > 1 and parts[0] == str(timeline):
                return lsn_number(parts[1])
        return None

    def create_slot(self, slot: str, *, failover: bool) -> Slotted:
        """Make the slot.  What its snapshot sees, the stream will not give; what it does not see, the stream will."""
        more = "(SNAPSHOT 'use', FAILOVER true)" if failover else "USE_SNAPSHOT"
        command = sql.SQL("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput {}").format(sql.Identifier(slot), sql.SQL(more))
        self._run(b"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", pq.ExecStatus.COMMAND_OK)
        made = self._run(command.as_bytes(None), pq.ExecStatus.TUPLES_OK)
        seen = self._run(b"SELECT pg_current_snapshot()", pq.ExecStatus.TUPLES_OK)
        self._run(b"COMMIT", pq.ExecStatus.COMMAND_OK)
        lsn, snapshot = (made.get_value(0, 1) or b""), (seen.get_value(0, 0) or b"")
        return Slotted(lsn_number(lsn.decode()), snapshot.decode())

    def start(self, slot: str, publication: str, lsn: int, *, binary: bool, messages: bool) -> None:
        """Begin to stream what was committed after `lsn`; raises `Unavailable`, SLOT_HELD when another reads it."""
        options = sql.SQL("(proto_version '1', publication_names {}, binary {}, messages {})").format(
            sql.Literal(f'"{publication}"'), *(sql.Literal("true" if on else "false") for on in (binary, messages))
        )
        command = sql.SQL("START_REPLICATION SLOT {} LOGICAL {} {}").format(
            sql.Identifier(slot),
            sql.SQL(lsn_text(lsn)),
            options,
        )
        self._run(command.as_bytes(None), pq.ExecStatus.COPY_BOTH)
        self._durable = self.sent = lsn

    def read(self, timeout_seconds: float) -> list[Received]:
        """The messages that have come, waiting at most `timeout_seconds` for the first.

        A number stands where the server said that everything up to that LSN has been sent.
        """
        messages: list[Received] = []
        limit, gathering, size = time.monotonic() + timeout_seconds, False, 0
        try:
            while size < _READ_BYTES_MAX:
                found = self._drain(messages)
                size += found
                if found:
                    if not gathering:
                        gathering, limit = True, min(limit, time.monotonic() + _GATHER_SECONDS)
                    self._connection.consume_input()  # it takes in little at a time: more may be here already
                elif not gathering:
                    if not self._wait(limit - time.monotonic()):
                        break
                elif time.monotonic() < limit:
                    time.sleep(_PAUSE_SECONDS)  # to be woken for each message costs more than the message
                    self._connection.consume_input()
                else:
                    break
        except psycopg.OperationalError as exception:
            raise failure(exception) from exception
        self._tell(reply=False, due=_STATUS_SECONDS)
        return messages

    def confirm(self, lsn: int, *, reply: bool = False) -> None:
        """Tell the server that everything up to `lsn` is durable; with `reply`, ask how far it is."""
        self._durable = max(self._durable, lsn)
        self._tell(reply=reply, due=0.0)

    def close(self) -> None:
        """End the session; safe to call twice."""
        self._connection.finish()

    def _drain(self, messages: list[Received]) -> int:
        """Take what libpq has; how many bytes that were."""
        get, size, last = self._connection.get_copy_data, 0, None
        while size < _READ_BYTES_MAX:
            length, data = get(1)
            if length < 0:
                raise failure(_words(self._connection) or "the server ended the stream")
            if length == 0 or data is None:
                break
            size += length
            if data[0] == _DATA_KIND:
                last = data
                message = bytes(data[25:])
                if message[0] == _MESSAGE_KIND:  # it does not say when: the frame's time goes after it, for `messages`
                    message += bytes(data[17:25])
                messages.append(message)
            else:
                self._heed(bytes(data), messages)
        if last is not None:
            self.sent = max(self.sent, _DATA.unpack_from(last, 1)[0])
        return size

    def _heed(self, data: bytes, messages: list[Received]) -> None:
        """What is no data: the server says how far it is, and perhaps wants an answer."""
        if data[:1] != b"k":
            raise Unavailable(STREAM_BROKEN.fault(f"a stream message of the unknown kind {data[:1]!r}"))
        end, _, wanted = _KEEPALIVE.unpack_from(data, 1)
        messages.append(end)
        if wanted:
            self._tell(reply=False, due=0.0)

    def _wait(self, seconds: float) -> bool:
        """Whether more has come in time."""
        if select.select([self._connection.socket], [], [], min(max(seconds, 0.0), _STATUS_SECONDS))[0]:
            self._connection.consume_input()
            return True
        self._tell(reply=False, due=_STATUS_SECONDS)
        return seconds > _STATUS_SECONDS

    def _tell(self, *, reply: bool, due: float) -> None:
        """The standby status: written as far as read, flushed and applied as far as durable in Kafka."""
        now = time.monotonic()
        if now - self._told_at < due:
            return
        self._told_at = now
        try:
            self._connection.put_copy_data(
                _STATUS.pack(b"r", max(self._durable, self.sent), self._durable, self._durable, 0, reply)
            )
            self._connection.flush()
        except psycopg.OperationalError as exception:
            raise failure(exception) from exception

    def _run(self, command: bytes, expected: pq.ExecStatus) -> pq.abc.PGresult:
        result = self._connection.exec_(command)
        if result.status != expected:
            raise _command_failure(result)
        return result


def _command_failure(result: pq.abc.PGresult) -> Failure:
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    text = " ".join(result.error_message.decode(errors="replace").split())
    code = {"55006": SLOT_HELD, "42501": PRIVILEGE_MISSING, "53400": SETTING_WRONG, "55000": SETTING_WRONG}.get(state)
    if code is None or code is SLOT_HELD:
        return Away((code or STORE_UNREACHABLE).fault(text))
    return Unavailable(code.fault(text))


def _words(connection: pq.abc.PGconn) -> str:
    return connection.error_message.decode(errors="replace").strip()
