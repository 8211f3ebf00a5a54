"""The audit on a real Kafka: read with the auditor's rights, exposed ranges, exports, and the commands."""

import json
import shutil
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from agreements.signing import Signer
from broker import clock
from broker.audit.segment import SALTS_BYTES, Decided, Ground, Terms, build_segment
from broker.audit.verify import verify
from broker.cli.app import app
from broker.cluster import provision
from broker.cluster.admin import Admin
from broker.cluster.connect import connection, credential_path
from broker.cluster.objects import Operation, Resource, Rule
from broker.cluster.plan import plan
from broker.cluster.principals import AUDITOR
from broker.cluster.producer import TransactionalProducer
from broker.delivery.identity import spread
from broker.evidence import kafka as evidence_on_kafka
from broker.evidence.directory import DirectoryEvidence, export
from broker.evidence.kafka import KafkaEvidence
from broker.keys import FileKeys
from broker.policy.reference import SubjectPseudonym, subject_key
from broker.register import append, commands, keyfiles
from broker.register.follow import read_snapshot
from contracts import topics
from contracts.faults import AnswerIsNo, Failure
from tests.integration.delivery.test_enforce import World
from tests.servers import unique

pytestmark = pytest.mark.integration


class Audited(World):
    """A register, an agreement, and a worker's hand: this test builds its transactions itself."""

    def __init__(self, kafka, directory):
        super().__init__(kafka, directory)
        self.key = Ed25519PrivateKey.generate()
        operator = Signer("operator", keyfiles.signing_key(directory / "keys" / "operator.key"))
        commands.enrol_worker(kafka, operator, "worker-1", self.key.public_key().public_bytes_raw().hex())
        self.snapshot = read_snapshot(kafka)
        self.keys = FileKeys(directory / "secrets")
        self.keys.ensure(subject_key(clock.now().year))
        self.producer = TransactionalProducer(kafka, unique("worker"))
        self.chain = []

    def subject(self, identifier):
        year = clock.now().year
        secret = self.keys.key(subject_key(year), 1)
        return SubjectPseudonym(secret, year, "pole:person.identifier")(identifier)

    def decide(self, rows, *, abort=False, hidden=False):
        """One transaction: (identifier, outcome, value) for the next source records; `hidden` writes no segment."""
        entry = self.snapshot.agreement(self.reference)
        terms = Terms(self.reference, 1, entry.content_hash, "residents", "benefits.residence", "set", "ab", 1)
        start = self.chain[-1].header.end if self.chain else 0
        offsets = [start + number for number in range(len(rows))]
        decided = [
            Decided(
                terms, outcome, (("r", "c"),), offset, self.base + offset, 0, self.subject(person), value is not None
            )._replace(key=person.encode() if value else None, value=value)
            for offset, (person, outcome, value) in zip(offsets, rows, strict=True)
        ]
        ground = Ground(
            topic=self.source,
            partition=0,
            number=len(self.chain),
            mode="live",
            job=None,
            start=start,
            end=offsets[-1] + 1,
            records=[(offset, self.base + offset) for offset in offsets],
            previous=self.chain[-1].signed.hash if self.chain else "",
            register_position=self.snapshot.position,
            register_fingerprint=self.snapshot.fingerprint,
            decided_ms=int(datetime.now(UTC).timestamp() * 1000),
            worker="worker-1",
        )
        made = build_segment(ground, decided, bytes(SALTS_BYTES * len(decided)), self.key.sign)
        self.producer.begin()
        for one in decided:
            if one.is_delivered:
                self.producer.produce(self.share, 0, one.key, one.value)
        for key, value in () if hidden else made.records():
            self.producer.produce(topics.AUDIT_SEGMENTS, spread(self.source, 0, 4), key, value)
        if abort:
            self.producer._producer.flush()
            self.producer.abort()
        else:
            self.producer.commit()
            if not hidden:
                self.chain.append(made)

    base = 0


@pytest.fixture
def world(kafka, tmp_path, monkeypatch):
    for name in ("REGISTER", "AUDIT_SEGMENTS", "QUARANTINE", "WORKERS"):
        monkeypatch.setattr(topics, name, unique("concordat." + name.lower()))
    monkeypatch.setattr(append, "TRANSACTIONAL_ID", topics.REGISTER)
    monkeypatch.setattr(evidence_on_kafka, "GROUP", unique("enforce"))  # another test's workers are not this log's
    made = Audited(kafka, tmp_path / "concordat")
    person = {"family_name": "Canary-Quibberwick", "residence": "resident"}
    made.write(*({"reference": f"P{number}", **person} for number in range(4)))
    made.decide([("P0", "redact", b"view of P0"), ("P1", "deny", None)])
    made.decide([("P2", "redact", b"exposed 1"), ("P3", "redact", b"exposed 2")], abort=True)
    made.decide([("P2", "redact", b"view of P2"), ("P3", "deny", None)])
    return made


