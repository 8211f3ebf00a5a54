"""The error codes of notices in the register."""

from __future__ import annotations

from contracts.faults import Code

DEADLINE = Code(
    "NTC-001",
    "deadline not the agreement's",
    "the day by which a notice is to be answered is not the one that the agreement gives on the day of the act",
    "the act is ignored by every reader and an alarm is raised; nobody was told",
    "issue the notice again: it was made just before midnight in London, or the agreement has changed meanwhile",
)
CODES = (DEADLINE,)
