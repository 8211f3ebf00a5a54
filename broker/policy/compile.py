"""From agreement and contract to a plan: the only place that turns clauses into what the engine does.

DEFAULT-DENY is kept here: a plan lists exactly the fields that the share names with a treatment that lets something
out, each of them a tagged leaf of the contract.  Everything else is dropped, and whatever is unclear is a fault.
All faults of a share are reported in one run, by clause path (`shares[0].fields.traveller.reference`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from agreements.content_keys import content_key, pseudonym_key
from agreements.model import Agreement, Share, Side, Treatment
from agreements.snapshot import AgreementEntry, ContractEntry, Snapshot
from broker.policy import codes
from broker.policy.cel import check_filter, parse
from broker.policy.headers import header_plan
from broker.policy.labels import label_findings, record_checks
from broker.policy.plan import FieldPlan, KeyPlan, KeyReference, Plan, treatment_text
from broker.policy.view import same_shape, view_schema
from contracts.faults import Code, Fault, Faults
from contracts.labels import NOT_PERSONAL
from contracts.model import Contract, Field, TypeName

_CLASSIFICATIONS = ("OFFICIAL", "SECRET", "TOP SECRET")
_TEXTS = frozenset({TypeName.STRING, TypeName.ENUM, TypeName.UUID})
_NUMBERS = frozenset({TypeName.INTEGER, TypeName.DOUBLE, TypeName.DECIMAL})
_DAYS = frozenset({TypeName.DATE, TypeName.TIMESTAMP})
_COLLECTIONS = frozenset({TypeName.ARRAY, TypeName.MAP})
_SINGLE = frozenset(TypeName) - _COLLECTIONS - {TypeName.RECORD}
_KEYABLE = _SINGLE - {TypeName.DOUBLE}
_GENERALISE: Mapping[str, frozenset[TypeName]] = {
    "hour": frozenset({TypeName.TIMESTAMP}),
    "day": frozenset({TypeName.TIMESTAMP}),
    "month": _DAYS,
    "year": _DAYS,
    "district": frozenset({TypeName.STRING}),
}
EVENT_TIME = "pole:event.time"
Positions = Mapping[str, tuple[int, int]]
"""Clause path to the line and column, from 1, where its value stands in the agreement's text."""


def compile_plan(
    agreement: Agreement,
    content_hash: str,
    share: Share,
    contract: Contract,
    *,
    view_schema_id: int | None = None,
    key_versions: Mapping[str, int] | None = None,
    positions: Positions | None = None,
) -> Plan | Faults:
    """The plan of one share over one contract version, or every fault that keeps it from being one.

    `key_versions` gives the current version of each key (1 where it says nothing); `positions` gives the faults their
    place in the text.  Without `view_schema_id` the plan is for checking and explaining only.
    """
    task = _Task(agreement, share, contract, key_versions or {}, positions or {})
    task.check_contract()
    fields, key = task.fields(), task.key()
    task.check_rows()
    task.check_labels()
    if task.faults or key is None:
        return Faults(tuple(task.faults))
    named = {planned.path for planned in fields}
    event_time = next((path for path in contract.tagged(EVENT_TIME) if _is(contract, path, _DAYS)), None)
    plan = Plan(
        reference=agreement.reference,
        version=agreement.version,
        content_hash=content_hash,
        share=share.id,
        clause=task.clause,
        recipient=agreement.party(Side.RECIPIENT).organisation,
        purpose=share.purpose,
        dataset=contract.dataset,
        kind=contract.kind,
        contract_major=contract.major,
        contract_digest=contract.digest,
        rows=share.rows,
        checks=record_checks(share, task.clause, contract),
        key=key,
        fields=fields,
        dropped=tuple(path for path, _ in contract.leaves() if path not in named),
        event_time=event_time,
        look_back_ms=_milliseconds(agreement.limits.look_back),
        headers=header_plan(agreement, share, task.reference("pseudonym")),
        view_schema=view_schema_id,
        view_text="",
    )
    return replace(plan, view_text=view_schema(plan, contract))


