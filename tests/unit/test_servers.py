"""The run's shared servers: one of a kind, alive while anybody uses it, gone after, also when users are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.servers import until

ROOT = Path(__file__).parents[2]
FACTORY = """
import contextlib, os

@contextlib.contextmanager
def server(directory):
    (directory.parent / "started").open("a").write("x")
    yield {"pid": os.getpid()}
"""
USER = """
import sys
from pathlib import Path
from tests.servers import shared

with shared(Path(sys.argv[1]), "thing", sys.argv[2]) as described:
    print(described["pid"], flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def user(tmp_path):
    """Starts a process that uses the shared server until it is told to end."""
    factory = tmp_path / "factory.py"
    factory.write_text(textwrap.dedent(FACTORY))
    started = []

    def start() -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(tmp_path), f"{factory}:server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_serves_all_and_ends_with_the_last_however_they_end(user, tmp_path):
    first, server = user()
    second, same = user()
    assert same == server
    first.send_signal(signal.SIGKILL)
    first.wait()
    third, still = user()
    assert still == server
    second.communicate("end\n")
    assert is_alive(server)
    third.send_signal(signal.SIGKILL)
    until(lambda: not is_alive(server))
    assert (tmp_path / "thing" / "started").read_text() == "x"


def test_after_the_last_has_gone_the_next_gets_a_new_one(user):
    first, server = user()
    first.communicate("end\n")
    until(lambda: not is_alive(server))
    _, other = user()
    assert other != server


def test_a_server_that_was_killed_is_replaced(user):
    _, server = user()
    os.kill(server, signal.SIGKILL)
    until(lambda: not is_alive(server))
    _, other = user()
    assert other != server


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
