"""Two row filters as one that needs both, joined as text so that neither can reach out of its parentheses.

The language itself is `docs/formats/row-filter.md`'s; here only its brackets, literals and comments matter.
"""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"""
    (?P<text>
        [bB]?[rR]\"{3}[\s\S]*?\"{3} | [bB]?[rR]'{3}[\s\S]*?'{3}
      | [bB]?\"{3}(\\[\s\S]|[^\\])*?\"{3} | [bB]?'{3}(\\[\s\S]|[^\\])*?'{3}
      | [bB]?[rR]\"[^\"\r\n]*\" | [bB]?[rR]'[^'\r\n]*'
      | [bB]?\"(\\[^\r\n]|[^\"\\\r\n])*\" | [bB]?'(\\[^\r\n]|[^'\\\r\n])*'
    )
    | (?P<comment>//[^\n]*)
    | (?P<bracket>[()\[\]])
    | (?P<name>[_a-zA-Z0-9]+)
    | (?P<other>[\s\S])
    """,
    re.VERBOSE,
)
_CLOSING = {"(": ")", "[": "]"}


def conjunction(first: str, second: str) -> str | None:
    """The filter that holds where both hold; None where one of them has open brackets or quotes, or is empty."""
    parts = [enclosed(part) for part in (first, second)]
    if parts[0] is None or parts[1] is None:
        return None
    return parts[0] if parts[0] == parts[1] else f"({parts[0]}) && ({parts[1]})"


def enclosed(expression: str) -> str | None:
    """The expression without comments, if all that it opens it also closes; None otherwise."""
    open_brackets: list[str] = []
    kept: list[str] = []
    for piece in _PIECE.finditer(expression):
        found = piece[0]
        if piece["other"] and found in "\"'":
            return None
        if piece["bracket"]:
            if found in _CLOSING:
                open_brackets.append(_CLOSING[found])
            elif not open_brackets or open_brackets.pop() != found:
                return None
        kept.append(" " if piece["comment"] else found)
    text = "".join(kept).strip()
    return text if text and not open_brackets else None
