"""What a committed offset carries, and who may use a worker's directory."""

import os
import stat
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broker.cluster.client import ClusterFatal, Message
from broker.delivery.identity import open_identity
from broker.delivery.mark import METADATA_BYTES_MAX, Mark, read_mark
from broker.delivery.planner import newest_run
from contracts.faults import Refused


def test_a_mark_fits_the_metadata_and_reads_back():
    mark = Mark("ab" * 32, 2**53, 2**53)
    assert len(mark.text()) < METADATA_BYTES_MAX
    assert read_mark(mark.text()) == mark
    assert read_mark("") == Mark("", 0, 0)


@pytest.mark.parametrize("text", ["x", '{"h": 1}', '{"v": 2, "h": "", "s": 0, "p": 0}'])
def test_a_foreign_mark_stops_the_worker(text):
    with pytest.raises(ClusterFatal):
        read_mark(text)


def test_an_identity_lasts_and_its_key_verifies(tmp_path):
    first = open_identity(tmp_path / "worker", "cluster-1")
    with pytest.raises(Refused, match="DEL-001"):
        open_identity(tmp_path / "worker", "cluster-1")
    signature = first.sign(b"header")
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(first.public_key)).verify(signature, b"header")
    assert stat.S_IMODE((tmp_path / "worker").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "worker" / "worker.key").stat().st_mode) == 0o600
    assert first.transactional_id == f"concordat.enforce.{first.worker}"


def test_a_directory_that_is_let_go_in_time_is_waited_for(tmp_path):
    """A worker whose supervisor was killed ends in order: the next one must not give up meanwhile."""
    first = open_identity(tmp_path, "cluster-1")
    leaving = threading.Timer(0.2, os.close, (first.lock,))
    leaving.start()
    assert open_identity(tmp_path, "cluster-1", wait_seconds=20).worker == first.worker
    leaving.join()


def test_a_directory_of_another_cluster_is_refused_and_stays_usable_for_its_own(tmp_path):
    first = open_identity(tmp_path, "cluster-1")
    os.close(first.lock)
    with pytest.raises(Refused, match="DEL-002"):
        open_identity(tmp_path, "cluster-2")
    assert open_identity(tmp_path, "cluster-1").worker == first.worker


def message(offset):
    return Message("source.x", 0, offset, 0, None, None)


@pytest.mark.parametrize(
    ("offsets", "start", "expected"),
    [
        ([5, 6, 9], 5, [5, 6, 9]),
        ([5, 5, 6], 5, [5, 6]),
        ([7, 5, 6, 7], 5, [5, 6, 7]),
        ([5, 9], 9, [9]),
        ([3, 4], 9, []),
        ([], 0, []),
    ],
)
def test_a_batch_holds_each_record_once_even_when_its_partition_came_back_in_between(offsets, start, expected):
    assert [m.offset for m in newest_run([message(o) for o in offsets], start)] == expected
