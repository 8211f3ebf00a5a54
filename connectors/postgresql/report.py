"""What `connector check` says of a server: faults with the statements that mend them, and what its owner should know."""

from __future__ import annotations

import psycopg

from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.check import Wanted, examine
from connectors.postgresql.fit import advice
from connectors.postgresql.history import not_promoted
from connectors.postgresql.outbox_check import order_advice
from connectors.postgresql.slot import alarms, standing
from connectors.protocol import CheckReport


def report(session: psycopg.Connection, wanted: Wanted, retained_bytes_max: int) -> CheckReport:
    """Settings, privileges, keys, contract fit, and how the slot stands.  Changes nothing; raises `Unavailable`."""
    catalogue = Catalogue(session)
    findings, tables, _ = examine(catalogue, wanted)
    remedies = [statement for finding in findings for statement in finding.remedies]
    known = [fault for name, table in tables.items() for fault in advice(wanted.contracts[name], table)]
    if wanted.outbox is not None and not findings:
        known += order_advice(wanted.outbox, wanted.events)
    waits = not_promoted(catalogue, wanted.slot)
    known += () if waits is None else (waits,)
    found = standing(session, wanted.slot)
    if found is not None:
        known += alarms(wanted.slot, found, retained_bytes_max)
    faults = tuple(finding.fault for finding in findings)
    return CheckReport(faults, tuple(dict.fromkeys(remedies)), tuple(known))
