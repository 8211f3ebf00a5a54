"""Messages of pgoutput (version 1) made from their definition, and values in PostgreSQL's two forms."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from connectors.postgresql.columns import BINARY, NULL, TEXT, UNCHANGED

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
NOTHING, NOT_SENT = (NULL, b""), (UNCHANGED, b"")
RELATION = 16_400


def begin(commit: int, transaction: int, microseconds: int = 0) -> bytes:
    return struct.pack(">cQqI", b"B", commit, microseconds, transaction)


def commit(end: int) -> bytes:
    return struct.pack(">cBQQq", b"C", 0, end - 8, end, 0)


def relation(schema: str, name: str, columns: dict[str, int], identifier: int = RELATION) -> bytes:
    parts = [struct.pack(">cI", b"R", identifier), schema.encode(), b"\0", name.encode(), b"\0d"]
    parts.append(struct.pack(">H", len(columns)))
    for column, kind in columns.items():
        parts += [b"\0", column.encode(), b"\0", struct.pack(">Ii", kind, -1)]
    return b"".join(parts)


def values(found) -> bytes:
    parts = [struct.pack(">H", len(found))]
    for kind, data in found:
        parts.append(kind if kind in (NULL, UNCHANGED) else kind + struct.pack(">I", len(data)) + data)
    return b"".join(parts)


def insert(new, identifier: int = RELATION) -> bytes:
    return struct.pack(">cI", b"I", identifier) + b"N" + values(new)


def update(new, old=None, tag: bytes = b"O", identifier: int = RELATION) -> bytes:
    before = b"" if old is None else tag + values(old)
    return struct.pack(">cI", b"U", identifier) + before + b"N" + values(new)


def delete(old, tag: bytes = b"K", identifier: int = RELATION) -> bytes:
    return struct.pack(">cI", b"D", identifier) + tag + values(old)


def truncate(*identifiers: int) -> bytes:
    return struct.pack(f">cIB{len(identifiers)}I", b"T", len(identifiers), 0, *identifiers)


def numeric(number: Decimal, shown: int) -> bytes:
    """`numeric` as PostgreSQL sends it, with `shown` digits after the point."""
    text = f"{abs(number):.{shown}f}"
    whole, _, fraction = text.partition(".")
    whole, fraction = whole.rjust(-(-len(whole) // 4) * 4, "0"), fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    groups = [int((whole + fraction)[n : n + 4]) for n in range(0, len(whole + fraction), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups, weight = groups[1:], weight - 1
    while groups and groups[-1] == 0:
        groups.pop()
    sign = 0x4000 if number < 0 else 0
    return struct.pack(f">HhHH{len(groups)}H", len(groups), weight if groups else 0, sign, shown, *groups)


def array(items, element: int = 25) -> bytes:
    """An array of one dimension from the bytes of its elements, None for null."""
    if not items:
        return struct.pack(">iiI", 0, 0, element)
    parts = [struct.pack(">iiIii", 1, int(None in items), element, len(items), 1)]
    parts += [struct.pack(">i", -1) if item is None else struct.pack(">i", len(item)) + item for item in items]
    return b"".join(parts)


def array_text(items) -> bytes:
    quoted = ("NULL" if item is None else '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items)
    return ("{" + ",".join(quoted) + "}").encode()


def instant(moment: datetime) -> bytes:
    return struct.pack(">q", round((moment - EPOCH).total_seconds()) * 1_000_000 + moment.microsecond)


def day(found: date) -> bytes:
    return struct.pack(">i", found.toordinal() - EPOCH.toordinal())


def both(binary: bytes, text: str):
    """The two forms of one value."""
    return (BINARY, binary), (TEXT, text.encode())


def uuid(found: UUID):
    return both(found.bytes, str(found))
