"""The proof at the end: what every department holds against the oracle, and the audit against itself and a forgery."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from broker import clock
from broker.audit.report import Report
from broker.audit.verify import verify
from broker.cluster.connect import connection
from broker.cluster.principals import AUDITOR
from broker.demonstration.assertions import Assertions
from broker.demonstration.holdings import Holding
from broker.demonstration.oracle import EXPECTED, IDENTIFYING, Expected
from broker.demonstration.tally import QUARANTINED
from broker.demonstration.world import World
from broker.evidence.directory import DirectoryEvidence, export
from broker.evidence.kafka import KafkaEvidence
from contracts.faults import Failure


def holdings_are_right(world: World, assertions: Assertions) -> dict[str, Holding]:
    """Every department holds exactly what the tables and a filter written by hand say, and nothing that identifies."""
    tables = {name: world.stores.table(name) for name in world.stores.changes}
    secret = {
        str(row[column]) for name, columns in IDENTIFYING.items() for row in tables[name] for column in columns
    } - {"None"}
    holdings = world.holdings()
    for expected in EXPECTED:
        holding, table = holdings[expected.topic], tables[expected.dataset]
        assertions.true(f"{expected.topic} holds what the table says", *_compare(holding, expected, table))
        for column in expected.unreadable:
            wanted = len({row[column] for row in table if expected.qualifies(row) and row[column] is not None})
            assertions.equal(f"{expected.topic} {column}: one token for each", holding.distinct(column), wanted)
        found = holding.finds(sorted(secret))
        assertions.equal(f"{expected.topic} shows no identifier", len(found), 0)
    _unlinkable(holdings, assertions)
    return holdings


def decisions_add_up(world: World, assertions: Assertions) -> None:
    """Each change was decided once, and outcomes add up to decisions."""
    assertions.equal("each change decided once", dict(world.tally.records), dict(world.stores.changes))
    covering = Counter(expected.dataset for expected in EXPECTED)
    aside = world.tally.by_share[QUARANTINED]["quarantine"]
    live = sum(count * covering[name] for name, count in world.stores.changes.items())
    released = 20
    wanted = live - aside * covering["crossings"] + aside + released
    assertions.equal("one decision for each record and covering share", world.tally.outcomes().total(), wanted)


def audit_is_right(world: World, evidence_directory: Path, assertions: Assertions) -> dict[str, Any]:
    """Verified from the topics with the workers stopped; exported; verified again; one byte changed, and refused."""
    with KafkaEvidence(connection(world.settings, AUDITOR)) as evidence:
        with world.timed("audit verify"):
            report = verify(evidence)
        assertions.true("the audit verifies", report.verified, _said(report))
        with world.timed("audit export"):
            export(evidence, evidence_directory / "log", clock.now().isoformat(timespec="seconds"))
    totals = dict(sorted(world.tally.outcomes().items()))
    assertions.equal(
        "the audit's totals are those counted while it ran", dict(sorted(report.by_outcome.items())), totals
    )
    assertions.equal("outcomes add up to decisions", sum(report.by_outcome.values()), report.decisions)
    again = verify(DirectoryEvidence(evidence_directory / "log"))
    assertions.equal("the export says the same", (again.verified, again.root), (report.verified, report.root))
    refused = _forge(evidence_directory / "log", evidence_directory / "forged")
    assertions.true("a copy with one changed byte is refused", bool(refused), refused or "it was believed")
    return report.document()


def _compare(holding: Holding, expected: Expected, table: list[dict[str, Any]]) -> tuple[bool, str]:
    held, wanted = holding.clear(), expected.rows(table)
    missing, extra = (wanted - held).total(), (held - wanted).total()
    return held == wanted, f"{held.total()} held, {missing} missing, {extra} too many"


def _unlinkable(holdings: dict[str, Holding], assertions: Assertions) -> None:
    """Tokens of one agreement join, tokens of two agreements do not (UNLINKABLE)."""
    tokens = {
        (expected.reference, expected.share): {
            row[column]
            for row in holdings[expected.topic].current.values()
            for column in ("reference", "traveller_reference")
            if column in row
        }
        for expected in EXPECTED
    }
    joined = tokens["DSA-2026-101", "departures"] & tokens["DSA-2026-101", "residents"]
    across = tokens["DSA-2026-101", "residents"] & tokens["DSA-2026-102", "taxpayers"]
    assertions.true("departures and residents of one agreement join", bool(joined), f"{len(joined)} people")
    assertions.equal("tokens of two agreements do not", len(across), 0)


def _forge(log: Path, copy: Path) -> str:
    """Change one byte of a copy's largest part; what the verification says against it, empty if it believes it."""
    shutil.copytree(log, copy)
    target = copy / "segments.jsonl"
    text = bytearray(target.read_bytes())
    place = len(text) // 2
    while not chr(text[place]).isalpha():
        place += 1
    text[place] ^= 0x20  # another letter's case
    target.write_bytes(text)
    try:
        report = verify(DirectoryEvidence(copy))
    except Failure as failure:
        return str(failure.faults[0])
    finally:
        shutil.rmtree(copy)
    return "" if report.verified else str(report.faults[0])


def _said(report: Report) -> str:
    if report.verified:
        return f"{report.decisions} decisions in {report.tree_size} segments"
    return f"{report.faults_found} faults, the first: {report.faults[0]}"
