"""Segments: what is built can be read, and anything else is refused."""

import json

import msgspec
import pytest
import rfc8785

from broker.audit import codes, tree
from broker.audit.canonical import NotCanonical, encode
from broker.audit.header import read_header
from broker.audit.leaf import DELIVERED, OUTCOMES, delivered_digest, key_digest
from broker.audit.read import read_segment
from broker.audit.runs import expand, runs
from broker.audit.segment import Terms
from broker.policy.decision import DELIVERED as POLICY_DELIVERED
from broker.policy.decision import Mode, Outcome
from contracts.faults import Faults
from tests.unit.audit.world import KEY, SOURCE, WORKER, World, forge, honest


def small():
    return World().decide(SOURCE, 0, [(0, 0, {"A": "redact", "B": "deny"}), (1, None, {"": "quarantine"})])


def code_of(made):
    found = read_segment(made.signed.entry, made.parts)
    return found.items[0].code if isinstance(found, Faults) else None


def test_the_words_are_those_of_the_policy():
    assert set(OUTCOMES) == {outcome.value for outcome in Outcome}
    assert {outcome.value for outcome in POLICY_DELIVERED} == DELIVERED
    assert {mode.value for mode in Mode} == {"live", "backfill", "release", "replay", "correction"}


def test_what_is_built_is_read_back():
    for chain in honest().chains.values():
        for made in chain:
            found = read_segment(made.signed.entry, made.parts)
            assert not isinstance(found, Faults), found
            assert found.segment == made
            assert made.signed.is_signed_by(WORKER.public_key)
            assert found.header.leaf_root == tree.root([leaf.hash() for leaf in made.leaves]).hex()


def test_every_stored_text_is_in_its_rfc_8785_spelling():
    made = small()
    texts = [made.signed.entry.split(b"\n")[0], *b"".join(made.parts).splitlines()]
    texts += [part for leaf in made.leaves for part in (leaf.recipient, leaf.auditor)]
    for text in texts:
        assert rfc8785.dumps(json.loads(text)) == text


def test_leaves_stand_quarantines_first_then_by_share_and_offset():
    made = honest().chains[SOURCE, 0][0]
    found = read_segment(made.signed.entry, made.parts)
    order = [(one.recipient.agreement, one.auditor.offset) for one in found.opened]
    assert order == [("", 2), ("A", 0), ("A", 1), ("B", 0), ("B", 1)]
    assert [(e.agreement, e.start, e.count) for e in made.index.directory] == [("", 0, 1), ("A", 1, 2), ("B", 3, 2)]
    assert made.header.outcomes == {"deny": 1, "permit": 2, "quarantine": 1, "redact": 1}
    assert made.identifier(3) == "source.crossings/0/0/3"


def test_two_decisions_for_one_record_and_share_cannot_be_built():
    world, rows = World(), [(0, 0, {"A": "deny"})]
    with pytest.raises(ValueError, match="two decisions"):
        world.decide(SOURCE, 0, [*rows, *rows])


def test_large_bodies_are_cut_into_parts_well_under_kafkas_limit(monkeypatch):
    monkeypatch.setattr("broker.audit.segment.PART_BYTES_MAX", 3_000)
    made = World().decide(SOURCE, 0, [(n, n, {"A": "deny", "B": "redact"}) for n in range(20)])
    assert len(made.parts) > 5
    assert max(len(part) for part in made.parts) <= 3_000
    assert code_of(made) is None
    keys = [key.decode() for key, _ in made.records()]
    assert keys[0] == "source.crossings/0/0/0"
    assert keys[-1] == "source.crossings/0/0"


def test_runs_say_offsets_and_sequences_in_few_words():
    records = [(0, 0), (1, 1), (2, 2), (4, 3), (5, None), (6, None), (7, 4), (8, 9)]
    assert list(runs(records)) == [(0, 0, 3), (4, 3, 1), (5, None, 2), (7, 4, 1), (8, 9, 1)]
    assert list(expand(runs(records))) == records
    assert list(runs([])) == []


def test_digests_tell_empty_from_absent_and_key_from_value():
    found = {delivered_digest(*pair) for pair in ((b"", b""), (None, b""), (b"", None), (b"a", b"b"), (b"ab", b""))}
    assert len(found) == 5
    assert key_digest(None) != key_digest(b"")


def test_no_bit_of_a_part_or_a_header_can_be_changed():
    made = small()
    for number, part in enumerate(made.parts):
        for bit in range(len(part) * 8):
            parts = list(made.parts)
            parts[number] = flipped(part, bit)
            found = read_segment(made.signed.entry, parts)
            assert isinstance(found, Faults), bit
            assert found.items[0].code is codes.PART_ALTERED
    for bit in range(len(made.signed.entry) * 8):
        entry = flipped(made.signed.entry, bit)
        found = read_segment(entry, made.parts)
        if isinstance(found, Faults):
            assert found.items[0].code in codes.CODES
        else:
            assert not found.segment.signed.is_signed_by(WORKER.public_key), bit


