"""The scalar terms of an agreement's text: words, counts, days, identifiers, each with the one form that it may have."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not text")
    if not text.strip():
        raise ValueError("text may not be empty")
    return text


Text = Annotated[str, Field(max_length=10_000), AfterValidator(_printable)]
"""Words for people: at least one, no control characters."""
Count = Annotated[int, Field(ge=1, le=2**53 - 1)]
"""A whole number that every JSON reader keeps exactly."""
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2999, 12, 31))]
Reference = Annotated[str, Field(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$", max_length=64)]
ShareIdentifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
OrganisationIdentifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
PurposeIdentifier = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$", max_length=128)]
ContentHash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
FieldPath = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$", max_length=256)]
CaveatReference = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*@[1-9][0-9]{0,8}$", max_length=128)]
HeaderLine = Literal["agreement/1"]
"""What the key `concordat` says: the form and its version."""
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""
Tag = Annotated[str, Field(pattern=r"^[a-z0-9-]+(:[a-z0-9._-]+)?$", max_length=128)]
"""A word of the contracts' common vocabulary (`pole:person.contact`, `special-category`); one also means those below it."""
ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day in Europe/London, in quotes."""
WebAddress = Annotated[str, Field(pattern=r"^https://[^\s]+$", max_length=2_000)]
