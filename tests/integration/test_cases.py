"""The cases of `examples/cases`, run whole: what went wrong in real services, and what would have stopped it."""

from __future__ import annotations

import json
import threading
from datetime import date

import pytest
import structlog

from broker import observe
from broker.audit.search import Coverage, Question, search
from broker.audit.verify import verify
from broker.cluster.reader import Reader
from broker.evidence.kafka import KafkaEvidence
from broker.notices import commands as notices
from broker.register import commands
from contracts import topics
from contracts.faults import Unavailable
from tests.integration.case_world import CaseWorld
from tests.integration.delivery.alone import be_alone, working
from tests.integration.delivery.bench import wait_for

pytestmark = pytest.mark.integration

ONE, TWO = "DSA-2026-201", "DSA-2026-202"
HEALTH = "DSA-2026-211"
LEFT = {"traveller_reference": "TR-CANARY-1", "port": "LHR", "left_on": date(2026, 3, 1), "officer_note": "Canary."}


@pytest.fixture
def case(kafka, tmp_path, monkeypatch):
    be_alone(monkeypatch)
    monkeypatch.setenv("CONCORDAT_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    for option, value in kafka.properties.items():
        monkeypatch.setenv("CONCORDAT_KAFKA__" + option.upper().replace(".", "_"), value)
    monkeypatch.setenv("CONCORDAT_DIRECTORY", str(tmp_path / "concordat"))
    monkeypatch.setenv("CONCORDAT_TRANSACTION_MILLISECONDS", "30")
    observe.configure("WARNING")  # on standard error, so that commands print their document alone
    yield lambda folder, *names: CaseWorld(kafka, folder, names)
    structlog.reset_defaults()  # the test's standard error is closed from here on


def journey(number: int, **values):
    return {"journey_id": f"J-CANARY-{number}", **LEFT, **values}


def held(world, reference: str) -> int:
    """How many decisions have held a record for a caveat that was not acknowledged."""
    with KafkaEvidence(world.kafka) as evidence:
        question = Question(agreement=world.names[reference], outcome="hold", reason="caveat-unacknowledged")
        return len(list(search(evidence.segments(), question, Coverage())))


def acknowledge(world, reference: str, organisation: str, version: int) -> None:
    world.run(
        *("agreement", "acknowledge", world.names[reference], f"return-leg-may-be-missing@{version}"),
        as_=world.names[organisation],
    )


def test_a_caveat_stops_delivery_and_a_correction_reaches_whoever_was_delivered_the_record(case):
    tax, pensions = "revenue-and-customs", "work-and-pensions"
    world = case("left-uk", "journeys", "home-office", tax, pensions, ONE, TWO)
    with working(world):
        _caveats(world, tax, pensions)
        _correction(world, tax, pensions)
    with KafkaEvidence(world.kafka) as evidence:
        report = verify(evidence)
    assert report.verified, report.document()


def _caveats(world, tax: str, pensions: str) -> None:
    """Nothing before the caveat is acknowledged; the pilot ends; a new version holds again."""
    acknowledge(world, TWO, pensions, 1)
    world.write(journey(1), journey(2))
    wait_for(lambda: len(world.received(TWO, "departures")) == 2, "what the pilot receives")
    assert held(world, ONE) == 2
    assert world.beyond(ONE, "departures", 0) == []
    acknowledge(world, ONE, tax, 1)
    wait_for(lambda: len(world.received(ONE, "departures")) == 2, "what was held, once it is acknowledged")
    commands.terminate(
        world.kafka, world.people[world.owner], world.names[TWO], reason="the pilot is over", at_once=True
    )
    again = (
        world.text("*.contract.yaml")
        .replace("version: 1.0.0", "version: 1.1.0")
        .replace("missing, version: 1", "missing, version: 2")
    )
    published = commands.publish_contract(world.kafka, world.people[world.owner], again)
    assert commands.await_stop(world.kafka, published.positions[0], [world.dataset], began_at=0).confirmed
    world.write(journey(3))
    wait_for(lambda: held(world, ONE) == 3, "the new version holds")
    assert len(world.received(ONE, "departures")) == 2
    acknowledge(world, ONE, tax, 2)
    wait_for(lambda: len(world.received(ONE, "departures")) == 3, "the third, once the new version is acknowledged")


def _correction(world, tax: str, pensions: str) -> None:
    """The new value goes to the agreement in force; what they hold is told to both, by their own keys."""
    end = world.offset(TWO, "departures")
    (mine, _), *_ = world.received(ONE, "departures")
    (theirs, _), *_ = world.received(TWO, "departures")
    world.write(journey(1, returned_on=date(2026, 3, 9)))
    wait_for(lambda: len(world.received(ONE, "departures")) == 4, "the correction")
    key, view = world.received(ONE, "departures")[-1]
    assert (key, view["returned_on"]) == (mine, date(2026, 3, 9))
    assert world.beyond(TWO, "departures", end) == []
    about = ("notice", "issue", world.dataset, "--kind", "record.corrected", "--text", "A return was found.")
    record = ("--record", '{"journey_id": "J-CANARY-1"}')
    assert world.run(*about, *record, as_=world.names[tax], status=3) == ["AGR-043"]
    assert world.run(*about, "--record", '{"journey_id": "J-UNHEARD"}', as_=world.owner, status=3) == ["NTC-003"]
    case = world.run(*about, *record, as_=world.owner)
    assert [(one["recipient"], one["reference"]) for one in case["told"]] == [
        (world.names[name], world.names[reference]) for name, reference in ((tax, ONE), (pensions, TWO))
    ]
    assert case["state"] == "open"
    for organisation, key in ((tax, mine), (pensions, theirs)):
        (letter,) = world.notices_read(organisation)
        assert (letter["number"], letter["kind"], letter["keys"]) == (1, "record.corrected", [key])
        assert "J-CANARY" not in str(letter)
    assert mine != theirs
    assert world.run("notice", "read", world.names[tax], status=3) == ["CDT-010"]
    with pytest.raises(Unavailable, match="KAF-002"):
        notices.letters(world.as_department(tax), world.names[pensions])
    _answers(world, tax, pensions, (mine, theirs))


def _answers(world, tax: str, pensions: str, keys: tuple[str, str]) -> None:
    case = world.run("notice", "acknowledge", "1", as_=world.names[tax])
    assert case["state"] == "open"
    waiting = f"{world.names[pensions]} ({world.names[TWO]}/departures)"
    assert case["not_done"] == [f"{waiting}: no answer"]
    assert [one["number"] for one in world.run("notice", "list", "--open")] == [1]
    assert world.run("notice", "acknowledge", "1", as_=world.names[tax], status=3) == ["NTC-006"]
    assert world.run("notice", "close", "1", "--reason", "too soon", as_=world.owner, status=3) == ["AGR-040"]
    world.run("notice", "acknowledge", "1", "--refuse", "kept for a court", as_=world.names[pensions])
    case = world.run("notice", "show", "1")
    assert case["state"] == "partially-executed"
    assert case["not_done"] == [f"{waiting}: refused: kept for a court"]
    assert world.run("notice", "list", "--open") == []
    with Reader(world.kafka) as reader:
        register = b"".join(message.value for message in reader.read(topics.REGISTER, 0))
    assert [secret for secret in ("J-CANARY", "A return was found", *keys) if secret.encode() in register] == []


def test_one_purpose_is_stopped_at_an_offset_and_nobody_lifts_the_stop_of_another(case):
    world = case("health-suspension", "registrations", "health-records", "home-office", HEALTH)
    with working(world):
        _suspended(world)
    with KafkaEvidence(world.kafka) as evidence:
        report = verify(evidence)
    assert report.verified, report.document()


class Practice(threading.Thread):
    """Registers patients without a pause until told to stop, so that a stop is a stop of something."""

    def __init__(self, world) -> None:
        super().__init__(daemon=True)
        self.count, self._world, self._done = 0, world, threading.Event()

    def run(self) -> None:
        while not self._done.wait(0.02):
            self.count += 1
            self._world.write({"patient_number": f"P-{self.count:05d}", "name": "Canary", "postcode": "SW1A 2AA"})

    def finish(self) -> None:
        self._done.set()
        self.join(90)
        assert not self.is_alive()


def _suspended(world) -> None:
    reference, health, office = world.names[HEALTH], world.names["health-records"], world.names["home-office"]

    def flowing(share: str, more_than: int) -> None:
        wait_for(lambda: len(world.received(HEALTH, share)) > more_than, f"records of {share}")

    def suspend(by: str, reason: str):
        asked = ("agreement", "suspend", reference, "--only", "purpose=immigration", "--reason", reason)
        return world.run(*asked, as_=by)["stop"]

    practice = Practice(world)
    practice.start()
    flowing("tracing", 5)
    assert suspend(health, "public interest to be weighed anew")["confirmed"]
    end, others = world.offset(HEALTH, "tracing"), len(world.received(HEALTH, "missing-people"))
    flowing("missing-people", others + 20)
    assert suspend(office, "we await the outcome as well")["confirmed"]
    assert world.run("agreement", "resume", reference, as_=health)["stop"]["confirmed"]
    flowing("missing-people", others + 30)
    assert world.run("agreement", "resume", reference, as_=health, status=3) == ["AGR-040"]
    practice.finish()
    wait_for(lambda: len(world.received(HEALTH, "missing-people")) == practice.count, "all of the other purpose")
    assert world.beyond(HEALTH, "tracing", end) == []
    assert len(world.received(HEALTH, "tracing")) < practice.count
    acts = world.run("agreement", "history", reference)
    stops = [(one["actor"], one["detail"]) for one in acts if one["act"] == "agreement.suspended"]
    assert [actor for actor, _ in stops] == [f"signatory/{health}-siro", f"signatory/{office}-siro"]
    assert "public interest to be weighed anew" in stops[0][1]
    assert "we await the outcome as well" in stops[1][1]
    world.run("agreement", "resume", reference, as_=office)
    wait_for(lambda: len(world.received(HEALTH, "tracing")) == practice.count, "what was held")
    assert json.dumps(acts).count("Canary") == 0
