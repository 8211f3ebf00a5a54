"""`concordat up` and its end: everything answers, Ctrl-C ends it, and not even `kill -9` leaves a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from broker.cluster.node import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]


def _await(is_so: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _processes_of(directory: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(directory) in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _heed_interrupts() -> None:
    """A test run in the background ignores Ctrl-C, and its children would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def running(tmp_path) -> Iterator[tuple[subprocess.Popen[str], Path, str]]:
    """`concordat up` with its service ready, its directory, and the service's address."""
    port = free_ports(1)[0].client
    directory = tmp_path / "state"
    process = subprocess.Popen(
        [sys.executable, "-m", "broker.cli", "up", "--directory", str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CONCORDAT_SERVE_PORT": str(port), "CONCORDAT_PARTITIONS": "1"},
        cwd=tmp_path,
        preexec_fn=_heed_interrupts,  # noqa: PLW1509 - one thread
    )
    try:
        assert _await(lambda: process.poll() is not None or _answers(f"http://127.0.0.1:{port}/readyz"), 90)
        assert process.poll() is None, process.communicate()[1]
        yield process, directory, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def test_a_first_up_makes_a_register_and_ctrl_c_ends_everything(running):
    process, directory, address = running
    assert (directory / "keys" / "operator.key").stat().st_mode & 0o077 == 0
    with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:
        assert json.load(answer)["register_position"] >= 0
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "a new register" in said
    assert _processes_of(directory) == []


def test_a_second_up_in_the_same_directory_is_refused_and_ends_nothing(running):
    process, directory, address = running
    command = [sys.executable, "-m", "broker.cli", "up", "--directory", str(directory)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=directory.parent, check=False)
    assert (second.returncode, second.stderr.split()[0]) == (3, "CDT-012")
    assert process.poll() is None
    assert _answers(f"{address}/readyz")


def test_killed_at_once_it_leaves_no_process(running):
    process, directory, _ = running
    assert len(_processes_of(directory)) > 3
    process.kill()
    process.wait(10)
    assert _await(lambda: not _processes_of(directory), 60), _processes_of(directory)
