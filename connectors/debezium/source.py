"""What an event's `source` block says: the place of the change in its store, when it was committed, whether it is a snapshot's.

Every database has its own block.  The place is written as text for people and auditors; where the database's places are
totally ordered within one topic partition (PostgreSQL, MySQL, MariaDB, SQL Server) it is also a tuple that can be compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
_FILE = re.compile(r"(.*?)(\d{1,30})(?:\.log)?")
_PLACES: dict[str, tuple[str, ...]] = {
    "postgresql": ("lsn", "txId"),
    "mysql": ("file", "pos", "row", "gtid"),
    "mariadb": ("file", "pos", "row", "gtid"),
    "sqlserver": ("commit_lsn", "change_lsn", "event_serial_no"),
    "oracle": ("scn", "commit_scn", "lcr_position", "rs_id", "ssn"),
    "mongodb": ("resume_token", "ts_ms", "ord", "h", "lsid", "txnNumber"),
    "db2": ("commit_lsn", "change_lsn"),
    "informix": ("commit_lsn", "change_lsn", "begin_lsn"),
    "cassandra": ("file", "pos"),
    "vitess": ("vgtid", "shard"),
    "spanner": ("ts_us", "ts_ms", "server_transaction_id", "record_sequence", "mod_number"),
}
_OTHER = (
    "lsn",
    "file",
    "pos",
    "row",
    "gtid",
    "commit_lsn",
    "change_lsn",
    "event_serial_no",
    "scn",
    "commit_scn",
    "ts_ms",
)
_CHARACTERS_MAX = 10_000
_TRANSACTIONS = ("txId", "txid", "gtid", "server_transaction_id", "transaction_id")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a change stood in its store."""

    connector: str
    text: str
    order: tuple[int, ...] | None
    """Grows with every change of one partition; None where the database has no such order, or it is a snapshot's row."""
    history: str
    """Two orders can be compared only when this is equal."""
    committed_at: datetime
    transaction: str | None
    snapshot: bool
    table: str
    """`schema.table` or what the database has in its place; empty when not said."""


def read_place(source: Mapping[str, Any], payload: Mapping[str, Any], fallback_ms: int | None) -> Place:
    """The place that `source` names; never fails, since a place that cannot be read is no reason to lose a row."""
    connector = str(source.get("connector") or _connector_of(source))
    snapshot = _is_snapshot(source.get("snapshot"))
    names = _PLACES.get(connector, _OTHER)
    parts = [f"{name}={source[name]}" for name in names if source.get(name) not in (None, "")]
    order = None if snapshot else _ORDERS.get(connector, lambda _: None)(source)
    return Place(
        connector=connector,
        text=_plain(";".join(parts)) or "none",
        order=order,
        history=f"{source.get('name')}/{source.get('server_id')}/{_file(source)[0]}",
        committed_at=_moment(source, payload, fallback_ms),
        transaction=_transaction(source, payload),
        snapshot=snapshot,
        table=_table(source),
    )


def _connector_of(source: Mapping[str, Any]) -> str:
    """Old versions do not name the connector; their block does."""
    for name, connector in (("lsn", "postgresql"), ("gtid", "mysql"), ("change_lsn", "sqlserver"), ("scn", "oracle")):
        if name in source:
            return connector
    return "mongodb" if "ord" in source else ""


def _is_snapshot(flag: Any) -> bool:
    """`true`, `first`, `first_in_data_collection`, `last`, `last_in_data_collection`, `incremental` are all a snapshot's."""
    return flag is True or (isinstance(flag, str) and flag.lower() not in ("", "false"))


def _table(source: Mapping[str, Any]) -> str:
    table = source.get("table") or source.get("collection") or ""
    schema = source.get("schema") or source.get("keyspace") or ""
    if not schema and source.get("connector") in ("mysql", "mariadb", "mongodb", "tidb"):
        schema = source.get("db") or ""
    return f"{schema}.{table}" if table and schema else str(table)


def _transaction(source: Mapping[str, Any], payload: Mapping[str, Any]) -> str | None:
    block = payload.get("transaction")
    if isinstance(block, Mapping) and block.get("id") not in (None, ""):
        return _plain(str(block["id"]))
    return next((_plain(str(source[name])) for name in _TRANSACTIONS if source.get(name) not in (None, "")), None)


def _plain(text: str) -> str:
    """A text that any record has room for: not too long, and half of a surrogate pair, which JSON can spell, spelled out."""
    return text[:_CHARACTERS_MAX].encode(errors="backslashreplace").decode()


def _moment(source: Mapping[str, Any], payload: Mapping[str, Any], fallback_ms: int | None) -> datetime:
    """When it was committed, else when Debezium saw it, else the record's own time, else 1970."""
    for block in (source, payload, {"ts_ms": fallback_ms}):
        for name, per_second in (("ts_ns", 10**9), ("ts_us", 10**6), ("ts_ms", 10**3), ("ts_sec", 1)):
            number = _number(block.get(name))
            if number is not None and 0 < number < 253_370_764_800 * per_second:  # before the year 9999
                return min(_EPOCH + timedelta(microseconds=number * 10**6 // per_second), _LATEST)
    return _EPOCH


def _number(raw: Any) -> int | None:
    if isinstance(raw, bool) or raw is None:
        return None
    if isinstance(raw, int):
        return raw
    return int(raw) if isinstance(raw, str) and raw.isdecimal() and len(raw) < 30 else None


def _file(source: Mapping[str, Any]) -> tuple[str, int | None]:
    found = _FILE.fullmatch(str(source.get("file") or ""))
    return (found[1], int(found[2])) if found else ("", None)


def _postgresql_order(source: Mapping[str, Any]) -> tuple[int, ...] | None:
    """`sequence` is [end of the last commit, this change]: transactions follow in commit order, changes in it by LSN."""
    try:
        sequence = json.loads(str(source.get("sequence")))
    except (ValueError, RecursionError):
        return None
    return _all(sequence) if isinstance(sequence, list) and len(sequence) == 2 else None


def _binlog_order(source: Mapping[str, Any]) -> tuple[int, ...] | None:
    return _all([_file(source)[1], source.get("pos"), source.get("row")])


def _sqlserver_order(source: Mapping[str, Any]) -> tuple[int, ...] | None:
    texts = [str(source.get(name) or "") for name in ("commit_lsn", "change_lsn")]
    try:
        numbers = [int(part, 16) for text in texts for part in text.split(":")]
    except ValueError:
        return None
    return _all([*numbers, source.get("event_serial_no")])


def _all(parts: list[Any]) -> tuple[int, ...] | None:
    numbers = [_number(part) for part in parts]
    return None if None in numbers else tuple(number for number in numbers if number is not None)


_ORDERS = {
    "postgresql": _postgresql_order,
    "mysql": _binlog_order,
    "mariadb": _binlog_order,
    "sqlserver": _sqlserver_order,
}
