"""Run one program for as long as standard input stays open.

Usage: `watch.py DIRECTORY STOP_SECONDS PROGRAM ARGUMENT...`

NO-ORPHANS: whoever starts this keeps the other end of the pipe and says nothing.  When that process ends, however it
ends, the pipe closes and the program is stopped: asked first, killed after STOP_SECONDS.  The line `kill` kills at once.
The program's output goes to `DIRECTORY/output.log`.  Both hold `DIRECTORY/lock`, so a program that outlived
its watcher is found, and killed, by the next watcher there.  Standard library only: it runs as a bare script.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO


def main(directory: Path, stop_seconds: float, command: list[str]) -> int:
    """Run `command`; its exit status, or 128 + the signal that ended it."""
    with (directory / "lock").open("a+") as lock, (directory / "output.log").open("ab") as output:
        os.set_inheritable(lock.fileno(), True)
        _take(lock, stop_seconds)
        program = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(lock.fileno(),),
        )
        lock.truncate(0)
        lock.write(str(program.pid))
        lock.flush()
        signal.signal(signal.SIGTERM, lambda *_: program.terminate())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_stop_at_end_of_input, args=(program, stop_seconds), daemon=True).start()
        status = program.wait()
    return status if status >= 0 else 128 - status


def _stop_at_end_of_input(program: subprocess.Popen[bytes], stop_seconds: float) -> None:
    if sys.stdin.readline().strip() == "kill":
        program.kill()
        return
    program.terminate()
    time.sleep(
        stop_seconds
    )  # the main thread waits for the program, and ends this process and thread when it has ended
    program.kill()


def _take(lock: IO[str], stop_seconds: float) -> None:
    """Wait for the last program here to end; one that does not is an orphan, since its starter has let us start."""
    limit = time.monotonic() + stop_seconds
    while not _locked(lock):
        if time.monotonic() > limit:
            lock.seek(0)
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(lock.read()), signal.SIGKILL)
            limit = time.monotonic() + stop_seconds
        time.sleep(0.05)


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
