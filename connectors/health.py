"""What a connector may tell of its store beyond changes: how far it is behind, and what is wrong there while it still works.

A small addition to the protocol.  The runtime asks every few seconds while the connector is open, also while it is paused or
Kafka is away; it measures, logs what begins and ends once each, and shows it in `concordat connector status`.  So a connector
knows no metrics and no log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from contracts.faults import Fault


@dataclass(frozen=True, slots=True)
class Health:
    """How a store and its connector stand now."""

    lag_bytes: int | None = None
    """What the store has logged beyond the last position that was `durable`; None where a store does not count it."""
    retained_bytes: int | None = None
    """What the store keeps for this connector."""
    alarms: tuple[Fault, ...] = ()
    """Everything that is wrong now, one fault of each code: an alarm is over when it is no longer among them."""
    passed_over: int = 0
    """What the store gave since the last question and the options name for no dataset."""


@runtime_checkable
class TellsHealth(Protocol):
    """A connector that has `health`."""

    def health(self) -> Health:
        """How it stands now; of a store that is not open nothing is known.  One cheap question to the store; raises `Away`."""
        ...