def compile_share(
    entry: AgreementEntry, share: Share, contract_entry: ContractEntry, snapshot: Snapshot
) -> Plan | Faults:
    """The plan that a worker decides by: the share as registered, with its registered view schema and key versions.

    A view whose schema is not registered, or is registered with other fields or types, is refused.
    """
    identifier = entry.view_schemas.get(share.id)
    compiled = compile_plan(
        entry.agreement,
        entry.content_hash,
        share,
        contract_entry.contract,
        view_schema_id=identifier,
        key_versions=snapshot.key_versions,
    )
    if isinstance(compiled, Faults):
        return compiled
    registered = None if identifier is None else snapshot.schemas.get(identifier)
    if registered is None or not same_shape(registered.text, compiled.view_text):
        message = f"{entry.agreement.reference} {compiled.clause}: no registered view schema fits"
        return Faults((codes.VIEW_UNREGISTERED.fault(message),))
    return replace(compiled, view_text=registered.text)


def key_plan(agreement: Agreement, share: Share, contract: Contract, key_versions: Mapping[str, int]) -> KeyPlan | None:
    """How a share makes its keys under these versions of the secret keys; None where its key cannot be treated."""
    return _Task(agreement, share, contract, key_versions, {}).key()


def filter_faults(agreement: Agreement, positions: Positions) -> tuple[Fault, ...]:
    """What is wrong in the row filters of an agreement as far as it can be seen without a contract: their syntax."""
    found: list[Fault] = []
    for index, share in enumerate(agreement.shares):
        parsed = parse(share.rows) if share.rows is not None else None
        if isinstance(parsed, Faults):
            clause = f"shares[{index}].rows"
            found += _placed(parsed.items, clause, *positions.get(clause, (None, None)))
    return tuple(found)


@dataclass
class _Task:
    """One compilation: what it reads, and the faults found so far."""

    agreement: Agreement
    share: Share
    contract: Contract
    key_versions: Mapping[str, int]
    positions: Positions
    faults: list[Fault] = field(default_factory=list)
    clause: str = ""

    def __post_init__(self) -> None:
        index = next((i for i, share in enumerate(self.agreement.shares) if share.id == self.share.id), 0)
        self.clause = f"shares[{index}]"

    def fault(self, code: Code, clause: str, message: str) -> None:
        """Note one fault of `clause`, at the clause's place in the text."""
        line, column = self.positions.get(clause) or self.positions.get(self.clause) or (None, None)
        self.faults.append(code.fault(f"{clause}: {message}", line=line, column=column))

    def check_contract(self) -> None:
        """The share is about this contract, and its ceiling admits the dataset."""
        share, contract = self.share, self.contract
        if (share.dataset, share.contract) != (contract.dataset, contract.major):
            wanted, given = f"{share.dataset} {share.contract}", f"{contract.dataset} {contract.major}"
            self.fault(codes.CONTRACT_MISMATCH, f"{self.clause}.contract", f"wants {wanted}, compiled with {given}")
        if _rank(contract.classification) > _rank(share.classification_ceiling):
            message = f"{contract.dataset} is {contract.classification}, the ceiling is {share.classification_ceiling}"
            self.fault(codes.CLASSIFICATION, f"{self.clause}.classification_ceiling", message)

    def check_rows(self) -> None:
        """The row filter parses, and is a boolean over the contract's fields."""
        if self.share.rows is None:
            return
        clause = f"{self.clause}.rows"
        line, column = self.positions.get(clause, (None, None))
        parsed = parse(self.share.rows)
        found = parsed if isinstance(parsed, Faults) else check_filter(parsed, self.contract)
        if found is not None:
            self.faults.extend(_placed(found.items, clause, line, column))

    def check_labels(self) -> None:
        """What the owner's labels ask for is said, and what they forbid does not leave."""
        for finding in label_findings(self.agreement, self.share, self.clause, self.contract):
            self.fault(*finding)

    def fields(self) -> tuple[FieldPlan, ...]:
        """The fields that may leave, in the order of the contract."""
        planned: dict[str, FieldPlan] = {}
        for path, treatment in self.share.fields.items():
            clause = f"{self.clause}.fields.{path}"
            found = self.contract.field(path)
            if found is None:
                self.fault(codes.FIELD_UNKNOWN, clause, f"{self.contract.dataset} has no field {path}")
            elif treatment.action != "drop" and self._may_flow(found, treatment, clause):
                planned[path] = self._field_plan(path, found, treatment, clause)
        if not planned and not self.faults:
            self.fault(codes.NOTHING_SHARED, f"{self.clause}.fields", "no field may leave")
        return tuple(planned[path] for path, _ in self.contract.leaves() if path in planned)

    def key(self) -> KeyPlan | None:
        """How the Kafka key is made; faults where it would be raw, ambiguous or not a value."""
        clause, names = f"{self.clause}.key", self.contract.key
        found = [self.contract.field(name) for name in names]
        usable = bool(found) and all(f is not None and f.tags and f.type.name in _KEYABLE for f in found)
        if not usable:
            self.fault(codes.KEY_UNUSABLE, clause, f"the key of {self.contract.dataset} cannot be treated")
            return None
        personal = [name for name, f in zip(names, found, strict=True) if f and NOT_PERSONAL not in f.tags]
        if self.share.key == "keep" and personal:
            self.fault(codes.KEY_TREATMENT, clause, f"key field not tagged {NOT_PERSONAL}: {', '.join(personal)}")
            return None
        if len(names) == 1 and found[0] is not None:
            domain = token_domain(self.contract.dataset, names[0], found[0])
        else:
            domain = f"key:{self.contract.dataset}"
        reference = None if self.share.key == "keep" else self.reference("pseudonym")
        return KeyPlan(self.share.key, clause, names, domain, reference)

    def _may_flow(self, found: Field, treatment: Treatment, clause: str) -> bool:
        before = len(self.faults)
        inner = found.type
        while inner.name in _COLLECTIONS and inner.items is not None:
            inner = inner.items
        if inner.name is TypeName.RECORD:
            self.fault(codes.FIELD_NOT_LEAF, clause, "is a record or holds records; name its fields")
        elif not found.tags:
            self.fault(codes.FIELD_UNTAGGED, clause, "is not tagged by its owner")
        elif not treatment_fits(treatment, found.type.name):
            message = f"{treatment_text(treatment)} does not fit type {found.type.name.value}"
            self.fault(codes.TREATMENT_TYPE, clause, message)
        return len(self.faults) == before

    def _field_plan(self, path: str, found: Field, treatment: Treatment, clause: str) -> FieldPlan:
        domain, key = "", None
        if treatment.action in ("tokenise", "encrypt"):
            domain = token_domain(self.contract.dataset, path, found)
            key = self.reference("pseudonym" if treatment.action == "tokenise" else "content")
        return FieldPlan(path, clause, treatment, found.type.name, domain, key)

    def reference(self, purpose: str) -> KeyReference:
        """The agreement's pseudonym key, or the share's content key, in its current version."""
        reference = self.agreement.reference
        identifier = content_key(reference, self.share.id) if purpose == "content" else pseudonym_key(reference)
        return KeyReference(identifier, self.key_versions.get(identifier, 1))


