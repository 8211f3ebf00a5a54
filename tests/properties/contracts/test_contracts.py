"""Contracts, their schemas and their rows: what goes in comes out, and nothing else does."""

from __future__ import annotations

import contextlib
import json

import avro.schema
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contracts.avro import key_schema, type_names, value_schema
from contracts.change import Envelope, Op, Origin
from contracts.check import Checker
from contracts.compatibility import reasons
from contracts.faults import Faults
from contracts.text import parse
from contracts.wire import AvroSchema, EnvelopeCodec, WireError, canonical_text
from tests.properties.contracts.strategies import TYPES, contracts, rows, values
from tests.unit.contracts.test_text import GOOD

quick = settings(max_examples=25, deadline=None, derandomize=True)


@quick
@given(st.data(), contracts())
def test_a_row_comes_back_from_its_envelope_and_keeps_its_contract(data, contract):
    assume(len(set(type_names(contract))) == len(type_names(contract)))
    row = data.draw(rows(contract.fields))
    codec = EnvelopeCodec(contract, 1, 2)
    envelope = Envelope(Op.UPDATE, None, row, Origin("c", "things", "p", 0, None, snapshot=True), 5, ("x.y",))
    assert codec.decode(codec.encode(envelope)) == envelope
    assert codec.decode_key(codec.encode_key(row)) == {"key": row["key"]}
    assert Checker(contract).change(envelope) == ()


@quick
@given(st.data(), contracts())
def test_one_missing_required_field_is_the_one_violation(data, contract):
    row = data.draw(rows(contract.fields))
    required = data.draw(st.sampled_from([field.name for field in contract.fields if field.required]))
    found = Checker(contract).row(row | {required: None})
    assert [(violation.code, violation.path) for violation in found] == [("required", required)]


@quick
@given(contracts())
def test_schemas_are_one_text_and_the_avro_project_reads_them(contract):
    assume(len(set(type_names(contract))) == len(type_names(contract)))
    for text in (key_schema(contract), value_schema(contract)):
        assert json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False) == text
        avro.schema.parse(text)
    assert (key_schema(contract), value_schema(contract)) == (key_schema(contract), value_schema(contract))
    assert [reason for reason in reasons(contract, contract) if "version number" not in reason] == []


@quick
@given(contracts(), st.binary(max_size=40))
def test_any_bytes_are_read_whole_or_refused(contract, body):
    assume(len(set(type_names(contract))) == len(type_names(contract)))
    schema = AvroSchema(value_schema(contract))
    with contextlib.suppress(WireError):
        schema.decode(body)


@quick
@given(st.data(), TYPES)
def test_equal_values_have_equal_texts_and_different_ones_do_not(data, type_):
    first, second = data.draw(values(type_)), data.draw(values(type_))
    assert (canonical_text(first) == canonical_text(second)) == (first == second)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_a_damaged_contract_is_read_or_has_faults(data):
    place = data.draw(st.integers(0, len(GOOD)))
    text = GOOD[:place] + data.draw(st.text(max_size=3)) + GOOD[place + data.draw(st.integers(0, 5)) :]
    found = parse(text)
    if isinstance(found, Faults):
        assert all(fault.line and fault.column for fault in found.items)
    else:
        assert found.text == text
