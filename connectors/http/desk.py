"""Where requests wait for their commit: the only thing that the endpoint's threads and the connector's thread share.

ANSWER-AFTER-COMMIT: a request is answered only when its changes are durable.  ONE-ANSWER: a key that was answered is answered
the same again, whether or not the process has died in between; the keys travel in the position of the batch that holds
their changes, so that both are durable or neither is.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.protocol import Change


class Known(NamedTuple):
    """What is remembered of an answered request: the digest of its body, and what it was told."""

    body: str
    accepted: int
    quarantined: int


class Other(Exception):
    """The key was used with another body."""


class Closed(Exception):
    """The desk takes nothing now; ask again later."""


@dataclass(slots=True)
class Submission:
    """One request that waits.  `answered` is set when `known` or `refused` is."""

    key: str
    body: str
    changes: tuple[Change, ...]
    answered: threading.Event = field(default_factory=threading.Event)
    known: Known | None = None
    refused: bool = False


class Desk:
    """Takes requests from many threads and gives them, in order, to one."""

    def __init__(self, keys_kept: int, waiting_max: int) -> None:
        self._keys_kept, self._waiting_max = keys_kept, waiting_max
        self._lock = threading.Condition()
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._waiting: dict[str, Submission] = {}
        self._queue: deque[Submission] = deque()
        self._taken: deque[tuple[int, Submission]] = deque()
        self._number = 0
        self._open = False

    # -- the endpoint's threads --------------------------------------------------------------------------------------

    def submit(self, new: Submission, seconds: float) -> Known:
        """The answer to a request, once it is durable; raises `Other`, and `Closed` when it has to be asked again."""
        with self._lock:
            known = self._known.get(new.key)
            if known is not None:
                if known.body != new.body:
                    raise Other
                return known
            if not self._open or len(self._waiting) >= self._waiting_max:
                raise Closed
            waiting = self._waiting.setdefault(new.key, new)
            if waiting.body != new.body:
                raise Other
            if waiting is new:
                self._queue.append(new)
                self._lock.notify_all()
        waiting.answered.wait(seconds)
        with self._lock:
            if waiting.known is None:
                raise Closed
            return waiting.known

    # -- the connector's thread --------------------------------------------------------------------------------------

    def open(self, number: int, known: list[tuple[str, Known]]) -> None:
        """Begin anew after a position: what was not durable is sent back."""
        self.close()
        with self._lock:
            self._known = OrderedDict(known)
            self._number, self._open = number, True

    def take(self, changes_max: int, seconds: float) -> list[Submission]:
        """The next requests, at least one unless none comes in time."""
        found: list[Submission] = []
        count = 0
        with self._lock:
            self._lock.wait_for(lambda: bool(self._queue), seconds)
            while self._queue and (not found or count + len(self._queue[0].changes) <= changes_max):
                one = self._queue.popleft()
                found.append(one)
                count += len(one.changes)
                self._number += 1
                self._taken.append((self._number, one))
        return found

    def state(self) -> tuple[int, list[tuple[str, Known]]]:
        """The number of the last request that was taken, and the newest keys up to it, those that are not durable included."""
        with self._lock:
            found = OrderedDict(self._known)
            found.update((one.key, _known(one)) for _, one in self._taken)
            return self._number, list(found.items())[-self._keys_kept :]

    def durable(self, number: int) -> None:
        """Answer every request up to a number."""
        with self._lock:
            while self._taken and self._taken[0][0] <= number:
                _, one = self._taken.popleft()
                one.known = self._known[one.key] = _known(one)
                del self._waiting[one.key]
                one.answered.set()
            while len(self._known) > self._keys_kept:
                self._known.popitem(last=False)

    def close(self) -> None:
        """Send everything back that is not durable, and take nothing more."""
        with self._lock:
            self._open = False
            for one in self._waiting.values():
                one.refused = True
                one.answered.set()
            self._waiting.clear()
            self._queue.clear()
            self._taken.clear()


def _known(one: Submission) -> Known:
    quarantined = sum(change.problem is not None for change in one.changes)
    return Known(one.body, len(one.changes) - quarantined, quarantined)
