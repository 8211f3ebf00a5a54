"""The lines of a file from a mark on: bounded in memory, and never more of a growing file than its complete lines.

RESUMABLE: every row comes with the mark after it; reading from that mark gives the rows after it, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from connectors.typed import Unreadable

_SKIP_BYTES = 65_536
_QUOTE = b'"'
BOM = b"\xef\xbb\xbf"


class Mark(NamedTuple):
    """Where reading goes on: bytes (of Avro and Parquet: rows) before it, and the lines before it."""

    offset: int = 0
    line: int = 0


class Raw(NamedTuple):
    """One row as the file has it, the line (from 1) where it begins, and the mark after it.

    `problem` says why it could not be read; `values` is None then.
    """

    line: int
    values: Any
    problem: str | None
    after: Mark


def read_lines(
    stream: BinaryIO, mark: Mark, parse: Callable[[bytes], Any], *, limit: int, whole: bool, quotes: bool
) -> Iterator[Raw]:
    """The rows after `mark`, each given by `parse`, which raises `Unreadable`.  Empty lines are passed over.

    `limit` bounds a row, in bytes.  `whole` says that nothing will be added to the file: its last line needs no end.  With
    `quotes` a line's end inside quotation marks belongs to the row; one that makes no sense costs its first line alone.
    """
    stream.seek(mark.offset)
    while True:
        first = stream.readline(limit + 1)
        if not first:
            return
        if len(first) > limit:
            first_end = _skip_line(stream, first)
            if first_end is None and not whole:
                return
            mark = Mark(stream.tell(), mark.line + 1)
            yield Raw(mark.line, None, f"a line of more than {limit} bytes", mark)
            continue
        if not first.endswith(b"\n") and not whole:
            return
        line, after_first = mark.line + 1, Mark(mark.offset + len(first), mark.line + 1)
        record = _continued(stream, first, limit, whole=whole) if quotes else first
        if record is None:
            return
        mark = Mark(mark.offset + len(record), mark.line + max(1, record.count(b"\n")))
        if not record.strip(b"\r\n"):
            continue
        try:
            raw = Raw(line, parse(record), None, mark)
        except Unreadable as unreadable:
            mark = after_first
            stream.seek(mark.offset)
            raw = Raw(line, None, str(unreadable), mark)
        yield raw


def _skip_line(stream: BinaryIO, part: bytes) -> bytes | None:
    """Read to the end of a line that is too long; None when the file ends before."""
    while part and not part.endswith(b"\n"):
        part = stream.readline(_SKIP_BYTES)
    return part or None


def _continued(stream: BinaryIO, first: bytes, limit: int, *, whole: bool) -> bytes | None:
    """A row whose quotation marks are all closed; its first line alone where they never are; None where they may yet be."""
    record, opened = first, first.count(_QUOTE) % 2
    while opened:
        more = stream.readline(max(1, limit + 1 - len(record)))
        if len(record) + len(more) > limit or (whole and not more):
            return first  # with an odd number of quotation marks, which no row has: it becomes a problem
        if not more.endswith(b"\n") and not whole:
            return None
        record += more
        opened = (opened + more.count(_QUOTE)) % 2
    return record
