"""Whether a server can go on where a position says: the same server, or the standby of it that took its place.

GOES-ON-OR-SAYS-WHY: PostgreSQL itself would leave out what it no longer has, silently.  So a position is taken up only where
the server's history contains it, and the slot has kept what follows it.
"""

from __future__ import annotations

from msgspec.structs import replace

from connectors.postgresql.catalogue import Catalogue, Slot
from connectors.postgresql.codes import NOT_PROMOTED, OTHER_SERVER, SLOT_AHEAD, SLOT_MISSING
from connectors.postgresql.position import Place, lsn_text
from connectors.postgresql.sessions import Server, Stream
from connectors.protocol import Away
from contracts.faults import Fault, Unavailable


def continued(stream: Stream, catalogue: Catalogue, slot_name: str, place: Place, server: Server) -> Place:
    """`place` as it is in the history of `server`; raises `Unavailable` where not everything after it would come."""
    if place.system != server.system:
        raise Unavailable(OTHER_SERVER.fault(f"stored: server {place.system}; here: server {server.system}"))
    waits = not_promoted(catalogue, slot_name)
    if waits is not None:
        raise Away(waits)
    if place.timeline != server.timeline:
        _see_promoted(stream, place, server)
    if server.lsn < place.lsn:
        message = f"the server is at {lsn_text(server.lsn)}, before the stored position {lsn_text(place.lsn)}"
        raise Unavailable(OTHER_SERVER.fault(f"{message}: it was restored from an older state"))
    _see_kept(catalogue.slot(slot_name), slot_name, place, server)
    if place.timeline != server.timeline and (place.in_snapshot or place.in_flight or place.partial is not None):
        # numbers of transactions that the standby never heard of are given again: a chunk that is compared with the stream by
        # number could leave out one of the new ones
        raise Unavailable(OTHER_SERVER.fault("a standby was promoted while a snapshot or a large transaction was read"))
    return replace(place, timeline=server.timeline)


def not_promoted(catalogue: Catalogue, slot_name: str) -> Fault | None:
    """What is wrong with a standby that only keeps its primary's slots, which nobody can read before it is promoted."""
    slot = catalogue.slot(slot_name)
    if catalogue.in_recovery() and (slot is None or slot.synchronised):
        return NOT_PROMOTED.fault(f"slot {slot_name} cannot be read here")
    return None


def _see_promoted(stream: Stream, place: Place, server: Server) -> None:
    """Raise unless `server` was promoted at or after the stored position."""
    stored = f"the position was stored on timeline {place.timeline}, the server is on {server.timeline}"
    left_at = stream.left_at(place.timeline, server.timeline)
    if left_at is None:
        raise Unavailable(OTHER_SERVER.fault(f"{stored}, whose history does not contain it"))
    promoted = f"{stored}: a standby was promoted at {lsn_text(left_at)}"
    if place.lsn > left_at:
        message = f"{promoted}, before the stored position {lsn_text(place.lsn)}: it lacks changes that were given"
        raise Unavailable(OTHER_SERVER.fault(message))


def _see_kept(slot: Slot | None, slot_name: str, place: Place, server: Server) -> None:
    """Raise unless the slot has kept everything after `place`."""
    if slot is None or slot.lost or place.slot != slot_name:
        message = f"slot {place.slot} was read up to {lsn_text(place.lsn)}"
        if place.timeline != server.timeline:
            message += (
                f" on timeline {place.timeline}; the standby that was promoted (timeline {server.timeline}) has none"
            )
        raise Unavailable(SLOT_MISSING.fault(message))
    if slot.confirmed is not None and slot.confirmed > place.lsn:
        message = f"slot {place.slot} is at {lsn_text(slot.confirmed)}, the stored position at {lsn_text(place.lsn)}"
        raise Unavailable(SLOT_AHEAD.fault(message))