def token_domain(dataset: str, path: str, found: Field) -> str:
    """What a token is about: the semantic type (`pole:person.identifier`), else the field itself.

    Two fields of one semantic type give one token for one value, within one agreement (decision 23).
    """
    semantic = sorted(tag for tag in found.tags if tag.startswith("pole:"))
    return semantic[0] if semantic else f"field:{dataset}/{path}"


def treatment_fits(treatment: Treatment, name: TypeName) -> bool:
    """Whether `treatment` has a meaning for a field of type `name`."""
    if treatment.action == "generalise":
        step = treatment.generalise
        return name in (_GENERALISE[step] if isinstance(step, str) else _NUMBERS)
    fits: Mapping[str, frozenset[TypeName]] = {
        "keep": frozenset(TypeName) - {TypeName.RECORD},
        "drop": frozenset(TypeName),
        "mask": _TEXTS,
        "truncate": _TEXTS,
        "tokenise": _SINGLE,
        "encrypt": _SINGLE,
    }
    return name in fits[treatment.action]


def _placed(faults: Iterable[Fault], clause: str, line: int | None, column: int | None) -> Iterable[Fault]:
    """Faults of an expression, moved to where it begins in the agreement's text; all lines of a block are indented alike."""
    for fault in faults:
        at_line, at_column = fault.line or 1, fault.column or 1
        if line is None or column is None:
            placed = replace(fault, line=None, column=None)
            message = f"{clause}, line {at_line} column {at_column} of the expression: {fault.message}"
        else:
            placed = replace(fault, line=line + at_line - 1, column=column + at_column - 1)
            message = f"{clause}: {fault.message}"
        yield replace(placed, message=message)


def _rank(classification: str) -> int:
    """The place of a classification; an unknown one is above every ceiling (DEFAULT-DENY)."""
    return _CLASSIFICATIONS.index(classification) if classification in _CLASSIFICATIONS else len(_CLASSIFICATIONS)


def _is(contract: Contract, path: str, names: frozenset[TypeName]) -> bool:
    found = contract.field(path)
    return found is not None and found.type.name in names


def _milliseconds(span: timedelta | None) -> int | None:
    return None if span is None else span // timedelta(milliseconds=1)