@pytest.fixture
def auditor(world, monkeypatch):
    """The auditor's own credential and rights, and the command line in that state directory."""
    admin = Admin(world.kafka)
    steps = plan(read_snapshot(world.kafka), provision.observe(admin), provision.shape(world.settings), clock.now())
    provision.apply(steps, admin, world.settings)
    # The group of this log has a name of its own (see `world`); the rule for the real name is moved to it.
    admin.create_rules([Rule(AUDITOR, Operation.DESCRIBE, Resource.GROUP, evidence_on_kafka.GROUP)])
    assert credential_path(world.settings, AUDITOR).exists()
    properties = {k: v for k, v in world.kafka.properties.items() if k not in ("sasl.username", "sasl.password")}
    monkeypatch.setenv("CONCORDAT_BOOTSTRAP_SERVERS", world.kafka.bootstrap_servers)
    for name, value in properties.items():
        monkeypatch.setenv("CONCORDAT_KAFKA__" + name.upper().replace(".", "_"), value)
    monkeypatch.setenv("CONCORDAT_DIRECTORY", str(world.settings.directory))
    settings = world.settings.model_copy(update={"kafka": {k.replace(".", "_"): v for k, v in properties.items()}})
    found = connection(settings, AUDITOR)
    assert found.username == AUDITOR
    return found


def run(*arguments, status=0):
    result = CliRunner().invoke(app, [*arguments, "--json"])
    failure = result.exception if isinstance(result.exception, Failure) else None
    assert (failure.exit_status if failure else result.exit_code) == status, (result.output, result.exception)
    assert "Quibberwick" not in result.output
    return [fault.code.identifier for fault in failure.faults] if failure else json.loads(result.stdout)


def test_the_auditor_verifies_exports_and_asks_with_his_own_rights_alone(world, auditor, tmp_path):
    with KafkaEvidence(auditor) as evidence:
        report = verify(evidence)
        export(evidence, tmp_path / "log", "2026-11-24T00:00:00+00:00")
    assert report.faults == []
    document = report.document()
    assert document["by_outcome"] == {"deny": 2, "redact": 2}
    (share,) = (share for share in document["shares"] if share["topic"] == world.share)
    assert share["delivered"] == 2
    assert [found["records"] for found in share["exposed"]] == [2], "aborted records: exposed, not delivered"
    (place,) = (place for place in document["partitions"] if place["topic"] == world.source)
    assert (place["in_source"], place["undecided"], place["end"]) == (4, 0, 4)
    offline = verify(DirectoryEvidence(tmp_path / "log")).document()
    assert offline == document

    assert run("audit", "verify")["root"] == document["root"]
    assert run("audit", "verify", str(tmp_path / "log"))["verified"]
    found = run("audit", "search", "--agreement", world.reference, "--outcome", "deny")
    assert [one["source"]["offset"] for one in found["decisions"]] == [1, 3]
    assert found["complete"]
    assert run("audit", "search", "--limit", "1")["complete"] is False
    assert run("audit", "search", "--dataset", "nothing", "--export", str(tmp_path / "log"))["decisions"] == []
    about = run("audit", "subject", "P2", "--reason", "a test")
    assert [(one["outcome"], one["agreement"]) for one in about["decisions"]] == [("redact", world.reference)]
    assert "P2" not in json.dumps(about)
    assert run("audit", "subject", "P2", status=3) == ["AUD-034"]
    one = run("audit", "decision", about["decisions"][0]["decision"])
    assert one == about["decisions"][0]
    assert run("audit", "decision", "source.nothing/0/0/0", status=1) == ["AUD-033"]
    assert run("audit", "export", "--directory", str(tmp_path / "log"), status=3) == ["AUD-036"]
    assert run("audit", "search", "--from", "2026-01-01T00:00:00", status=2) == ["AUD-035"]
    assert run("audit", "verify", str(tmp_path), status=2) == ["AUD-032"]


def test_one_byte_of_any_file_of_an_export_cannot_be_changed(world, tmp_path):
    with KafkaEvidence(world.kafka) as evidence:
        export(evidence, tmp_path / "log", "2026-11-24T00:00:00+00:00")
    assert verify(DirectoryEvidence(tmp_path / "log")).verified
    assert b"view of" not in b"".join(path.read_bytes() for path in (tmp_path / "log").rglob("*.json*"))
    names = [path.relative_to(tmp_path / "log") for path in (tmp_path / "log").rglob("*") if path.is_file()]
    assert len(names) == 6
    for number, name in enumerate(names):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(tmp_path / "log", copy)
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / name).write_bytes(content)
        with pytest.raises(AnswerIsNo, match="AUD-031"):
            DirectoryEvidence(copy)
        (copy / name).unlink()
        with pytest.raises(Failure, match=r"AUD-03[12]"):
            DirectoryEvidence(copy)
    (tmp_path / "log" / "more").touch()
    with pytest.raises(AnswerIsNo, match="not in the manifest"):
        DirectoryEvidence(tmp_path / "log")


def test_what_is_delivered_outside_the_audit_is_found(world):
    world.write({"reference": "P4", "family_name": "x", "residence": "resident"})
    world.decide([("P4", "redact", b"view of P4")], hidden=True)
    with KafkaEvidence(world.kafka) as evidence:
        report = verify(evidence)
    assert [fault.code.identifier for fault in report.faults] == ["AUD-022"]
    assert world.share in str(report.faults[0])
