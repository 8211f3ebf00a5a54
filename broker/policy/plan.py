"""The plan: everything that deciding and shaping a record under one share needs, and nothing that must be looked up.

`broker.policy.compile` makes it from an agreement and a contract, once; every evaluating machine takes the same plan.
It is immutable, it names keys but never holds one, and its canonical JSON form (`docs/formats/plan.md`) has a digest:
same digest, same meaning, same bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from agreements.model import Band, Treatment
from contracts.model import Kind, TypeName

FORMAT = "concordat-plan/2"


@dataclass(frozen=True, slots=True)
class KeyReference:
    """Which secret key: its identifier in the key provider (`pseudonym/<reference>`) and its version."""

    identifier: str
    version: int


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One field that may leave: where it stands, how it is treated, and the clause that permits it.

    `domain` separates tokens and ciphertexts by meaning; `key` is set exactly where the treatment needs one.
    """

    path: str
    clause: str
    treatment: Treatment
    type: TypeName
    domain: str = ""
    key: KeyReference | None = None

    @property
    def action(self) -> str:
        """The treatment's name, such as `tokenise`."""
        return self.treatment.action


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """How the Kafka key is made: the source key fields, and `keep` or `tokenise` under `key`."""

    action: str
    clause: str
    fields: tuple[str, ...]
    domain: str
    key: KeyReference | None


@dataclass(frozen=True, slots=True)
class CategoryPlan:
    """Only records about a person whose law-enforcement category, in the field at `path`, is one of `values`."""

    path: str
    clause: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfidencePlan:
    """Only records whose number at `path` is at least so many hundredths."""

    path: str
    clause: str
    at_least_percent: int


@dataclass(frozen=True, slots=True)
class RecordChecks:
    """What is asked of a record's labels before its row filter (`broker.policy.record_checks`)."""

    marks: tuple[str, ...] = ()
    """Fields that mark protected people: a record is shared only where each of them is known to mark nobody."""
    category: CategoryPlan | None = None
    confidence: ConfidencePlan | None = None


@dataclass(frozen=True, slots=True)
class HeaderPlan:
    """The headers of delivered records: what all of them say alike, sorted, and the key of their identifiers."""

    fixed: tuple[tuple[str, str], ...]
    key: KeyReference


@dataclass(frozen=True)
class Plan:
    """One share of one agreement version over one contract version, compiled.

    DEFAULT-DENY: `fields` is the complete list of what may leave; a field that is not in it is dropped.
    """

    reference: str
    version: int
    content_hash: str
    share: str
    clause: str
    """The share's clause path, such as `shares[0]`."""
    recipient: str
    purpose: str
    dataset: str
    kind: Kind
    contract_major: int
    contract_digest: str
    rows: str | None
    """The row filter's text; None permits every row."""
    checks: RecordChecks
    key: KeyPlan
    fields: tuple[FieldPlan, ...]
    """In the order of the contract."""
    dropped: tuple[str, ...]
    """The contract's other leaf fields: said for the explanation, never needed to decide."""
    event_time: str | None
    """The field whose value is the event's time; None takes the envelope's `ts_ms`."""
    look_back_ms: int | None
    headers: HeaderPlan | None
    """None writes none."""
    view_schema: int | None
    """The registered id that frames every value; None for a plan that was compiled only to be checked."""
    view_text: str
    """The view's Avro schema, canonical JSON text."""

    @property
    def topic(self) -> str:
        """The department's topic."""
        return f"share.{self.reference.lower()}.{self.share}"

    @cached_property
    def treated(self) -> bool:
        """Whether a delivery is `redact`: some field is dropped or treated.  The key is not a field."""
        return bool(self.dropped) or any(field.action != "keep" for field in self.fields)

    @cached_property
    def key_references(self) -> tuple[KeyReference, ...]:
        """Every key that the plan needs, each once, sorted: what an activating command makes sure exists."""
        found = {f.key for f in self.fields if f.key is not None} | ({self.key.key} if self.key.key else set())
        found |= {self.headers.key} if self.headers else set()
        return tuple(sorted(found, key=lambda reference: (reference.identifier, reference.version)))

    @cached_property
    def fields_set(self) -> str:
        """The set identifier of the fields released: hex, equal exactly when the same fields leave in the same form."""
        released = [[field.path, treatment_document(field.treatment)] for field in self.fields]
        return hashlib.sha256(canonical_json([self.dataset, released]).encode()).hexdigest()[:16]

    @cached_property
    def document(self) -> dict[str, Any]:
        """The plan as plain JSON values; `docs/formats/plan.md` says what each member means."""
        return {
            "format": FORMAT,
            "agreement": {"reference": self.reference, "version": self.version, "content_hash": self.content_hash},
            "share": {"id": self.share, "clause": self.clause, "recipient": self.recipient, "purpose": self.purpose},
            "contract": {
                "dataset": self.dataset,
                "kind": self.kind.value,
                "major": self.contract_major,
                "digest": self.contract_digest,
            },
            "rows": self.rows,
            "checks": asdict(self.checks),
            "key": {
                "action": self.key.action,
                "clause": self.key.clause,
                "fields": list(self.key.fields),
                "domain": self.key.domain,
                "key": _reference_document(self.key.key),
            },
            "fields": [_field_document(field) for field in self.fields],
            "dropped": list(self.dropped),
            "event_time": self.event_time,
            "look_back_ms": self.look_back_ms,
            "headers": None if self.headers is None else _headers_document(self.headers),
            "view": {"schema_id": self.view_schema, "schema": json.loads(self.view_text)},
        }

    @cached_property
    def canonical(self) -> bytes:
        """`document` as UTF-8 JSON: members sorted, no spaces."""
        return canonical_json(self.document).encode()

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of `canonical`."""
        return hashlib.sha256(self.canonical).digest()


def canonical_json(value: Any) -> str:
    """JSON with sorted members and no spaces; the plan holds no floats, so this is one spelling per value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def treatment_text(treatment: Treatment) -> str:
    """A treatment in one short phrase, as the view schema's docs and explanations say it: `truncate to 3 characters`."""
    if treatment.action == "mask" and treatment.mask is not None:
        kept = [f"first {treatment.mask.keep_first}"] if treatment.mask.keep_first else []
        kept += [f"last {treatment.mask.keep_last}"] if treatment.mask.keep_last else []
        return f"mask, keeping the {' and the '.join(kept)}" if kept else "mask"
    if treatment.action == "truncate":
        return f"truncate to {treatment.truncate_characters} characters"
    if treatment.action == "generalise":
        step = treatment.generalise
        return f"generalise to bands of {step.width}" if isinstance(step, Band) else f"generalise to {step}"
    return treatment.action


def treatment_document(treatment: Treatment) -> dict[str, Any]:
    """A treatment as JSON: `action`, and exactly the parameters that belong to it."""
    return treatment.model_dump(mode="json", exclude_none=True)


def _reference_document(reference: KeyReference | None) -> dict[str, Any] | None:
    return None if reference is None else {"identifier": reference.identifier, "version": reference.version}


def _headers_document(headers: HeaderPlan) -> dict[str, Any]:
    return {"fixed": dict(headers.fixed), "key": _reference_document(headers.key)}


def _field_document(field: FieldPlan) -> dict[str, Any]:
    return {
        "path": field.path,
        "clause": field.clause,
        "treatment": treatment_document(field.treatment),
        "type": field.type.value,
        "domain": field.domain,
        "key": _reference_document(field.key),
    }
