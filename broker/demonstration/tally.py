"""Counting decisions as they happen, from the audit segments alone: per share and outcome, and per source topic."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import msgspec

from broker.cluster.client import Connection, Message
from broker.cluster.reader import Reader
from contracts import topics

QUARANTINED = ("", "")
"""The agreement and share under which quarantines stand."""


class _Entry(msgspec.Struct):
    agreement: str
    share: str
    outcomes: dict[str, int]


class _Index(msgspec.Struct):
    directory: list[_Entry]
    records: list[Any]


class Tally:
    """Follows `concordat.audit.segments`; one thread owns it.  Needs the index line of each segment's first part only."""

    def __init__(self, connection: Connection) -> None:
        self._reader = Reader(connection)
        count = self._reader.partitions(topics.AUDIT_SEGMENTS)
        self._reader.assign_many([(topics.AUDIT_SEGMENTS, number, 0) for number in range(count)])
        self.by_share: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.records: Counter[str] = Counter()
        """Source records decided live, per dataset."""
        self.transactions = 0

    def take(self, timeout_seconds: float = 0.1) -> None:
        """Read what is new, waiting at most `timeout_seconds` for it."""
        for message in self._reader.poll(timeout_seconds):
            self._count(message)

    def close(self) -> None:
        """Release the connection."""
        self._reader.close()

    def outcomes(self) -> Counter[str]:
        """How often each outcome was decided, over all shares, quarantines included."""
        total: Counter[str] = Counter()
        for counts in self.by_share.values():
            total += counts
        return total

    def _count(self, message: Message) -> None:
        """A segment is body parts with keys `<topic>/<partition>/<segment>/<part>`, then a header without the last."""
        name = (message.key or b"").decode().split("/")
        if message.value is None:
            return
        if len(name) == 3:
            header = msgspec.json.decode(message.value.split(b"\n", 1)[0])
            self.transactions += 1
            if header["mode"] == "live":
                self.records[topics.dataset_of(header["topic"]) or ""] += header["records"]
        elif name[-1] == "0":
            index = msgspec.json.decode(message.value.split(b"\n", 1)[0], type=_Index)
            for entry in index.directory:
                self.by_share[entry.agreement, entry.share] += Counter(entry.outcomes)
