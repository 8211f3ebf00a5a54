"""How a replication slot stands, and which of it is an alarm: WAL that is kept fills the server's disk, or is given up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from connectors.health import Health
from connectors.postgresql.codes import SLOT_EXTENDED, SLOT_IDLE, SLOT_MISSING, SLOT_NEAR_LIMIT, SLOT_RETAINS
from connectors.postgresql.sessions import reported
from contracts.faults import Fault

_STANDING = """
SELECT active, wal_status, safe_wal_size, here - '0/0'::pg_lsn, coalesce(here - restart_lsn, 0)
FROM pg_replication_slots,
     (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END AS here) AS server
WHERE slot_name = %s
"""


@dataclass(frozen=True, slots=True)
class SlotStanding:
    """A slot as `pg_replication_slots` shows it, and where the server is."""

    active: bool
    status: str | None
    """`wal_status`: reserved, extended, unreserved or lost."""
    safe_bytes: int | None
    """What may still be written before the slot is in danger; None where nothing limits what it keeps."""
    server_lsn: int
    """What the server has written and flushed; a standby: replayed."""
    retained_bytes: int


def standing(session: psycopg.Connection, slot: str) -> SlotStanding | None:
    """The slot now; None where there is none.  Raises `Unavailable`."""
    with reported():
        row = session.execute(_STANDING, [slot]).fetchone()
    if row is None:
        return None
    active, status, safe, server, retained = row
    return SlotStanding(active, status, None if safe is None else int(safe), int(server), int(retained))


def alarms(slot: str, found: SlotStanding | None, retained_bytes_max: int) -> tuple[Fault, ...]:
    """What is wrong with the slot; `retained_bytes_max` is the owner's own limit."""
    if found is None or found.status == "lost":
        return (
            SLOT_MISSING.fault(f"slot {slot} {'does not exist' if found is None else 'was given up by the server'}"),
        )
    return tuple(_alarms(slot, found, retained_bytes_max))


def health(session: psycopg.Connection, slot: str, durable: int, retained_bytes_max: int) -> Health:
    """How far the server is beyond what is `durable`, and what is wrong with the slot.  Raises `Unavailable`."""
    found = standing(session, slot)
    wrong = alarms(slot, found, retained_bytes_max)
    if found is None:
        return Health(alarms=wrong)
    return Health(max(found.server_lsn - durable, 0), found.retained_bytes, wrong)


def _alarms(slot: str, found: SlotStanding, retained_bytes_max: int) -> Iterator[Fault]:
    kept = f"slot {slot} keeps {found.retained_bytes} bytes of WAL"
    if not found.active:
        yield SLOT_IDLE.fault(f"{kept}, and nobody reads from it")
    if found.retained_bytes > retained_bytes_max:
        yield SLOT_RETAINS.fault(f"{kept}, more than {retained_bytes_max}")
    if found.status == "extended":
        yield SLOT_EXTENDED.fault(kept)
    used_up = found.safe_bytes is not None and found.safe_bytes * 3 < found.retained_bytes
    if found.status == "unreserved" or used_up:
        yield SLOT_NEAR_LIMIT.fault(f"{kept}; {found.safe_bytes} more may be written")
