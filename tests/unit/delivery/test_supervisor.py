"""The supervisor keeps a worker alive, ends when that cannot help, and leaves no orphan."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from broker.delivery.supervisor import Ending, Supervisor
from broker.settings import child_environment

CHILD = """
import os, signal, sys, time
from pathlib import Path
directory, mode = Path(sys.argv[1]), sys.argv[2]
watched = int(sys.argv[sys.argv.index("--watch") + 1])
life = len(list(directory.glob("life-*")))
(directory / f"life-{life}").write_text(str(os.getpid()))
if mode == "mends" and life >= 2:
    sys.exit(0)
if mode in ("mends", "fenced"):
    os._exit(70 if mode == "mends" else int(sys.argv[3]))
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1.5), (directory / "ordered").touch(), os._exit(0)))
from broker.delivery.supervisor import watch_supervisor
watch_supervisor(watched, lambda: ((directory / "alone").touch(), os._exit(0)))
(directory / "ready").touch()
time.sleep(60)
"""


def wait_for(condition, seconds=15):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.01)


def supervisor(directory, *arguments):
    return Supervisor([sys.executable, "-c", CHILD, str(directory), *arguments], child_environment())


def test_a_worker_that_ends_fatally_is_started_again(tmp_path):
    assert supervisor(tmp_path, "mends").run() == 0
    assert len(list(tmp_path.glob("life-*"))) == 3


@pytest.mark.parametrize(
    ("status", "given"),
    [(Ending.REFUSED, 3), (Ending.UNUSABLE, 2), (Ending.OFFSETS_LOST, Ending.UNAVAILABLE)],
)
def test_what_a_new_process_would_only_repeat_ends_it(tmp_path, status, given):
    assert supervisor(tmp_path, "fenced", str(int(status))).run() == given
    assert len(list(tmp_path.glob("life-*"))) == 1


def test_stop_ends_the_worker_in_order(tmp_path):
    running = supervisor(tmp_path, "works")
    ended = []
    thread = threading.Thread(target=lambda: ended.append(running.run()))
    thread.start()
    wait_for((tmp_path / "ready").exists)
    running.stop()
    thread.join(15)
    assert ended == [0]
    assert (tmp_path / "ordered").exists()


def test_a_killed_supervisor_leaves_no_worker(tmp_path):
    code = (
        "import sys; from broker.delivery.supervisor import Supervisor; from broker.settings import child_environment;"
        "Supervisor(sys.argv[1:], child_environment()).run()"
    )
    command = [sys.executable, "-c", code, sys.executable, "-c", CHILD, str(tmp_path), "works"]
    with subprocess.Popen(command) as process:
        wait_for((tmp_path / "ready").exists)
        worker = int((tmp_path / "life-0").read_text())
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_for((tmp_path / "alone").exists)
    wait_for(lambda: not running(worker))


def running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
