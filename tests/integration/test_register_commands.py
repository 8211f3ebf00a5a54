"""The whole life of an agreement on the command line, on a real Kafka."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agreements import text
from agreements.model import AgreementKind, Limits, Under
from agreements.signing import Signer
from broker import clock
from broker.cli.app import app
from broker.cluster.admin import Admin
from broker.cluster.objects import TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.delivery.progress import Progress, progress_key
from broker.keys import FileKeys
from broker.register import append, stop
from broker.register.commands import await_stop, sign_agreement
from broker.register.keyfiles import signing_key
from contracts import topics
from contracts.faults import Failure, Refused
from tests import registers
from tests.servers import unique

pytestmark = pytest.mark.integration
EXAMPLES = Path(__file__).parents[2] / "examples"
REFERENCE = "DSA-2026-101"
SIRO, OWNER = "Senior Information Risk Owner", "Information Asset Owner"
PEOPLE = {
    "ho-siro": ("home-office", SIRO),
    "ho-owner": ("home-office", OWNER),
    "wp-siro": ("work-and-pensions", SIRO),
    "wp-drafter": ("work-and-pensions", "Data Sharing Lead"),
}


class Command:
    """`concordat` in this process, in a state directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, *arguments: object, status: int = 0):
        result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
        failure = result.exception if isinstance(result.exception, Failure) else None
        assert (failure.exit_status if failure else result.exit_code) == status, (
            arguments,
            result.output,
            result.exception,
        )
        if failure is not None:
            return [fault.code.identifier for fault in failure.faults]
        return json.loads(result.stdout)

    def acting(self, name: str) -> list[object]:
        return ["--as", name, "--key", self.key(name)]

    def key(self, name: str) -> Path:
        path = self.directory / f"{name}.key"
        if not path.exists():
            self("key", "new", path)
        return path

    def public(self, name: str) -> str:
        return self("key", "show", self.key(name))["public_key"]


