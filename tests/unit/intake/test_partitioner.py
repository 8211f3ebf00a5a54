"""Keys go to the partitions that Java's producer would choose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.intake.partitioner import KeyPartitions, murmur2, partition_of


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # Kafka's own UtilsTest
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_kafkas(data: bytes, expected: int) -> None:
    assert murmur2(data) == expected & 0xFFFFFFFF


def test_a_partition_is_never_negative() -> None:
    assert {partition_of(bytes([n]), 4) for n in range(100)} == {0, 1, 2, 3}
    assert partition_of(b"21", 7) == (-973932308 & 0x7FFFFFFF) % 7


@given(st.binary(min_size=4, max_size=4), st.lists(st.binary(max_size=12), max_size=6), st.integers(1, 9))
def test_keys_with_one_opening_go_where_the_whole_hash_says(
    opening: bytes, rests: list[bytes], partitions: int
) -> None:
    keys = KeyPartitions(opening, partitions)
    for rest in (*rests, b""):
        assert keys.of(opening + rest) == partition_of(opening + rest, partitions)
