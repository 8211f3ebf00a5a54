"""Debezium's placeholder for a value that the database did not give: it must become `unavailable`, never null, never data.

A column of text has the placeholder itself; bytes have its bytes (in JSON base64 or hexadecimal), an array of text an array
of it alone, an array of numbers its bytes as numbers, an hstore or JSON document itself as name and value.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any


class Placeholder:
    """Recognises every form of one placeholder (`unavailable.value.placeholder`)."""

    def __init__(self, text: str) -> None:
        data = text.encode()
        plain, safe = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
        self._texts = {text, plain, safe, safe.rstrip("="), data.hex(), data.hex().upper(), json.dumps(text)}
        self._texts |= {json.dumps({text: text}, separators=form) for form in ((",", ":"), (", ", ": "))}
        self._data = data
        self._numbers = list(data)
        self._text = text

    def __call__(self, raw: Any) -> bool:
        """Whether `raw`, still encoded, stands for a value that was not given."""
        if isinstance(raw, str):
            return raw in self._texts
        if isinstance(raw, (bytes, bytearray)):
            return bytes(raw) == self._data
        if isinstance(raw, list):
            return raw == self._numbers or (len(raw) == 1 and isinstance(raw[0], (str, bytes)) and self(raw[0]))
        if isinstance(raw, Mapping):
            return self._in_mapping(raw)
        return False

    def _in_mapping(self, raw: Mapping[str, Any]) -> bool:
        if len(raw) == 1:
            return raw.get(self._text) == self._text
        if set(raw) == {"scale", "value"}:  # a decimal of variable scale
            return isinstance(raw["value"], (str, bytes)) and self(raw["value"])
        return "wkb" in raw and isinstance(raw["wkb"], (str, bytes)) and self(raw["wkb"])
