"""Plans: what compiles, to what, and every fault that keeps a share from being one (DEFAULT-DENY)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import fastavro
import pytest

from agreements.model import Band, Mask
from agreements.snapshot import AgreementEntry, AgreementState, SchemaEntry, Snapshot
from broker.policy.compile import compile_plan, compile_share, treatment_fits
from broker.policy.plan import KeyReference, Plan
from broker.policy.view import same_shape, view_schema
from contracts.faults import Faults
from contracts.model import Caveat, Field, FieldType, TypeName
from tests.policy_world import agreement, entity_contract, entry_of, event_contract, field, plan_of, share, treatment

CONTRACT = entity_contract()


def _faults(one, contract=CONTRACT, **arguments):
    found = compile_plan(agreement(one), "sha256:" + "0" * 64, one, contract, **arguments)
    assert isinstance(found, Faults), "it compiled"
    return found.items


def test_a_plan_names_exactly_what_may_leave_in_the_contracts_order():
    one = share(
        {
            "born": treatment("generalise", generalise="year"),
            "id": "tokenise",
            "address.country": "keep",
            "name": "drop",
        }
    )
    plan = plan_of(CONTRACT, one)
    assert [f.path for f in plan.fields] == ["id", "born", "address.country"]
    assert plan.fields[1].clause == "shares[0].fields.born"
    assert set(plan.dropped) | {f.path for f in plan.fields} == {path for path, _ in CONTRACT.leaves()}
    assert plan.topic == "share.dsa-2026-001.main"
    assert plan.key_references == (KeyReference("pseudonym/DSA-2026-001", 1),)
    assert plan.treated


def test_the_canonical_form_is_stable_and_holds_no_secret():
    one = share({"id": "tokenise", "name": "encrypt"}, rows="status == 'active'")
    plan = plan_of(CONTRACT, one, look_back=timedelta(days=90))
    assert plan.digest == plan_of(CONTRACT, one, look_back=timedelta(days=90)).digest
    document = json.loads(plan.canonical)
    assert document["format"] == "concordat-plan/2"
    assert document["look_back_ms"] == 90 * 86_400_000
    assert document["fields"][1]["key"] == {"identifier": "content/DSA-2026-001/main", "version": 1}
    for changed in (
        share({"id": "tokenise", "name": "keep"}, rows="status == 'active'"),
        share({"id": "tokenise", "name": "encrypt"}, rows="status == 'left'"),
        share({"id": "tokenise", "name": "encrypt"}, rows="status == 'active'", purpose="other"),
    ):
        assert plan_of(CONTRACT, changed, look_back=timedelta(days=90)).digest != plan.digest
    assert plan_of(CONTRACT, one, look_back=timedelta(days=90), view_schema_id=7).digest != plan.digest


def test_key_versions_reach_the_plan():
    one = share({"name": "tokenise"})
    plan = compile_plan(agreement(one), "sha256:0", one, CONTRACT, key_versions={"pseudonym/DSA-2026-001": 3})
    assert isinstance(plan, Plan)
    assert plan.key.key == plan.fields[0].key == KeyReference("pseudonym/DSA-2026-001", 3)


def test_the_key_of_one_field_shares_the_fields_domain_and_a_composite_has_its_own():
    plan = plan_of(CONTRACT, share({"id": "tokenise", "name": "tokenise"}))
    assert plan.key.domain == plan.fields[0].domain == "pole:person.identifier"
    assert plan.fields[1].domain == "field:people/name"
    composite = plan_of(entity_contract(key=("id", "status")), share({"id": "tokenise"}))
    assert composite.key.domain == "key:people"


@pytest.mark.parametrize(
    ("one", "code", "clause"),
    [
        (share({"nothing": "keep"}), "POL-012", "shares[0].fields.nothing"),
        (share({"untagged": "tokenise"}), "POL-013", "shares[0].fields.untagged"),
        (share({"address": "keep"}), "POL-014", "shares[0].fields.address"),
        (share({"visits": "mask"}), "POL-015", "shares[0].fields.visits"),
        (share({"codes": "tokenise"}), "POL-015", "shares[0].fields.codes"),
        (share({"born": treatment("generalise", generalise="day")}), "POL-015", "shares[0].fields.born"),
        (share({"name": "keep"}, key="keep"), "POL-016", "shares[0].key"),
        (share({"name": "drop"}), "POL-018", "shares[0].fields"),
        (share({"name": "keep"}, contract=2), "POL-010", "shares[0].contract"),
        (share({"name": "keep"}, dataset="others"), "POL-010", "shares[0].contract"),
        (share({"name": "keep"}, rows="name =="), "POL-001", "shares[0].rows"),
        (share({"name": "keep"}, rows="nothing == 'x'"), "POL-002", "shares[0].rows"),
        (share({"name": "keep"}, rows="visits"), "POL-003", "shares[0].rows"),
    ],
)  # fmt: skip
def test_what_is_unclear_or_too_much_is_a_fault_of_its_clause(one, code, clause):
    faults = _faults(one)
    assert [fault.code.identifier for fault in faults] == [code]
    assert faults[0].message.startswith(clause)


@pytest.mark.parametrize("classification", ["SECRET", "TOP SECRET", "COSMIC"])
def test_a_dataset_above_the_ceiling_is_refused(classification):
    faults = _faults(share({"name": "keep"}), entity_contract(classification=classification))
    assert [fault.code.identifier for fault in faults] == ["POL-011"]


def test_a_ceiling_admits_what_is_below_it():
    one = share({"name": "keep"}, classification_ceiling="TOP SECRET")
    assert isinstance(plan_of(entity_contract(classification="SECRET"), one), Plan)


def test_a_list_of_records_cannot_be_shared_as_a_whole():
    items = FieldType(TypeName.RECORD, fields=(field("inner", TypeName.STRING),))
    contract = entity_contract(fields=(*CONTRACT.fields, field("many", TypeName.ARRAY, items=items)))
    assert [f.code.identifier for f in _faults(share({"many": "keep"}), contract)] == ["POL-014"]


@pytest.mark.parametrize("key", [(), ("nothing",), ("codes",), ("untagged",), ("score",), ("address",)])
def test_a_key_that_cannot_be_treated_is_refused(key):
    assert [f.code.identifier for f in _faults(share({"name": "keep"}), entity_contract(key=key))] == ["POL-017"]


def test_a_key_is_kept_only_where_every_key_field_is_not_personal():
    contract = entity_contract(key=("status", "visits"))
    assert plan_of(contract, share({"name": "keep"}, key="keep")).key.action == "keep"
    mixed = entity_contract(key=("status", "id"))
    assert [f.code.identifier for f in _faults(share({"name": "keep"}, key="keep"), mixed)] == ["POL-016"]


def test_all_faults_are_reported_in_one_run_with_their_places():
    one = share({"nothing": "keep", "untagged": "keep"}, rows="visits ==\n 'x'", key="keep")
    positions = {"shares[0].fields.nothing": (10, 16), "shares[0].rows": (7, 11), "shares[0]": (3, 5)}
    faults = _faults(one, positions=positions)
    assert [(f.code.identifier, f.line, f.column) for f in faults] == [
        ("POL-012", 10, 16),
        ("POL-013", 3, 5),
        ("POL-016", 3, 5),
        ("POL-003", 7, 18),
    ]


def test_which_treatment_fits_which_type():
    text = {TypeName.STRING, TypeName.ENUM, TypeName.UUID}
    number = {TypeName.INTEGER, TypeName.DOUBLE, TypeName.DECIMAL}
    single = set(TypeName) - {TypeName.ARRAY, TypeName.MAP, TypeName.RECORD}
    expected = [
        (treatment("keep"), set(TypeName) - {TypeName.RECORD}),
        (treatment("mask", mask=Mask()), text),
        (treatment("truncate", truncate_characters=3), text),
        (treatment("tokenise"), single),
        (treatment("encrypt"), single),
        (treatment("generalise", generalise="hour"), {TypeName.TIMESTAMP}),
        (treatment("generalise", generalise="month"), {TypeName.TIMESTAMP, TypeName.DATE}),
        (treatment("generalise", generalise="district"), {TypeName.STRING}),
        (treatment("generalise", generalise=Band(width=5)), number),
    ]
    for one, types in expected:
        assert {name for name in TypeName if treatment_fits(one, name)} == types


def test_the_view_schema_says_what_was_done():
    contract = entity_contract(
        fields=tuple(replace(f, description="Full name") if f.name == "name" else f for f in CONTRACT.fields)
    )
    plan = plan_of(contract, share({
        "id": "tokenise", "name": treatment("truncate", truncate_characters=1), "status": "keep",
        "address.postcode": treatment("generalise", generalise="district"), "address.country": "keep",
        "visits": treatment("generalise", generalise=Band(width=10)), "seen": treatment("generalise", generalise="day"),
    }))  # fmt: skip
    schema = json.loads(view_schema(plan))
    fastavro.parse_schema(json.loads(view_schema(plan)))
    assert [f["name"] for f in schema["fields"]] == ["id", "name", "status", "address", "visits", "seen"]
    assert schema["namespace"] == "concordat.share.dsa_2026_001.main"
    by_name = {f["name"]: f for f in schema["fields"]}
    assert by_name["id"]["type"] == "string"
    assert by_name["name"]["concordat.treatment"] == "truncate to 1 characters"
    assert by_name["name"]["doc"] == "Full name (truncate to 1 characters)"
    assert "concordat.treatment" not in by_name["status"]
    assert by_name["status"]["type"]["symbols"] == ["active", "left"]
    assert by_name["visits"]["type"] == ["null", "long"]
    assert by_name["seen"]["type"] == ["null", {"type": "int", "logicalType": "date"}]
    assert [f["name"] for f in by_name["address"]["type"][1]["fields"]] == ["postcode", "country"]


def test_a_required_field_that_may_be_untreatable_is_nullable_in_the_view():
    required = tuple(replace(f, required=True) for f in CONTRACT.fields)
    plan = plan_of(
        entity_contract(fields=required), share({"visits": treatment("generalise", generalise=Band(width=2))})
    )
    assert json.loads(plan.view_text)["fields"][0]["type"] == ["null", "long"]


def test_only_documentation_may_differ_between_schemas_of_one_shape():
    one = share({"name": "keep"})
    text = plan_of(CONTRACT, one).view_text
    described = replace(CONTRACT, name="Renamed", caveats=(Caveat("c", 1, "t"),))
    assert same_shape(text, plan_of(described, one).view_text)
    assert text != plan_of(described, one).view_text
    required = tuple(replace(f, required=True) for f in CONTRACT.fields)
    assert not same_shape(text, plan_of(entity_contract(fields=required), one).view_text)


@pytest.mark.parametrize("text", ["no schema", "[" * 100_000, "null", ""])
def test_a_registered_text_that_is_no_schema_has_no_shape(text):
    assert not same_shape(text, plan_of(CONTRACT, share({"visits": "keep"})).view_text)


def _entry(one, views):
    made = agreement(one)
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    return AgreementEntry(
        made, "sha256:1", "d", AgreementState.APPROVED, 1, start, end, view_schemas=MappingProxyType(views)
    )


def test_a_worker_refuses_a_view_that_is_not_registered():
    one = share({"name": "keep"})
    text = plan_of(CONTRACT, one).view_text
    other = plan_of(CONTRACT, share({"visits": "keep"})).view_text
    registered = {5: SchemaEntry(5, "v", 1, text), 6: SchemaEntry(6, "v", 1, other)}
    snapshot = Snapshot(schemas=MappingProxyType(registered), key_versions={"pseudonym/DSA-2026-001": 2})
    plan = compile_share(_entry(one, {"main": 5}), one, entry_of(CONTRACT), snapshot)
    assert isinstance(plan, Plan)
    assert (plan.view_schema, plan.view_text, plan.key_references[0].version) == (5, text, 2)
    for views in ({}, {"main": 6}, {"main": 9}):
        refused = compile_share(_entry(one, views), one, entry_of(CONTRACT), snapshot)
        assert isinstance(refused, Faults)
        assert refused.items[0].code.identifier == "POL-019"
    assert isinstance(
        compile_share(_entry(share({"x": "keep"}), {}), share({"x": "keep"}), entry_of(CONTRACT), snapshot), Faults
    )


def test_a_new_field_of_the_contract_does_not_flow():
    one = share({"name": "keep"})
    wider = entity_contract(
        fields=(*CONTRACT.fields, Field("added", FieldType(TypeName.STRING), tags=frozenset({"x"})))
    )
    plan = plan_of(wider, one)
    assert [f.path for f in plan.fields] == ["name"]
    assert "added" in plan.dropped
    assert plan.view_text == plan_of(CONTRACT, one).view_text


def test_an_event_plan_knows_its_time():
    one = share({"direction": "keep"}, dataset="crossings")
    assert plan_of(event_contract(), one).event_time == "crossed_at"
    assert plan_of(CONTRACT, share({"name": "keep"})).event_time is None
