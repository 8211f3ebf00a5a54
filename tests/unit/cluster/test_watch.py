"""NO-ORPHANS, with programs that cost nothing to start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from broker.cluster import watch
from tests.servers import until

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


@pytest.fixture
def watched(tmp_path):
    """Starts programs under watchers in one directory; ends what is left of them."""
    programs: list[int] = []
    with contextlib.ExitStack() as started:

        def start(stop_seconds: float, *command: str) -> tuple[subprocess.Popen[bytes], int]:
            arguments = [sys.executable, "-I", "-S", watch.__file__, str(tmp_path), str(stop_seconds), *command]
            watcher = started.enter_context(subprocess.Popen(arguments, stdin=subprocess.PIPE, start_new_session=True))
            pid = until(lambda: new_pid(tmp_path, programs))
            programs.append(pid)
            return watcher, pid

        yield start
        for pid in programs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_it_ends_when_the_pipe_closes(watched):
    watcher, program = watched(5.0, "sleep", "60")
    watcher.stdin.close()
    assert watcher.wait(10) == 128 + signal.SIGTERM
    assert not is_alive(program)


def test_a_program_that_does_not_listen_is_killed_after_its_time(watched, tmp_path):
    watcher, _ = watched(0.2, sys.executable, "-c", STUBBORN)
    until(lambda: "deaf" in (tmp_path / "output.log").read_text())
    watcher.stdin.close()
    assert watcher.wait(10) == 128 + signal.SIGKILL


def test_the_word_kill_kills_at_once(watched, tmp_path):
    watcher, _ = watched(60.0, sys.executable, "-c", STUBBORN)
    until(lambda: "deaf" in (tmp_path / "output.log").read_text())
    watcher.communicate(b"kill\n", timeout=10)
    assert watcher.returncode == 128 + signal.SIGKILL


def test_its_status_is_the_programs(watched):
    watcher, _ = watched(5.0, "sh", "-c", "sleep 0.2; exit 7")
    assert watcher.wait(10) == 7


def test_an_orphan_of_a_killed_watcher_is_ended_by_the_next(watched):
    watcher, orphan = watched(0.3, "sleep", "60")
    watcher.send_signal(signal.SIGKILL)
    watcher.wait(10)
    assert is_alive(orphan)
    _, successor = watched(0.3, "sleep", "60")
    assert successor != orphan
    until(lambda: not is_alive(orphan))


def new_pid(directory: Path, known: list[int]) -> int | None:
    try:
        pid = int((directory / "lock").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return None if pid in known else pid


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
