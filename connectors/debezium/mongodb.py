"""MongoDB's documents as Debezium writes them: extended JSON in text, and updates that name only what changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from connectors.debezium.encodings import Unmappable, binary_of, instant, number_of, shallow, timestamp_of, whole


@dataclass(frozen=True, slots=True)
class Partial:
    """What an update says of a document: fields set by dotted path, fields removed, and nothing of all others."""

    updated: Mapping[str, Any]
    removed: tuple[str, ...]


def read_document(raw: Any) -> Any:
    """A document in extended JSON, strict or relaxed, as natural values; raises `Unmappable`."""
    if not isinstance(raw, str):
        return extended(raw)
    try:
        found = json.loads(raw, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError):
        raise Unmappable("a document that is not JSON") from None
    return extended(shallow(found, raw))


def read_update(payload: Mapping[str, Any]) -> Partial | None:
    """What `updateDescription` (or `patch`, of versions before 2) says; None where neither is there."""
    description = payload.get("updateDescription")
    if isinstance(description, Mapping):
        updated = read_document(description.get("updatedFields") or {})
        removed = description.get("removedFields") or ()
        cut = description.get("truncatedArrays") or ()
        unknown = [str(one.get("field")) for one in cut if isinstance(one, Mapping)]
        if not isinstance(updated, Mapping) or not isinstance(removed, (list, tuple)):
            raise Unmappable("an update description that is not one")
        whole_fields = {path: value for path, value in updated.items() if path not in unknown}
        return Partial(whole_fields, tuple(str(path) for path in removed))
    patch = payload.get("patch")
    if patch is None:
        return None
    document = read_document(patch)
    if not isinstance(document, Mapping) or not any(name.startswith("$") for name in document):
        raise Unmappable("a patch that is not one")
    unset = document.get("$unset") or {}
    return Partial(document.get("$set") or {}, tuple(unset) if isinstance(unset, Mapping) else ())


def apply(update: Partial, paths: Iterable[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The row as far as an update tells it, and those of the dotted leaf `paths` that it does not tell."""
    row: dict[str, Any] = {}
    unavailable: list[str] = []
    for path in paths:
        told, value = _told(update, path)
        _put(row, path, value)
        if not told:
            unavailable.append(path)
    return row, tuple(unavailable)


def _told(update: Partial, path: str) -> tuple[bool, Any]:
    """Whether the update gives the whole value at `path`, and the value."""
    steps = path.split(".")
    for length in range(len(steps), 0, -1):
        prefix = ".".join(steps[:length])
        if prefix in update.removed:
            return True, None
        if prefix in update.updated:
            return True, _inside(update.updated[prefix], steps[length:])
    return False, None


def _inside(value: Any, steps: list[str]) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _put(row: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        row = row.setdefault(parent, {})
    row[last] = value


def extended(value: Any) -> Any:
    """Extended JSON's wrappers as the values that they stand for; a type without one stays as it is written."""
    if isinstance(value, list):
        return [extended(one) for one in value]
    if isinstance(value, Decimal):
        return float(value)  # relaxed form: a bare number with a point is a double
    if not isinstance(value, Mapping):
        return value
    if len(value) <= 2:
        for name, read in _WRAPPERS.items():
            if name in value:
                return read(value)
    return {str(name): extended(one) for name, one in value.items()}


def _date(value: Mapping[str, Any]) -> datetime | str:
    raw = extended(value["$date"])
    found = timestamp_of(raw) if isinstance(raw, str) else instant(whole(raw), 1_000)
    assert isinstance(found.moment, datetime)
    return found.moment


def _binary(value: Mapping[str, Any]) -> bytes | UUID:
    raw = value["$binary"]
    if isinstance(raw, Mapping):
        data, kind = binary_of(raw.get("base64")), str(raw.get("subType", ""))
    else:
        data, kind = binary_of(raw), str(value.get("$type", ""))
    return UUID(bytes=data) if kind in ("4", "04") and len(data) == 16 else data


def _uuid(value: Mapping[str, Any]) -> UUID:
    try:
        return UUID(value["$uuid"])
    except (ValueError, TypeError, AttributeError):
        raise Unmappable("not a UUID") from None


def _number(value: Mapping[str, Any], name: str) -> Decimal:
    return number_of(str(value[name]))


_WRAPPERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "$oid": lambda value: str(value["$oid"]),
    "$numberLong": lambda value: whole(value["$numberLong"]),
    "$numberInt": lambda value: whole(value["$numberInt"]),
    "$numberDouble": lambda value: float(_number(value, "$numberDouble")),
    "$numberDecimal": lambda value: _number(value, "$numberDecimal"),
    "$date": _date,
    "$binary": _binary,
    "$uuid": _uuid,
    "$symbol": lambda value: str(value["$symbol"]),
    "$undefined": lambda _: None,
}
