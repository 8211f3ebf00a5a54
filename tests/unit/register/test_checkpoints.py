"""Checkpoints in a process's directory: what is used, and what is ignored with a line in the log."""

from __future__ import annotations

import stat
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from agreements.snapshot import EMPTY
from broker.register.checkpoints import ACTS_MIN, Checkpoints
from broker.register.keyfiles import new_key
from tests.registers import approved


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def snapshot():
    return replace(approved().snapshot, position=ACTS_MIN)


def checkpoint(directory):
    return next(directory.glob("*.checkpoint"))


def ignored(directory, cluster="c"):
    with capture_logs() as lines:
        assert Checkpoints(directory, cluster).load() is EMPTY
    return [line["event"] for line in lines]


def test_a_start_goes_on_from_the_checkpoint_of_the_same_cluster(directory, snapshot):
    first = Checkpoints(directory, "c")
    assert first.load() is EMPTY
    first.save(snapshot)
    assert Checkpoints(directory, "c").load() == snapshot
    assert ignored(directory, "another") == []
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}


def test_a_checkpoint_is_written_only_when_the_register_has_grown(directory, snapshot):
    checkpoints = Checkpoints(directory, "c")
    checkpoints.save(replace(snapshot, position=ACTS_MIN - 2))
    assert not directory.exists()
    checkpoints.save(snapshot)
    before = checkpoint(directory).read_bytes()
    checkpoints.save(replace(snapshot, position=2 * ACTS_MIN - 1))
    assert checkpoint(directory).read_bytes() == before
    checkpoints.save(replace(snapshot, position=2 * ACTS_MIN))
    assert Checkpoints(directory, "c").load().position == 2 * ACTS_MIN


@pytest.mark.parametrize("place", [0, 1_000, -100])
def test_a_changed_checkpoint_is_ignored_with_a_line(directory, snapshot, place):
    Checkpoints(directory, "c").save(snapshot)
    data = bytearray(checkpoint(directory).read_bytes())
    data[place] ^= 1
    checkpoint(directory).write_bytes(data)
    assert ignored(directory) == ["checkpoint_ignored"]


def test_another_processs_checkpoint_and_one_without_its_key_are_ignored(directory, snapshot, tmp_path):
    Checkpoints(directory, "c").save(snapshot)
    key = directory / "checkpoint.key"
    key.unlink()
    assert ignored(directory) == ["checkpoint_ignored"]
    new_key(key)
    assert ignored(directory) == ["checkpoint_ignored"]
    Checkpoints(directory, "c").save(snapshot)
    assert Checkpoints(directory, "c").load() == snapshot
    key.chmod(0o644)
    assert ignored(directory) == ["checkpoint_ignored"]


def test_a_directory_that_cannot_be_written_costs_only_a_line(tmp_path, snapshot):
    place = tmp_path / "a-file"
    place.write_text("")
    with capture_logs() as lines:
        Checkpoints(place, "c").save(snapshot)
    assert [line["event"] for line in lines] == ["checkpoint_ignored"]
