"""A register with one agreement, for the service's tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agreements import text
from agreements.model import Agreement
from agreements.snapshot import AgreementEntry, AgreementState, ContractEntry, SchemaEntry, Snapshot
from contracts.faults import Unavailable
from contracts.model import Contract
from contracts.text import parse

EXAMPLES = Path(__file__).parents[3] / "examples"
VIEW = {
    "type": "record",
    "name": "View",
    "fields": [
        {"name": "person", "type": "string", "doc": "a token", "concordat.treatment": "tokenise"},
        {"name": "fee", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}]},
        {"name": "born", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None},
    ],
}


@dataclass
class Follower:
    """Stands for a register follower: what it has read, and how long ago."""

    found: Snapshot | None
    age: float = 0.0

    @property
    def snapshot(self) -> Snapshot:
        if self.found is None:
            raise Unavailable
        return self.found

    def age_milliseconds(self) -> float:
        return self.age


def register(reference: str = "DSA-2026-101", recipient: str = "work-and-pensions") -> Snapshot:
    """Crossings, shared with one recipient: schemas 1 and 2 are the source's, 3 and 4 two versions of a share's view."""
    crossings = parse((EXAMPLES / "contracts" / "crossings.contract.yaml").read_text())
    assert isinstance(crossings, Contract)
    written = (EXAMPLES / "agreements" / "DSA-2026-101.agreement.yaml").read_text()
    agreement = text.parse(written.replace("DSA-2026-101", reference).replace("work-and-pensions", recipient))
    assert isinstance(agreement, Agreement), agreement
    share = f"share.{reference.lower()}.departures-value"
    subjects = [("source.crossings-key", 1), ("source.crossings-value", 1), (share, 1), (share, 2)]
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Snapshot(
        position=9,
        contracts={"crossings": (ContractEntry(crossings, 1, 2, 5),)},
        schemas={
            number: SchemaEntry(number, subject, version, json.dumps(VIEW))
            for number, (subject, version) in enumerate(subjects, 1)
        },
        agreements={reference: (AgreementEntry(agreement, "sha256:0", "x", AgreementState.APPROVED, 1, at, at),)},
    )
