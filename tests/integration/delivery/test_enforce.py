"""The worker as `concordat enforce` wires it: real register, real contract, real agreement, real policy."""

import json
from datetime import UTC, datetime

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import generate_latest

from agreements.reviews import TRACKS
from agreements.signing import Signer
from broker import clock, observe
from broker.audit.verify import verify
from broker.cli import quarantine as quarantine_command
from broker.cluster.admin import Admin
from broker.cluster.objects import TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from broker.cluster.topics import base_topics
from broker.evidence.kafka import KafkaEvidence
from broker.figures.gather import gather
from broker.keys import FileKeys
from broker.register import commands, keyfiles, undertaking
from broker.register.follow import read_snapshot
from broker.settings import Settings
from broker.simulation.run import Period, simulate
from contracts import topics
from contracts.change import Envelope, Op, Origin
from contracts.wire import AvroSchema, EnvelopeCodec, unframe
from tests.integration.delivery.alone import be_alone, working
from tests.integration.delivery.bench import wait_for
from tests.servers import unique

pytestmark = pytest.mark.integration

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: {dataset}
name: People
version: 1.0.0
status: active
customProperties:
  - {{ property: concordat.kind, value: entity }}
  - {{ property: concordat.classification, value: OFFICIAL }}
  - {{ property: concordat.owner, value: home-office }}
  - {{ property: concordat.store, value: borders }}
  - {{ property: concordat.caveats, value: [{{ id: partial, version: 1, text: Some are missing. }}] }}
schema:
  - name: people
    logicalType: object
    properties:
      - {{ name: reference, logicalType: string, primaryKey: true, primaryKeyPosition: 1, required: true, tags: [personal, subject, "pole:person.identifier"] }}
      - {{ name: family_name, logicalType: string, tags: [personal, "pole:person.name"] }}
      - {{ name: residence, logicalType: string, required: true, enum: [{{ value: resident }}, {{ value: visitor }}], tags: [personal] }}
"""
AGREEMENT = """
concordat: agreement/1
reference: {reference}
version: 1
kind: dsa
title: Residents
parties:
  - organisation: home-office
    side: provider
    role: controller
    signs: [Senior Information Risk Owner]
  - organisation: work-and-pensions
    side: recipient
    role: controller
    signs: [Senior Information Risk Owner]
purposes: {{ prohibited: [marketing] }}
law: {{ power: An Act, lawful_basis: UK GDPR Article 6(1)(e), regime: uk-gdpr }}
justification: {{ benefits: Fewer errors, necessity: No other source, proportionality: Two fields }}
assessments:
  data_protection: {{ reference: DPIA-1, outcome: low-residual-risk, decided_on: 2026-08-14 }}
transparency: {{ privacy_notice: "https://www.example.gov.uk/privacy" }}
shares:
  - id: residents
    dataset: {dataset}
    contract: 1
    purpose: benefits.residence
    classification_ceiling: OFFICIAL
    rows: residence == "resident"
    key: tokenise
    fields: {{ reference: tokenise, family_name: keep }}
