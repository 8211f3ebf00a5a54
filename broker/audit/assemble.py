"""From the records of the segments topic to whole segments: body parts first, then the header that names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from broker.audit import codes
from broker.audit.evidence import SegmentRecord
from contracts.faults import Fault


class Assembled(NamedTuple):
    """One header record, and the body parts that stand before it under its name."""

    name: str
    """The segment identifier in the record's key."""
    entry: bytes
    parts: tuple[bytes, ...]


def assemble(records: Iterable[SegmentRecord]) -> Iterator[Assembled | Fault]:
    """Every segment as it is completed, and a fault for every record that belongs to none.

    Memory: the parts of the segments that are not complete; a worker writes a segment's records one after another.
    """
    waiting: dict[str, list[bytes]] = {}
    for record in records:
        name, number = _read_key(record.key)
        if name is None or record.value is None:
            yield codes.PART_ORPHANED.fault(record.place)
        elif number is None:
            yield Assembled(name, record.value, tuple(waiting.pop(name, ())))
        else:
            parts = waiting.setdefault(name, [])
            if number != len(parts):
                yield codes.PART_ORPHANED.fault(record.place)
            parts.append(record.value)
    for name in waiting:
        yield codes.PART_ORPHANED.fault(f"{name}: its header is missing")


def _read_key(key: bytes | None) -> tuple[str | None, int | None]:
    """The segment that a record's key names, and the part's number; a header has none."""
    try:
        pieces = (key or b"").decode("ascii").split("/")
    except UnicodeDecodeError:
        return None, None
    if len(pieces) not in (3, 4) or not all(piece.isdecimal() for piece in pieces[1:]):
        return None, None
    return "/".join(pieces[:3]), int(pieces[3]) if len(pieces) == 4 else None
