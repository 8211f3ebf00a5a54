"""Decimals as a contract has room for them: exact, never rounded."""

from __future__ import annotations

from decimal import Decimal

from contracts.model import FieldType


def fitted(type_: FieldType, value: Decimal) -> Decimal | None:
    """`value` with no more digits after the point than `type_` has; None where it has not the digits for it, or `value` is not finite.

    Zeros at the end of a fraction need no room: 1.5000 fits one digit after the point.
    """
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return None
    scale = type_.scale or 0
    significant = "".join(map(str, digits)).lstrip("0")
    kept = significant.rstrip("0")
    least = exponent + len(significant) - len(kept)  # the place of the last digit that is not zero
    if kept and (-least > scale or (type_.precision is not None and len(kept) + least + scale > type_.precision)):
        return None
    if not kept:
        return Decimal((sign, (0,), max(min(exponent, 0), -scale)))
    surplus = -scale - exponent
    return value if surplus <= 0 else Decimal((sign, digits[:-surplus], -scale))
