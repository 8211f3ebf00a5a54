"""The error codes of the inventory."""

from __future__ import annotations

from contracts.faults import Code

NOT_A_REGISTER = Code(
    "AGR-110",
    "not a register of agreements",
    "a CSV file lacks a column, or a row cannot be made into a draft",
    "nothing was written",
    "name the columns as `concordat agreement extract` does, and mend the row that is named",
)
CODES = (NOT_A_REGISTER,)
