"""Going on where a position says: is it this server's, has the slot kept what follows, and who reads from it now."""

from __future__ import annotations

import time

import psycopg

from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.check import Wanted, examine, publication_statement
from connectors.postgresql.codes import OTHER_SERVER, SLOT_AHEAD, SLOT_HELD, SLOT_MISSING, TABLE_MISFIT
from connectors.postgresql.position import Place, lsn_text
from connectors.postgresql.sessions import Stream, reported
from connectors.postgresql.tables import Table, leaves
from connectors.protocol import Away
from contracts.faults import Unavailable


def prepared(session: psycopg.Connection, catalogue: Catalogue, wanted: Wanted, *, misfits: bool) -> dict[str, Table]:
    """The tables, checked; with `misfits`, those that no longer fit their contracts too.

    The publication is made or mended first, since the slot must not begin before it.
    """
    findings, tables = examine(catalogue, wanted)
    if misfits:
        findings = [finding for finding in findings if finding.fault.code is not TABLE_MISFIT]
    if findings:
        raise Unavailable(*(finding.fault for finding in findings))
    statement = publication_statement(catalogue, wanted, list(tables.values()))
    while statement is not None:
        with reported():
            session.execute(statement.encode())
        statement = publication_statement(catalogue, wanted, list(tables.values()))
    return tables


def compare(catalogue: Catalogue, slot_name: str, place: Place, system: str, timeline: int) -> None:
    """Raises `Unavailable` where the slot cannot give everything after `place`: PostgreSQL would silently leave it out."""
    if (place.system, place.timeline) != (system, timeline):
        message = f"stored: {place.system} timeline {place.timeline}; here: {system} timeline {timeline}"
        raise Unavailable(OTHER_SERVER.fault(message))
    slot = catalogue.slot(slot_name)
    if slot is None or slot.lost or place.slot != slot_name:
        raise Unavailable(SLOT_MISSING.fault(f"slot {place.slot} was read up to {lsn_text(place.lsn)}"))
    if slot.confirmed is not None and slot.confirmed > place.lsn:
        message = f"slot {place.slot} is at {lsn_text(slot.confirmed)}, the stored position at {lsn_text(place.lsn)}"
        raise Unavailable(SLOT_AHEAD.fault(message))


def start(
    stream: Stream,
    catalogue: Catalogue,
    wanted: Wanted,
    lsn: int,
    *,
    wait_seconds: float,
    binary: bool,
) -> None:
    """Start the stream; a slot that a dead process of ours still holds is waited for."""
    limit = time.monotonic() + wait_seconds
    while True:
        slot = catalogue.slot(wanted.slot)
        holder = slot.holder if slot else None
        if holder is None:
            try:
                stream.start(wanted.slot, wanted.publication, lsn, binary=binary)
            except Unavailable as failure:
                if failure.faults[0].code is not SLOT_HELD:
                    raise
            else:
                return
        elif slot is not None and slot.application not in (None, wanted.application):
            message = f"{wanted.slot} is read by process {holder}, application {slot.application}"
            raise Unavailable(SLOT_HELD.fault(message))
        if time.monotonic() > limit:
            raise Away(SLOT_HELD.fault(f"{wanted.slot} is still read by process {holder}"))
        time.sleep(0.1)  # between two questions


def all_binary(wanted: Wanted, tables: dict[str, Table]) -> bool:
    """Whether every contracted column's binary form is read; else the stream is asked for text."""
    for dataset, table in tables.items():
        found = leaves(wanted.contracts[dataset], table)
        if isinstance(found, list) or any(leaf.readers.binary is None for leaf in found):
            return False
    return True
