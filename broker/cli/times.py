"""Times that people give on the command line."""

from __future__ import annotations

from datetime import datetime

from broker.audit.codes import QUESTION_UNCLEAR
from contracts.faults import Unusable


def unix_ms(text: str | None, option: str) -> int | None:
    """An RFC 3339 time as Unix milliseconds; raises `Unusable` for any other text, and for a time without an offset."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise Unusable(QUESTION_UNCLEAR.fault(f"{option} {text!r}")) from fault
    if moment.tzinfo is None:
        raise Unusable(QUESTION_UNCLEAR.fault(f"{option} {text!r} has no offset"))
    return int(moment.timestamp() * 1000)