def test_no_bit_of_a_body_can_be_changed_even_where_the_header_names_it():
    made = small()
    (part,) = made.parts
    for bit in range(0, len(part) * 8, 3):  # every byte, every third bit: the digest is made to fit
        changed = flipped(part, bit)
        digest = __import__("hashlib").sha256(changed).hexdigest()
        found = read_segment(forge(made, parts=(digest,)).signed.entry, [changed])
        assert isinstance(found, Faults), bit
        assert found.items[0].code in codes.CODES


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (b"", "signature"),
        (b"{}\n" + b"0" * 128 + b"\n", "form"),
        (b"{\n" + b"0" * 128 + b"\n", "syntax"),
        (b"\xff\xfe\n" + b"0" * 128 + b"\n", "syntax"),
    ],
)
def test_what_is_no_header_is_refused(entry, why):
    with pytest.raises(NotCanonical, match=why):
        read_header(entry)


def test_another_spelling_of_the_same_header_is_refused():
    made = small()
    text, rest = made.signed.entry.split(b"\n", 1)
    for other in (text.replace(b":", b": ", 1), text.replace(b"source", b"\\u0073ource", 1), b" " + text):
        with pytest.raises(NotCanonical):
            read_header(other + b"\n" + rest)
    with pytest.raises(NotCanonical):
        read_header(made.signed.entry[:-130] + made.signed.entry[-130:].upper())
    with pytest.raises(NotCanonical):
        read_header(made.signed.entry + b"\n")


def swapped(made):
    return [made.leaves[0], made.leaves[2], made.leaves[1]]


def relabelled(made, outcome):
    leaf = made.leaves[2]
    part = msgspec.structs.replace(leaf.recipient_part(), outcome=outcome)
    return [*made.leaves[:2], leaf._replace(recipient=encode(part))]


def roots(leaves):
    return {"leaf_root": tree.root([leaf.hash() for leaf in leaves]).hex(), "leaves": len(leaves)}


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (lambda m: forge(m, given=m.leaves[:-1]), codes.LEAF_ROOT_WRONG),
        (lambda m: forge(m, given=relabelled(m, "unchanged")), codes.LEAF_ROOT_WRONG),
        (lambda m: forge(m, given=m.leaves[:-1], **roots(m.leaves[:-1])), codes.DIRECTORY_WRONG),
        (lambda m: forge(m, given=swapped(m), **roots(swapped(m))), codes.LEAF_ORDER_WRONG),
        (
            lambda m: forge(m, given=[*m.leaves, m.leaves[-1]], **roots([*m.leaves, m.leaves[-1]])),
            codes.LEAF_ORDER_WRONG,
        ),
        (lambda m: forge(m, given=relabelled(m, "hold"), **roots(relabelled(m, "hold"))), codes.DIRECTORY_WRONG),
        (lambda m: forge(m, given=relabelled(m, "permit"), **roots(relabelled(m, "permit"))), codes.LEAF_MISPLACED),
        (lambda m: forge(m, directory_root="0" * 64), codes.DIRECTORY_WRONG),
        (lambda m: forge(m, records=3), codes.RECORDS_WRONG),
        (lambda m: forge(m, records_digest="0" * 64), codes.RECORDS_WRONG),
        (lambda m: forge(m, end=9), codes.RECORDS_WRONG),
        (lambda m: forge(m, given=(), **roots(())), codes.DIRECTORY_WRONG),
        (lambda m: forge(m, outcomes={"deny": 3}), codes.COUNTS_WRONG),
        (lambda m: forge(m, event_ms_max=None), codes.COUNTS_WRONG),
        (lambda m: forge(m, sequence_max=7), codes.COUNTS_WRONG),
        (lambda m: forge(m, decided_ms=m.header.decided_ms + 1), codes.LEAF_MISPLACED),
        (lambda m: forge(m, register_position=3), codes.LEAF_MISPLACED),
        (lambda m: forge(m, mode="release"), codes.RECORDS_WRONG),
        (lambda m: forge(m, parts=()), codes.PART_ALTERED),
    ],
)
def test_a_segment_that_contradicts_itself_is_refused_though_its_worker_signed_it(lie, code):
    made = lie(small())
    assert made.signed.is_signed_by(WORKER.public_key)
    assert code_of(made) is code


def test_a_body_of_something_else_is_refused():
    made = small()
    for body in (b"", b"\n", b"[]\n", b"\xff\n", made.parts[0][:-1], made.parts[0] + b"{}\n", made.parts[0] + b"\n"):
        digest = __import__("hashlib").sha256(body).hexdigest()
        found = read_segment(forge(made, parts=(digest,)).signed.entry, [body])
        assert isinstance(found, Faults)
        assert found.items[0].code is codes.BODY_UNREADABLE


def test_an_empty_segment_and_terms_of_nothing():
    made = World().decide(SOURCE, 0, [(0, 0, {}), (1, 1, {})])
    assert made.header.leaf_root == tree.EMPTY_ROOT.hex()
    assert code_of(made) is None
    assert Terms() == Terms("", 0, "", "", "", "", "", None)


def test_a_header_that_no_log_entry_could_hold_is_not_signed():
    with pytest.raises(ValueError, match="65535"):
        forge(small(), parts=("0" * 64,) * 1_000)


def test_the_signature_is_of_one_purpose():
    made = small()
    text = made.signed.entry.split(b"\n")[0]
    other = made.signed._replace(entry=text + b"\n" + KEY.sign(text).hex().encode() + b"\n")
    assert not other.is_signed_by(WORKER.public_key)
    assert not made.signed.is_signed_by("00")
