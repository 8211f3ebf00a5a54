"""Where a dataset comes from, as its contract says: the store, its server, the table, and the column of each field.

They are the standard's own terms: `servers`, `physicalName`, `transformSourceObjects`; `concordat connector discover` writes
them into its drafts.  What a contract does not say is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.model import Contract
from contracts.odcs import read

_SERVER = ("type", "host", "port", "database", "schema", "path", "location")
"""What may be said of a server: where it is, never who signs in."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """`columns` has every leaf field of the contract, by its dotted path."""

    store: str
    server: Mapping[str, str | int]
    table: str | None
    columns: Mapping[str, str | None]


def lineage(contract: Contract) -> Lineage:
    """The lineage that the contract's text states; that of a contract without text is only its store."""
    document: dict[str, Any] = read(contract.text).value if contract.text else {}
    table: dict[str, Any] = (document.get("schema") or [{}])[0]
    servers: list[dict[str, Any]] = document.get("servers") or []
    named = [server for server in servers if server.get("server") == contract.store] or servers[:1]
    server = {name: named[0][name] for name in _SERVER if named and name in named[0]}
    columns = dict(_columns("", table.get("properties") or []))
    return Lineage(
        contract.store,
        server,
        table.get("physicalName"),
        {path: columns.get(path) for path, _ in contract.leaves()},
    )


def _columns(prefix: str, properties: list[dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    for one in properties:
        path = f"{prefix}{one['name']}"
        sources = one.get("transformSourceObjects") or []
        yield path, one.get("physicalName") or (sources[0] if sources else None)
        yield from _columns(path + ".", one.get("properties") or [])
