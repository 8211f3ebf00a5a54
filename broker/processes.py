"""Processes of `concordat` that another one runs: started, watched, stopped, each with its log.

NO-ORPHANS: each runs under `broker.cluster.watch`, so it ends when whoever started it ends, however that ends.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from broker import clock
from broker.cluster import watch
from broker.codes import PROCESS_ENDED
from contracts.faults import Unavailable

STOP_SECONDS = 20
_LAST_WORDS_BYTES = 600


class Processes:
    """Several `concordat` commands as one context manager: whatever was started inside is stopped outside.

    Each has a directory of its own below `directory`, with `output.log` in it.  `environment` is theirs alone.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], working_directory: Path | None = None) -> None:
        self._directory = directory.absolute()
        self._environment = dict(environment)
        self._working_directory = working_directory
        self._running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self, name: str, arguments: Sequence[str]) -> Path:
        """Start `concordat <arguments>` under this name; the path of its log."""
        place = self._directory / name
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [sys.executable, "-m", "broker.cli", *arguments]
        self._running[name] = subprocess.Popen(
            [sys.executable, "-I", "-S", watch.__file__, str(place), str(STOP_SECONDS), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self._environment,
            cwd=self._working_directory,
            start_new_session=True,  # a terminal's interrupt is for us to act on
        )
        return self.log(name)

    def log(self, name: str) -> Path:
        """What the process of this name prints."""
        return self._directory / name / "output.log"

    def check(self) -> None:
        """Raise `Unavailable` when a process has ended by itself, with its last words."""
        for name, process in self._running.items():
            if process.poll() is not None:
                words = self._last_words(name)
                message = f"{name} ended with status {process.returncode}; its log is {self.log(name)}: {words}"
                raise Unavailable(PROCESS_ENDED.fault(message))

    def wait(self) -> None:
        """Until one ends by itself; then raise as `check` does."""
        while True:
            self.check()
            time.sleep(0.5)  # between two looks

    def stop(self, *names: str) -> None:
        """Stop those named, or all: ask, wait, and after 20 seconds kill.  Returns when they are gone."""
        wanted = list(names) or list(reversed(self._running))
        stopping = [self._running.pop(name) for name in wanted if name in self._running]
        for process in stopping:
            if process.stdin is not None:
                process.stdin.close()
        until = clock.monotonic_seconds() + STOP_SECONDS + 5
        for process in stopping:
            try:
                process.wait(max(0.1, until - clock.monotonic_seconds()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _last_words(self, name: str) -> str:
        try:
            words = self.log(name).read_bytes()[-_LAST_WORDS_BYTES:]
        except FileNotFoundError:
            return "it printed nothing"
        return words.decode(errors="replace").strip() or "it printed nothing"
