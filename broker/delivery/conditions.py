"""What a worker works under: the register that it decides by, and the bounds of its transactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from agreements.snapshot import Snapshot
from broker.delivery.identity import GROUP


class Register(Protocol):
    """What the worker needs of the register's follower."""

    def catch_up(self) -> Snapshot:
        """Read to the register's present stable end, and give the snapshot."""
        ...

    def age_milliseconds(self) -> float:
        """How long ago the snapshot is known to have been complete."""
        ...


@dataclass(frozen=True, slots=True)
class Conditions:
    """What bounds a transaction and the snapshot it is decided under; the group that shares the partitions out."""

    group: str = GROUP
    transaction_milliseconds: int = 100
    transaction_events_max: int = 10_000
    snapshot_age_milliseconds_max: int = 500
    transaction_timeout_milliseconds: int = 10_000
    session_timeout_milliseconds: int = 6_000
