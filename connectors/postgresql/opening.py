"""What must be so before the stream begins: tables and publication as they should be, and the slot read by nobody else."""

from __future__ import annotations

import time

import psycopg

from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.check import Examined, Wanted, examine, publication_statement
from connectors.postgresql.codes import SLOT_HELD, SLOT_WRONG, TABLE_MISFIT
from connectors.postgresql.events import column_forms
from connectors.postgresql.sessions import Stream, reported
from connectors.postgresql.tables import leaves
from connectors.protocol import Away
from contracts.faults import Unavailable


def prepared(
    session: psycopg.Connection, catalogue: Catalogue, wanted: Wanted, *, misfits: bool, stored: bool
) -> Examined:
    """The tables, checked; with `misfits`, those that no longer fit their contracts too.

    With `stored`, a slot that is not there is not said here: what it kept, and what became of it, is said of the position.

    The publication is made or mended first, since the slot must not begin before it.
    """
    examined = examine(catalogue, wanted)
    findings = examined.findings
    if misfits:
        findings = [finding for finding in findings if finding.fault.code is not TABLE_MISFIT]
    if stored and catalogue.slot(wanted.slot) is None:
        findings = [finding for finding in findings if finding.fault.code is not SLOT_WRONG]
    if findings:
        raise Unavailable(*(finding.fault for finding in findings))
    statement = publication_statement(catalogue, wanted, examined.published)
    while statement is not None:
        with reported():
            session.execute(statement.encode())
        statement = publication_statement(catalogue, wanted, examined.published)
    return examined


def await_free(catalogue: Catalogue, wanted: Wanted, wait_seconds: float) -> None:
    """Wait while a dead process of ours still holds the slot; raises SLOT_HELD where another's does."""
    limit = time.monotonic() + wait_seconds
    while (slot := catalogue.slot(wanted.slot)) is not None and slot.holder is not None:
        if slot.application not in (None, wanted.application):
            message = f"{wanted.slot} is read by process {slot.holder}, application {slot.application}"
            raise Unavailable(SLOT_HELD.fault(message))
        if time.monotonic() > limit:
            raise Away(SLOT_HELD.fault(f"{wanted.slot} is still read by process {slot.holder}"))
        time.sleep(0.1)  # between two questions


def start(stream: Stream, catalogue: Catalogue, wanted: Wanted, lsn: int, *, wait_seconds: float, binary: bool) -> None:
    """Start the stream; a slot that a dead process of ours still holds is waited for."""
    limit = time.monotonic() + wait_seconds
    while True:
        await_free(catalogue, wanted, limit - time.monotonic())
        try:
            stream.start(wanted.slot, wanted.publication, lsn, binary=binary, messages=bool(wanted.messages))
        except Unavailable as failure:
            if failure.faults[0].code is not SLOT_HELD or time.monotonic() > limit:
                raise
        else:
            return


def all_binary(wanted: Wanted, examined: Examined) -> bool:
    """Whether every contracted column's binary form is read; else the stream is asked for text."""
    for dataset, table in examined.tables.items():
        found = leaves(wanted.contracts[dataset], table)
        if isinstance(found, list) or any(leaf.readers.binary is None for leaf in found):
            return False
    if wanted.outbox is None or examined.outbox is None:
        return True
    return all(column_forms(wanted.outbox, wanted.events, examined.outbox).values())