@pytest.fixture
def command(kafka, tmp_path, monkeypatch):
    name = unique("concordat.register")
    monkeypatch.setattr(topics, "REGISTER", name)
    monkeypatch.setattr(topics, "WORKERS", unique("concordat.workers"))
    monkeypatch.setattr(append, "TRANSACTIONAL_ID", name)
    monkeypatch.setattr(stop, "GROUP", unique("enforce"))
    monkeypatch.setenv("CONCORDAT_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    for option, value in kafka.properties.items():
        monkeypatch.setenv("CONCORDAT_KAFKA__" + option.upper().replace(".", "_"), value)
    monkeypatch.setenv("CONCORDAT_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path)


@pytest.fixture
def enrolled(command):
    """A register with the example's parties, people and contracts."""
    assert command("init")["position"] == 0
    for organisation in ("home-office", "work-and-pensions"):
        command("party", "add", organisation, "--name", organisation, "--public-key", command.public(organisation))
    for person, (organisation, office) in PEOPLE.items():
        command(
            *("party", "enrol", organisation, person, "--office", office),
            *("--public-key", command.public(person), "--key", command.key(organisation)),
        )
    for dataset in ("crossings", "travellers"):
        file = EXAMPLES / "contracts" / f"{dataset}.contract.yaml"
        command("contract", "publish", file, *command.acting("ho-owner"))
    return command


TRACKS = ("--track", "legal", "--track", "data-protection", "--track", "security")


def accept(command, reference: str, person: str) -> None:
    """All three tracks accept what was submitted."""
    reviewed = command("agreement", "review", reference, *TRACKS, "--verdict", "accept", *command.acting(person))
    assert reviewed["state"] == "awaiting-signatures"


def test_an_agreement_from_submission_to_termination(enrolled):
    command = enrolled
    file = EXAMPLES / "agreements" / f"{REFERENCE}.agreement.yaml"
    assert command("init", status=3) == ["REG-004"]
    assert command("agreement", "check", file, "--registered")["faults"] == []
    assert command("agreement", "submit", file, *command.acting("wp-drafter"))["state"] == "submitted"
    assert command("agreement", "sign", REFERENCE, *command.acting("wp-siro"), status=3) == ["AGR-040"]
    accept(command, REFERENCE, "ho-siro")
    assert command("agreement", "sign", REFERENCE, *command.acting("wp-drafter"), status=3) == ["AGR-043"]
    assert command("agreement", "sign", REFERENCE, *command.acting("wp-siro"))["state"] == "awaiting-signatures"
    assert command("agreement", "sign", REFERENCE, *command.acting("wp-siro"), status=3) == ["AGR-043"]
    command("agreement", "sign", REFERENCE, *command.acting("ho-siro"))
    signed = command("agreement", "sign", REFERENCE, *command.acting("ho-owner"))
    assert signed["state"] == "approved"
    assert signed["missing"] == []
    assert all(share["view_schema"] for share in signed["shares"])
    caveats = [f"{one}@{version}" for one, version in (("address-as-given", 1), ("return-leg-may-be-missing", 2))]
    due = [one["kind"] for one in command("agreement", "list", "--due", "--within", "P1D")]
    assert due.count("caveat") == 2
    acknowledge = ("agreement", "acknowledge", REFERENCE, *caveats)
    assert command(*acknowledge, *command.acting("ho-siro"), status=3)[0] == "AGR-043"
    assert command(*acknowledge, *command.acting("wp-siro"))["waiting"] == []
    assert command(*acknowledge, *command.acting("wp-siro"), status=3) == ["REG-007", "REG-007"]
    suspended = command("agreement", "suspend", REFERENCE, *command.acting("wp-siro"), "--reason", "a breach")
    assert suspended["state"] == "suspended"
    assert suspended["stop"]["workers"] == []
    assert command("agreement", "resume", REFERENCE, *command.acting("ho-siro"), status=3) == ["AGR-040"]
    assert command("agreement", "resume", REFERENCE, *command.acting("wp-siro"))["state"] == "approved"
    part = ("--only", "purpose=benefits.entitlement", "--reason", "a complaint")
    partly = command("agreement", "suspend", REFERENCE, *command.acting("wp-siro"), *part)
    assert partly["state"] == "suspended"
    assert {s["standing"] for s in command("agreement", "show", REFERENCE)["shares"]} == {"held"}
    command("agreement", "resume", REFERENCE, *command.acting("wp-siro"))
    whole = command("agreement", "show", REFERENCE)["shares"]
    assert {share["standing"] for share in whole} == {"in-force"}
    operator = ("--as", "operator", "--key", command.directory / "state" / "keys" / "operator.key")
    field = ("--only", "field=family_name", "--reason", "a complaint")
    command("agreement", "suspend", REFERENCE, *operator, *field)
    without = command("agreement", "show", REFERENCE)
    assert [share["standing"] for share in without["shares"]] == ["in-force", "in-force"]
    assert without["suspensions"][0]["fields"] == [{"share": "residents", "path": "family_name"}]
    assert without["shares"][1]["view_schema"] != whole[1]["view_schema"]
    nothing = ("--only", "field=hair_colour")
    assert command("agreement", "suspend", REFERENCE, *command.acting("wp-siro"), *nothing, status=3) == ["AGR-082"]
    command("agreement", "resume", REFERENCE, *operator)
    assert command("agreement", "show", REFERENCE)["shares"] == whole
    certificate = command.directory / "certificate.txt"
    certificate.write_text("All copies are destroyed.")
    certify = ("agreement", "certify", REFERENCE, certificate, "--statement", "all copies", *command.acting("wp-siro"))
    assert command(*certify, status=3) == ["AGR-040"]
    assert command("agreement", "terminate", REFERENCE, *command.acting("ho-siro"))["state"] == "terminated"
    assert command("agreement", "show", REFERENCE)["phase"] == "closing"
    assert [one["kind"] for one in command("agreement", "list", "--due")] == ["certificate"]
    assert command(*certify)["state"] == "closed"
    assert command("agreement", "list", "--due") == []
    stages = [stage["stage"] for stage in command("agreement", "show", REFERENCE)["stages"]]
    tracks = ["accepted legal", "accepted data-protection", "accepted security"]
    assert stages == ["submitted", *tracks, "signed", "in force"]
    acts = [act["act"] for act in command("agreement", "history", REFERENCE)]
    names = ["submitted", *["reviewed"] * 3, *["signed"] * 3, *["suspended", "resumed"] * 3, "terminated", "certified"]
    assert [act for act in acts if act != "caveat.acknowledged"] == [f"agreement.{name}" for name in names]


def test_a_contract_that_would_break_an_agreement_is_refused_with_its_name(enrolled, tmp_path):
    command = enrolled
    file = EXAMPLES / "agreements" / f"{REFERENCE}.agreement.yaml"
    command("agreement", "submit", file, *command.acting("wp-drafter"))
    accept(command, REFERENCE, "wp-siro")
    for person in ("wp-siro", "ho-siro", "ho-owner"):
        command("agreement", "sign", REFERENCE, *command.acting(person))
    contract = (EXAMPLES / "contracts" / "crossings.contract.yaml").read_text()
    newer = tmp_path / "newer.yaml"
    newer.write_text(contract.replace("version: 1.0.0", "version: 1.1.0").replace("document_number", "paper_number"))
    assert "REG-010" in command("contract", "publish", newer, *command.acting("ho-owner"), status=3)
    newer.write_text(contract.replace("version: 1.0.0", "version: 1.0.1"))
    assert command("contract", "publish", newer, *command.acting("wp-siro"), status=3) == ["AGR-043"]
    published = command("contract", "publish", newer, *command.acting("ho-owner"))
    assert published["version"] == "1.0.1"
    assert command("contract", "export", "crossings")["text"] == newer.read_text()


def test_two_sign_at_once_and_who_is_beaten_is_told(kafka, enrolled, tmp_path):
    command = enrolled
    file = EXAMPLES / "agreements" / f"{REFERENCE}.agreement.yaml"
    command("agreement", "submit", file, *command.acting("wp-drafter"))
    accept(command, REFERENCE, "wp-siro")
    people = ("ho-siro", "ho-owner")
    told = []
    start = threading.Barrier(2)

    def sign(person: str) -> None:
        signer = Signer(f"signatory/{person}", signing_key(command.key(person)))
        start.wait()
        try:
            sign_agreement(kafka, signer, REFERENCE, FileKeys(tmp_path / "secrets"))
        except Refused as refused:
            told.append(refused.faults[0].code.identifier)

    threads = [threading.Thread(target=sign, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signed = command("agreement", "show", REFERENCE)["signatures"]
    assert len(signed) + len(told) == 2
    assert signed
    assert set(told) <= {"REG-001", "REG-002"}


def test_a_stop_is_confirmed_by_the_workers_acknowledgement(kafka, command, monkeypatch):
    dataset = unique("dataset")
    source = topics.source(dataset)
    Admin(kafka).create_topics([TopicSpec(source, 2, 1, {}), TopicSpec(topics.WORKERS, 1, 1, {})])
    monkeypatch.setattr(stop, "_workers", lambda _: ("worker-1",))
    producer = TransactionalProducer(kafka, unique("worker"))

    def acknowledge(partition: int, position: int) -> None:
        producer.begin()
        progress = Progress("worker-1", position)
        producer.produce(topics.WORKERS, 0, progress_key(source, partition), progress.value())
        producer.commit()

    acknowledge(0, 7)
    acknowledge(1, 6)
    timer = threading.Timer(0.3, acknowledge, (1, 7))
    timer.start()
    began = clock.monotonic_seconds()
    seen = await_stop(kafka, 7, [dataset], began_at=began)
    timer.join()
    assert seen.confirmed
    assert seen.partitions == 2
    assert 0.3 <= seen.seconds < 10
    monkeypatch.setattr(stop, "TRANSACTION_TIMEOUT_SECONDS", 0.2)
    late = await_stop(kafka, 8, [dataset], began_at=clock.monotonic_seconds(), age_milliseconds_max=0)
    assert not late.confirmed
    assert late.unconfirmed == (f"{source}/0", f"{source}/1")


def test_an_umbrella_bounds_and_stops_what_is_under_it(enrolled, tmp_path):
    own = registers.agreement(REFERENCE)
    kind = {"reference": "UMOU-2026-001", "kind": AgreementKind.UMBRELLA_MOU}
    umbrella = own.model_copy(update=kind | {"limits": Limits(look_back=timedelta(days=30))})
    under = Under(reference="UMOU-2026-001", version=1, hash=text.content_hash(umbrella))
    below = own.model_copy(update={"under": under, "limits": Limits()})
    wider = below.model_copy(update={"limits": Limits(look_back=timedelta(days=31))})
    files = {}
    for name, one in (("umbrella", umbrella), ("below", below), ("wider", wider)):
        files[name] = tmp_path / f"{name}.agreement.yaml"
        files[name].write_text(text.render(one))
    drafter = enrolled.acting("wp-drafter")
    assert enrolled("agreement", "submit", files["below"], *drafter, status=3) == ["AGR-060"]
    for name, reference, refused in (("umbrella", "UMOU-2026-001", "AGR-060"), ("below", REFERENCE, "AGR-042")):
        assert enrolled("agreement", "submit", files["wider"], *drafter, status=3) == [refused]
        enrolled("agreement", "submit", files[name], *drafter)
        accept(enrolled, reference, "ho-owner")
        for person in ("ho-siro", "ho-owner", "wp-siro"):
            signed = enrolled("agreement", "sign", reference, *enrolled.acting(person))
        assert signed["state"] == "approved"
    shown = enrolled("agreement", "show", REFERENCE)
    assert shown["text"] == files["below"].read_text()
    assert (shown["under"]["reference"], shown["rebase_needed"]) == ("UMOU-2026-001", None)
    flat = text.parse(enrolled("agreement", "flatten", REFERENCE)["text"])
    assert flat.limits == umbrella.limits
    enrolled("agreement", "suspend", "UMOU-2026-001", "--reason", "a breach", *enrolled.acting("ho-siro"))
    shown = enrolled("agreement", "show", REFERENCE)
    assert shown["state"] == "approved"
    assert {share["standing"] for share in shown["shares"]} <= {"held", "dropped"}
