"""Where a session begins to read: at the stored place, at a slot that is there, or at a new one; what has no snapshot yet gets one."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.check import Wanted
from connectors.postgresql.codes import SLOT_WRONG
from connectors.postgresql.history import continued
from connectors.postgresql.opening import await_free
from connectors.postgresql.position import Place, TableProgress
from connectors.postgresql.sessions import Slotted, Stream
from connectors.protocol import Away
from contracts.faults import Unavailable

EVERYTHING = "*"
"""Among what is to be read again: all that there is, which also permits a new beginning."""


class Beginning:
    """Decides where to begin with the slot that `wanted` names."""

    def __init__(self, stream: Stream, catalogue: Catalogue, wanted: Wanted, *, snapshot: bool, wait: float) -> None:
        self._stream, self._catalogue, self._wanted = stream, catalogue, wanted
        self._snapshot, self._wait_seconds = snapshot, wait
        self._server = stream.identify()

    def place(self, stored: Place | None, again: Collection[str]) -> Place:
        """The place to go on from; `again` are the datasets whose tables were asked for.

        Raises `Unavailable` where the slot cannot go on from `stored`, unless everything is to be read again.
        """
        fresh = TableProgress(done=not self._snapshot)
        if stored is None:
            return self._new({}, fresh)
        try:
            stored = continued(self._stream, self._catalogue, self._wanted.slot, stored, self._server)
        except Away:  # to wait helps: nothing is to be begun anew
            raise
        except Unavailable:
            tables_alone = not self._wanted.events and set(again).issuperset(self._wanted.contracts)
            if EVERYTHING not in again and not tables_alone:
                raise
            read = {dataset: TableProgress(done=True) for dataset in self._wanted.contracts}
            return self._new(read, fresh)
        return self._with_every_table(stored, fresh, TableProgress(done=True))

    def _new(self, tables: dict[str, TableProgress], fresh: TableProgress) -> Place:
        """A new beginning: from the slot that is there (nothing of it was ever confirmed as ours), or from a new one.

        Only a slot that is made here says which rows of an outbox were there before it, so one that is there is made anew.
        """
        slot = self._catalogue.slot(self._wanted.slot)
        if slot is not None and self._wanted.manage and (slot.lost or self._wanted.outbox_rows):
            await_free(self._catalogue, self._wanted, self._wait_seconds)
            self._catalogue.drop_slot(self._wanted.slot)
            slot = None
        if slot is None and not self._wanted.manage:
            message = f"slot {self._wanted.slot} does not exist, and manage is false"
            raise Unavailable(SLOT_WRONG.fault(message))
        made = Slotted(0, "")
        if slot is None or slot.confirmed is None:
            made = self._stream.create_slot(self._wanted.slot, failover=self._wanted.failover)
        lsn = made.lsn if slot is None or slot.confirmed is None else slot.confirmed
        system, timeline, _ = self._server
        place = Place(system=system, timeline=timeline, slot=self._wanted.slot, lsn=lsn, tables=tables)
        before = made.snapshot if self._wanted.outbox_rows else ""
        return self._with_every_table(place, fresh, TableProgress(done=not before, before=before))

    def _with_every_table(self, place: Place, fresh: TableProgress, outbox: TableProgress) -> Place:
        """A dataset that is new to the connector begins with its snapshot; an outbox that is new, with what comes."""
        tables: dict[str, TableProgress] = {}
        if self._wanted.outbox is not None:
            name = ".".join(self._wanted.outbox.place)  # first: its rows come before anything of the stream
            tables[name] = place.tables.get(name, outbox)
        for dataset in self._wanted.contracts:
            tables[dataset] = place.tables.get(dataset, fresh)
        return replace(place, tables=tables)