dates: {{ start: 2025-01-01, end: 2044-12-31 }}
delivery: {{ when_suspended: hold }}
"""
CANARY = "Canary-Quibberwick"


class World:
    """A register, one contract and one agreement in force, and the intake's side of the source topic."""

    def __init__(self, kafka, directory, agreement=AGREEMENT):
        self.kafka = kafka
        explicit = {name.replace(".", "_"): value for name, value in kafka.properties.items()}
        self.settings = Settings(
            directory=directory, bootstrap_servers=kafka.bootstrap_servers, kafka=explicit, transaction_milliseconds=30
        )
        self.dataset, self.reference = unique("people"), unique("dsa").upper()
        self.source, self.share = topics.source(self.dataset), topics.share(self.reference, "residents")
        Admin(kafka).create_topics(
            [TopicSpec(name, 1, 1, {}) for name in (self.source, self.share)] + [*base_topics(4, 1)]
        )
        self.people = self._enrol()
        drafter = self.people["drafter"]
        commands.publish_contract(kafka, self.people["home-office"], CONTRACT.format(dataset=self.dataset))
        text = agreement.format(dataset=self.dataset, reference=self.reference)
        commands.submit(kafka, drafter, text)
        commands.review(kafka, self.people["home-office"], self.reference, TRACKS)
        keys = FileKeys(directory / "secrets")
        commands.sign_agreement(kafka, self.people["home-office"], self.reference, keys)
        self.snapshot = commands.sign_agreement(kafka, self.people["work-and-pensions"], self.reference, keys).snapshot
        entry = self.snapshot.contract(self.dataset)
        self.codec = EnvelopeCodec(entry.contract, entry.key_schema, entry.value_schema)
        view = self.snapshot.agreement(self.reference).view_schemas["residents"]
        self.view = AvroSchema(self.snapshot.schemas[view].text)
        self.writer, self.sequence = TransactionalProducer(kafka, unique("intake")), 0

    def _enrol(self):
        path = self.settings.directory / "keys" / "operator.key"
        keyfiles.new_key(path)
        operator = Signer("operator", keyfiles.signing_key(path))
        commands.initialise(self.kafka, operator)
        people = {}
        for organisation in ("home-office", "work-and-pensions"):
            party, signatory = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
            hexadecimal = [key.public_key().public_bytes_raw().hex() for key in (party, signatory)]
            commands.add_party(self.kafka, operator, organisation, organisation, public_key=hexadecimal[0])
            by = Signer(f"party/{organisation}", party)
            office = "Senior Information Risk Owner"
            commands.enrol_signatory(
                self.kafka, by, organisation, f"{organisation}-sro", office=office, public_key=hexadecimal[1]
            )
            people[organisation] = Signer(f"signatory/{organisation}-sro", signatory)
            if organisation == "home-office":
                key = Ed25519PrivateKey.generate()
                public = key.public_key().public_bytes_raw().hex()
                commands.enrol_signatory(self.kafka, by, organisation, "drafter", office="Analyst", public_key=public)
                people["drafter"] = Signer("signatory/drafter", key)
        return people

    def write(self, *rows, delete=None):
        self.writer.begin()
        for row in rows:
            self._change(row, Op.CREATE, row)
        if delete is not None:
            self._change({"reference": delete}, Op.DELETE, None)
        self.writer.commit()

    def _change(self, key, op, after):
        origin = Origin("borders", self.dataset, str(self.sequence), self.sequence, None, snapshot=False)
        self.sequence += 1
        now = int(datetime.now(UTC).timestamp() * 1000)
        value = self.codec.encode(Envelope(op, None, after, origin, now, ()))
        self.writer.produce(self.source, 0, self.codec.encode_key(key), value)

    def garbage(self, key, value):
        self.writer.begin()
        self.writer.produce(self.source, 0, key, value)
        self.writer.commit()

    def delivered(self):
        """The department's topic as it reads it: key to decoded view, in order, None for a tombstone."""
        with Reader(self.kafka) as reader:
            return [
                (message.key, None if message.value is None else self.view.decode(unframe(message.value)[1]))
                for message in reader.read(self.share, 0)
            ]


@pytest.fixture
def world(kafka, tmp_path, monkeypatch):
    be_alone(monkeypatch)
    yield lambda agreement=AGREEMENT: World(kafka, tmp_path / "concordat", agreement)
    structlog.reset_defaults()  # the test's standard error is closed from here on


