"""A hand-made register and a policy of five lines: what the worker's tests run it on.

The policy here is not the product's: rows qualify when their `port` is the share's filter, a view is the chosen fields
as JSON, a key is the digest of reference and source key.  So a test's oracle can say by hand what must be delivered.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

from agreements.model import (
    Agreement,
    AgreementKind,
    Dates,
    Delivery,
    Law,
    Limits,
    Party,
    Share,
    Side,
    Treatment,
    WhenSuspended,
)
from agreements.snapshot import (
    AgreementEntry,
    AgreementState,
    ContractEntry,
    Job,
    JobKind,
    Snapshot,
    Standing,
    Suspension,
)
from broker.policy.decision import Decision, Evaluated, Mode, Outcome, Reason, Sent, SourceRecord, Verdict
from broker.policy.engine import Circumstance, Settlement, StateChange
from broker.policy.limits import Meter
from contracts.model import Contract, Field, FieldType, Kind, TypeName

BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)


def snapshot(description: dict) -> Snapshot:
    """The register that `description` tells of.

    {"position": 3, "datasets": {name: kind}, "shares": [{"reference", "dataset", "port", "suspended", "when",
    "embargo_seconds", "limits"}], "jobs": []}
    """
    contracts = {
        name: (ContractEntry(_contract(name, Kind(kind)), 1, 2, 0),) for name, kind in description["datasets"].items()
    }
    agreements = {share["reference"]: (_entry(share),) for share in description["shares"]}
    jobs = tuple(Job(**{**job, "kind": JobKind(job["kind"])}) for job in description.get("jobs", []))
    return Snapshot(
        position=description["position"],
        contracts=MappingProxyType(contracts),
        agreements=MappingProxyType(agreements),
        jobs=jobs,
    )


def _contract(name: str, kind: Kind) -> Contract:
    string = FieldType(TypeName.STRING)
    fields = tuple(Field(one, string, required=True, tags=frozenset({"not-personal"})) for one in ("id", "port"))
    return Contract(name, (1, 0, 0), kind, "OFFICIAL", "owner", "store", name, ("id",), fields)


def _entry(share: dict) -> AgreementEntry:
    parties = tuple(Party(organisation=side.value, side=side, role="controller", signs=("Owner",)) for side in Side)
    agreement = Agreement(
        reference=share["reference"],
        version=1,
        kind=AgreementKind.DSA,
        title="Test",
        parties=parties,
        law=Law(power="x", lawful_basis="x", regime="uk-gdpr"),
        shares=(
            Share(
                id="flow",
                dataset=share["dataset"],
                contract=1,
                purpose="test",
                classification_ceiling="OFFICIAL",
                rows=share["port"],
                key="tokenise",
                fields={"port": Treatment(action="keep")},
            ),
        ),
        dates=Dates(start=date(2020, 1, 1), end=date(2089, 12, 31)),
        limits=Limits(**share.get("limits", {})),
        delivery=Delivery(
            when_suspended=WhenSuspended(share.get("when", "hold")),
            embargo=timedelta(seconds=share["embargo_seconds"]) if "embargo_seconds" in share else None,
        ),
    )
    suspensions = (Suspension(0, BEGIN, "tester", "test"),) if share.get("suspended") else ()
    state = AgreementState.SUSPENDED if suspensions else AgreementState.APPROVED
    return AgreementEntry(
        agreement,
        "sha256:" + "0" * 64,
        "drafter",
        state,
        1,
        BEGIN,
        END,
        approved_position=0,
        suspensions=suspensions,
    )


@dataclass
class FileRegister:
    """A register that is one JSON file: tests rewrite it to act."""

    path: Path
    _read: bytes = b""
    _snapshot: Snapshot = field(default_factory=Snapshot)

    def catch_up(self) -> Snapshot:
        found = self.path.read_bytes()
        if found != self._read:
            self._read, self._snapshot = found, snapshot(json.loads(found))
        return self._snapshot

    def age_milliseconds(self) -> float:
        return 0.0


def key_of(reference: str, key: bytes) -> bytes:
    return hashlib.sha256(reference.encode() + key).hexdigest()[:16].encode()


def view_of(row: dict) -> bytes:
    return json.dumps({"port": row["port"], "note": row.get("note")}).encode()


@dataclass(frozen=True)
class PortPlan:
    """What the pipeline reads of a plan, besides the port that this policy goes by."""

    reference: str
    port: str
    fields_set: str = "port"
    digest: bytes = b"plan"
    key: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(key=None))


class PortEngine:
    """The five-line policy for one dataset."""

    def __init__(self, kind: Kind, shares: Sequence[tuple[str, str]]):
        self.kind, self.shares = kind, shares

    def evaluate(self, records: Sequence[SourceRecord], now_ms: int) -> list[Evaluated]:
        return [self._one(record) for record in records]

    def _one(self, record: SourceRecord) -> Evaluated:
        row = _row(record.value)
        if record.key is None or row == "malformed":
            return Evaluated(record, None, None, None, (Reason("malformed"),), (), None)
        if row is not None and row["port"] == "BOOM":
            raise ZeroDivisionError
        verdicts = tuple(
            Verdict(
                key_of(reference, record.key),
                view_of(row) if row is not None and row["port"] == port else None,
                row is None,
                True,
                (),
            )
            for reference, port in self.shares
        )
        return Evaluated(record, None, None, None, (), verdicts, record.key)

    def headers(self, decision: Decision, partition: int) -> tuple[tuple[str, bytes], ...]:
        del decision, partition
        return ()

    def settle(self, evaluated: Sequence[Evaluated], circumstances: Sequence[Circumstance], mode: Mode) -> Settlement:
        decisions = [_decision(one, Outcome.QUARANTINE, None, mode) for one in evaluated if one.faults]
        changes = []
        meters = {one.allowance.reference: Meter(one.allowance) for one in circumstances if one.allowance is not None}
        for plan, circumstance in enumerate(circumstances):
            sent = dict(circumstance.sent)
            meter = meters.get(circumstance.allowance.reference) if circumstance.allowance else None
            for one in evaluated:
                if one.faults:
                    continue
                verdict = one.verdicts[plan]
                until = circumstance.released_until_ms
                waits = until is not None and (mode is not Mode.RELEASE or one.record.timestamp_ms > until)
                standing = Standing.HELD if waits else circumstance.standing
                outcome = self._outcome(verdict, standing, sent.get(verdict.key))
                beyond = meter.refusal(one) if meter is not None and outcome is Outcome.REDACT else None
                if beyond is not None:
                    outcome = Outcome.HOLD if meter.allowance.stopped is Standing.HELD else Outcome.DENY
                made = _decision(one, outcome, plan, mode)
                decisions.append(made if beyond is None else replace(made, reasons=(beyond,)))
                if self.kind is Kind.ENTITY and outcome in (Outcome.REDACT, Outcome.WITHDRAW, Outcome.DELETE):
                    new = (
                        None if outcome is not Outcome.REDACT else Sent(_digest(verdict.value), b"p", one.record.offset)
                    )
                    changes.append(StateChange(plan, verdict.key, new))
                    sent.pop(verdict.key, None)
                    if new is not None:
                        sent[verdict.key] = new
        return Settlement(tuple(decisions), tuple(changes), {name: meter.counted() for name, meter in meters.items()})

    def _outcome(self, verdict: Verdict, standing: Standing, held: Sent | None) -> Outcome:
        if standing is not Standing.IN_FORCE:
            concerns = verdict.value is not None or held is not None
            return Outcome.HOLD if concerns and standing is Standing.HELD else Outcome.DENY
        if self.kind is Kind.EVENT:
            return Outcome.REDACT if verdict.value is not None else Outcome.DENY
        if verdict.value is not None:
            return Outcome.UNCHANGED if held is not None and held.digest == _digest(verdict.value) else Outcome.REDACT
        if held is None:
            return Outcome.DENY
        return Outcome.DELETE if verdict.gone else Outcome.WITHDRAW


def _row(value: bytes | None):
    try:
        return None if value is None else json.loads(value)
    except ValueError:
        return "malformed"


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _decision(one: Evaluated, outcome: Outcome, plan: int | None, mode: Mode) -> Decision:
    key = value = None
    if outcome in (Outcome.REDACT, Outcome.WITHDRAW, Outcome.DELETE):
        key = one.verdicts[plan].key
        value = one.verdicts[plan].value if outcome is Outcome.REDACT else None
    return Decision(outcome, plan, mode, one.faults, one.record, None, None, None, key, value, None)
