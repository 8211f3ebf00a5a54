"""The options of the PostgreSQL connector; `docs/guides/add-a-postgresql-connector.md` is their page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import Field, ValidationInfo, field_validator, model_validator

from connectors.codes import STORE_UNREACHABLE
from connectors.protocol import Options
from contracts.faults import Unavailable

_NAME = re.compile(r"[a-z0-9_]{1,63}")


class OutboxOptions(Options):
    """A transactional outbox: one table whose inserted rows are events of many datasets."""

    table: str = "public.outbox"
    """The outbox, as `schema.table`."""
    routes: dict[str, str] = Field(min_length=1)
    """Value of the route column to the dataset of its events."""
    route_column: str = "aggregatetype"
    """The column that says which kind of event a row is."""
    payload_column: str = "payload"
    """The column that holds the event: a JSON object, as `json`, `jsonb` or text."""
    aggregate_column: str = "aggregateid"
    """The column that says whose event a row is: where it is the contract's key, the order of each one's events is kept."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Field to the outbox's column that carries it, e.g. `{event: id, reference: aggregateid}`; the others are the payload's members."""
    unrouted: str | None = None
    """Dataset under which rows of an unknown route are quarantined; without it such a row stops the connector."""
    snapshot: bool = True
    """Whether the first start reads the rows that are there."""
    order_column: str | None = None
    """The column in whose order those rows are read, such as a number or a time; without it, the primary key's."""

    @property
    def place(self) -> tuple[str, str]:
        """The schema and the name of the table."""
        schema, _, name = self.table.rpartition(".")
        return schema or "public", name


class PostgresqlOptions(Options):
    """Which server, which tables, and how they are read."""

    dsn: str | None = None
    """A libpq connection string without a password; it may name a `passfile` or `sslrootcert`."""
    dsn_file: Path | None = None
    """A file that holds the connection string, password included."""
    password_file: Path | None = None
    """A file that holds the password alone."""
    tables: dict[str, str] = Field(default_factory=dict)
    """Dataset to `schema.table`; a dataset that is not named comes from `public.<dataset>`, each `-` a `_`."""
    outbox: OutboxOptions | None = None
    """A table of events that are routed to datasets, which then have no table of their own."""
    messages: dict[str, str] = Field(default_factory=dict)
    """Prefix of `pg_logical_emit_message` to the dataset of its events, whose content is a JSON object as in an outbox."""
    slot: str | None = None
    """The replication slot; None is `concordat_<connector name>`."""
    publication: str | None = None
    """The publication; None is the slot's name."""
    manage: bool = True
    """Whether the connector may create the slot and the publication where they are missing."""
    failover: bool = False
    """Whether a slot that the connector makes is one that PostgreSQL 17 or newer keeps on standbys too."""
    snapshot: bool = True
    """Whether the first start reads the rows that are there."""
    on_schema_change: Literal["stop", "quarantine"] = "stop"
    """What becomes of the changes of a table that no longer fits its contract: the connector stops, or each is quarantined."""
    chunk_rows: int = Field(default=5_000, ge=1, le=100_000)
    """How many rows of the snapshot make one batch."""
    batch_changes_max: int = Field(default=10_000, ge=1, le=100_000)
    """How many changes make one batch at most; a larger transaction is cut."""
    heartbeat_seconds: float = Field(default=10.0, gt=0)
    """How often an idle connector notes its position, so that idle tables do not pin the server's WAL."""
    slot_wait_seconds: float = Field(default=90.0, ge=0)
    """How long to wait for the slot while a dead process of this connector still holds it."""
    alarm_retained_bytes: int = Field(default=1 << 30, ge=1)
    """An alarm (`CNR-028`) is raised while the server keeps more WAL than this for the slot."""

    @field_validator("slot", "publication")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError("lower-case letters, digits and _ only, at most 63")
        return value

    @field_validator("dsn_file", "password_file")
    @classmethod
    def _beside(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        """A relative path counts from the configuration's own directory."""
        directory = (info.context or {}).get("directory")
        return value if value is None or directory is None else Path(directory) / value

    @model_validator(mode="after")
    def _one_dsn(self) -> Self:
        if (self.dsn is None) == (self.dsn_file is None):
            raise ValueError("give exactly one of dsn and dsn_file")
        if self.dsn is not None and "password" in conninfo_to_dict(self.dsn):
            raise ValueError("a password does not belong in the text: use password_file or dsn_file")
        return self

    @model_validator(mode="after")
    def _events_have_no_table(self) -> Self:
        both = sorted(self.events & set(self.tables))
        if both:
            raise ValueError(f"{', '.join(both)}: a dataset comes from a table or from events, not from both")
        return self

    @property
    def events(self) -> frozenset[str]:
        """The datasets that come from an outbox or from messages, not from a table of their own."""
        routed = self.outbox.routes.values() if self.outbox is not None else ()
        return frozenset((*routed, *self.messages.values()))

    def table_of(self, dataset: str) -> tuple[str, str]:
        """The schema and the name of a dataset's table."""
        schema, _, name = self.tables.get(dataset, "public." + dataset.replace("-", "_")).rpartition(".")
        return schema or "public", name

    def conninfo(self, **more: str) -> str:
        """The connection string with its secrets, read now; raises `Unavailable` when a file cannot be read."""
        text = self.dsn if self.dsn is not None else _secret(self.dsn_file)
        if self.password_file is not None:
            more["password"] = _secret(self.password_file)
        return make_conninfo(text, **more)


def _secret(path: Path | None) -> str:
    assert path is not None
    try:
        return path.read_text().strip()
    except OSError as exception:
        raise Unavailable(STORE_UNREACHABLE.fault(f"{path}: {exception.strerror}")) from exception
