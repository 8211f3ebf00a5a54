"""`concordat enforce`: keep one worker process running until it is told to stop.

Any fatal error of the Kafka client, and any commit of unknown outcome, ends a worker at once; the way back is a new
process, which reads from Kafka where the last transaction ended.  The supervisor starts it again, with a growing pause
when it dies young.  A worker whose supervisor dies stops by itself: it watches a pipe that only the supervisor
holds open, so not even `kill -9` leaves an orphan.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from enum import IntEnum
from types import FrameType

from broker import clock, observe

_PAUSE_SECONDS_MIN = 0.1
_PAUSE_SECONDS_MAX = 10.0
_STEADY_SECONDS = 30.0
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.5


class Ending(IntEnum):
    """A worker's exit status, as its supervisor understands it.  Those of the command (0, 2, 3, 4) keep their meaning."""

    STOPPED = 0
    UNUSABLE = 2
    REFUSED = 3
    UNAVAILABLE = 4
    FENCED = 70
    CLIENT_FATAL = 71
    OUTCOME_UNKNOWN = 72
    OFFSETS_LOST = 73
    SUPERVISOR_GONE = 74
    CRASHED = 75


FINAL = frozenset({Ending.STOPPED, Ending.UNUSABLE, Ending.REFUSED, Ending.OFFSETS_LOST})
"""The endings that a new process would only repeat."""


class Supervisor:
    """Runs `command`, starting it again whenever it ends in a way that a new process can mend."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self._command, self._environment = list(command), environment
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._log = observe.logger("concordat.enforce")

    def run(self) -> int:
        """Until a final ending or `stop`; gives the exit status for the command."""
        pause = _PAUSE_SECONDS_MIN
        while True:
            started = clock.monotonic_seconds()
            status = self._one_life()
            if self._stopping.is_set():
                return 0
            if status in FINAL:
                return Ending.UNAVAILABLE if status == Ending.OFFSETS_LOST else status
            steady = clock.monotonic_seconds() - started >= _STEADY_SECONDS
            pause = _PAUSE_SECONDS_MIN if steady else min(pause * 2, _PAUSE_SECONDS_MAX)
            self._log.warning("worker_ended", status=status, kind=_named(status), seconds=round(pause, 1))
            if self._stopping.wait(pause):
                return 0

    def stop(self) -> None:
        """End the worker in order: it commits what it has decided and leaves the group."""
        self._stopping.set()
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()

    def _one_life(self) -> int:
        """Start the worker and wait for its end; its status (negative for a signal)."""
        watched, held = os.pipe()
        try:
            self._child = subprocess.Popen(
                [*self._command, "--watch", str(watched)],
                env=self._environment,
                pass_fds=(watched,),
            )
        finally:
            os.close(watched)
        try:
            if self._stopping.is_set():
                self._child.terminate()
            return self._wait(self._child)
        finally:
            os.close(held)

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        kill_at: float | None = None
        while True:
            try:
                return child.wait(timeout=_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                now = clock.monotonic_seconds()
                if kill_at is None and self._stopping.is_set():
                    kill_at = now + _STOP_SECONDS
                if kill_at is not None and now >= kill_at:
                    self._log.warning("worker_killed", reason="it did not stop in time")
                    child.kill()
                    return child.wait()


def supervise(arguments: Sequence[str], environment: dict[str, str]) -> int:
    """Run a worker with `arguments` until SIGTERM or SIGINT, or until it ends for good; gives the exit status."""
    supervisor = Supervisor([sys.executable, "-m", "broker.delivery", *arguments], environment)

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        supervisor.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return supervisor.run()


def watch_supervisor(descriptor: int, stop: Callable[[], None]) -> None:
    """In the worker: call `stop` when the supervisor is gone, and end the process when that takes too long."""

    def watch() -> None:
        os.read(descriptor, 1)
        stop()
        timer = threading.Timer(_STOP_SECONDS, os._exit, (Ending.SUPERVISOR_GONE,))
        timer.daemon = True
        timer.start()

    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()


def _named(status: int) -> str:
    if status < 0:
        return signal.Signals(-status).name
    return Ending(status).name if status in set(Ending) else "crashed"
