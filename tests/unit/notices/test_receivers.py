"""Who is told: found by record in the audit, under every key there was; and what a notice says."""

from dataclasses import replace
from datetime import date

import pytest

from agreements.notices import NoticeKind
from agreements.snapshot import AgreementState
from broker.audit.evidence import SegmentRecord
from broker.keys import FileKeys
from broker.notices.commands import read_key
from broker.notices.letter import FORM, Letter, read
from broker.notices.receivers import receivers
from broker.proofs.world import CONTRACT, DATASET, IDENTIFIER, KEYS, agreement, deliver, entry_of, field, snapshot_of
from contracts.faults import Refused, Unusable
from contracts.model import TypeName

PSEUDONYM = "pseudonym/DSA-PROOF"
RECORD = {"id": IDENTIFIER}


def found(snapshot, segments, *keys, lookup=KEYS):
    return receivers(segments, snapshot, DATASET, keys or [RECORD], lookup)


def test_a_record_that_left_under_an_older_key_is_found():
    """The event left under version 1 of the key; it has been rotated twice since."""
    seen = deliver(agreement())
    rotated = replace(snapshot_of([entry_of(agreement())]), key_versions={PSEUDONYM: 3})
    (receiver,) = found(rotated, seen.segments).found
    assert receiver.keys == (seen.record.key.decode(),)
    assert IDENTIFIER not in receiver.keys[0]
    both = found(rotated, seen.segments, {"id": "another"}, RECORD)
    assert both.found == (receiver,)
    assert both.unsearched == ()


def test_a_key_that_is_gone_is_said_to_be(tmp_path):
    seen = deliver(agreement())
    keys = FileKeys(tmp_path / "secrets")
    nothing = found(snapshot_of([entry_of(agreement())]), seen.segments, lookup=keys)
    assert (nothing.found, nothing.unsearched) == ((), ("DSA-PROOF/main",))


def test_a_dataset_whose_key_fields_were_others_then_is_said_to_be_unsearched():
    seen = deliver(agreement())
    other = found(snapshot_of([entry_of(agreement())]), seen.segments, {"passport": IDENTIFIER})
    assert (other.found, other.unsearched) == ((), ("DSA-PROOF/main",))


@pytest.mark.parametrize("state", [AgreementState.TERMINATED, AgreementState.SUPERSEDED, AgreementState.CLOSED])
def test_whatever_has_become_of_the_agreement_its_recipient_is_found(state):
    seen = deliver(agreement())
    ended = replace(entry_of(agreement()), state=state)
    assert len(found(snapshot_of([ended]), seen.segments).found) == 1
    never = replace(ended, state=AgreementState.SUBMITTED, approved_position=None)
    assert found(snapshot_of([never]), seen.segments).found == ()


def test_who_was_denied_the_record_is_not_told_of_it():
    made = agreement(limits={"look_back": "P1D"})
    seen = deliver(made)
    assert not seen.is_delivered
    assert found(snapshot_of([entry_of(made)]), seen.segments).found == ()


def test_an_audit_that_cannot_be_read_tells_nobody():
    segments = [*deliver(agreement()).segments, SegmentRecord("concordat.audit.segments/0/9", b"x", b"not a segment")]
    with pytest.raises(Refused, match="NTC-004"):
        found(snapshot_of([entry_of(agreement())]), segments)


@pytest.mark.parametrize(
    "record", ["{", "[]", "{}", '{"id": null}', '{"id": 5}', '{"id": "a", "note": "b"}', '{"note": "b"}']
)
def test_a_record_is_named_by_exactly_its_key_fields(record):
    with pytest.raises(Unusable, match="NTC-002") as refused:
        read_key(CONTRACT, record)
    assert '"a"' not in str(refused.value)
    assert read_key(CONTRACT, '{"id": "A1"}') == {"id": "A1"}


def test_a_key_field_has_its_contracts_type():
    contract = replace(CONTRACT, key=("day", "level"), fields=(*CONTRACT.fields, field("day", TypeName.DATE)))
    assert read_key(contract, '{"level": 7, "day": "2026-02-28"}') == {"day": date(2026, 2, 28), "level": 7}


def test_a_notice_is_read_as_it_was_written():
    letter = Letter(
        FORM,
        3,
        NoticeKind.SPLIT,
        "home-office",
        "DSA-1",
        "main",
        ("t1.a",),
        "Two people.",
        date(2026, 1, 2),
        date(2026, 2, 1),
    )
    assert read(letter.value()) == letter
    assert letter.key == b"notice/3/DSA-1/main"
    for bad in (b"{}", letter.value().replace(b"notice/1", b"notice/2"), letter.value()[:-1]):
        with pytest.raises(ValueError, match=r"notice/1|Object|JSON|Input"):
            read(bad)