def test_a_caveat_holds_until_it_is_acknowledged_and_a_limit_suspends(world):
    terms = AGREEMENT.replace("    key: tokenise\n", "    key: tokenise\n    caveats: [partial@1]\n")
    world = world(terms + "limits: {{ events_per_day: 2, when_reached: suspend }}\n")
    rows = [{"reference": f"P{n}", "family_name": "A", "residence": "resident"} for n in range(3)]
    with working(world):
        world.write(rows[0])
        held = f'reason="caveat-unacknowledged",topic="{world.source}"'.encode()
        wait_for(lambda: held in generate_latest(), "the decision to hold")
        assert world.delivered() == []
        undertaking.acknowledge(world.kafka, world.people["work-and-pensions"], world.reference, ["partial@1"])
        wait_for(lambda: len(world.delivered()) == 1, "what was held")
        world.write(*rows[1:])
        found = wait_for(lambda: read_snapshot(world.kafka).agreement(world.reference).suspensions, "the breaker")
        assert [(one.limit, one.organisation) for one in found] == [("events_per_day", "home-office")]
        assert len(world.delivered()) == 2
    with KafkaEvidence(world.kafka) as evidence:
        report = verify(evidence)
    assert report.verified, report.document()
    assert report.document()["by_outcome"] == {"hold": 2, "redact": 2}
    tried = read_snapshot(world.kafka).agreement(world.reference).document
    (simulated,) = simulate(world.kafka, world.kafka, world.people["drafter"], tried, Period()).document()["shares"]
    assert simulated["delivered"] == len(world.delivered())
    assert [(one["reason"], one["records"]) for one in simulated["withheld"]] == [("limit-events", 1)]


def test_a_change_reaches_the_department_as_its_agreement_says_and_stops_when_it_is_suspended(world, capsys):
    observe.configure("INFO")
    world = world()
    with working(world):
        resident = {"reference": "P1", "family_name": CANARY, "residence": "resident"}
        world.write(resident, {"reference": "P2", "family_name": "Y", "residence": "visitor"})
        world.garbage(world.codec.encode_key({"reference": "P3"}), CANARY.encode())
        wait_for(lambda: len(world.delivered()) == 1, "the first view")
        (key, view), *_ = world.delivered()
        assert view["family_name"] == CANARY
        assert "residence" not in view
        assert view["reference"] != "P1"
        assert b"P1" not in key
        began = clock.monotonic_seconds()
        suspended = commands.suspend(world.kafka, world.people["home-office"], world.reference, reason="test")
        stop = commands.await_stop(world.kafka, suspended.positions[0], [world.dataset], began_at=began)
        assert stop.confirmed
        world.write({**resident, "family_name": "Z"})
        commands.resume(world.kafka, world.people["home-office"], world.reference)
        wait_for(lambda: len(world.delivered()) == 2, "the released change")
        world.write({**resident, "residence": "visitor"})
        wait_for(lambda: world.delivered()[-1] == (key, None), "the withdrawal")
        world.write(delete="P2")
        entries = wait_for(lambda: _listed(world, capsys), "the quarantined record")
        assert [entry["id"] for entry in entries] == [f"{world.source}/0/3"]
        assert CANARY not in json.dumps(entries)
        assert CANARY.encode() not in generate_latest()
    with KafkaEvidence(world.kafka) as evidence:
        report = verify(evidence)
    assert report.verified, report.document()
    outcomes = {"deny": 2, "hold": 1, "quarantine": 1, "redact": 2, "withdraw": 1}
    assert report.document()["by_outcome"] == outcomes
    _check_figures(world)
    told = capsys.readouterr()
    assert CANARY not in told.out + told.err


def _check_figures(world):
    """What the owner sees of the same records: six, all decided, one of which could not be read."""
    found = gather(world.kafka, world.snapshot, world.snapshot.contract(world.dataset))
    counted, timeliness = found.counted, found.counted.timeliness
    assert (counted.records, counted.rows, counted.deletions, timeliness.undecided) == (6, 4, 1, 0)
    assert (counted.validity.valid, [reason.code for reason in counted.validity.reasons]) == (5, ["not-framed"])
    assert (timeliness.to_topic.changes, timeliness.to_decision.changes) == (5, 5)
    assert timeliness.to_decision.maximum > 0
    assert (counted.keys.distinct, counted.completeness.required, counted.completeness.optional) == (3, 1.0, 1.0)
    assert (found.quarantine.by_worker, found.quarantine.by_connector) == (1, 0)
    assert [reason.code for reason in found.quarantine.reasons] == ["not-framed"]


def _listed(world, capsys):
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quarantine_command, "load", lambda: world.settings)
        quarantine_command.list_(json=True)
    return [entry for entry in json.loads(capsys.readouterr().out) if entry["topic"] == world.source]
