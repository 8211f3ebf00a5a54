"""Where a session begins to read: at the stored place, at a slot that is there, or at a new one; what has no snapshot yet gets one."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.check import Wanted
from connectors.postgresql.opening import compare
from connectors.postgresql.position import Place, TableProgress
from connectors.postgresql.sessions import Stream
from contracts.faults import Unavailable


def begin_at(
    place: Place | None, stream: Stream, catalogue: Catalogue, wanted: Wanted, *, again: Collection[str], snapshot: bool
) -> Place:
    """The place to go on from; `again` are the datasets whose tables were asked for, `snapshot` whether new ones are read.

    Raises `Unavailable` where the slot cannot go on from `place`, unless every table is to be read again.
    """
    here = stream.identify()
    if place is None:
        place = _first(stream, catalogue, wanted, *here)
    else:
        place = _next(place, stream, catalogue, wanted, *here, again=again)
    fresh = TableProgress(done=not snapshot)
    return replace(place, tables={dataset: place.tables.get(dataset, fresh) for dataset in wanted.contracts})


def _first(stream: Stream, catalogue: Catalogue, wanted: Wanted, system: str, timeline: int) -> Place:
    """A first start: from the slot that is there (nothing of it was ever confirmed as ours), or from a new one."""
    slot = catalogue.slot(wanted.slot)
    if slot is not None and slot.lost and wanted.manage:
        catalogue.drop_slot(wanted.slot)
        slot = None
    lsn = stream.create_slot(wanted.slot) if slot is None or slot.confirmed is None else slot.confirmed
    return Place(system=system, timeline=timeline, slot=wanted.slot, lsn=lsn)


def _next(
    place: Place,
    stream: Stream,
    catalogue: Catalogue,
    wanted: Wanted,
    system: str,
    timeline: int,
    *,
    again: Collection[str],
) -> Place:
    """`place`, or where the slot cannot go on from there and every table is to be read again, a new beginning."""
    try:
        compare(catalogue, wanted.slot, place, system, timeline)
    except Unavailable:
        if not set(again).issuperset(wanted.contracts):
            raise
        read = {dataset: TableProgress(done=True) for dataset in wanted.contracts}
        return replace(_first(stream, catalogue, wanted, system, timeline), tables=read)
    return place
