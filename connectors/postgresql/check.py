"""Whether a server can be read as the options say, and the exact statements that would mend what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.codes import (
    PRIVILEGE_MISSING,
    PUBLICATION_WRONG,
    SETTING_WRONG,
    SLOT_HELD,
    SLOT_WRONG,
    TABLE_MISSING,
    TOAST_UNAVAILABLE,
)
from connectors.postgresql.tables import Table, key_faults, leaves
from contracts.faults import Fault
from contracts.model import Contract, Kind

PLUGIN = "pgoutput"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the connector needs: its tables by dataset, and the names of its publication and slot."""

    contracts: Mapping[str, Contract]
    tables: Mapping[str, tuple[str, str]]
    publication: str
    slot: str
    manage: bool
    application: str = ""
    """How our own sessions call themselves: a slot that one of them reads from is not another's."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault and the statements that would mend it."""

    fault: Fault
    remedies: tuple[str, ...] = ()


def examine(catalogue: Catalogue, wanted: Wanted) -> tuple[list[Finding], dict[str, Table]]:
    """Everything that is wrong, in the order in which it is best mended; and the tables that were found."""
    findings = list(_server(catalogue, wanted))
    tables: dict[str, Table] = {}
    for dataset, (schema, name) in wanted.tables.items():
        found = catalogue.table(schema, name)
        if found is None:
            findings.append(Finding(TABLE_MISSING.fault(f"{dataset}: no table {schema}.{name}")))
            continue
        tables[dataset], readable = found
        if not readable:
            findings.append(_unreadable(catalogue.user, dataset, tables[dataset]))
        findings += _table(wanted.contracts[dataset], tables[dataset])
    findings += _publication(catalogue, wanted, tables)
    findings += _slot(catalogue, wanted)
    return findings, tables


def publication_statement(catalogue: Catalogue, wanted: Wanted, tables: Sequence[Table]) -> str | None:
    """The statement that makes the publication, or adds the tables that it lacks; None when it is right."""
    found = catalogue.publication(wanted.publication)
    name = sql.Identifier(wanted.publication)
    if found is None:
        every = sql.SQL(", ").join(_identifier(table) for table in tables)
        made = sql.SQL("CREATE PUBLICATION {} FOR TABLE {} WITH (publish_via_partition_root = true)").format(
            name, every
        )
        return made.as_string(None)
    if not found.by_root and any(table.partitions for table in tables):
        return sql.SQL("ALTER PUBLICATION {} SET (publish_via_partition_root = true)").format(name).as_string(None)
    missing = [_identifier(table) for table in tables if (table.schema, table.name) not in found.tables]
    if missing:
        return sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(name, sql.SQL(", ").join(missing)).as_string(None)
    if not found.complete:
        every_kind = "ALTER PUBLICATION {} SET (publish = 'insert, update, delete, truncate')"
        return sql.SQL(every_kind).format(name).as_string(None)
    return None


def _server(catalogue: Catalogue, wanted: Wanted) -> Iterator[Finding]:
    level = catalogue.setting("wal_level")
    if level != "logical":
        yield Finding(
            SETTING_WRONG.fault(f"wal_level is {level}; it must be logical"),
            ("ALTER SYSTEM SET wal_level = 'logical';  -- then restart the server",),
        )
    if catalogue.slot(wanted.slot) is None and catalogue.free_slots() < 1:
        count = int(catalogue.setting("max_replication_slots")) + 4
        yield Finding(
            SETTING_WRONG.fault("every replication slot is taken"),
            (f"ALTER SYSTEM SET max_replication_slots = {count};  -- then restart the server",),
        )
    if not catalogue.may_replicate():
        statement = sql.SQL("ALTER ROLE {} REPLICATION;").format(sql.Identifier(catalogue.user)).as_string(None)
        yield Finding(PRIVILEGE_MISSING.fault(f"{catalogue.user} may not replicate"), (statement,))


def _unreadable(user: str, dataset: str, table: Table) -> Finding:
    role = sql.Identifier(user)
    statements = (
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {};").format(sql.Identifier(table.schema), role),
        sql.SQL("GRANT SELECT ON {} TO {};").format(_identifier(table), role),
    )
    fault = PRIVILEGE_MISSING.fault(f"{dataset}: {user} may not read {table}")
    return Finding(fault, tuple(statement.as_string(None) for statement in statements))


def _table(contract: Contract, table: Table) -> Iterator[Finding]:
    found = leaves(contract, table)
    if isinstance(found, list):
        yield from (Finding(fault) for fault in found)
        return
    full = tuple(
        sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL;").format(sql.Identifier(*names)).as_string(None)
        for names in table.partitions or ((table.schema, table.name),)
    )
    for fault in key_faults(contract, table):
        yield Finding(fault, full if "replica identity" in fault.message else ())
    if contract.kind is Kind.EVENT or table.full:
        return
    toastable = [leaf.column for leaf in found if (column := table.column(leaf.column)) and column.toastable]
    toastable = [name for name in toastable if name not in table.identity]
    if toastable:
        message = f"{contract.dataset}: {', '.join(toastable)} of {table} would be unavailable in updates"
        yield Finding(TOAST_UNAVAILABLE.fault(message), full)


def _publication(catalogue: Catalogue, wanted: Wanted, tables: Mapping[str, Table]) -> Iterator[Finding]:
    if not tables:
        return
    statement = publication_statement(catalogue, wanted, list(tables.values()))
    if statement is None:
        return
    found = catalogue.publication(wanted.publication)
    may = all(catalogue.owns(table.schema, table.name) for table in tables.values())
    if wanted.manage and may and (found is not None or catalogue.may_create()):
        return  # it will be made or mended at the start
    what = "does not exist" if found is None else "does not publish every table with every kind of change"
    yield Finding(PUBLICATION_WRONG.fault(f"publication {wanted.publication} {what}"), (statement + ";",))


def _slot(catalogue: Catalogue, wanted: Wanted) -> Iterator[Finding]:
    slot = catalogue.slot(wanted.slot)
    if slot is None:
        if not wanted.manage:
            statement = f"SELECT pg_create_logical_replication_slot('{wanted.slot}', '{PLUGIN}');"
            yield Finding(SLOT_WRONG.fault(f"slot {wanted.slot} does not exist, and manage is false"), (statement,))
    elif slot.plugin != PLUGIN or slot.database != catalogue.database:
        message = f"slot {wanted.slot} is of plugin {slot.plugin} in database {slot.database}"
        yield Finding(SLOT_WRONG.fault(message))
    elif slot.holder is not None and slot.application not in (None, wanted.application):
        message = f"{wanted.slot} is read by process {slot.holder}, application {slot.application}"
        yield Finding(SLOT_HELD.fault(message), (f"SELECT pg_terminate_backend({slot.holder});",))


def _identifier(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)
