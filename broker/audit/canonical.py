"""Canonical JSON: the one spelling of a value whose bytes are hashed or signed.

A profile of RFC 8785: objects with ASCII keys in sorted order, integers within 2^53, no floats.  The values are
`msgspec.Struct`s whose fields are declared in sorted order, so encoding needs no sorting; `tests` hold it against the
`rfc8785` package.  Reading accepts only text that encodes back to the same bytes.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

INTEGER_MAX = 2**53 - 1

Whole = Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)]
"""A count, a number or an offset."""
Position = Annotated[int, msgspec.Meta(ge=-1, le=INTEGER_MAX)]
"""A register position; -1 is before the first act."""
Instant = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""When something was decided: Unix milliseconds, up to the year 9999."""
EventTime = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
"""When a store says something happened: Unix milliseconds, also before 1970."""
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}\\Z")]
"""SHA-256 in lower-case hex."""

Value = TypeVar("Value", bound=msgspec.Struct)

encode = msgspec.json.Encoder().encode


class NotCanonical(ValueError):
    """Bytes that are not the one spelling of a value; the message says why and holds nothing of them."""


def decode(data: bytes, decoder: msgspec.json.Decoder[Value]) -> Value:
    """The value whose canonical bytes `data` is; raises `NotCanonical` for anything else."""
    try:
        value = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        kind = "form" if isinstance(fault, msgspec.ValidationError) else "syntax"
        raise NotCanonical(f"not of the required {kind}") from None
    if encode(value) != data:
        raise NotCanonical("not in its canonical spelling")
    return value
