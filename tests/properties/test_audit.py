"""Properties of the audit: what is built is read back, whatever the decisions; proofs hold for every tree."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.audit import tree
from broker.audit.leaf import DELIVERED, OUTCOMES
from broker.audit.read import read_segment
from broker.audit.runs import expand, runs
from broker.audit.segment import SALTS_BYTES, Decided, Ground, Terms, build_segment
from contracts.faults import Faults
from tests.unit.audit.world import KEY, WORKER

few = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
whole = st.integers(0, 2**53 - 1)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
hashes = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40)


@st.composite
def decisions(draw):
    offsets = sorted(draw(st.sets(st.integers(0, 10_000), min_size=1, max_size=8)))
    names = draw(st.lists(st.text("ABC-09", min_size=1, max_size=4), unique=True, max_size=3))
    found = []
    for offset in offsets:
        for name in names:
            outcome = draw(st.sampled_from([one for one in OUTCOMES if one != "quarantine"]))
            found.append(
                Decided(
                    Terms(name, draw(whole), draw(text), draw(st.sampled_from(["x", "y"])), draw(text), draw(text)),
                    outcome,
                    tuple(draw(st.lists(st.tuples(text, text), max_size=2))),
                    offset,
                    draw(st.none() | whole),
                    draw(st.none() | st.integers(-(2**53) + 1, 2**53 - 1)),
                    draw(st.none() | text),
                    outcome in DELIVERED,
                    draw(st.none() | st.binary(max_size=9)) if outcome in DELIVERED else None,
                    draw(st.none() | st.binary(max_size=9)) if outcome in DELIVERED else None,
                    draw(st.none() | st.binary(max_size=4)),
                    draw(st.none() | text),
                ),
            )
    ground = Ground(
        "source.x", 1, draw(whole), "live", None, offsets[0], offsets[-1] + 1,
        [(offset, draw(st.none() | whole)) for offset in offsets], "", draw(whole), draw(text), 7, "worker-1",
    )  # fmt: skip
    return ground, found, draw(st.binary(min_size=SALTS_BYTES, max_size=SALTS_BYTES)) * len(found)


@few
@given(decisions())
def test_every_segment_is_read_back_as_it_was_built(case):
    ground, decided, salts = case
    made = build_segment(ground, decided, salts, KEY.sign)
    found = read_segment(made.signed.entry, made.parts)
    assert not isinstance(found, Faults), found
    assert found.segment == made
    assert found.segment.signed.is_signed_by(WORKER.public_key)
    assert list(expand(found.segment.index.records)) == list(ground.records)
    order = [(one.recipient.agreement, one.recipient.share, one.auditor.offset) for one in found.opened]
    assert order == sorted((one.terms.agreement, one.terms.share, one.offset) for one in decided)
    assert sum(found.header.outcomes.values()) == len(decided)


@few
@given(st.binary(max_size=200), st.lists(st.binary(max_size=200), max_size=3))
def test_noise_is_refused_and_never_raises(entry, parts):
    assert isinstance(read_segment(entry, parts), Faults)


@few
@given(st.lists(st.tuples(st.integers(0, 300), st.none() | st.integers(0, 300)), max_size=30))
def test_runs_are_another_way_to_say_the_same(records):
    assert list(expand(runs(records))) == records


@few
@given(hashes, st.data())
def test_proofs_hold_for_every_tree_and_place(leaves, data):
    size, root = len(leaves), tree.root(leaves)
    index = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(index + 1, size))
    proof = tree.inclusion_proof(leaves, index)
    assert tree.root_of_inclusion(leaves[index], index, size, proof) == root
    assert tree.root_of_range(leaves[index:end], index, size, tree.range_proof(leaves, index, end)) == root
    assert tree.is_consistent(index, tree.root(leaves[:index]), size, root, tree.consistency_proof(leaves, index))
    assert tree.root([*leaves[:index], b"\0" * 32, *leaves[index + 1 :]]) != root or leaves[index] == b"\0" * 32
