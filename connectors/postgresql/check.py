"""Whether a server can be read as the options say, and the exact statements that would mend what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from psycopg import sql

from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.codes import (
    OUTBOX_WRONG,
    PRIVILEGE_MISSING,
    PUBLICATION_WRONG,
    SETTING_WRONG,
    SLOT_HELD,
    SLOT_WRONG,
    TABLE_MISSING,
    TOAST_UNAVAILABLE,
)
from connectors.postgresql.options import OutboxOptions, PostgresqlOptions
from connectors.postgresql.outbox_check import event_faults, outbox_faults
from connectors.postgresql.tables import Table, key_faults, leaves
from contracts.faults import Fault
from contracts.model import Contract, Kind

PLUGIN = "pgoutput"
_FAILOVER_VERSION = 170_000


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
    events: Mapping[str, Contract] = field(default_factory=dict)
    """The contracts of the datasets that come from an outbox or from messages; `contracts` are those of tables."""
    outbox: OutboxOptions | None = None
    messages: Mapping[str, str] = field(default_factory=dict)
    """Prefix to dataset."""
    failover: bool = False
    """Whether a slot that is made is kept on standbys too."""

    @property
    def outbox_rows(self) -> bool:
        """Whether the rows that are in the outbox at the first start are read."""
        return self.outbox is not None and self.outbox.snapshot


def wanted_of(name: str, options: PostgresqlOptions, contracts: Sequence[Contract], application: str) -> Wanted:
    """What the connector `name` needs by its options."""
    slot = options.slot or "concordat_" + "".join(c if c.isalnum() else "_" for c in name.lower())[:50]
    named = {contract.dataset: contract for contract in contracts}
    events = options.events | {options.outbox.unrouted if options.outbox is not None else None}
    stored = {dataset: one for dataset, one in named.items() if dataset not in options.events}
    return Wanted(
        contracts=stored,
        tables={dataset: options.table_of(dataset) for dataset in stored},
        publication=options.publication or slot,
        slot=slot,
        manage=options.manage,
        application=application,
        events={dataset: one for dataset, one in named.items() if dataset in events},
        outbox=options.outbox,
        messages=options.messages,
        failover=options.failover,
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault and the statements that would mend it."""

    fault: Fault
    remedies: tuple[str, ...] = ()


class Examined(NamedTuple):
    """Everything that is wrong, in the order in which it is best mended; and the tables that were found."""

    findings: list[Finding]
    tables: dict[str, Table]
    """By dataset."""
    outbox: Table | None

    @property
    def published(self) -> list[Table]:
        """Every table that is to be in the publication."""
        return [*self.tables.values(), *([] if self.outbox is None else [self.outbox])]


def examine(catalogue: Catalogue, wanted: Wanted) -> Examined:
    """Everything that is wrong, and the tables that were found."""
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
    outbox = _outbox(catalogue, wanted, findings)
    examined = Examined(findings, tables, outbox)
    findings += _publication(catalogue, wanted, examined.published)
    findings += _slot(catalogue, wanted)
    return examined


def _outbox(catalogue: Catalogue, wanted: Wanted, findings: list[Finding]) -> Table | None:
    """The outbox, and into `findings` what is wrong with it and with routes and messages."""
    outbox = wanted.outbox
    named = {f"the prefix {prefix}": dataset for prefix, dataset in wanted.messages.items()}
    if outbox is not None:
        named |= {f"the route {route}": dataset for route, dataset in outbox.routes.items()}
    unrouted = None if outbox is None else outbox.unrouted
    findings += map(Finding, event_faults(named, wanted.events, unrouted=unrouted))
    if outbox is None:
        return None
    found = catalogue.table(*outbox.place)
    if found is None:
        findings.append(Finding(TABLE_MISSING.fault(f"no outbox {outbox.table}")))
        return None
    table, readable = found
    if outbox.place in wanted.tables.values():
        findings.append(Finding(OUTBOX_WRONG.fault(f"{table} is the outbox and the table of a dataset, too")))
    if outbox.snapshot and not readable:
        findings.append(_unreadable(catalogue.user, "the outbox", table))
    if outbox.snapshot and not wanted.manage:
        message = (
            "the rows before a slot that others made cannot be told from those after it: set outbox.snapshot: false"
        )
        findings.append(Finding(OUTBOX_WRONG.fault(message)))
    findings += map(Finding, outbox_faults(outbox, wanted.events, table))
    return table


def publication_statement(catalogue: Catalogue, wanted: Wanted, tables: Sequence[Table]) -> str | None:
    """The statement that makes the publication, or adds the tables that it lacks; None when it is right."""
    found = catalogue.publication(wanted.publication)
    name = sql.Identifier(wanted.publication)
    if found is None and not tables:  # messages belong to no table
        return sql.SQL("CREATE PUBLICATION {}").format(name).as_string(None)
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
    if wanted.failover and catalogue.version < _FAILOVER_VERSION:
        yield Finding(SETTING_WRONG.fault("`failover` needs PostgreSQL 17: this server keeps no slot on its standbys"))
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


def _publication(catalogue: Catalogue, wanted: Wanted, tables: Sequence[Table]) -> Iterator[Finding]:
    if not tables and not wanted.messages:
        return
    statement = publication_statement(catalogue, wanted, tables)
    if statement is None:
        return
    found = catalogue.publication(wanted.publication)
    may = all(catalogue.owns(table.schema, table.name) for table in tables)
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
