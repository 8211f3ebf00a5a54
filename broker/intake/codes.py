"""The error codes of the intake: connectors as the broker runs them, and the local PostgreSQL."""

from __future__ import annotations

from contracts.faults import Code

POSTGRESQL_NOT_STARTED = Code(
    "INT-001",
    "the local PostgreSQL did not start",
    "the server ended, or was not ready in time; the message says which, and where its log is",
    "what was started was stopped; what was stored is kept",
    "read the log; a full disk, too little shared memory and a directory of another major version are the usual causes",
)
CODES: tuple[Code, ...] = (POSTGRESQL_NOT_STARTED,)
