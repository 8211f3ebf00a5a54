"""Reading the register: once, in step with a caller, or all the time in a thread of its own.

What is read is folded at once; a reader's `snapshot` is always a whole one.  Freshness is measured, never assumed: a reader
is as fresh as the moment at which it asked for the register's end that it has since reached (BOUNDED-STOP).
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from agreements.append_time import Logged
from agreements.fold import Alarm, fold_batch
from agreements.snapshot import EMPTY, Snapshot
from broker import clock
from broker.cluster.client import Connection, Message
from broker.cluster.reader import Reader
from broker.register.codes import NOT_INITIALISED, NOT_READ, WENT_BACK
from contracts import topics
from contracts.faults import Unavailable

_PARTITION = 0
_POLL_SECONDS = 0.02
_STALL_SECONDS = 20.0
_ASK_SECONDS = 0.05
_JOIN_SECONDS = 10.0
_RETRY_SECONDS_MIN = 0.1
_RETRY_SECONDS_MAX = 5.0


def logged(message: Message) -> Logged:
    """A record of the register as the fold takes it."""
    return Logged(message.offset, message.value, message.timestamp_ms if message.is_stamped else None)


def read_snapshot(connection: Connection, start: Snapshot = EMPTY) -> Snapshot:
    """The register as it is now, folded on from `start`; raises `Unavailable`."""
    with RegisterReader(connection, start) as reader:
        return reader.catch_up()


class RegisterReader:
    """Follows the register in its caller's thread.

    `start` may be a snapshot from a verified checkpoint.  `alarms` are the acts that were ignored, oldest first.
    `catch_up` raises `Unavailable` when Kafka cannot be reached, or the topic is not the one that was read before.
    """

    def __init__(self, connection: Connection, start: Snapshot = EMPTY) -> None:
        self.snapshot = start
        self.alarms: list[Alarm] = []
        self.fresh_at: float | None = None
        """Monotonic seconds at which the newest end that has been reached was asked for."""
        self._next = start.position + 1
        self._assigned = False
        self._reader = Reader(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def catch_up(self) -> Snapshot:
        """Ask for the register's stable end, read and fold up to it, and give the snapshot."""
        self._catch_up(None)
        return self.snapshot

    def read_new(self) -> list[Message]:
        """As `catch_up`, and give the records that were read on the way."""
        found: list[Message] = []
        self._catch_up(found)
        return found

    def age_milliseconds(self) -> float:
        """How long ago the snapshot was known to be the newest; infinite before the first time."""
        return float("inf") if self.fresh_at is None else (clock.monotonic_seconds() - self.fresh_at) * 1000

    def close(self) -> None:
        """Release the connection."""
        self._reader.close()

    def _catch_up(self, found: list[Message] | None) -> None:
        asked_at = clock.monotonic_seconds()
        end, moved_at = self._stable_end(), asked_at
        while self._next < end:
            messages = self._reader.poll(_POLL_SECONDS)
            self._fold(messages)
            if found is not None:
                found += messages
            now, reached = clock.monotonic_seconds(), self._reader.position(topics.REGISTER, _PARTITION)
            if reached > self._next:
                self._next, moved_at = reached, now
            elif now - moved_at > _STALL_SECONDS:
                raise Unavailable(NOT_READ.fault(f"nothing after offset {self._next} of {end}"))
        self.fresh_at = asked_at

    def _stable_end(self) -> int:
        if not self._assigned and self._reader.partitions(topics.REGISTER) == 0:
            raise Unavailable(NOT_INITIALISED.fault(f"there is no topic {topics.REGISTER}"))
        low, end = self._reader.bounds(topics.REGISTER, _PARTITION)
        if end < self._next:
            raise Unavailable(WENT_BACK.fault(f"it ends at {end}, {self._next} is the next to read"))
        if not self._assigned:
            if low > self._next:
                raise Unavailable(WENT_BACK.fault(f"it begins at {low}, {self._next} is the next to read"))
            self._reader.assign(topics.REGISTER, _PARTITION, self._next)
            self._assigned = True
        return end

    def _fold(self, messages: list[Message]) -> None:
        if messages:
            folded = fold_batch(self.snapshot, map(logged, messages))
            self.snapshot = folded.snapshot
            self.alarms += folded.alarms


class RegisterFollower:
    """Follows the register in a thread of its own; `snapshot` may be read from any thread.

    The register's end is asked for at least every 100 ms.  While the register cannot be read, `snapshot`, `fresh_at` and
    `wait_for` raise `Unavailable`, so that a follower that lags never looks like one that is up to date; its thread tries
    again, with back-off, from the last snapshot.
    """

    def __init__(self, connection: Connection, start: Snapshot = EMPTY) -> None:
        self._connection = connection
        self._moved = threading.Condition()
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        self._snapshot = start
        self._fresh_at: float | None = None
        self._retry_seconds = _RETRY_SECONDS_MIN
        self._thread = threading.Thread(target=self._run, name="register-follower", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def snapshot(self) -> Snapshot:
        """The newest whole snapshot."""
        self._raise_fault()
        return self._snapshot

    @property
    def fresh_at(self) -> float | None:
        """Monotonic seconds when `snapshot` was last known to be the newest; None before the first time."""
        self._raise_fault()
        return self._fresh_at

    def age_milliseconds(self) -> float:
        """How long ago the snapshot was known to be the newest; infinite before the first time."""
        fresh_at = self.fresh_at
        return float("inf") if fresh_at is None else (clock.monotonic_seconds() - fresh_at) * 1000

    def wait_for(self, position: int, timeout_seconds: float) -> Snapshot:
        """The first snapshot seen that has `position` folded and was up to date; raises `Unavailable` in time."""
        with self._moved:
            ready = self._moved.wait_for(
                lambda: self._fault is not None or (self._fresh_at is not None and self._snapshot.position >= position),
                timeout_seconds,
            )
        self._raise_fault()
        if not ready:
            raise Unavailable(NOT_READ.fault(f"position {position} was not reached in {timeout_seconds:g} s"))
        return self._snapshot

    def close(self) -> None:
        """End the thread and release the connection."""
        self._stop.set()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with RegisterReader(self._connection, self._snapshot) as reader:
                    self._follow(reader)
            except Exception as fault:  # noqa: BLE001 - raised again in every thread that asks
                with self._moved:
                    self._fault = fault
                    self._moved.notify_all()
                self._stop.wait(self._retry_seconds)
                self._retry_seconds = min(self._retry_seconds * 2, _RETRY_SECONDS_MAX)

    def _follow(self, reader: RegisterReader) -> None:
        while not self._stop.is_set():
            snapshot = reader.catch_up()
            with self._moved:
                self._snapshot, self._fresh_at, self._fault = snapshot, reader.fresh_at, None
                self._retry_seconds = _RETRY_SECONDS_MIN
                self._moved.notify_all()
            self._stop.wait(_ASK_SECONDS)

    def _raise_fault(self) -> None:
        fault = self._fault
        if fault is not None:
            raise Unavailable(NOT_READ.fault(f"the register is not followed: {fault}")) from fault
