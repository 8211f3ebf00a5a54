"""The Merkle tree against a slow and obvious twin, and against published vectors."""

import os
from hashlib import sha256

import pytest

from broker.audit import tree

# The inputs and roots with which Certificate Transparency's own implementations are tested.
INPUTS = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [tree.leaf_hash(bytes([n])) for n in range(70)]


def mth(entries):
    """RFC 6962, section 2.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\0" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\1" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m, entries):
    """RFC 6962, section 2.1.1, word for word."""
    if len(entries) == 1:
        return []
    k = 1
    while k * 2 < len(entries):
        k *= 2
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m, entries, whole):
    """RFC 6962, section 2.1.2, word for word."""
    if m == len(entries):
        return [] if whole else [mth(entries)]
    k = 1
    while k * 2 < len(entries):
        k *= 2
    if m <= k:
        return [*subproof(m, entries[:k], whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size):
    assert tree.root([tree.leaf_hash(entry) for entry in INPUTS[:size]]).hex() == ROOTS[size]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 8, 13, 31, 32, 33, 70])
def test_everything_is_as_the_twin_says(size):
    entries = [bytes([n]) for n in range(size)]
    hashes = LEAVES[:size]
    assert tree.root(hashes) == mth(entries)
    for index in range(size):
        assert tree.inclusion_proof(hashes, index) == path(index, entries)
    for old in range(1, size + 1):
        assert tree.consistency_proof(hashes, old) == subproof(old, entries, True)


def test_proofs_lead_to_the_root_and_nothing_else_does():
    for size in (1, 2, 3, 6, 7, 8, 21):
        hashes, whole = LEAVES[:size], tree.root(LEAVES[:size])
        for index in range(size):
            proof = tree.inclusion_proof(hashes, index)
            assert tree.root_of_inclusion(hashes[index], index, size, proof) == whole
            assert tree.root_of_inclusion(LEAVES[-1], index, size, proof) != whole
            assert tree.root_of_inclusion(hashes[index], (index + 1) % size, size, proof) != whole or size == 1
            assert tree.root_of_inclusion(hashes[index], index, size, [*proof, LEAVES[0]]) is None
            for place in range(len(proof)):
                bad = [*proof[:place], os.urandom(32), *proof[place + 1 :]]
                assert tree.root_of_inclusion(hashes[index], index, size, bad) != whole
        assert tree.root_of_inclusion(hashes[0], size, size, []) is None
        for old in range(size + 1):
            before, proof = tree.root(hashes[:old]), tree.consistency_proof(hashes, old)
            assert tree.is_consistent(old, before, size, whole, proof)
            assert not tree.is_consistent(old, LEAVES[-1], size, whole, proof)
            assert not tree.is_consistent(old, before, size, whole, [*proof, LEAVES[0]])
            assert not tree.is_consistent(size, whole, old, before, proof) or size == old
            if proof:
                assert not tree.is_consistent(old, before, size, LEAVES[-1], proof)
                assert not tree.is_consistent(old, before, size, whole, proof[:-1])


def test_a_range_proof_serves_every_contiguous_span():
    for size in (1, 2, 3, 7, 8, 13):
        hashes, whole = LEAVES[:size], tree.root(LEAVES[:size])
        for start in range(size):
            for end in range(start + 1, size + 1):
                proof, span = tree.range_proof(hashes, start, end), hashes[start:end]
                assert tree.root_of_range(span, start, size, proof) == whole
                assert tree.root_of_range([*span[:-1], LEAVES[-1]], start, size, proof) != whole
                assert tree.root_of_range(span, start, size, [*proof, LEAVES[0]]) is None
                assert not proof or tree.root_of_range(span, start, size, proof[1:]) != whole
                assert start == 0 or tree.root_of_range(span, start - 1, size, proof) != whole
    assert tree.root_of_range([], 0, 3, []) is None


@pytest.mark.parametrize("wrong", [-1, 5])
def test_asking_for_what_is_not_there_is_an_error(wrong):
    with pytest.raises(IndexError):
        tree.inclusion_proof(LEAVES[:5], wrong)
    with pytest.raises(IndexError):
        tree.consistency_proof(LEAVES[:5], wrong if wrong < 0 else 6)
    with pytest.raises(IndexError):
        tree.range_proof(LEAVES[:5], wrong, wrong + 1)
