"""What is encrypted for a recipient, from the last signature to the recipient's own eyes, on a real Kafka."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from agreements.snapshot import Standing
from broker.cluster.admin import Admin
from broker.cluster.objects import Operation, Resource, Rule, TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.decryption import Decrypter
from broker.keys import installed
from broker.policy.compile import compile_share
from broker.policy.decision import Mode, Outcome, SourceRecord
from broker.policy.engine import Circumstance
from broker.policy.plan import KeyReference
from broker.policy.reference import ReferenceEngine
from broker.policy.sealing import unseal
from broker.register.follow import read_snapshot
from broker.register.keyfiles import encryption_key, new_key
from broker.settings import load
from contracts import topics
from contracts.change import Envelope, Op, Origin
from contracts.faults import Unusable
from contracts.wire import EnvelopeCodec
from tests.integration.test_department import PASSWORD, serving
from tests.integration.test_register_commands import EXAMPLES, SIRO, accept, command, enrolled
from tests.servers import unique
from tests.unit.web.registers import Follower

__all__ = ["command", "enrolled"]
pytestmark = pytest.mark.integration
NUMBER = "987654321"
TRAVELLER = {
    "reference": "T-1",
    "family_name": "Doe",
    "given_name": "Jane",
    "date_of_birth": date(1980, 2, 29),
    "nationality": "FR",
    "document_number": NUMBER,
    "email": "jane@example.org",
    "residence": "resident",
    "address": {"line": "1 High Street", "postcode": "SW1A 1AA"},
}


def submitted(command, organisation: str, *, encryption: str | None) -> str:
    """The example that encrypts, for `organisation`, signed by all but the last; its reference."""
    reference, file = drafted(command, organisation, encryption)
    command("agreement", "submit", file, *command.acting(f"{organisation}-drafter"))
    accept(command, reference, "ho-siro")
    command("agreement", "sign", reference, *command.acting(f"{organisation}-siro"))
    command("agreement", "sign", reference, *command.acting("ho-siro"))
    return reference


def drafted(command, organisation: str, encryption: str | None) -> tuple[str, Path]:
    """The organisation with its people, and the agreement's reference and text."""
    key = ("--encryption-key", encryption) if encryption else ()
    command("party", "add", organisation, "--name", "HMRC", "--public-key", command.public(organisation), *key)
    for person, office in ((f"{organisation}-siro", SIRO), (f"{organisation}-drafter", "Data Sharing Lead")):
        command(
            *("party", "enrol", organisation, person, "--office", office),
            *("--public-key", command.public(person), "--key", command.key(organisation)),
        )
    reference = unique("DSA").upper()
    written = (EXAMPLES / "agreements" / "DSA-2026-102.agreement.yaml").read_text()
    file = command.directory / f"{reference}.agreement.yaml"
    file.write_text(written.replace("DSA-2026-102", reference).replace("revenue-and-customs", organisation))
    return reference, file


def delivered(kafka, reference: str) -> tuple[bytes, bytes]:
    """What the engine makes of one traveller under the agreement, as the worker would."""
    snapshot = read_snapshot(kafka)
    entry, contract = snapshot.agreement(reference), snapshot.contract("travellers")
    (share,) = entry.agreement.shares
    plan = compile_share(entry, share, contract, snapshot)
    engine = ReferenceEngine(contract, [plan], snapshot.schemas, installed(load()))
    codec = EnvelopeCodec(contract.contract, contract.key_schema, contract.value_schema)
    now = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1000)
    row = {field.name: TRAVELLER.get(field.name) for field in contract.contract.fields}
    envelope = Envelope(Op.UPDATE, None, row, Origin("borders", "travellers", "p", 0, None, snapshot=False), now, ())
    record = SourceRecord(0, now, codec.encode_key(row), codec.encode(envelope))
    evaluated = engine.evaluate([record], now)
    settlement = engine.settle(evaluated, [Circumstance(Standing.IN_FORCE, {})], Mode.LIVE)
    (decision,) = settlement.decisions
    assert decision.outcome is Outcome.REDACT, decision.reasons
    return decision.key, decision.value


def test_without_an_encryption_key_of_the_recipient_nothing_is_submitted(command, enrolled):
    _, file = drafted(command, "revenue-and-customs", None)
    acting = command.acting("revenue-and-customs-drafter")
    assert command("agreement", "submit", file, *acting, status=3) == ["POL-020"]
    assert command("agreement", "check", file, "--registered", status=1) == ["POL-020"]


