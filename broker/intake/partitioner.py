"""Which partition a key belongs to, as Java's default partitioner and librdkafka's `murmur2` decide it.

It is computed here and not left to the client, because a record's dense sequence number is per partition and must be known
before the record is produced.
"""

from __future__ import annotations

from struct import Struct

_SEED, _MULTIPLIER, _SHIFT, _WORD = 0x9747B28C, 0x5BD1E995, 24, 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit murmur2 hash with Kafka's seed, unsigned."""
    size = len(data)
    state = (_SEED ^ size) & _WORD
    whole = size & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little")
        state = (state * _MULTIPLIER & _WORD) ^ _mixed(word)
    if size > whole:
        state = (state ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _WORD
    state = (state ^ state >> 13) * _MULTIPLIER & _WORD
    return state ^ state >> 15


def _mixed(word: int) -> int:
    word = word * _MULTIPLIER & _WORD
    return (word ^ word >> _SHIFT) * _MULTIPLIER & _WORD


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key that is not null, out of `partitions`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


class KeyPartitions:
    """`partition_of` for keys that all begin with the same four bytes: their part of the hash is made once a length."""

    def __init__(self, opening: bytes, partitions: int) -> None:
        self._opening, self._partitions = opening[:4], partitions
        self._begun: dict[int, tuple[int, Struct]] = {}
        """For each length of a key the state after its first four bytes, and the whole words that come next."""

    def of(self, key: bytes) -> int:
        """The partition of a key that begins so."""
        if self._partitions == 1:
            return 0
        size = len(key)
        begun = self._begun.get(size)
        if begun is None:
            begun = self._begun[size] = self._begin(key, size)
        state, words = begun
        for word in words.unpack_from(key, 4):
            word = word * _MULTIPLIER & _WORD  # noqa: PLW2901 - the same word, mixed
            state = (state * _MULTIPLIER & _WORD) ^ ((word ^ word >> _SHIFT) * _MULTIPLIER & _WORD)
        if size & 3:
            state = (state ^ int.from_bytes(key[size & ~3 :], "little")) * _MULTIPLIER & _WORD
        state = (state ^ state >> 13) * _MULTIPLIER & _WORD
        return ((state ^ state >> 15) & 0x7FFFFFFF) % self._partitions

    def _begin(self, key: bytes, size: int) -> tuple[int, Struct]:
        assert key.startswith(self._opening)
        assert len(self._opening) == 4
        word = int.from_bytes(self._opening, "little")
        state = (((_SEED ^ size) & _WORD) * _MULTIPLIER & _WORD) ^ _mixed(word)
        return state, Struct(f"<{size // 4 - 1}I")
