"""The demonstration from beginning to end, in the order in which things happen, and its report."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from broker import clock
from broker.demonstration import proof, scenes
from broker.demonstration.assertions import Assertions
from broker.demonstration.holdings import Holding
from broker.demonstration.oracle import EXPECTED
from broker.demonstration.show import Show
from broker.demonstration.tally import QUARANTINED, Tally
from broker.demonstration.world import World, world
from broker.settings import Settings

REPORT = "report.json"
Report = dict[str, Any]


def demonstrate(settings: Settings, directory: Path, show: Show, *, keep: bool) -> Report:
    """Run it all; the report, which is also in `directory`/evidence.  Ends with no process of its own alive.

    Raises a `Failure` when it cannot go on; an assertion that does not hold is in the report.
    """
    evidence = directory / "evidence"
    shutil.rmtree(evidence, ignore_errors=True)
    evidence.mkdir(parents=True)
    began, assertions = clock.monotonic_seconds(), Assertions()
    show.scene("starting a real Kafka and a real PostgreSQL, and filling the stores")
    with world(settings, directory, show.look, show.fetched, keep=keep) as running:
        running.seconds["servers and stores"] = round(clock.monotonic_seconds() - began, 2)
        seen = _scenes(running, assertions, show)
        show.scene("the proof: what each department holds, and the audit")
        with running.timed("reading what every department holds"):
            holdings = proof.holdings_are_right(running, assertions)
        with running.timed("stopping the processes"):
            running.processes.stop()
        proof.decisions_add_up(running, assertions)
        verified = proof.audit_is_right(running, evidence, assertions)
        running.seconds["in all"] = round(clock.monotonic_seconds() - began, 2)
        report = _report(running, assertions, holdings) | seen | {"audit": verified}
        show.ended(running.tally, assertions.made, running.seconds)
    (evidence / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    return report


def _scenes(running: World, assertions: Assertions, show: Show) -> Report:
    show.scene("the register: five organisations, four contracts, five agreements signed by both sides")
    with running.timed("register and provisioning"):
        running.found()
    show.scene("two connectors, two workers and the service begin")
    with running.timed("first load"):
        running.run()
        running.await_decided()
    scenes.the_registry_answers(running, assertions)
    with running.timed("changes while it runs"):
        for step in running.stores.steps():
            show.scene(f"  {step}")
            running.await_decided()
    with running.timed("scenes"):
        show.scene("a traveller leaves one agreement's scope")
        lines = scenes.one_leaves(running, assertions)
        show.fields(lines)
        show.scene("a department tries to read another's topic")
        scenes.one_is_refused(running, assertions)
        show.scene("a row breaks its contract")
        aside = scenes.one_is_bad(running, assertions)
        show.rows("kept aside", aside)
        show.scene("an agreement is suspended, and resumed")
        suspension = scenes.one_is_suspended(running, assertions)
        show.scene("who received data about this traveller?")
        received = scenes.who_received(running, assertions)
        show.rows("decisions about one person, from the audit alone", received)
    return {
        "suspension": suspension,
        "quarantine": aside,
        "one_person": received,
        "one_record": [{"field": line.field, "why": line.why, "clauses": line.clauses} for line in lines],
    }


def _report(running: World, assertions: Assertions, holdings: dict[str, Holding]) -> Report:
    tally = running.tally
    return {
        "passed": not assertions.failed,
        "assertions": [asdict(made) for made in assertions.made],
        "seconds": running.seconds,
        "changes": dict(running.stores.changes),
        "decisions": tally.outcomes().total(),
        "by_outcome": dict(sorted(tally.outcomes().items())),
        "shares": _shares(tally, holdings),
        "quarantined": tally.by_share[QUARANTINED]["quarantine"],
        "segments": tally.transactions,
    }


def _shares(tally: Tally, holdings: dict[str, Holding]) -> list[Report]:
    found = []
    for expected in EXPECTED:
        outcomes = tally.by_share[expected.reference, expected.share]
        holding = holdings[expected.topic]
        found.append(
            {
                "department": expected.department,
                "agreement": expected.reference,
                "share": expected.share,
                "topic": expected.topic,
                "decisions": outcomes.total(),
                "by_outcome": dict(sorted(outcomes.items())),
                "records_received": holding.records,
                "holds": len(holding.current),
            }
        )
    return found