def test_a_value_reaches_its_reader_and_nobody_else(kafka, command, enrolled, tmp_path, monkeypatch):
    public = new_key(tmp_path / "encryption.key", encryption=True)
    new_key(tmp_path / "stranger.key", encryption=True)
    department = unique("department")
    reference = submitted(command, department, encryption=public)
    command("agreement", "sign", reference, *command.acting("ho-owner"))
    shown = command("agreement", "show", reference)["shares"][0]["sealed_keys"]
    assert list(shown) == ["1"]
    assert len(base64.b64decode(shown["1"])) == 80

    key, value = delivered(kafka, reference)
    topic = topics.share(reference, "taxpayers")
    assert NUMBER.encode() not in value
    admin = Admin(kafka)
    admin.create_topics([TopicSpec(topic, 1, 1, {})])
    admin.upsert_user(department, PASSWORD)
    admin.create_rules(
        [
            Rule(department, Operation.READ, Resource.GROUP, f"{department}.", prefixed=True),
            Rule(department, Operation.READ, Resource.TOPIC, topic),
        ]
    )
    producer = TransactionalProducer(kafka, unique("test"))
    producer.begin()
    producer.produce(topic, 0, key, value)
    producer.commit()
    snapshot = read_snapshot(kafka)
    with serving(kafka, Follower(snapshot)) as address:
        monkeypatch.setenv("CONCORDAT_KAFKA__SASL_USERNAME", department)
        monkeypatch.setenv("CONCORDAT_KAFKA__SASL_PASSWORD", PASSWORD)
        consume = ("consume", reference, "--as", department, "--registry", address, "--max", 1)
        (received,) = command(*consume)
        assert received["value"]["document_number"].startswith("e1.")
        (received,) = command(*consume, "--decryption-key", tmp_path / "encryption.key")
        assert received["value"]["document_number"] == NUMBER
        assert received["value"]["family_name"] == "Doe"
        assert command(*consume, "--decryption-key", tmp_path / "stranger.key", status=2) == ["POL-020"]


def events_only(command, encryption: str) -> str:
    """The example over crossings without its entity share, one field encrypted, signed by all; its reference."""
    party = ("--encryption-key", encryption, "--public-key", command.public("department"))
    department = unique("department")
    command("party", "add", department, "--name", "DWP", *party)
    for person, office in ((f"{department}-siro", SIRO), (f"{department}-drafter", "Data Sharing Lead")):
        enrol = ("--public-key", command.public(person), "--key", command.key("department"))
        command("party", "enrol", department, person, "--office", office, *enrol)
    reference = unique("DSA").upper()
    written = (EXAMPLES / "agreements" / "DSA-2026-101.agreement.yaml").read_text()
    kept, _, rest = written.partition("  - id: residents")
    written = (kept + rest[rest.index("dates:") :]).replace("{ mask: { keep_last: 3 } }", "encrypt")
    file = command.directory / f"{reference}.agreement.yaml"
    file.write_text(written.replace("DSA-2026-101", reference).replace("work-and-pensions", department))
    command("agreement", "submit", file, *command.acting(f"{department}-drafter"))
    accept(command, reference, "ho-siro")
    for person in (f"{department}-siro", "ho-siro", "ho-owner"):
        command("agreement", "sign", reference, *command.acting(person))
    return reference


def test_keys_of_events_are_rotated_and_every_version_stays_readable(kafka, command, enrolled, tmp_path):
    reference = events_only(command, new_key(tmp_path / "encryption.key", encryption=True))
    (share,) = command("agreement", "show", reference)["shares"]
    rotated = command("agreement", "rotate-key", reference, "--share", share["id"])
    assert (rotated["key"], rotated["version"]) == (f"content/{reference}/{share['id']}", 2)
    assert command("agreement", "rotate-key", reference)["version"] == 2
    snapshot = read_snapshot(kafka)
    entry = snapshot.agreement(reference)
    plan = compile_share(entry, entry.agreement.shares[0], snapshot.contract("crossings"), snapshot)
    assert {reference.version for reference in plan.key_references} == {2}
    keys, sealed = installed(load()), snapshot.sealed(reference, share["id"])
    private = encryption_key(tmp_path / "encryption.key")
    for version in (1, 2):
        key = KeyReference(rotated["key"], version)
        assert unseal(private, key, base64.b64decode(sealed[version])) == keys.key(rotated["key"], version)


def test_keys_that_an_entity_share_uses_are_not_rotated(command, enrolled, tmp_path):
    public = new_key(tmp_path / "encryption.key", encryption=True)
    reference = submitted(command, "revenue-and-customs", encryption=public)
    command("agreement", "sign", reference, *command.acting("ho-owner"))
    keys = installed(load())
    for name, options in ((f"pseudonym/{reference}", ()), (f"content/{reference}/taxpayers", ("--share", "taxpayers"))):
        assert command("agreement", "rotate-key", reference, *options, status=3) == ["AGR-054"]
        assert keys.current(name) == 1, "nothing was made"


def test_a_ciphertext_of_another_share_or_field_is_not_taken_for_a_value(kafka, command, enrolled, tmp_path):
    public = new_key(tmp_path / "encryption.key", encryption=True)
    reference = submitted(command, "revenue-and-customs", encryption=public)
    command("agreement", "sign", reference, *command.acting("ho-owner"))
    snapshot = read_snapshot(kafka)
    sealed = snapshot.sealed(reference, "taxpayers")
    view = snapshot.schemas[snapshot.agreement(reference).view_schemas["taxpayers"]].text
    decrypter = Decrypter(encryption_key(tmp_path / "encryption.key"), lambda _: sealed)
    topic = topics.share(reference, "taxpayers")
    row = {"document_number": None, "family_name": "Doe"}
    assert decrypter.decrypted(topic, view, row) == row
    for wrong in ("e1.AAAA", "P1234567", "e1"):
        with pytest.raises(ValueError, match="ciphertext"):
            decrypter.decrypted(topic, view, {"document_number": wrong})
    other = topics.share(reference, "others")
    with pytest.raises(Unusable, match="POL-020"):
        decrypter.decrypted(other, view, {"document_number": "e1.AAAA"})
