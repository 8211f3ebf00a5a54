"""The Merkle tree of RFC 6962, section 2: roots, inclusion proofs, consistency proofs and range proofs.

Trees are given as the sequence of their leaf hashes.  Proofs are lists of 32-byte hashes; a function that checks one
gives the root that it leads to, or None when it does not fit.  `tests/unit/audit/test_tree.py` holds every function
against a slow and obvious twin and against published vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""MTH({}) = SHA-256()."""


def leaf_hash(entry: bytes) -> bytes:
    """MTH({d(0)}) = SHA-256(0x00 || d(0))."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n]))."""
    return sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """MTH(D[n]) of the tree over these leaf hashes; level by level, since an odd last node rises as it is."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        odd = level[len(level) & ~1 :]
        level = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)  # the odd one has no partner
        ]
        level += odd
    return level[0]


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """PATH(m, D[n]), section 2.1.1: from the leaf upwards.  Raises `IndexError` where there is no such leaf."""
    if not 0 <= index < len(hashes):
        raise IndexError(index)
    start, end, path = 0, len(hashes), []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:  # PATH(m, D[0:k]) : MTH(D[k:n])
            path.append(root(hashes[middle:end]))
            end = middle
        else:  # PATH(m - k, D[k:n]) : MTH(D[0:k])
            path.append(root(hashes[start:middle]))
            start = middle
    return path[::-1]


def root_of_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2); None when its length cannot be right."""
    if not 0 <= index < size:
        return None
    number, last, found = index, size - 1, leaf
    for hash_ in proof:
        if last == 0:
            return None
        if number & 1 or number == last:
            found = node_hash(hash_, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        number, last = number >> 1, last >> 1
    return found if last == 0 else None


def consistency_proof(hashes: Sequence[bytes], old: int) -> list[bytes]:
    """PROOF(m, D[n]), section 2.1.2: that the first `old` leaves are this tree's.  Empty for 0 and for the whole."""
    if not 0 <= old <= len(hashes):
        raise IndexError(old)
    if old in (0, len(hashes)):
        return []
    start, end, complete, path = 0, len(hashes), True, []
    while start + old != end:  # SUBPROOF(m, D[n], b)
        middle = start + _split(end - start)
        if start + old <= middle:  # SUBPROOF(m, D[0:k], b) : MTH(D[k:n])
            path.append(root(hashes[middle:end]))
            end = middle
        else:  # SUBPROOF(m - k, D[k:n], false) : MTH(D[0:k])
            path.append(root(hashes[start:middle]))
            old -= middle - start
            start, complete = middle, False
    if not complete:  # SUBPROOF(m, D[m], false) = {MTH(D[m])}
        path.append(root(hashes[start:end]))
    return path[::-1]


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of `new` leaves begins with that of `old` leaves (RFC 9162, section 2.1.4.2)."""
    if old in (0, new):
        return not proof and old <= new and old_root == (new_root if old else EMPTY_ROOT)
    if old > new or not proof:
        return False
    hashes = list(proof) if old & (old - 1) else [old_root, *proof]
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    small = large = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            small, large = node_hash(hash_, small), node_hash(hash_, large)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            large = node_hash(large, hash_)
        number, last = number >> 1, last >> 1
    return last == 0 and small == old_root and large == new_root


def range_proof(hashes: Sequence[bytes], start: int, end: int) -> list[bytes]:
    """The hashes that, with leaves `start` up to `end` (exclusive), give the root: left to right, largest subtrees.

    One proof for a recipient's contiguous leaves costs far less than a path for each.
    """
    if not 0 <= start < end <= len(hashes):
        raise IndexError((start, end))
    return _outside(hashes, 0, len(hashes), start, end)


def _outside(hashes: Sequence[bytes], low: int, high: int, start: int, end: int) -> list[bytes]:
    if end <= low or high <= start:
        return [root(hashes[low:high])]
    if start <= low and high <= end:
        return []
    middle = low + _split(high - low)
    return _outside(hashes, low, middle, start, end) + _outside(hashes, middle, high, start, end)


def root_of_range(leaves: Sequence[bytes], start: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a range proof leads to; None when it has too few hashes or too many."""
    end, rest = start + len(leaves), iter(proof)
    if not 0 <= start < end <= size:
        return None

    def subtree(low: int, high: int) -> bytes | None:
        if end <= low or high <= start:
            return next(rest, None)
        if start <= low and high <= end:
            return root(leaves[low - start : high - start])
        middle = low + _split(high - low)
        left, right = subtree(low, middle), subtree(middle, high)
        return None if left is None or right is None else node_hash(left, right)

    found = subtree(0, size)
    return found if next(rest, None) is None else None


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (k of section 2.1), for `size` above 1."""
    return 1 << ((size - 1).bit_length() - 1)
