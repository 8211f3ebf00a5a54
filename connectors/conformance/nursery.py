"""The process that the kit's children are forked from: it has the connector imported, and no thread, connection or file.

A child is a process of its own, so `os._exit` in it is a crash; forking spares it the imports.  The kit talks to the nursery
in JSON lines; a child that does not end in time is killed by its id.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any, Self

from connectors.conformance.jobs import Job, load
from connectors.conformance.sink import codec
from connectors.conformance.tasks import run

_NEVER_ENDED = -1


class Nursery:
    """The kit's side.  A context manager."""

    def __init__(self, harness: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from connectors.conformance.nursery import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ask({"path": [path for path in sys.path if path], "harness": harness})

    def start(self, job: Job) -> int:
        """Start a child; its process id."""
        return int(self._ask({"start": asdict(job)}))

    def wait(self, child: int, seconds: float) -> int:
        """The exit status of a child; one that has not ended after `seconds` is killed, and the status is below zero."""
        return int(self._ask({"wait": child, "seconds": seconds}))

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise NurseryEnded
        return json.loads(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class NurseryEnded(Exception):
    """The connector's module cannot be imported; what Python says about it is on standard error."""


def main() -> None:
    """The nursery's side: answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a connector prints must not be taken for an answer
    alive: set[int] = set()
    for line in sys.stdin:
        question = json.loads(line)
        answer: Any = True
        if "path" in question:
            sys.path[:] = question["path"]
            codec(load(question["harness"]).contract())
            gc.freeze()  # what was imported is shared with every child
        elif "start" in question:
            answer = _fork(Job(**question["start"]))
            alive.add(answer)
        else:
            answer = _status(question["wait"], question["seconds"])
            alive.discard(question["wait"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    for child in alive:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _fork(job: Job) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = run(job)
        finally:
            os._exit(status)
    return child


def _status(child: int, seconds: float) -> int:
    end, pause = time.monotonic() + seconds, 0.001
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return _NEVER_ENDED
