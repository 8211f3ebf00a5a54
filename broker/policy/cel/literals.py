"""Literals of the row-filter language: from their text to their value, or to what is wrong with them."""

from __future__ import annotations

import re

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
_DIGITS_MAX = 40
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:(?P<hex>[xX][0-9a-fA-F]{2})|(?P<short>u[0-9a-fA-F]{4})|(?P<long>U[0-9a-fA-F]{8})"
    r"|(?P<octal>[0-3][0-7]{2})|(?P<other>[\s\S]?))"
)


class BadLiteral(ValueError):
    """A literal that has no value; its message says why."""


def integer(text: str, *, negative: bool = False) -> int:
    """An int64, decimal or `0x` hexadecimal; `negative` is for a literal with a minus before it."""
    base, digits = (16, text[2:]) if text.startswith("0x") else (10, text)
    value = int(digits.lstrip("0")[:_DIGITS_MAX] or "0", base)  # further digits only make it larger still
    value = -value if negative else value
    if not INT_MIN <= value <= INT_MAX:
        raise BadLiteral("the integer is outside the 64-bit range")
    return value


def double(text: str) -> float:
    """A finite IEEE 754 double."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise BadLiteral("the number is outside the range of a double")
    return value


def text_or_bytes(token: str) -> str | bytes:
    """A string or bytes literal with its prefix and quotes."""
    opening = min(i for i in (token.find("'"), token.find('"')) if i >= 0)
    prefix, quoted = token[:opening].lower(), token[opening:]
    quotes = 3 if quoted[:3] in ("'''", '"""') else 1
    body = quoted[quotes:-quotes]
    if "b" in prefix:
        return body.encode() if "r" in prefix else _bytes(body)
    return body if "r" in prefix else _ESCAPE.sub(_character, body)


def _bytes(body: str) -> bytes:
    """Escapes in bytes stand for one octet each; what is not escaped is UTF-8."""
    parts, position = [], 0
    for match in _ESCAPE.finditer(body):
        parts.append(body[position : match.start()].encode())
        if match["short"] or match["long"]:
            raise BadLiteral(f"{match[0]} has no meaning in bytes")
        code = _code(match)
        parts.append(bytes((code,)) if code is not None else _character(match).encode())
        position = match.end()
    parts.append(body[position:].encode())
    return b"".join(parts)


def _code(match: re.Match[str]) -> int | None:
    for name in ("hex", "short", "long"):
        if match[name]:
            return int(match[name][1:], 16)
    return int(match["octal"], 8) if match["octal"] else None


def _character(match: re.Match[str]) -> str:
    code = _code(match)
    if code is not None:
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise BadLiteral(f"{match[0]} is not a Unicode character")
        return chr(code)
    if match["other"] not in _SIMPLE:
        raise BadLiteral(f"{match[0]} is not an escape")
    return _SIMPLE[match["other"]]
