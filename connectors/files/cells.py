"""The cells of one row of CSV (RFC 4180), strictly; a quoted empty cell is told from an empty one."""

from __future__ import annotations

import re
from collections.abc import Callable

from connectors.files.options import Empty
from connectors.typed import Unreadable


class Cell(str):
    """The text of a cell that stood in quotation marks."""

    __slots__ = ()


def splitter(delimiter: str, encoding: str) -> Callable[[bytes], list[str]]:
    """A function from the bytes of a row to its cells; it raises `Unreadable`."""
    mark = re.escape(delimiter)
    pattern = re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"|([^"\r\n{mark}]*))({mark}|\Z)')

    def split(record: bytes) -> list[str]:
        text = decoded(record, encoding).removesuffix("\n").removesuffix("\r")
        cells: list[str] = []
        at = 0
        while True:
            found = pattern.match(text, at)
            if found is None:
                raise Unreadable("not a row of CSV: a quotation mark or a line's end in the wrong place")
            quoted, plain, end = found.groups()
            cells.append(plain if quoted is None else Cell(quoted.replace('""', '"')))
            at = found.end()
            if not end:
                return cells

    return split


def decoded(record: bytes, encoding: str) -> str:
    """The text of some bytes; raises `Unreadable`."""
    try:
        return record.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable(f"not {encoding}") from None


def is_null(cell: str, empty: Empty, *, text: bool) -> bool:
    """Whether a cell stands for null; `text` says that its column is text."""
    if cell:
        return False
    return not text or empty is Empty.NULL or (empty is Empty.QUOTED_TEXT and not isinstance(cell, Cell))
