"""Registers to test with: people with keys, and the records that they write."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agreements import acts, text
from agreements.append_time import Logged, milliseconds
from agreements.clauses import report_hash, report_text
from agreements.duties import unacknowledged
from agreements.fold import Alarm, fold
from agreements.model import Agreement
from agreements.promises import Exceptional
from agreements.reviews import Track, Verdict
from agreements.rules.signatures import missing_offices
from agreements.rules.stops import changed_views, without
from agreements.signing import AGREEMENT_DOMAIN, Signer, agreement_statement, sign
from agreements.snapshot import EMPTY, SIGNED, Snapshot, Suspension
from contracts import text as contract_text
from contracts import topics
from contracts.avro import key_schema, value_schema

EXAMPLES = Path(__file__).parents[1] / "examples"
SIRO = "Senior Information Risk Owner"
OWNER = "Information Asset Owner"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def signer(actor: str) -> Signer:
    """Who acts, with a key made from the name."""
    return Signer(actor, Ed25519PrivateKey.from_private_bytes(sha256(actor.encode()).digest()))


@cache
def agreement(reference: str = "DSA-2026-101") -> Agreement:
    """One of the examples."""
    found = text.parse((EXAMPLES / "agreements" / f"{reference}.agreement.yaml").read_text())
    assert isinstance(found, Agreement), found
    return found


@dataclass
class Register:
    """A register in memory: every act is recorded, then folded, as if Kafka had appended it when it was done."""

    snapshot: Snapshot = EMPTY
    records: list[Logged] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    time: datetime = NOON

    def do(self, act: acts.AnyAct, actor: str, *, expects: int | None = None, key: Signer | None = None) -> list[str]:
        """Fold an act; the codes of the alarms that it raised."""
        self.time += timedelta(seconds=1)
        register = self.snapshot.operator_key or signer("operator").public_key
        version = self.snapshot.version(act.subject()) if expects is None else expects
        who = Signer(actor, (key or signer(actor)).key)
        return self.add(acts.record(act, signer=who, register=register, expects=version, time=self.time))

    def add(self, value: bytes, *, is_stamped: bool = True) -> list[str]:
        """Fold a record that Kafka appends now; offsets have gaps, as transactions make them."""
        logged = Logged(2 * len(self.records), value, milliseconds(self.time) if is_stamped else None)
        self.records.append(logged)
        self.snapshot, alarms = fold(self.snapshot, logged)
        self.alarms += alarms
        return [alarm.fault.code.name for alarm in alarms]

    def submit(self, submitted: Agreement, actor: str = "signatory/wp-drafter", *, reviewed: bool = True) -> list[str]:
        """Submit, and by default have it accepted on every track."""
        canonical = text.canonical(submitted).decode()
        act = acts.AgreementSubmitted(submitted.reference, canonical, report_text(submitted))
        if found := self.do(act, actor):
            return found
        return self.review(submitted.reference) if reviewed else []

    def reviewing(self, reference: str, track: Track, verdict: Verdict = Verdict.ACCEPT) -> acts.AgreementReviewed:
        """The act that says what a track comes to, of the newest text."""
        entry = self.snapshot.agreement(reference)
        hashes = (entry.content_hash, report_hash(entry.report))
        return acts.AgreementReviewed(reference, entry.agreement.version, *hashes, track, verdict)

    def review(self, reference: str, *tracks: Track) -> list[str]:
        """Accept the newest version on some tracks, or on all that wait, by somebody who did not draft it."""
        entry = self.snapshot.agreement(reference)
        people = (
            s.identifier for p in entry.agreement.parties for s in self.snapshot.parties[p.organisation].signatories
        )
        reviewer = next(person for person in people if person != entry.drafted_by)
        found = []
        for track in tracks or entry.missing_tracks():
            found += self.do(self.reviewing(reference, track), f"signatory/{reviewer}")
        return found

    def signing(self, reference: str, actor: str) -> acts.AgreementSigned:
        """The act by which `actor` signs, with view schemas if it is the last."""
        entry = self.snapshot.agreement(reference)
        who = self.snapshot.signatory(actor.removeprefix("signatory/"))
        statement = agreement_statement(
            entry.content_hash,
            report_hash(entry.report),
            signatory=who.identifier,
            organisation=who.organisation,
            office=who.office,
            time=self.time,
        )
        views, schemas = {}, []
        if missing_offices(entry) == [(who.organisation, who.office)]:
            known = {schema.text: schema.identifier for schema in self.snapshot.schemas.values()}
            for share in entry.shares:
                topic = topics.share(reference, share.id)
                schema = f'"{topic}"'
                if schema not in known:
                    number = len(self.snapshot.schemas) + len(schemas) + 1
                    schemas.append(acts.NewSchema(number, f"{topic}-value", schema))
                    known[schema] = number
                views[share.id] = known[schema]
        signature = sign(signer(actor).key, AGREEMENT_DOMAIN, statement.encode())
        version = entry.agreement.version
        return acts.AgreementSigned(reference, version, statement, signature, views, tuple(schemas))

    def sign(self, reference: str, actor: str) -> list[str]:
        return self.do(self.signing(reference, actor), actor)

    def acknowledge(self, reference: str, actor: str) -> None:
        """Every caveat that a share of the agreement waits for."""
        entry = self.snapshot.agreement(reference)
        waiting = {
            (share.dataset, caveat.identifier, caveat.version)
            for share in entry.agreement.shares
            for caveat in unacknowledged(self.snapshot, entry, share)
        }
        for dataset, caveat, version in sorted(waiting):
            self.do(acts.CaveatAcknowledged(reference, dataset, caveat, version), actor)

    def suspend_fields(self, reference: str, actor: str, *fields: tuple[str, str]) -> list[str]:
        """Suspend (share, path) fields, with the view schemas that need it."""
        added = Suspension(-1, self.time, actor, "x", frozenset(), fields=fields)
        views = self._views(reference, lambda entry: replace(entry, suspensions=(*entry.suspensions, added)))
        named = tuple(acts.SuspendedField(*one) for one in fields)
        return self.do(acts.AgreementSuspended(reference, "wrong data", (), named, (), *views), actor)

    def resume(self, reference: str, actor: str) -> list[str]:
        who = self.snapshot.signatory(actor.removeprefix("signatory/"))
        views = self._views(reference, lambda entry: without(entry, who.organisation if who else ""))
        return self.do(acts.AgreementResumed(reference, *views), actor)

    def _views(self, reference: str, change) -> tuple[tuple[acts.ShareView, ...], tuple[acts.NewSchema, ...]]:
        known = {schema.text: schema.identifier for schema in self.snapshot.schemas.values()}
        views, new = [], []
        for entry in (entry for entry in self.snapshot.agreements[reference] if entry.state in SIGNED):
            for share in changed_views(entry, change(entry)):
                topic = topics.share(reference, share.id)
                schema = f'"{topic} {" ".join(share.fields)}"'
                if schema not in known:
                    known[schema] = len(self.snapshot.schemas) + len(new) + 1
                    new.append(acts.NewSchema(known[schema], f"{topic}-value", schema))
                views.append(acts.ShareView(entry.agreement.version, share.id, known[schema]))
        return tuple(views), tuple(new)

    def publish(self, dataset: str, actor: str = "signatory/ho-owner", **replacements: str) -> list[str]:
        document = (EXAMPLES / "contracts" / f"{dataset}.contract.yaml").read_text()
        for before, after in replacements.items():
            document = document.replace(before, after)
        contract = contract_text.parse(document)
        known = {schema.text: schema.identifier for schema in self.snapshot.schemas.values()}
        new, used = [], []
        for suffix, schema in (("key", key_schema(contract)), ("value", value_schema(contract))):
            if schema not in known:
                known[schema] = len(self.snapshot.schemas) + len(new) + 1
                new.append(acts.NewSchema(known[schema], f"{topics.source(dataset)}-{suffix}", schema))
            used.append(known[schema])
        return self.do(acts.ContractPublished(dataset, document, used[0], used[1], tuple(new)), actor)


def enrolled() -> Register:
    """A register with the example's parties, people and contracts."""
    register = Register()
    register.do(acts.RegisterInitialised(signer("operator").public_key), "operator")
    for organisation in ("home-office", "work-and-pensions"):
        key = signer(f"party/{organisation}").public_key
        register.do(acts.PartyAdded(organisation, organisation, key), "operator")
    for person, organisation, office in (
        ("ho-siro", "home-office", SIRO),
        ("ho-owner", "home-office", OWNER),
        ("wp-siro", "work-and-pensions", SIRO),
        ("wp-drafter", "work-and-pensions", "Data Sharing Lead"),
    ):
        key = signer(f"signatory/{person}").public_key
        register.do(acts.SignatoryEnrolled(organisation, person, office, key), f"party/{organisation}")
    for dataset in ("crossings", "travellers"):
        register.publish(dataset)
    assert register.alarms == []
    return register


def exceptional(**changes) -> Agreement:
    """The example as an exceptional disclosure of two weeks."""
    first = date(2026, 11, 20)
    made = {
        "exceptional": Exceptional(threat="A child is missing", review_by=date(2026, 12, 10)),
        "dates": agreement().dates.model_copy(update={"start": first, "end": date(2026, 12, 3), "review": None}),
    }
    return agreement().model_copy(update=made | changes)


def approved(reference: str = "DSA-2026-101") -> Register:
    """As `enrolled`, with one agreement signed by all."""
    register = enrolled()
    register.submit(agreement(reference))
    for person in ("wp-siro", "ho-siro", "ho-owner"):
        register.sign(reference, f"signatory/{person}")
    register.acknowledge(reference, "signatory/wp-siro")
    assert register.alarms == []
    return register
