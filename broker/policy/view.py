"""The view: the Avro schema of what a department receives under one share.

Names, order and descriptions of fields come from the contract.  A treated field says so in its `doc` and in the property
`concordat.treatment` (an encrypted one also its domain, in `concordat.domain`: the recipient needs it to decrypt); its type is that of the treated value.  Records stay nested.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agreements.model import Treatment
from broker.policy.plan import FieldPlan, Plan, canonical_json, treatment_text
from contracts.avro import avro_type, optional
from contracts.model import Contract, Field, TypeName

_TEXT = "string"
_GENERALISED: Mapping[str, Any] = {
    "hour": {"type": "long", "logicalType": "timestamp-micros"},
    "day": {"type": "int", "logicalType": "date"},
    "month": _TEXT,
    "year": "int",
    "district": _TEXT,
}


def view_schema(plan: Plan, contract: Contract | None = None) -> str:
    """The view's schema as text: made from `contract` where it is given, else the one that the plan carries."""
    if contract is None:
        return plan.view_text
    named = {field.path: field for field in plan.fields}
    space = ".".join(("concordat", "share", _avro_name(plan.reference.lower()), _avro_name(plan.share)))
    schema = {
        "type": "record",
        "name": _avro_name(contract.dataset),
        "namespace": space,
        "doc": f"{contract.name}, as {plan.reference} permits it for {plan.purpose}",
        "fields": _fields(contract.fields, named, "", f"{space}.fields."),
    }
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def same_shape(one: str, other: str) -> bool:
    """Whether two schema texts have the same names, types and order: only documentation may differ.

    The register does not read the schemas that its acts carry, so that one of them may be anything: no schema has no shape.
    """
    if one == other:
        return True
    try:
        return canonical_json(_bare(json.loads(one))) == canonical_json(_bare(json.loads(other)))
    except (ValueError, RecursionError):
        return False


def may_fail(treatment: Treatment) -> bool:
    """Whether the treatment has no answer for some values of its type; then the view's field may be null."""
    return treatment.action == "generalise" and treatment.generalise not in ("hour", "day", "month", "year")


def _fields(fields: tuple[Field, ...], named: Mapping[str, FieldPlan], prefix: str, space: str) -> list[dict[str, Any]]:
    shaped = []
    for field in fields:
        path = prefix + field.name
        if field.type.name is TypeName.RECORD:
            inner = _fields(field.type.fields, named, path + ".", space)
            if inner:
                record = {"type": "record", "name": space + path, "fields": inner}
                shaped.append(_field(field, record, nullable=not field.required))
        elif path in named:
            shaped.append(_leaf(field, named[path], space + path))
    return shaped


def _leaf(field: Field, planned: FieldPlan, name: str) -> dict[str, Any]:
    treatment = planned.treatment
    if treatment.action == "keep":
        return _field(field, avro_type(field.type, name), nullable=not field.required)
    shaped = _field(field, _treated_type(treatment), nullable=not field.required or may_fail(treatment))
    said = treatment_text(treatment)
    treated = shaped | {"doc": f"{field.description or field.name} ({said})", "concordat.treatment": said}
    return treated | {"concordat.domain": planned.domain} if treatment.action == "encrypt" else treated


def _treated_type(treatment: Treatment) -> Any:
    if treatment.action != "generalise":
        return _TEXT
    return _GENERALISED[treatment.generalise] if isinstance(treatment.generalise, str) else "long"


def _field(field: Field, avro: Any, *, nullable: bool) -> dict[str, Any]:
    doc = {"doc": field.description} if field.description else {}
    if nullable:
        return {"name": field.name, "type": optional(avro), "default": None} | doc
    return {"name": field.name, "type": avro} | doc


def _bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bare(member) for member in schema]
    if isinstance(schema, dict):
        kept = {k: v for k, v in schema.items() if k != "doc" and not k.startswith("concordat.")}
        return {k: v if k in ("default", "symbols") else _bare(v) for k, v in kept.items()}
    return schema


def _avro_name(text: str) -> str:
    """An Avro name of a reference or identifier; injective, since those hold no underscore."""
    name = text.replace("-", "_")
    return f"_{name}" if name[0].isdigit() else name
