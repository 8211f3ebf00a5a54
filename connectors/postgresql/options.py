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
    slot: str | None = None
    """The replication slot; None is `concordat_<connector name>`."""
    publication: str | None = None
    """The publication; None is the slot's name."""
    manage: bool = True
    """Whether the connector may create the slot and the publication where they are missing."""
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
