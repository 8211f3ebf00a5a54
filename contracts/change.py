"""The change envelope: what `source.<dataset>` carries, and what a decoded record is.

Its fields are Debezium's (`op`, `before`, `after`, `source`, `ts_ms`) and `unavailable`, so that what Debezium
writes maps one to one.  `docs/formats/envelope.md` is the format's page.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Row = dict[str, Any]
"""One row: field name to value; a record field is a nested dict."""


class Op(StrEnum):
    """What happened to a row in its store."""

    CREATE = "c"
    UPDATE = "u"
    DELETE = "d"
    READ = "r"
    """Read in a snapshot."""
    TRUNCATE = "t"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change stood in its store: the envelope's `source` block."""

    connector: str
    dataset: str
    position: str
    """The connector's own position text, opaque to everybody else."""
    sequence: int
    """Dense per source partition from 0; given by the intake runtime, kept by a quarantined change too."""
    transaction: str | None
    snapshot: bool


@dataclass(frozen=True, slots=True)
class Envelope:
    """One decoded record of a source topic.  `ts_ms` is when the store committed (or read) it, in Unix milliseconds."""

    op: Op
    before: Row | None
    after: Row | None
    source: Origin
    ts_ms: int
    unavailable: tuple[str, ...] = ()
    """Dotted paths in `after` whose value the store did not give (never the same as null)."""
