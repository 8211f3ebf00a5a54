"""One of `examples/cases` in earnest: its register, contract and agreements on a real Kafka, under a real worker.

Everything that has a fixed name in the example gets one of this test alone, so that tests do not meet on the shared Kafka.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from agreements import text
from agreements.acts import PartyAdded, SignatoryEnrolled
from agreements.reviews import TRACKS
from agreements.signing import Signer
from broker.cli.app import app
from broker.cluster import access
from broker.cluster.admin import Admin
from broker.cluster.client import Connection
from broker.cluster.objects import TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.cluster.reader import Reader
from broker.cluster.topics import base_topics, notices_topic
from broker.keys import FileKeys
from broker.register import commands, keyfiles
from broker.register.append import Deed, act
from broker.register.follow import read_snapshot
from broker.settings import load
from contracts import text as contract_text
from contracts import topics
from contracts.change import Envelope, Op, Origin
from contracts.faults import Failure
from contracts.wire import AvroSchema, EnvelopeCodec, unframe
from tests.registers import EXAMPLES, SIRO
from tests.servers import unique

PASSWORD = "a-password-of-this-test"
OWNER = "Information Asset Owner"


class CaseWorld:
    """The example in `folder`, every agreement signed; the first signatory of an organisation is `<organisation>-siro`."""

    def __init__(self, kafka: Connection, folder: str, names: tuple[str, ...]) -> None:
        self.kafka, self.settings = kafka, load()
        self.names = {name: unique(name) if name.islower() else unique(name).upper() for name in names}
        self.people: dict[str, Signer] = {}
        self._folder = EXAMPLES / "cases" / folder
        self._writer, self._sequence = TransactionalProducer(kafka, unique("intake")), 0
        Admin(kafka).create_topics([*base_topics(1, 1)])
        contract = contract_text.parse(self.text("*.contract.yaml"))
        self.dataset, self.source, self.owner = contract.dataset, topics.source(contract.dataset), contract.owner
        agreements = [
            text.parse(self._named(path.read_text())) for path in sorted(self._folder.glob("*.agreement.yaml"))
        ]
        operator = Signer("operator", keyfiles.signing_key(self._key("operator")))
        commands.initialise(kafka, operator)
        self._enrol(operator, sorted({party.organisation for one in agreements for party in one.parties}))
        commands.publish_contract(kafka, self.people[self.owner], self.text("*.contract.yaml"))
        self._make_topics(agreements)
        for agreement in agreements:
            self._sign(agreement)
        self.snapshot = read_snapshot(kafka)
        """The register as it was when everybody had signed."""
        entry = self.snapshot.contract(self.dataset)
        self._codec = EnvelopeCodec(entry.contract, entry.key_schema, entry.value_schema)
        self._permit()

    def text(self, pattern: str) -> str:
        """The one file of that pattern, with the names of this test."""
        (path,) = self._folder.glob(pattern)
        return self._named(path.read_text())

    def run(self, *words: str, as_: str | None = None, status: int = 0) -> Any:
        """A command as somebody types it, in this process: what it prints as JSON, or the codes of its faults."""
        acting = ["--as", f"{as_}-siro", "--key", str(self._key(f"{as_}-siro"))] if as_ else []
        done = CliRunner().invoke(app, [*words, *acting, "--json"])
        if isinstance(done.exception, Failure):
            assert done.exception.exit_status == status, done.exception
            return [fault.code.identifier for fault in done.exception.faults]
        assert done.exit_code == status, (done.output, done.exception)
        return json.loads(done.stdout)

    def write(self, *rows: dict[str, Any]) -> None:
        """Rows as they are now, in one transaction of the intake."""
        entry = self.snapshot.contract(self.dataset)
        self._writer.begin()
        for row in rows:
            origin = Origin("store", self.dataset, str(self._sequence), self._sequence, None, snapshot=False)
            self._sequence += 1
            now = int(datetime.now(UTC).timestamp() * 1000)
            full = {field.name: row.get(field.name) for field in entry.contract.fields}
            value = self._codec.encode(Envelope(Op.UPDATE, None, full, origin, now, ()))
            self._writer.produce(self.source, 0, self._codec.encode_key(full), value)
        self._writer.commit()

    def received(self, reference: str, share: str) -> list[tuple[str, dict[str, Any] | None]]:
        """A department's topic as it reads it: keys and decoded views, in order."""
        found = []
        with Reader(self.kafka) as reader:
            for message in reader.read(topics.share(self.names[reference], share), 0):
                view = None
                if message.value is not None:
                    number, body = unframe(message.value)
                    view = AvroSchema(self.snapshot.schemas[number].text).decode(body)
                found.append((message.key.decode(), view))
        return found

    def offset(self, reference: str, share: str) -> int:
        """Where the next record of a department's topic goes, counting what is not committed."""
        with Reader(self.kafka, committed=False) as reader:
            return reader.bounds(topics.share(self.names[reference], share), 0)[1]

    def beyond(self, reference: str, share: str, offset: int) -> list[int]:
        """The offsets of all records from there on, also of those that are not committed."""
        with Reader(self.kafka, committed=False) as reader:
            return [message.offset for message in reader.read(topics.share(self.names[reference], share), 0, offset)]

    def as_department(self, organisation: str) -> Connection:
        """The connection of an organisation's own Kafka user."""
        return self.kafka.as_user(self.names[organisation], PASSWORD)

    def notices_read(self, organisation: str) -> list[dict[str, Any]]:
        """An organisation's notices, as it reads them by the command with its own credential."""
        name = self.names[organisation]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CONCORDAT_KAFKA__SASL_USERNAME", name)
            patch.setenv("CONCORDAT_KAFKA__SASL_PASSWORD", PASSWORD)
            found: list[dict[str, Any]] = self.run("notice", "read", name)
        return found

    def _named(self, document: str) -> str:
        for name, mine in self.names.items():
            document = re.sub(rf"(?<![\w-]){name}(?![\w-])", mine, document)
        return document

    def _key(self, name: str) -> Path:
        path = self.settings.directory / "keys" / f"{name}.key"
        if not path.exists():
            keyfiles.new_key(path)
        return path

    def _enrol(self, operator: Signer, organisations: list[str]) -> None:
        """Everybody in one transaction."""
        deeds = []
        for organisation in organisations:
            party = Signer(f"party/{organisation}", Ed25519PrivateKey.generate())
            deeds.append(Deed(PartyAdded(organisation, organisation, party.public_key), operator))
            for person, office in ((f"{organisation}-siro", SIRO), (f"{organisation}-owner", OWNER)):
                signer = Signer(f"signatory/{person}", keyfiles.signing_key(self._key(person)))
                deeds.append(Deed(SignatoryEnrolled(organisation, person, office, signer.public_key), party))
                self.people[person] = signer
            self.people[organisation] = self.people[f"{organisation}-siro"]
        act(self.kafka, lambda _: deeds)

    def _make_topics(self, agreements: list[Any]) -> None:
        shares = [topics.share(one.reference, share.id) for one in agreements for share in one.shares]
        told = {party.organisation for one in agreements for party in one.parties}
        specs = [TopicSpec(name, 1, 1, {}) for name in (self.source, *shares)]
        Admin(self.kafka).create_topics([*specs, *(notices_topic(name, 1) for name in sorted(told))])

    def _sign(self, agreement: Any) -> None:
        """Drafted by the owner's second signatory, reviewed by its first, signed by the offices that are named."""
        reference, keys = agreement.reference, FileKeys(self.settings.directory / "secrets")
        offices = {OWNER: "owner", SIRO: "siro"}
        signers = [f"{party.organisation}-{offices[office]}" for party in agreement.parties for office in party.signs]
        provider = agreement.parties[0].organisation
        drafter = next(f"{provider}-{who}" for who in ("siro", "owner") if f"{provider}-{who}" not in signers)
        reviewer = next(person for person in signers if person.startswith(provider))
        commands.submit(self.kafka, self.people[drafter], text.render(agreement))
        commands.review(self.kafka, self.people[reviewer], reference, TRACKS)
        for person in signers:
            commands.sign_agreement(self.kafka, self.people[person], reference, keys)

    def _permit(self) -> None:
        """The departments' users and their access, as provisioning would have it."""
        admin, snapshot = Admin(self.kafka), self.snapshot
        departments = access.departments(snapshot)
        for name in departments:
            admin.upsert_user(name, PASSWORD)
        rules = access.rules(snapshot, datetime.now(UTC))
        admin.create_rules([rule for rule in rules if rule.principal in departments])
