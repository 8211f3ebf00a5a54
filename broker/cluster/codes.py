"""The error codes of the cluster package."""

from __future__ import annotations

from contracts.faults import Code

UNREACHABLE = Code(
    "KAF-001",
    "Kafka cannot be reached",
    "no broker of the cluster answered in time, or the answer was an error that passes",
    "the command ends; a running process keeps trying with back-off",
    "see that Kafka runs (`concordat kafka status`) and that CONCORDAT_BOOTSTRAP_SERVERS names it",
)
FORBIDDEN = Code(
    "KAF-002",
    "Kafka refuses this principal",
    "the user name or password is wrong, or no access rule permits the operation",
    "nothing was read or written",
    "see that the principal's credentials are the newest and that `concordat provision plan` shows no difference",
)
CODES = (UNREACHABLE, FORBIDDEN)
